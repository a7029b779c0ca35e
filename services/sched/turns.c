/* SPDX-License-Identifier: MIT */
/*
 * turns.c: who runs next on an engine, for how long, and what to do about one that does not let go.
 * What that costs its guest is debt.c's. See engine.h.
 */
#include <string.h>

#include "services/sched/engine_priv.h"

#include "lib/crash.h"

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The turn is somebody else's. What its guest had since it was over, finishing while others waited,
 * comes off its next turns; more than the quantum for that is a debt (debt.c). */
static void end_turn(struct engine *e, uint64_t now)
{
    struct guest_engine *ge = engine_part(e, e->turn);

    if (e->drain_since)
        ge->over_ns += least(engine_since(e->drain_since, now), e->c.quantum_ns);
}

void engine_begin_turn(struct engine *e, struct guest *g, unsigned at, uint64_t now)
{
    uint64_t whole = e->c.quantum_ns * (g->c.weight ? g->c.weight : 1), less;

    if (e->turn && e->turn != g)
        end_turn(e, now);
    if (e->turn != g)
        g->stats.slices++;
    less = least(engine_part(e, g)->over_ns, whole);
    engine_part(e, g)->over_ns -= less;
    e->turn = g;
    e->turn_at = at;
    e->turn_end = now + whole - less;
    e->drain_since = 0;
}

/* ---- turns */

/* It is to be off the engine, and what runs still has something of it. */
static bool is_kept(const struct engine *e, struct guest *g)
{
    return engine_part(e, g)->v->resetting && e->kind->keeps && e->kind->keeps(e, g->c.domid);
}

static bool waits(const struct engine *e, const struct guest *g, uint64_t now)
{
    return guest_ready(g, e->c.id) && !debt_passed(e, g, now);
}

bool engine_others_wait(const struct engine *e, const struct guest *g, uint64_t now)
{
    if (e->asked && e->next.guest != g)
        return true;
    for (unsigned i = 0; i < e->c.guests->count; i++)
        if (is_kept(e, e->c.guests->guest[i]))
            return true;
    for (unsigned i = 0; i < e->c.guests->count; i++)
        if (e->c.guests->guest[i] != g && waits(e, e->c.guests->guest[i], now))
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

        if (g == except || debt_passed(e, g, now))
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

    if (e->turn && now < e->turn_end && !debt_passed(e, e->turn, now))
        rc = e->kind->submit(e, e->turn, now);
    return rc > 0 ? next_turn(e, NULL, now) : rc;
}

/* A guest with debts has no turn to end. */
static bool turn_is_over(const struct engine *e, uint64_t now)
{
    return now >= e->turn_end || debt_passed(e, e->now.guest, now);
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

static int go_on(struct engine *e, uint64_t now)
{
    bool others = engine_others_wait(e, e->now.guest, now);

    if (!others)
        e->drain_since = 0; /* whoever comes later waits from then on */
    if (others && turn_is_over(e, now))
        return drain(e, now);
    return e->kind->submit(e, e->now.guest, now);
}

int engine_kick(struct engine *e, uint64_t now)
{
    int rc;

    debt_watch(e, now);
    if (e->failed || e->asked || e->adopting)
        return e->failed;
    if (e->torn && e->running)
        return 0;
    if (e->torn)
        rc = engine_recover(e, false, now); /* the port counts from its beginning again */
    else if (!e->running)
        rc = start(e, now);
    else
        rc = go_on(e, now);
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

/* What cannot be preempted ends by itself, or by the watchdog: that its commands go round is no
 * progress to those who wait. */
static bool stays(const struct engine *e, uint64_t now)
{
    return !e->kind->preempts && e->drain_since &&
           engine_since(e->drain_since, now) >= e->c.watchdog_ns;
}

static bool stuck(struct engine *e, uint64_t now)
{
    const struct guest *g = e->running ? e->now.guest : NULL;

    if (!g && !e->asked)
        return false;
    if ((e->asked || e->torn) && engine_since(e->asked_at, now) >= e->c.watchdog_ns)
        return !g || engine_others_wait(e, g, now);
    if (!g) /* nothing runs that could move; when it last did, before it was idle, says nothing */
        return false;
    if (!engine_others_wait(e, g, now) || moves(e))
        e->moved = now;
    return stays(e, now) || engine_since(e->moved, now) >= e->c.watchdog_ns;
}

int engine_tick(struct engine *e, uint64_t now)
{
    int rc = engine_interrupt(e, 0, now);

    e->looked = now;
    if (rc || e->adopting || !stuck(e, now))
        return rc;
    if (e->running)
        debt_hang(e, now);
    else
        log_write(e->c.log, LOG_WARNING, "engine hangs: reset", "engine=%u domid=0", e->c.id);
    rc = engine_recover(e, true, now);
    if (rc) {
        e->failed = rc;
        return rc;
    }
    return engine_kick(e, now);
}

uint64_t engine_deadline(const struct engine *e, uint64_t now)
{
    uint64_t at = e->looked + ENGINE_POLL_NS;

    if (e->adopting)
        return at;
    if (e->failed)
        return UINT64_MAX;
    if (!e->running && !e->asked)
        return debt_deadline(e, now);
    if (!e->running || e->asked || !engine_others_wait(e, e->now.guest, now))
        return at;
    if (e->drain_since && !e->kind->preempts)
        return at;
    if (e->drain_since)
        return least(at, e->drain_since + e->c.quantum_ns);
    return turn_is_over(e, now) ? now : least(at, e->turn_end);
}
