/* SPDX-License-Identifier: MIT */
/*
 * guest.c: see guest.h.
 */
#include "services/sched/guest_priv.h"
#include "services/sched/vring.h"

#include "lib/crash.h"
#include "services/wire/input.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define IIR_CONTEXT_SWITCH (1u << 8)

#define IIR_ALL (IIR_CONTEXT_SWITCH | 1u)

#define LINES_BURST      10u /* in the log, of its hangs */
#define LINES_PER_MINUTE 6u

/* ---- the journal's record */

static bool same_record(const struct sched_journal_state *j, const struct guest_config *c)
{
    return c->restart && j->domid == c->domid && j->generation == c->generation;
}

static void take_shelf(struct guest *g, unsigned e)
{
    struct guest_engine *ge = &g->engine[e];

    for (unsigned i = 0, n = 0; i < 2; i++) {
        struct context *ctx = NULL;

        if (ge->v->shelf[i])
            ctx = context_hold(g->c.contexts, ge->v->shelf[i] - 1);
        if (ctx)
            ge->ctx[n++] = ctx;
    }
}

/* An interrupt may have been lost on the way; one too many is nothing to a driver. */
static void go_on(struct guest *g)
{
    g->w = g->c.journal->state;
    if (g->w.event_at >= SCHED_JOURNAL_EVENTS || g->w.event_count > SCHED_JOURNAL_EVENTS)
        g->w.event_at = g->w.event_count = g->w.event_shown = 0;
    if (g->w.hung_lately > SCHED_JOURNAL_HANGS)
        g->w.hung_lately = SCHED_JOURNAL_HANGS;
    for (unsigned e = 0; e < GEN8_ENGINES; e++) {
        struct sched_vexec *v = &g->w.engine[e];

        if (!vexec_check(v) || (g->c.rings && !vring_check(&g->w.ring[e])))
            account_event(g->c.account, ACCOUNT_BAD_DESCRIPTOR, "journal engine=%u", e);
        if (!v->hwsp)
            continue;
        context_set_hwsp(g->c.contexts, e, v->hwsp);
        v->iir |= g->c.rings ? 1u : IIR_ALL;
        g->w.ring[e].news = g->c.rings;
    }
}

void guest_init(struct guest *g, const struct guest_config *config)
{
    bool same = same_record(&config->journal->state, config);

    memset(g, 0, sizeof *g);
    g->c = *config;
    g->kind = config->rings ? &guest_rings : &guest_pairs;
    g->given_up = quarantine_full(config->quarantine);
    g->w.domid = config->domid;
    g->w.generation = config->generation;
    log_limit_init(&g->hang_lines, LINES_BURST, LINES_PER_MINUTE);
    log_limit_init(&g->throttle_lines, LINES_BURST, LINES_PER_MINUTE);
    if (same)
        go_on(g);
    for (unsigned e = 0; e < GEN8_ENGINES; e++) {
        g->engine[e].v = &g->w.engine[e];
        g->engine[e].r = &g->w.ring[e];
        if (same)
            take_shelf(g, e);
    }
}

const struct sched_journal_state *guest_state(struct guest *g)
{
    for (unsigned e = 0; e < GEN8_ENGINES; e++)
        for (unsigned i = 0; i < 2; i++) {
            const struct context *ctx = g->engine[e].ctx[i];

            g->w.engine[e].shelf[i] = ctx ? context_slot(ctx) + 1 : 0;
        }
    return &g->w;
}

/* ---- from vgt-mmio */

void guest_bad_entry(struct guest *g, const struct mmio_sched *m)
{
    account_event(g->c.account, ACCOUNT_BAD_DESCRIPTOR, "kind=%u engine=%u value=%#x", m->kind,
                  m->engine, m->value);
}

