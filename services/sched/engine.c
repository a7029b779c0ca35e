/* SPDX-License-Identifier: MIT */
/*
 * engine.c: see engine.h. What is done alike whether an engine has a submit port (pairs.c) or a
 * ring (rings.c): time, interrupts, resets, guests that leave.
 */
#include "services/sched/engine.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "services/sched/engine_priv.h"

void engine_init(struct engine *e, const struct engine_config *config)
{
    memset(e, 0, sizeof *e);
    e->c = *config;
    e->kind = hw_has_rings(config->hw) ? &engine_rings : &engine_pairs;
}

struct sched_journal_engine engine_state(const struct engine *e)
{
    struct sched_journal_engine j = {.running = e->running, .reset = e->resetting};

    if (e->adopting)
        return e->left;
    e->kind->state(e, &j);
    return j;
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

void engine_charge(struct engine *e, uint64_t now)
{
    uint64_t ns = engine_since(e->charged, now);

    e->charged += ns;
    if (!e->running)
        return;
    e->busy_ns += ns;
    engine_part(e, e->now.guest)->gpu_ns += ns;
}

/* Submissions that came up, or ended, although their guest was to leave meanwhile. */
int engine_settle_doomed(struct engine *e, uint64_t now)
{
    int rc = 0;

    for (unsigned i = 0; i < e->c.guests->count && !rc; i++)
        if (engine_part(e, e->c.guests->guest[i])->v->resetting)
            rc = engine_evict(e, e->c.guests->guest[i], now);
    return rc;
}

static void pass_on(struct engine *e, uint32_t bits)
{
    for (unsigned i = 0; i < e->c.guests->count; i++) {
        struct guest *g = e->c.guests->guest[i];
        struct guest_engine *ge = engine_part(e, g);

        if (!ge->served)
            continue;
        if (!g->leaving)
            guest_interrupt(g, e->c.id, bits);
        ge->served = e->running && e->now.guest == g;
    }
}

int engine_interrupt(struct engine *e, uint32_t bits, uint64_t now)
{
    int n = e->adopting ? 0 : e->kind->take_events(e, now);

    if (n < 0 || e->adopting)
        return n;
    /* Events and no interrupt: it was lost, and the one for the user may have been, too. */
    if (n && !bits)
        bits = HW_USER_INTERRUPT;
    if (bits & (HW_USER_INTERRUPT | HW_NOTIFY))
        pass_on(e, bits & (HW_USER_INTERRUPT | HW_NOTIFY));
    return engine_kick(e, now);
}

/* ---- getting a guest off */

/* Nothing of it is on the engine any more. */
static int finish_reset(struct engine *e, struct guest *g)
{
    int rc = e->kind->forget ? e->kind->forget(e, g) : 0;

    guest_reset_done(g, e->c.id);
    return rc;
}

int engine_recover(struct engine *e, bool guilty, uint64_t now)
{
    int rc;

    engine_charge(e, now);
    e->resetting = true;
    engine_commit(e);
    if (e->kind->let_save)
        e->kind->let_save(e);
    rc = hw_reset(e->c.hw, e->c.id);
    if (rc)
        return rc;
    e->resetting = false;
    e->resets++;
    e->kind->lose(e, guilty);
    e->running = false;
    e->drain_since = 0;
    for (unsigned i = 0; i < e->c.guests->count; i++) {
        struct guest *g = e->c.guests->guest[i];

        if (engine_part(e, g)->v->resetting && !rc)
            rc = finish_reset(e, g);
    }
    engine_commit(e);
    return rc;
}

bool engine_uses(const struct engine *e, const struct guest *g)
{
    uint32_t domid = g->c.domid;

    if (e->kind->keeps && e->kind->keeps(e, domid))
        return true;
    if (e->adopting)
        return e->left.now.domid == domid || e->left.next.domid == domid ||
               (e->kind->owner && e->kind->owner(e) == domid);
    return (e->running && e->now.guest == g) || (e->asked && e->next.guest == g);
}

int engine_evict(struct engine *e, struct guest *g, uint64_t now)
{
    struct guest_engine *ge = engine_part(e, g);

    ge->v->resetting = 1;
    if (e->adopting)
        return 0;
    if (e->running && e->now.guest == g)
        return engine_fail(e, engine_recover(e, false, now));
    if (!engine_uses(e, g))
        return engine_fail(e, finish_reset(e, g));
    return 0; /* its submission cannot be taken back: when it comes up, or is withdrawn */
}

void engine_forget(struct engine *e, const struct guest *g)
{
    assert(!engine_uses(e, g));
    if (e->turn == g)
        e->turn = NULL;
    if (e->holder == g)
        e->holder = NULL;
}
