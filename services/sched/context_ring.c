/* SPDX-License-Identifier: MIT */
/* context_ring.c: a guest's ring, from its memory through the audit into the shadow ring, at the
 * same offsets. What stands outside [head, tail) of the shadow never runs. */
#include "services/sched/context_priv.h"

#include <assert.h>
#include <string.h>

int context_ring_take(struct context *c, uint32_t from, uint32_t to)
{
    struct context_set *s = c->set;
    uint32_t len = context_ring_len(from, to, c->r->ring_size);
    uint32_t first = to < from ? c->r->ring_size - from : len;

    assert(len <= sizeof(s->ring));
    if (gmem_read(s->mem, c->r->ring_start + from, s->ring, first) ||
        gmem_read(s->mem, c->r->ring_start, s->ring + first / 4, len - first))
        return context_refuse(c, ACCOUNT_BAD_GUEST_ADDR, "ring=0x%x", c->r->ring_start);
    return context_audit(c, AUDIT_RING, s->ring, len / 4);
}

void context_ring_put(struct context *c, uint32_t from, uint32_t to)
{
    uint8_t *ring = c->mem.cpu + context_image_pages(c->engine) * 4096;
    uint32_t len = context_ring_len(from, to, c->r->ring_size);
    uint32_t first = to < from ? c->r->ring_size - from : len;

    memcpy(ring + from, c->set->ring, first);
    memcpy(ring, c->set->ring + first / 4, len - first);
}
