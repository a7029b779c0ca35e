/* SPDX-License-Identifier: MIT */
/*
 * engine.c: see engine.h. Status events are matched with what was submitted by context id; what
 * does not match is an error of ours or of the hardware's, and ends in a reset of the engine.
 */
#include "services/sched/engine.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "lib/crash.h"
#include "services/sched/engine_priv.h"

#define WAITS (CSB_WAIT_SEMAPHORE | CSB_WAIT_FLIP | CSB_WAIT_VBLANK | CSB_WAIT_SCANLINE)

void engine_init(struct engine *e, const struct engine_config *config)
{
    memset(e, 0, sizeof *e);
    e->c = *config;
}

static struct sched_journal_pair pair_state(const struct engine_pair *p)
{
    struct sched_journal_pair j = {.domid = p->guest->c.domid, .take = p->take};

    for (unsigned i = 0; i < 2; i++)
        j.slot[i] = p->ctx[i] ? context_slot(p->ctx[i]) + 1 : 0;
    return j;
}

struct sched_journal_engine engine_state(const struct engine *e)
{
    struct sched_journal_engine j = {.running = e->running,
                                     .at = e->at,
                                     .asked = e->asked,
                                     .written = e->written,
                                     .csb_read = e->c.hw->csb_read[e->c.id],
                                     .reset = e->resetting,
                                     .torn = e->torn};

    if (e->adopting)
        return e->left;
    if (e->running)
        j.now = pair_state(&e->now);
    if (e->asked)
        j.next = pair_state(&e->next);
    return j;
}

static struct guest_engine *part(const struct engine *e, struct guest *g)
{
    return &g->engine[e->c.id];
}

int engine_fail(struct engine *e, int rc)
{
    if (rc < 0 && !e->failed) {
        e->failed = rc;
        log_write(e->c.log, LOG_ERR, "the GPU does not answer", "engine=%u error=%d", e->c.id, rc);
    }
    return rc;
}

/* ---- time */

static void charge(struct engine *e, uint64_t now)
{
    uint64_t ns = engine_since(e->charged, now);

    e->charged += ns;
    if (!e->running)
        return;
    e->busy_ns += ns;
    part(e, e->now.guest)->gpu_ns += ns;
}

/* ---- contexts of a pair */

/* They are in the port no more. save: what they did is put into the guest's images. */
void engine_release(struct engine_pair *p, unsigned from, bool save)
{
    for (unsigned i = from; i < 2; i++) {
        struct context *ctx = p->ctx[i];

        p->ctx[i] = NULL;
        if (!ctx)
            continue;
        context_set_busy(ctx, false);
        if (save && !context_is_busy(ctx))
            context_save(ctx);
    }
}

/* Preempted by us: kept as it is for the guest's next turn. */
static void shelve(struct engine *e, struct engine_pair *p, unsigned from)
{
    struct guest_engine *ge = part(e, p->guest);

    assert(!ge->ctx[0] && !ge->ctx[1]);
    for (unsigned i = from, n = 0; i < 2; i++) {
        ge->ctx[n++] = p->ctx[i];
        p->ctx[i] = NULL;
    }
}

/* ---- status events */

/* The running pair gave way to next. */
static void retire(struct engine *e)
{
    struct guest *g = e->now.guest;

    if (part(e, g)->v->resetting || g->leaving) {
        engine_release(&e->now, e->at, false);
    } else if (g == e->next.guest && e->next.take) {
        engine_release(&e->now, e->at, true);
    } else {
        shelve(e, &e->now, e->at);
        g->stats.preemptions++;
    }
    e->running = false;
}

/* The guest's own new pair takes the place of the one that was shelved. */
static void drop_shelved(struct guest_engine *ge)
{
    struct engine_pair old = {.ctx = {ge->ctx[0], ge->ctx[1]}};

    ge->ctx[0] = ge->ctx[1] = NULL;
    engine_release(&old, 0, true);
}