static void take_elsp(struct guest *g, const struct mmio_sched *m)
{
    const struct sched_elsp elsp = {
        .seq = m->seq, .epoch = m->epoch, .desc = {m->desc[0], m->desc[1]}};
    enum vexec_push how;

    if (m->engine >= GEN8_ENGINES) {
        account_event(g->c.account, ACCOUNT_BAD_DESCRIPTOR, "engine=%u", m->engine);
        return;
    }
    how = vexec_push(g->engine[m->engine].v, &elsp);
    if (how != VEXEC_PUSHED)
        account_event(g->c.account, ACCOUNT_BAD_DESCRIPTOR, "engine=%u desc0=%#llx desc1=%#llx",
                      m->engine, (unsigned long long)m->desc[0], (unsigned long long)m->desc[1]);
    g->engine[m->engine].blocked = false;
    g->c.hooks.work(g->c.hooks.ctx, g, m->engine);
}

static struct sched_mmio *event_at(const struct guest *g, uint32_t i)
{
    return &g->c.journal->event[(g->w.event_at + i) % SCHED_JOURNAL_EVENTS];
}

/* Events of before the reset that have not left are nothing to the guest any more. */
static void forget_events(struct guest *g, unsigned engine)
{
    for (uint32_t i = g->posted; i < g->w.event_count; i++)
        if (event_at(g, i)->engine == engine)
            event_at(g, i)->kind = 0;
}

/* Contexts on the shelf. */
static void reset_pair(struct guest *g, unsigned engine)
{
    struct guest_engine *ge = &g->engine[engine];

    for (unsigned i = 0; i < 2; i++) {
        if (ge->ctx[i])
            context_set_busy(ge->ctx[i], false);
        ge->ctx[i] = NULL;
    }
}

void guest_reset_engine(struct guest *g, unsigned engine)
{
    struct guest_engine *ge = &g->engine[engine];

    crash_point("sched.guest.reset");
    vexec_reset(ge->v);
    context_reset_engine(g->c.contexts, engine);
    g->kind->reset(g, engine);
    forget_events(g, engine);
    ge->blocked = false;
    ge->v->resetting = 1;
    g->stats.resets++;
}

void guest_take_reset(struct guest *g, const struct mmio_sched *m)
{
    for (unsigned e = 0; e < GEN8_ENGINES; e++)
        if (m->engine & GEN8_M(e))
            guest_reset_engine(g, e);
}

/* On the real engines, where others are too. */
static void reset_hardware(struct guest *g, uint32_t engines)
{
    for (unsigned e = 0; e < GEN8_ENGINES; e++)
        if (engines & GEN8_M(e))
            g->c.hooks.reset(g->c.hooks.ctx, g, e);
}

static void reset_all(struct guest *g)
{
    for (unsigned e = 0; e < GEN8_ENGINES; e++)
        guest_reset_engine(g, e);
    reset_hardware(g, GEN8_M(GEN8_ENGINES) - 1);
}

void guest_leave(struct guest *g)
{
    g->leaving = true;
    g->w.event_count = g->w.event_shown = g->posted = 0;
    reset_all(g);
}

void guest_give_up(struct guest *g)
{
    g->given_up = true;
    reset_all(g);
}

void guest_take_hwsp(struct guest *g, const struct mmio_sched *m)
{
    if (m->engine >= GEN8_ENGINES)
        return;
    g->engine[m->engine].v->hwsp = m->value;
    context_set_hwsp(g->c.contexts, m->engine, m->value);
}

/* Contexts carry their registers in their own images. */
static void take_reg(struct guest *g, const struct mmio_sched *m)
{
    (void)g;
    (void)m;
}

/* A request with this very number: what it leads to is noted by itself. Quarantined: dropped. */
static bool allowed(struct guest *g, const struct mmio_sched *m)
{
    uint64_t word[QUARANTINE_WORDS];

    static_assert(sizeof word == sizeof *m, "whole");
    memcpy(word, m, sizeof word);
    if (quarantine_begin(g->c.quarantine, QUARANTINE_OUTER, WIRE_INPUT_REQUEST, word,
                         QUARANTINE_WORDS))
        return true;
    account_event(g->c.account, ACCOUNT_QUARANTINED, "request=%u engine=%u", m->kind, m->engine);
    return false;
}

