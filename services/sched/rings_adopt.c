/* SPDX-License-Identifier: MIT */
/*
 * rings_adopt.c: Haswell: an engine whose former scheduler died while it ran. The journal has the
 * chunks, the page of numbers says which are done, and the ring's tail whether the engine was told
 * of the last one. See engine.h.
 */
#include "services/sched/engine_priv.h"

#include <string.h>

static bool makes_sense(const struct engine *e)
{
    const struct sched_journal_ring *w = &e->ring.w;
    struct guest *g = e->now.guest;

    if (w->head >= HW_RING_BYTES || w->tail >= HW_RING_BYTES || w->count > SCHED_JOURNAL_CHUNKS)
        return false;
    for (uint32_t i = 0; i < w->count; i++) {
        const struct sched_chunk *c = &w->chunk[i];
        struct context *image = c->save ? context_at(g->c.contexts, c->save - 1) : NULL;

        if (c->end >= HW_RING_BYTES || (c->save && (!image || !context_is_busy(image))))
            return false;
    }
    return true;
}

/* Chunks of a guest that did not come are nobody's. */
bool rings_rebuild(struct engine *e)
{
    e->now.guest = e->left.running ? engine_find(e, e->left.now.domid) : NULL;
    if (e->now.guest && makes_sense(e)) {
        e->running = e->ring.w.count > 0;
        return true;
    }
    if (e->now.guest)
        engine_part(e, e->now.guest)->v->hung = 1;
    e->now.guest = NULL;
    e->ring.w.count = 0;
    return !e->left.running;
}

/* The last chunk was written whole before the journal knew of it. */
int rings_reconcile(struct engine *e, uint64_t now)
{
    uint32_t head, tail;
    int n, rc = hw_ring_where(e->c.hw, e->c.id, &head, &tail);

    if (!rc && tail != e->ring.w.tail)
        rc = hw_ring_tail(e->c.hw, e->c.id, e->ring.w.tail);
    if (rc)
        return engine_fail(e, rc);
    do {
        n = e->kind->take_events(e, now);
    } while (n > 0);
    return n;
}
