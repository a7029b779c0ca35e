/* SPDX-License-Identifier: MIT */
/*
 * debt.c: what a guest owes the others that it kept from an engine for longer than its turn, and so
 * who goes last. A debt is a point in time, the same for all engines and kept in the journal: it is
 * paid by time that passes, whether the guest waits or has nothing to do. What it costs is the time
 * the others lost, times their weights over the guest's own: so they have their share again when it
 * is over. Each hang that is not forgotten doubles that. See engine.h.
 */
#include "services/sched/engine_priv.h"

#include "lib/log.h"

#define THROTTLES 2u /* hangs lately; one may happen to anybody */

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t most(const struct engine *e)
{
    return e->c.watchdog_ns * ENGINE_DEBT_MOST;
}

static uint64_t owed(const struct guest *g, uint64_t now)
{
    return engine_since(now, g->w.debt_until);
}

uint64_t engine_throttled(const struct guest *g, uint64_t now)
{
    return g->w.throttled ? engine_since(now, g->w.hang_until) : 0;
}

/* Until its hangs are forgotten. */
static uint64_t forgotten_at(const struct engine *e, const struct guest *g)
{
    return g->w.hang_until + most(e);
}

/* ---- who wants the engine */

static bool has_work(const struct engine *e, const struct guest *g)
{
    return (e->running && e->now.guest == g) || (e->asked && e->next.guest == g) ||
           guest_ready(g, e->c.id);
}

static bool had_work(const struct engine *e, const struct guest *g, uint64_t now)
{
    uint64_t wanted = g->engine[e->c.id].wanted;

    return wanted && engine_since(wanted, now) < e->c.watchdog_ns;
}

bool debt_passed(const struct engine *e, const struct guest *g, uint64_t now)
{
    for (unsigned i = 0; i < e->c.guests->count && owed(g, now); i++) {
        const struct guest *other = e->c.guests->guest[i];

        if (other == g || owed(other, now))
            continue;
        if (has_work(e, other) || (engine_throttled(g, now) && had_work(e, other, now)))
            return true;
    }
    return false;
}

/* ---- what it costs */

static uint64_t weight(const struct guest *g)
{
    return g->c.weight ? g->c.weight : 1;
}

/* Of those who want the engine, or did a moment ago. */
static uint64_t others_weight(const struct engine *e, const struct guest *g, uint64_t now)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < e->c.guests->count; i++) {
        const struct guest *other = e->c.guests->guest[i];

        if (other != g && (has_work(e, other) || had_work(e, other, now)))
            sum += weight(other);
    }
    return sum ? sum : 1;
}

static void owe(const struct engine *e, struct guest *g, uint64_t ns, uint64_t now)
{
    uint64_t cost = least(ns, most(e)) / weight(g), others = others_weight(e, g, now);

    cost = cost > most(e) / others ? most(e) : cost * others;
    g->w.debt_until = now + least(owed(g, now) + cost, most(e));
}

/* The holder is off the engine. */
static void settle(const struct engine *e, uint64_t now)
{
    uint64_t due = e->wanted + e->c.quantum_ns;

    due = e->due > due ? e->due : due;
    if (e->wanted && now > due)
        owe(e, e->holder, now - due, now);
}

void debt_hang(struct engine *e, uint64_t now)
{
    struct guest *g = e->now.guest;
    uint64_t held = e->wanted ? engine_since(e->wanted, now) : 0;

    log_limited(e->c.log, &g->hang_lines, LOG_WARNING, "engine hangs: reset", "engine=%u domid=%u",
                e->c.id, g->c.domid);
    e->holder = NULL; /* it pays here */
    if (engine_part(e, g)->v->resetting || g->leaving)
        return;
    g->w.hangs++;
    g->w.hung_lately += g->w.hung_lately < SCHED_JOURNAL_HANGS;
    held = held > e->c.watchdog_ns ? held : e->c.watchdog_ns;
    owe(e, g, least(held, most(e)) << (g->w.hung_lately - 1), now);
    g->w.hang_until = g->w.debt_until;
    if (g->w.throttled || g->w.hung_lately < THROTTLES)
        return;
    g->w.throttled = 1;
    log_limited(e->c.log, &g->throttle_lines, LOG_WARNING, "guest hangs again and again: throttled",
                "domid=%u hangs=%u ms=%llu", g->c.domid, g->w.hangs,
                (unsigned long long)(owed(g, now) / 1000000));
}

/* ---- as time goes by */

static void watch_guest(const struct engine *e, struct guest *g, uint64_t now)
{
    struct guest_engine *ge = engine_part(e, g);

    /* What it did before a restart nobody knows: it counts as work. */
    if (has_work(e, g) || (!ge->wanted && g->c.restart))
        ge->wanted = now;
    g->w.debt_until = least(g->w.debt_until, now + most(e));
    g->w.hang_until = least(g->w.hang_until, now + most(e));
    if (!g->w.hung_lately || now < forgotten_at(e, g))
        return;
    g->w.hung_lately = 0;
    if (g->w.throttled)
        log_limited(e->c.log, &g->throttle_lines, LOG_INFO, "guest is throttled no longer",
                    "domid=%u hangs=%u", g->c.domid, g->w.hangs);
    g->w.throttled = 0;
}

void debt_watch(struct engine *e, uint64_t now)
{
    struct guest *g = e->running ? e->now.guest : NULL;

    for (unsigned i = 0; i < e->c.guests->count; i++)
        watch_guest(e, e->c.guests->guest[i], now);
    if (e->holder && g != e->holder)
        settle(e, now);
    if (!g || !engine_others_wait(e, g, now))
        e->wanted = 0;
    else if (g != e->holder || !e->wanted)
        e->wanted = now;
    if (g && e->turn == g)
        e->due = e->turn_end + e->c.quantum_ns;
    e->holder = g;
}

uint64_t debt_deadline(const struct engine *e, uint64_t now)
{
    bool exists = e->c.hw->engines & GEN8_M(e->c.id);
    uint64_t at = UINT64_MAX;

    for (unsigned i = 0; i < e->c.guests->count && exists; i++) {
        const struct guest *g = e->c.guests->guest[i];

        if (guest_ready(g, e->c.id) && owed(g, now))
            at = least(at, e->looked + ENGINE_POLL_NS);
        if (g->w.throttled)
            at = least(at, forgotten_at(e, g));
    }
    return at;
}