static void apply(struct guest *g, const struct lane_slot *slot)
{
    guest_entry *const *take = g->kind->take;
    struct mmio_sched m;
    bool go;

    memcpy(&m, slot, sizeof m);
    if (m.seq <= g->w.seq || g->given_up)
        return; /* a replay, or nobody's */
    if (m.kind >= GUEST_KINDS_OF_ENTRIES || !take[m.kind]) {
        guest_bad_entry(g, &m);
        return;
    }
    crash_point("sched.entry.taken");
    go = allowed(g, &m);
    if (go)
        take[m.kind](g, &m);
    quarantine_end(g->c.quarantine, QUARANTINE_OUTER);
    if (go && m.kind == MMIO_SCHED_RESET)
        reset_hardware(g, m.engine);
    crash_point("sched.entry.applied");
    g->w.seq = m.seq;
    g->c.hooks.commit(g->c.hooks.ctx);
}

int guest_take(struct guest *g)
{
    struct lane_slot slot;
    unsigned n = 0;
    int rc = 0;

    if (g->leaving || g->broken)
        return 0;
    g->drained = false;
    while (!guest_held(g) && n < GUEST_TAKE_MAX) {
        rc = lane_rx_next(g->c.rx, &slot, NULL);
        if (rc)
            break;
        apply(g, &slot);
        n++;
    }
    if (rc != LANE_EMPTY) {
        if (rc)
            return rc;
        rc = lane_rx_advance(g->c.rx);
        return rc ? rc : guest_held(g) ? GUEST_HELD : GUEST_MORE;
    }
    rc = lane_rx_sleep(g->c.rx, 1);
    g->drained = !rc;
    return rc == LANE_READY ? GUEST_MORE : rc;
}

/* ---- to vgt-mmio */

/* It counts from the next commit on. */
static void queue(struct guest *g, const struct sched_mmio *m)
{
    assert(g->w.event_count < SCHED_JOURNAL_EVENTS);
    *event_at(g, g->w.event_count) = *m;
    g->w.event_count++;
}

/* 0, or it must wait. A broken lane swallows everything: nobody is there. */
static int post(struct guest *g, const struct sched_mmio *m)
{
    struct lane_slot *slot;
    int rc;

    if (g->broken || g->leaving)
        return 0;
    do {
        rc = lane_tx_reserve(g->c.tx, &slot);
    } while (rc == LANE_FULL && lane_tx_want_room(g->c.tx) == LANE_READY);
    if (rc == LANE_BROKEN) {
        g->broken = true;
        return 0;
    }
    if (!rc)
        memcpy(slot, m, sizeof *m);
    return rc;
}

void guest_event(struct guest *g, unsigned engine, struct vexec_event event)
{
    const struct sched_mmio m = {.kind = SCHED_MMIO_CSB,
                                 .engine = engine,
                                 .seq = g->w.event_seq + 1,
                                 .csb_index = event.slot,
                                 .csb = event.csb,
                                 .execlist_status = event.status};

    if (g->leaving)
        return;
    g->w.event_seq++;
    queue(g, &m);
    guest_interrupt(g, engine, IIR_CONTEXT_SWITCH);
}

void guest_interrupt(struct guest *g, unsigned engine, uint32_t bits)
{
    g->engine[engine].v->iir |= bits;
}

void guest_reset_done(struct guest *g, unsigned engine)
{
    const struct sched_mmio m = {.kind = SCHED_MMIO_RESET_DONE, .engine = engine};

    g->engine[engine].v->resetting = 0;
    if (!g->leaving)
        queue(g, &m);
}

bool guest_held(const struct guest *g)
{
    return g->w.event_count > g->posted;
}

/* Into the status page, unless it is there: a second time would move the write pointer back behind
 * what the guest has read. */
static void show(struct guest *g, const struct sched_mmio *m)
{
    if (g->posted < g->w.event_shown)
        return;
    if (m->kind == SCHED_MMIO_CSB)
        context_post_csb(g->c.contexts, m->engine, m->csb_index, m->csb, m->csb_index);
    crash_point("sched.event.shown");
    g->w.event_shown = g->posted + 1;
    __atomic_store_n(&g->c.journal->state.event_shown, g->w.event_shown, __ATOMIC_RELEASE);
}

/* The status page comes first: who gets the event looks there. */
void guest_post(struct guest *g)
{
    while (!g->leaving && guest_held(g)) {
        const struct sched_mmio *m = event_at(g, g->posted);

        show(g, m);
        if (m->kind && post(g, m))
            return;
        crash_point("sched.event.posted");
        g->posted++;
    }
}

