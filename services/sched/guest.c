/* SPDX-License-Identifier: MIT */
/*
 * guest.c: see guest.h.
 */
#include "services/sched/guest.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define IIR_CONTEXT_SWITCH (1u << 8)

/* ---- the journal's record */

static void begin_record(struct sched_journal_guest *j, const struct guest_config *c)
{
    *j = (struct sched_journal_guest){.domid = c->domid, .generation = c->generation};
}

static bool same_record(const struct sched_journal_guest *j, const struct guest_config *c)
{
    return c->restart && j->domid == c->domid && j->generation == c->generation;
}

void guest_init(struct guest *g, const struct guest_config *config)
{
    struct sched_journal_guest *j = config->journal;

    memset(g, 0, sizeof *g);
    g->c = *config;
    if (!same_record(j, config))
        begin_record(j, config);
    for (unsigned e = 0; e < GEN8_ENGINES; e++) {
        g->engine[e].v = &j->engine[e];
        if (!vexec_check(g->engine[e].v))
            account_event(config->account, ACCOUNT_BAD_DESCRIPTOR, "journal engine=%u", e);
        if (g->engine[e].v->hwsp)
            context_set_hwsp(config->contexts, e, g->engine[e].v->hwsp);
    }
}

/* ---- from vgt-mmio */

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

/* Events of before the reset that have not left are nothing to the guest any more. */
static void forget_events(struct guest *g, unsigned engine)
{
    for (unsigned i = 0; i < g->backlog_count; i++) {
        struct sched_mmio *m = &g->backlog[(g->backlog_at + i) % GUEST_BACKLOG];

        if (m->engine == engine)
            m->kind = 0;
    }
    g->iir[engine] = 0;
}

static void reset_engine(struct guest *g, unsigned engine)
{
    struct guest_engine *ge = &g->engine[engine];

    vexec_reset(ge->v);
    context_reset_engine(g->c.contexts, engine);
    for (unsigned i = 0; i < 2; i++) {
        if (ge->ctx[i])
            context_set_busy(ge->ctx[i], false);
        ge->ctx[i] = NULL;
    }
    forget_events(g, engine);
    ge->blocked = false;
    ge->resetting = true;
    g->stats.resets++;
    g->c.hooks.reset(g->c.hooks.ctx, g, engine);
}

static void take_reset(struct guest *g, const struct mmio_sched *m)
{
    for (unsigned e = 0; e < GEN8_ENGINES; e++)
        if (m->engine & GEN8_M(e))
            reset_engine(g, e);
}

void guest_leave(struct guest *g)
{
    g->leaving = true;
    g->backlog_count = 0;
    for (unsigned e = 0; e < GEN8_ENGINES; e++)
        reset_engine(g, e);
}

static void take_hwsp(struct guest *g, const struct mmio_sched *m)
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

static void apply(struct guest *g, const struct lane_slot *slot)
{
    static void (*const take[])(struct guest *, const struct mmio_sched *) = {
        [MMIO_SCHED_ELSP] = take_elsp,
        [MMIO_SCHED_RESET] = take_reset,
        [MMIO_SCHED_HWSP] = take_hwsp,
        [MMIO_SCHED_REG] = take_reg,
    };
    struct mmio_sched m;

    memcpy(&m, slot, sizeof m);
    if (m.seq <= g->c.journal->seq)
        return; /* a replay */
    if (m.kind >= sizeof take / sizeof take[0] || !take[m.kind]) {
        account_event(g->c.account, ACCOUNT_BAD_DESCRIPTOR, "kind=%u", m.kind);
        return;
    }
    take[m.kind](g, &m);
    g->c.journal->seq = m.seq;
}

int guest_take(struct guest *g)
{
    struct lane_slot slot;
    unsigned n = 0;
    int rc = 0;

    if (g->leaving || g->broken)
        return 0;
    while (!g->backlog_count && n < GUEST_TAKE_MAX) {
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
        return rc ? rc : g->backlog_count ? GUEST_HELD : GUEST_MORE;
    }
    rc = lane_rx_sleep(g->c.rx, 1);
    return rc == LANE_READY ? GUEST_MORE : rc;
}

/* ---- to vgt-mmio */

static void queue(struct guest *g, const struct sched_mmio *m)
{
    unsigned at = (g->backlog_at + g->backlog_count) % GUEST_BACKLOG;

    assert(g->backlog_count < GUEST_BACKLOG);
    g->backlog[at] = *m;
    g->backlog_count++;
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

static void send(struct guest *g, const struct sched_mmio *m)
{
    if (g->backlog_count || post(g, m))
        queue(g, m);
}

void guest_event(struct guest *g, unsigned engine, struct vexec_event event)
{
    const struct sched_mmio m = {.kind = SCHED_MMIO_CSB,
                                 .engine = engine,
                                 .csb_index = event.slot,
                                 .csb = event.csb,
                                 .execlist_status = event.status};

    if (g->leaving)
        return;
    context_post_csb(g->c.contexts, engine, event.slot, event.csb, event.slot);
    send(g, &m);
    guest_interrupt(g, engine, IIR_CONTEXT_SWITCH);
}

void guest_interrupt(struct guest *g, unsigned engine, uint32_t bits)
{
    g->iir[engine] |= bits;
}

void guest_reset_done(struct guest *g, unsigned engine)
{
    const struct sched_mmio m = {.kind = SCHED_MMIO_RESET_DONE, .engine = engine};

    g->engine[engine].resetting = false;
    send(g, &m);
}

static bool flush_backlog(struct guest *g)
{
    while (g->backlog_count) {
        const struct sched_mmio *m = &g->backlog[g->backlog_at];

        if (m->kind && post(g, m))
            return false;
        g->backlog_at = (g->backlog_at + 1) % GUEST_BACKLOG;
        g->backlog_count--;
    }
    return true;
}

/* Interrupts come last: what they tell of is there already. */
int guest_flush(struct guest *g)
{
    if (g->broken)
        return LANE_BROKEN;
    if (g->leaving)
        return 0;
    if (flush_backlog(g)) {
        for (unsigned e = 0; e < GEN8_ENGINES; e++) {
            const struct sched_mmio m = {.kind = SCHED_MMIO_IIR, .engine = e, .bits = g->iir[e]};

            if (!g->iir[e])
                continue;
            if (post(g, &m))
                break;
            g->iir[e] = 0;
        }
    }
    return g->broken ? LANE_BROKEN : lane_tx_commit(g->c.tx);
}

/* ---- questions */

bool guest_epoch_reached(const struct guest *g, uint64_t epoch)
{
    return __atomic_load_n(&g->c.map->epoch, __ATOMIC_ACQUIRE) >= epoch;
}

bool guest_ready(const struct guest *g, unsigned engine)
{
    const struct guest_engine *ge = &g->engine[engine];
    const struct sched_elsp *head = vexec_head(ge->v);

    if (g->leaving || ge->resetting || ge->v->hung || g->backlog_count)
        return false;
    if (ge->v->active && (ge->ctx[0] || !ge->blocked))
        return true;
    return head && !ge->blocked && guest_epoch_reached(g, head->epoch);
}

bool guest_waits(const struct guest *g)
{
    for (unsigned e = 0; e < GEN8_ENGINES; e++)
        if (g->engine[e].v->count && !g->engine[e].v->hung)
            return true;
    return false;
}

bool guest_hung(const struct guest *g)
{
    for (unsigned e = 0; e < GEN8_ENGINES; e++)
        if (g->engine[e].v->hung)
            return true;
    return false;
}
