/* SPDX-License-Identifier: MIT */
/*
 * rings_adopt.c: Haswell: an engine whose former scheduler died while it ran. The journal has the
 * chunks, the page of numbers says which are done, and the ring's tail whether the engine was told
 * of the last one. See engine.h.
 */
#include "services/sched/engine_priv.h"

#include <string.h>

#define GUEST_RING_MOST (2u << 20)

static bool makes_sense(const struct engine *e)
{
    const struct sched_journal_ring *w = &e->ring.w;
    bool good = w->head < HW_RING_BYTES && w->tail < HW_RING_BYTES;

    for (uint32_t i = 0; i < w->count; i++) {
        const struct sched_chunk *c = &w->chunk[i];

        good &= c->end < HW_RING_BYTES && c->end % 8 == 0 && c->guest_end < GUEST_RING_MOST;
    }
    return good;
}

/* An image that the engine will save, and nobody knows any more where it is. */
static bool image_lost(const struct engine *e)
{
    struct guest *owner = e->ring.w.owner ? engine_find(e, e->ring.w.owner) : NULL;

    return e->c.id == GEN8_RCS && owner && !engine_part(e, owner)->ctx[0];
}

/* Chunks of a guest that did not come are nobody's; takeover.c has given their batches up. */
bool rings_rebuild(struct engine *e)
{
    struct sched_journal_ring *w = &e->ring.w;

    e->now.guest = e->left.running ? engine_find(e, e->left.now.domid) : NULL;
    if (!e->now.guest)
        w->count = 0;
    e->running = w->count > 0;
    return e->running == e->left.running && makes_sense(e) && !image_lost(e);
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