static void on_taken(struct engine *e, uint64_t now)
{
    struct guest *g = e->next.guest;
    struct guest_engine *ge = part(e, g);

    if (e->running)
        retire(e);
    e->now = e->next;
    e->next = (struct engine_pair){0};
    e->at = 0;
    e->asked = false;
    e->running = true;
    e->moved = now;
    ge->served = true;
    if (!e->now.take || ge->v->resetting || g->leaving)
        return;
    drop_shelved(ge);
    g->stats.submissions++;
    guest_event(g, e->c.id, vexec_take(ge->v));
}

/* The element that runs is off the engine; the guest sees it as shown. */
static void end_element(struct engine *e, uint32_t status)
{
    struct guest *g = e->now.guest;
    struct guest_engine *ge = part(e, g);
    struct engine_pair done = {.ctx = {e->now.ctx[e->at], NULL}};
    bool dead = ge->v->resetting || g->leaving;

    e->now.ctx[e->at] = NULL;
    engine_release(&done, 0, !dead);
    ge->blocked = false;
    if (status & CSB_COMPLETE) {
        e->batches++;
        ge->batches++;
    }
    if (!dead && status & CSB_COMPLETE)
        guest_event(g, e->c.id, vexec_complete(ge->v));
    else if (!dead)
        guest_event(g, e->c.id, vexec_wait(ge->v, status & WAITS));
    if (e->at == 0 && e->now.ctx[1])
        e->at = 1;
    else
        e->running = false;
}

/* Does the event fit what we know? */
static bool plausible(const struct engine *e, const struct ctx_gen8_event *ev)
{
    bool second = e->running && e->at == 0 && e->now.ctx[1];

    if (ev->status & (CSB_IDLE_TO_ACTIVE | CSB_PREEMPTED))
        return e->asked && e->running == !!(ev->status & CSB_PREEMPTED);
    if (!e->running || ev->id != context_id(e->now.ctx[e->at]))
        return false;
    if (ev->status & CSB_COMPLETE)
        return second == !!(ev->status & CSB_ELEMENT_SWITCH);
    return second;
}

static int on_event(struct engine *e, const struct ctx_gen8_event *ev, uint64_t now)
{
    uint32_t known = CSB_IDLE_TO_ACTIVE | CSB_PREEMPTED | CSB_COMPLETE;

    if (!(ev->status & known) && !(ev->status & WAITS && ev->status & CSB_ELEMENT_SWITCH))
        return 0; /* waits without giving way */
    if (!plausible(e, ev)) {
        e->errors++;
        log_write(e->c.log, LOG_ERR, "status event that fits nothing",
                  "engine=%u status=%#x id=%#x running=%d asked=%d", e->c.id, ev->status, ev->id,
                  e->running, e->asked);
        return -EPROTO;
    }
    charge(e, now);
    e->moved = now;
    if (ev->status & (CSB_IDLE_TO_ACTIVE | CSB_PREEMPTED))
        on_taken(e, now);
    else
        end_element(e, ev->status);
    return 0;
}

static void commit(const struct engine *e)
{
    e->c.commit(e->c.ctx);
}

/* Submissions that came up, or ended, although their guest was to leave meanwhile. */
static int settle_doomed(struct engine *e, uint64_t now)
{
    int rc = 0;

    for (unsigned i = 0; i < e->c.guests->count && !rc; i++)
        if (part(e, e->c.guests->guest[i])->v->resetting)
            rc = engine_evict(e, e->c.guests->guest[i], now);
    return rc;
}

/* Number of events, or -errno. */
int engine_take_events(struct engine *e, uint64_t now)
{
    struct ctx_gen8_event events[CSB_ENTRIES];
    int n = hw_events(e->c.hw, e->c.id, events);

    if (n < 0)
        return engine_fail(e, n);
    for (int i = 0; i < n; i++) {
        int rc = on_event(e, &events[i], now);

        if (rc)
            return engine_fail(e, engine_recover(e, false, now)) ?: n;
        crash_point("sched.event.applied");
        e->c.hw->csb_read[e->c.id] = ctx_gen8_csb_next(e->c.hw->csb_read[e->c.id]);
        commit(e);
    }
    if (n)
        crash_point("sched.event.counted");
    if (n && engine_fail(e, hw_events_done(e->c.hw, e->c.id)))
        return e->failed;
    return engine_fail(e, settle_doomed(e, now)) ?: n;
}