static void pop_posted(struct guest *g)
{
    g->w.event_at = (g->w.event_at + g->posted) % SCHED_JOURNAL_EVENTS;
    g->w.event_count -= g->posted;
    g->w.event_shown -= g->posted;
    g->posted = 0;
}

/* Where a virtual ring stands: the latest is enough. */
static int post_ring(struct guest *g, unsigned engine)
{
    struct sched_vring *r = g->engine[engine].r;
    const struct sched_mmio m = {.kind = SCHED_MMIO_RING,
                                 .engine = engine,
                                 .seq = g->w.seq,
                                 .bits = vring_idle(r) ? SCHED_RING_IDLE : 0,
                                 .head = r->head,
                                 .acthd = vring_start(r) + r->head};
    int rc = r->news ? post(g, &m) : 0;

    if (!rc)
        r->news = 0;
    return rc;
}

/* Interrupts come last: what they tell of is there already. */
static void post_interrupts(struct guest *g)
{
    for (unsigned e = 0; e < GEN8_ENGINES; e++) {
        struct sched_vexec *v = g->engine[e].v;
        const struct sched_mmio m = {.kind = SCHED_MMIO_IIR, .engine = e, .bits = v->iir};

        if (post_ring(g, e) || (v->iir && post(g, &m)))
            return;
        v->iir = 0;
    }
}

int guest_flush(struct guest *g)
{
    int rc;

    if (g->broken)
        return LANE_BROKEN;
    if (g->leaving)
        return 0;
    guest_post(g);
    if (!guest_held(g))
        post_interrupts(g);
    rc = g->broken ? LANE_BROKEN : lane_tx_commit(g->c.tx);
    crash_point("sched.event.sent");
    if (rc != LANE_BROKEN)
        pop_posted(g);
    return rc;
}

/* ---- questions */

bool guest_epoch_reached(const struct guest *g, uint64_t epoch)
{
    return __atomic_load_n(&g->c.map->epoch, __ATOMIC_ACQUIRE) >= epoch;
}

static bool pair_wants(const struct guest *g, unsigned engine)
{
    const struct guest_engine *ge = &g->engine[engine];
    const struct sched_elsp *head = vexec_head(ge->v);

    if (ge->v->active && (ge->ctx[0] || !ge->blocked))
        return true;
    return head && !ge->blocked && guest_epoch_reached(g, head->epoch);
}

static bool pair_waits(const struct guest *g, unsigned engine)
{
    return g->engine[engine].v->count && !g->engine[engine].v->hung;
}

static bool pair_idle(const struct guest *g, unsigned engine)
{
    const struct guest_engine *ge = &g->engine[engine];

    return !ge->ctx[0] && (ge->v->hung || (!ge->v->count && !ge->v->active));
}

bool guest_ready(const struct guest *g, unsigned engine)
{
    const struct guest_engine *ge = &g->engine[engine];

    if (g->leaving || g->given_up || ge->v->resetting || ge->v->hung || guest_held(g))
        return false;
    return g->kind->wants(g, engine);
}

bool guest_waits(const struct guest *g)
{
    for (unsigned e = 0; e < GEN8_ENGINES; e++)
        if (g->kind->waits(g, e))
            return true;
    return false;
}

bool guest_idle(const struct guest *g)
{
    bool idle = g->drained && !guest_held(g);

    for (unsigned e = 0; e < GEN8_ENGINES; e++)
        idle = idle && g->kind->idle(g, e);
    return idle;
}

bool guest_hung(const struct guest *g)
{
    if (g->given_up)
        return true;
    for (unsigned e = 0; e < GEN8_ENGINES; e++)
        if (g->engine[e].v->hung)
            return true;
    return false;
}

const struct guest_kind guest_pairs = {
    .take = {[MMIO_SCHED_ELSP] = take_elsp,
             [MMIO_SCHED_RESET] = guest_take_reset,
             [MMIO_SCHED_HWSP] = guest_take_hwsp,
             [MMIO_SCHED_REG] = take_reg},
    .wants = pair_wants,
    .waits = pair_waits,
    .idle = pair_idle,
    .reset = reset_pair,
};
