/* SPDX-License-Identifier: MIT */
/*
 * turns.c: who runs next on an engine, for how long, and what to do about one that does not let go.
 * See engine.h.
 */
#include <string.h>

#include "services/sched/engine_priv.h"

#include "lib/crash.h"

void engine_begin_turn(struct engine *e, struct guest *g, unsigned at, uint64_t now)
{
    uint32_t weight = g->c.weight ? g->c.weight : 1;

    if (e->turn != g)
        g->stats.slices++;
    e->turn = g;
    e->turn_at = at;
    e->turn_end = now + e->c.quantum_ns * weight;
    e->drain_since = 0;
}

/* ---- turns */

/* It is to be off the engine, and what runs still has something of it. */
static bool is_kept(const struct engine *e, struct guest *g)
{
    return engine_part(e, g)->v->resetting && e->kind->keeps && e->kind->keeps(e, g->c.domid);
}

/* Does anybody but g want the engine? */
static bool others_wait(const struct engine *e, const struct guest *g)
{
    if (e->asked && e->next.guest != g)
        return true;
    for (unsigned i = 0; i < e->c.guests->count; i++)
        if (is_kept(e, e->c.guests->guest[i]))
            return true;
    for (unsigned i = 0; i < e->c.guests->count; i++)
        if (e->c.guests->guest[i] != g && guest_ready(e->c.guests->guest[i], e->c.id))
            return true;
    return false;
}

/* The next in the ring that has something to submit, except one. 0: submitted; else nobody. */
static int next_turn(struct engine *e, const struct guest *except, uint64_t now)
{
    unsigned n = e->c.guests->count, first = e->turn_at + 1;

    for (unsigned i = 0; i < n; i++) {
        unsigned at = (first + i) % n;
        struct guest *g = e->c.guests->guest[at];
        int rc;

        if (g == except)
            continue;
        rc = e->kind->submit(e, g, now);
        if (rc <= 0) {
            if (!rc)
                engine_begin_turn(e, g, at, now);
            return rc;
        }
    }
    return CONTEXT_WAIT;
}

static int start(struct engine *e, uint64_t now)
{
    int rc = CONTEXT_WAIT;

    if (e->turn && now < e->turn_end)
        rc = e->kind->submit(e, e->turn, now);
    return rc > 0 ? next_turn(e, NULL, now) : rc;
}

/* The running guest's turn is over and somebody waits. */
static int drain(struct engine *e, uint64_t now)
{
    if (!e->drain_since)
        e->drain_since = now;
    if (!e->kind->preempts || now < e->drain_since + e->c.quantum_ns)
        return 0;
    return next_turn(e, e->now.guest, now);
}

int engine_kick(struct engine *e, uint64_t now)
{
    int rc;

    if (e->failed || e->asked || e->adopting)
        return e->failed;
    if (e->torn && e->running)
        return 0;
    if (e->torn)
        rc = engine_recover(e, false, now); /* the port counts from its beginning again */
    else if (!e->running)
        rc = start(e, now);
    else if (now >= e->turn_end && others_wait(e, e->now.guest))
        rc = drain(e, now);
    else
        rc = e->kind->submit(e, e->now.guest, now);
    if (rc < 0) {
        e->failed = rc;
        log_write(e->c.log, LOG_ERR, "cannot submit", "engine=%u error=%d", e->c.id, rc);
    }
    return rc < 0 ? rc : 0;
}

/* ---- the watchdog */

static bool moves(struct engine *e)
{
    struct hw_progress p;
    bool moved;

    if (hw_progress(e->c.hw, e->c.id, &p))
        return false;
    moved = memcmp(&p, &e->seen, sizeof p) != 0;
    e->seen = p;
    return moved;
}

static bool stuck(struct engine *e, uint64_t now)
{
    const struct guest *g = e->running ? e->now.guest : NULL;

    if (!g && !e->asked)
        return false;
    if ((e->asked || e->torn) && engine_since(e->asked_at, now) >= e->c.watchdog_ns)
        return !g || others_wait(e, g);
    if (!g) /* nothing runs that could move; when it last did, before it was idle, says nothing */
        return false;
    if (!others_wait(e, g) || moves(e))
        e->moved = now;
    return engine_since(e->moved, now) >= e->c.watchdog_ns;
}

int engine_tick(struct engine *e, uint64_t now)
{
    int rc = engine_interrupt(e, 0, now);

    e->looked = now;
    if (rc || e->adopting || !stuck(e, now))
        return rc;
    log_write(e->c.log, LOG_WARNING, "engine hangs: reset", "engine=%u domid=%u", e->c.id,
              e->running ? e->now.guest->c.domid : 0);
    rc = engine_recover(e, true, now);
    if (rc) {
        e->failed = rc;
        return rc;
    }
    return engine_kick(e, now);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t engine_deadline(const struct engine *e, uint64_t now)
{
    uint64_t at = e->looked + ENGINE_POLL_NS;

    if (e->adopting)
        return at;
    if (e->failed || (!e->running && !e->asked))
        return UINT64_MAX;
    if (!e->running || e->asked || !others_wait(e, e->now.guest))
        return at;
    if (e->drain_since && !e->kind->preempts)
        return at;
    if (e->drain_since)
        return least(at, e->drain_since + e->c.quantum_ns);
    return e->turn_end <= now ? now : least(at, e->turn_end);
}
