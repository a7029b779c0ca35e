/* SPDX-License-Identifier: MIT */
/*
 * turns.c: who runs next on an engine, for how long, and what to do about one that does not let go.
 * See engine.h.
 */
#include <string.h>

#include "services/sched/engine_priv.h"

#include "lib/crash.h"

/* ---- a guest's next pair */

/* A resumed context whose root has left the map starts again from what it last saved. */
static void drop_rootless(struct engine *e, struct guest_engine *ge)
{
    bool dropped = false;

    for (unsigned i = 0; i < 2; i++) {
        if (!ge->ctx[i] || context_root_mapped(ge->ctx[i]))
            continue;
        context_set_busy(ge->ctx[i], false);
        if (!context_is_busy(ge->ctx[i]))
            context_save(ge->ctx[i]);
        ge->ctx[i] = NULL;
        dropped = true;
    }
    if (dropped)
        e->c.commit(e->c.ctx); /* before they are made anew */
}

/* 0 and a busy context, a positive answer of context_prepare(), or -errno. */
static int prepare(struct guest *g, unsigned engine, uint64_t desc, struct context **out)
{
    int rc = context_prepare(g->c.contexts, engine, desc, out);

    if (!rc)
        context_set_busy(*out, true);
    return rc;
}

/* All n of desc, except those that are there already; after a failure none of the new ones. */
static int prepare_all(struct guest *g, unsigned engine, const uint64_t desc[2], unsigned n,
                       struct engine_pair *p)
{
    bool ours[2] = {false, false};
    int rc = 0;

    for (unsigned i = 0; i < n && !rc; i++) {
        if (p->ctx[i])
            continue;
        rc = prepare(g, engine, desc[i], &p->ctx[i]);
        ours[i] = !rc;
    }
    for (unsigned i = 0; i < n && rc; i++) {
        if (ours[i])
            context_set_busy(p->ctx[i], false);
        if (ours[i])
            p->ctx[i] = NULL;
    }
    context_set_settle(g->c.contexts); /* the journal never heard of ours */
    return rc;
}

/* Never runs: the guest's virtual engine stands still until it resets it. */
static int refuse(struct guest_engine *ge)
{
    ge->v->hung = 1;
    return CONTEXT_REFUSED;
}

static int new_pair(struct guest *g, unsigned engine, struct engine_pair *p)
{
    struct guest_engine *ge = &g->engine[engine];
    const struct sched_elsp *head = vexec_head(ge->v);
    int rc;

    if (!head || ge->blocked || !guest_epoch_reached(g, head->epoch))
        return CONTEXT_WAIT;
    *p = (struct engine_pair){.guest = g, .take = true};
    rc = prepare_all(g, engine, head->desc, head->desc[1] ? 2 : 1, p);
    if (rc == CONTEXT_REFUSED)
        return refuse(ge);
    if (rc > 0)
        ge->blocked = true;
    return rc;
}

static int old_pair(struct engine *e, struct guest *g, struct engine_pair *p)
{
    unsigned engine = e->c.id;
    struct guest_engine *ge = &g->engine[engine];
    uint64_t desc[2];
    unsigned n = vexec_rest(ge->v, desc);
    int rc;

    if (!n)
        return CONTEXT_WAIT;
    drop_rootless(e, ge);
    *p = (struct engine_pair){.guest = g, .ctx = {ge->ctx[0], ge->ctx[1]}};
    rc = prepare_all(g, engine, desc, n, p);
    if (rc == CONTEXT_REFUSED)
        return refuse(ge);
    if (rc > 0)
        ge->blocked = true;
    if (!rc)
        ge->ctx[0] = ge->ctx[1] = NULL; /* the pair's now */
    return rc;
}

/* ---- submission */

/* The journal knows before the port does; and that the port was written whole, after it. */
static int submit(struct engine *e, const struct engine_pair *p, uint64_t now)
{
    uint64_t desc[2] = {context_desc(p->ctx[0]), p->ctx[1] ? context_desc(p->ctx[1]) : 0};
    int rc;

    if (!e->running)
        e->looked = now;
    e->next = *p;
    e->asked = true;
    e->written = false;
    e->asked_at = now;
    e->submissions++;
    e->c.commit(e->c.ctx);
    crash_point("sched.submit.noted");
    rc = hw_submit(e->c.hw, e->c.id, desc);
    crash_point("sched.submit.written");
    e->written = true;
    e->c.commit(e->c.ctx);
    return rc;
}

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

/* The guest's own hardware would take a new pair in place of the running one; so does ours. */
static int try_guest(struct engine *e, struct guest *g, uint64_t now)
{
    bool on = e->running && e->now.guest == g;
    struct engine_pair p;
    int rc;

    if (!guest_ready(g, e->c.id))
        return CONTEXT_WAIT;
    rc = new_pair(g, e->c.id, &p);
    if (rc > 0 && rc != CONTEXT_REFUSED && !on)
        rc = old_pair(e, g, &p);
    return rc ? rc : submit(e, &p, now);
}

/* ---- turns */

/* Does anybody but g want the engine? */
static bool others_wait(const struct engine *e, const struct guest *g)
{
    if (e->asked && e->next.guest != g)
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
        rc = try_guest(e, g, now);
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
        rc = try_guest(e, e->turn, now);
    return rc > 0 ? next_turn(e, NULL, now) : rc;
}

/* The running guest's turn is over and somebody waits. */
static int drain(struct engine *e, uint64_t now)
{
    if (!e->drain_since)
        e->drain_since = now;
    if (now < e->drain_since + e->c.quantum_ns)
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
        rc = try_guest(e, e->now.guest, now);
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
    if (e->drain_since)
        return least(at, e->drain_since + e->c.quantum_ns);
    return e->turn_end <= now ? now : least(at, e->turn_end);
}
