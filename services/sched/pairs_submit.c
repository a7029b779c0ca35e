/* SPDX-License-Identifier: MIT */
/*
 * pairs_submit.c: Broadwell: a guest's next pair of contexts, into the engine's submit port. See
 * engine.h.
 */
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

/* The guest's own hardware would take a new pair in place of the running one; so does ours. */
int pairs_submit(struct engine *e, struct guest *g, uint64_t now)
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
