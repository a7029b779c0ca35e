/* SPDX-License-Identifier: MIT */
/*
 * pairs.c: Broadwell: what stands in an engine's submit port, as pairs of contexts: status events,
 * which are matched with what was submitted by context id, and resets. What does not match is an
 * error of ours or of the hardware's, and ends in a reset of the engine. See engine.h;
 * pairs_submit.c puts them there, adopt.c finds them after a restart.
 */
#include "services/sched/engine_priv.h"

#include <assert.h>
#include <errno.h>

#include "lib/crash.h"

#define WAITS (CSB_WAIT_SEMAPHORE | CSB_WAIT_FLIP | CSB_WAIT_VBLANK | CSB_WAIT_SCANLINE)

/* ---- the journal */

static struct sched_journal_pair pair_state(const struct engine_pair *p)
{
    struct sched_journal_pair j = {.domid = p->guest->c.domid, .take = p->take};

    for (unsigned i = 0; i < 2; i++)
        j.slot[i] = p->ctx[i] ? context_slot(p->ctx[i]) + 1 : 0;
    return j;
}

static void state(const struct engine *e, struct sched_journal_engine *j)
{
    j->at = e->at;
    j->asked = e->asked;
    j->written = e->written;
    j->csb_read = e->c.hw->csb_read[e->c.id];
    j->torn = e->torn;
    if (e->running)
        j->now = pair_state(&e->now);
    if (e->asked)
        j->next = pair_state(&e->next);
}

/* ---- contexts of a pair */

/* They are in the port no more. save: what they did is put into the guest's images. */
void pairs_release(struct engine_pair *p, unsigned from, bool save)
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
    struct guest_engine *ge = engine_part(e, p->guest);

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

    if (engine_part(e, g)->v->resetting || g->leaving) {
        pairs_release(&e->now, e->at, false);
    } else if (g == e->next.guest && e->next.take) {
        pairs_release(&e->now, e->at, true);
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
    pairs_release(&old, 0, true);
}

static void on_taken(struct engine *e, uint64_t now)
{
    struct guest *g = e->next.guest;
    struct guest_engine *ge = engine_part(e, g);

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
    struct guest_engine *ge = engine_part(e, g);
    struct engine_pair done = {.ctx = {e->now.ctx[e->at], NULL}};
    bool dead = ge->v->resetting || g->leaving;

    e->now.ctx[e->at] = NULL;
    pairs_release(&done, 0, !dead);
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
    engine_charge(e, now);
    e->moved = now;
    if (ev->status & (CSB_IDLE_TO_ACTIVE | CSB_PREEMPTED))
        on_taken(e, now);
    else
        end_element(e, ev->status);
    return 0;
}

/* Number of events, or -errno. */
static int take_events(struct engine *e, uint64_t now)
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
        engine_commit(e);
    }
    if (n)
        crash_point("sched.event.counted");
    if (n && engine_fail(e, hw_events_done(e->c.hw, e->c.id)))
        return e->failed;
    return engine_fail(e, engine_settle_doomed(e, now)) ?: n;
}

/* ---- getting them off */

/* The port's second entry goes back where it came from. A context of it may have run with the pair
 * before, and have been left to this one to be saved. */
void pairs_withdraw(struct engine *e)
{
    struct guest *g = e->next.guest;
    bool dead;

    if (!e->asked)
        return;
    dead = engine_part(e, g)->v->resetting || g->leaving;
    if (e->next.take || dead)
        pairs_release(&e->next, 0, !dead);
    else
        shelve(e, &e->next, 0);
    e->next = (struct engine_pair){0};
    e->asked = false;
}

/* What ran was thrown off by a reset. */
static void lose_running(struct engine *e, bool guilty)
{
    struct guest *g = e->now.guest;
    struct guest_engine *ge = engine_part(e, g);
    struct context *ctx = e->now.ctx[e->at];

    if (ge->v->resetting || g->leaving) {
        pairs_release(&e->now, e->at, false);
        return;
    }
    ge->v->hung = 1;
    if (guilty)
        account_event(g->c.account, ACCOUNT_ENGINE_HANG, "engine=%u desc=%#llx", e->c.id,
                      (unsigned long long)context_guest_desc(ctx));
    e->now.ctx[e->at] = NULL;
    context_set_busy(ctx, false);
    context_kill(ctx);
    pairs_release(&e->now, e->at, false);
}

/* All that the engine had, by a reset. */
static void lose(struct engine *e, bool guilty)
{
    pairs_withdraw(e);
    if (e->running)
        lose_running(e, guilty);
    e->now = (struct engine_pair){0};
    e->torn = false;
}

const struct engine_kind engine_pairs = {
    .preempts = true,
    .submit = pairs_submit,
    .take_events = take_events,
    .lose = lose,
    .state = state,
    .rebuild = pairs_rebuild,
    .reconcile = pairs_reconcile,
};