static void pass_on(struct engine *e, uint32_t bits)
{
    for (unsigned i = 0; i < e->c.guests->count; i++) {
        struct guest *g = e->c.guests->guest[i];
        struct guest_engine *ge = part(e, g);

        if (!ge->served)
            continue;
        if (!g->leaving)
            guest_interrupt(g, e->c.id, bits);
        ge->served = e->running && e->now.guest == g;
    }
}

int engine_interrupt(struct engine *e, uint32_t bits, uint64_t now)
{
    int n = e->adopting ? 0 : engine_take_events(e, now);

    if (n < 0 || e->adopting)
        return n;
    /* Events and no interrupt: it was lost, and the one for the user may have been, too. */
    if (bits & HW_USER_INTERRUPT || (n && !bits))
        pass_on(e, HW_USER_INTERRUPT);
    return engine_kick(e, now);
}

/* ---- getting a guest off */

/* The port's second entry goes back where it came from. A context of it may have run with the pair
 * before, and have been left to this one to be saved. */
void engine_withdraw(struct engine *e)
{
    struct guest *g = e->next.guest;
    bool dead;

    if (!e->asked)
        return;
    dead = part(e, g)->v->resetting || g->leaving;
    if (e->next.take || dead)
        engine_release(&e->next, 0, !dead);
    else
        shelve(e, &e->next, 0);
    e->next = (struct engine_pair){0};
    e->asked = false;
}

/* What ran was thrown off by a reset. */
static void lose_running(struct engine *e, bool guilty)
{
    struct guest *g = e->now.guest;
    struct guest_engine *ge = part(e, g);
    struct context *ctx = e->now.ctx[e->at];

    if (ge->v->resetting || g->leaving) {
        engine_release(&e->now, e->at, false);
        return;
    }
    ge->v->hung = 1;
    if (guilty) {
        g->stats.hangs++;
        account_event(g->c.account, ACCOUNT_ENGINE_HANG, "engine=%u desc=%#llx", e->c.id,
                      (unsigned long long)context_guest_desc(ctx));
    }
    e->now.ctx[e->at] = NULL;
    context_set_busy(ctx, false);
    context_kill(ctx);
    engine_release(&e->now, e->at, false);
}

int engine_recover(struct engine *e, bool guilty, uint64_t now)
{
    struct engine_pair *p = &e->now;
    int rc;

    charge(e, now);
    e->resetting = true;
    commit(e);
    rc = hw_reset(e->c.hw, e->c.id);
    if (rc)
        return rc;
    e->resetting = e->torn = false;
    e->resets++;
    engine_withdraw(e);
    if (e->running)
        lose_running(e, guilty);
    *p = (struct engine_pair){0};
    e->running = false;
    e->drain_since = 0;
    for (unsigned i = 0; i < e->c.guests->count; i++) {
        struct guest *g = e->c.guests->guest[i];

        if (part(e, g)->v->resetting)
            guest_reset_done(g, e->c.id);
    }
    commit(e);
    return 0;
}

bool engine_uses(const struct engine *e, const struct guest *g)
{
    if (e->adopting)
        return e->left.now.domid == g->c.domid || e->left.next.domid == g->c.domid;
    return (e->running && e->now.guest == g) || (e->asked && e->next.guest == g);
}

int engine_evict(struct engine *e, struct guest *g, uint64_t now)
{
    struct guest_engine *ge = part(e, g);

    ge->v->resetting = 1;
    if (e->adopting)
        return 0;
    if (e->running && e->now.guest == g)
        return engine_fail(e, engine_recover(e, false, now));
    if (!engine_uses(e, g))
        guest_reset_done(g, e->c.id);
    return 0; /* its submission cannot be taken back: when it comes up, or is withdrawn */
}

void engine_forget(struct engine *e, const struct guest *g)
{
    assert(!engine_uses(e, g));
    if (e->turn == g)
        e->turn = NULL;
}
