/* SPDX-License-Identifier: MIT */
/*
 * ask.c: the requests vgt-sched sends to vgt-gtt: GGTT entries for the arena at start, unknown
 * roots later. What the lane has no room for is sent when gtt makes room; nothing blocks.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "services/sched/sched_priv.h"

void sched_gtt_broken(struct sched *s, const char *lane)
{
    log_write(s->c.log, LOG_ERR, "a lane to gtt broke", "lane=%s", lane);
    s->c.events.lane_broken(s->c.events.ctx, 0, lane);
    sched_fail(s, -EPIPE); /* nothing goes without gtt: start again with fresh handles */
}

/* 0, LANE_FULL (and gtt will say when there is room), or LANE_BROKEN. */
static int put(struct sched *s, struct sched_gtt *m)
{
    struct lane_slot *slot;
    int rc;

    do {
        rc = lane_tx_reserve(&s->to_gtt, &slot);
    } while (rc == LANE_FULL && lane_tx_want_room(&s->to_gtt) == LANE_READY);
    if (rc)
        return rc;
    m->seq = ++s->seq;
    memcpy(slot, m, sizeof *m);
    return 0;
}

static int emit_map(void *ctx, uint32_t first, uint32_t count, const uint64_t *dma)
{
    struct sched *s = ctx;
    struct sched_gtt m = {.kind = SCHED_GTT_MAP, .first = first, .count = count};
    int rc;

    memcpy(m.dma, dma, count * sizeof *dma);
    rc = put(s, &m);
    if (!rc)
        s->map_from = first + count;
    return rc;
}

static int send_map(struct sched *s)
{
    int rc = arena_map(s->arena, s->map_from, SCHED_GTT_MAP_PAGES, emit_map, s);

    if (!rc)
        s->map_seq = s->seq;
    return rc;
}

static int send_roots(struct sched *s)
{
    unsigned sent = 0;
    int rc = 0;

    while (sent < s->root_count && !(rc = put(s, &s->roots[sent])))
        sent++;
    s->root_count -= sent;
    memmove(s->roots, s->roots + sent, s->root_count * sizeof *s->roots);
    return rc;
}

void sched_gtt_flush(struct sched *s)
{
    int rc = 0;

    if (s->failed || !s->arena)
        return;
    if (!s->map_seq)
        rc = send_map(s);
    if (!rc && s->root_count)
        rc = send_roots(s);
    if (!rc)
        rc = lane_tx_commit(&s->to_gtt);
    if (rc == LANE_BROKEN)
        sched_gtt_broken(s, WIRE_SCHED_GTT);
}

void sched_gtt_root(struct sched *s, uint32_t domid, uint32_t level, const uint64_t pdp[4])
{
    struct sched_gtt m = {.kind = SCHED_GTT_ROOT, .domid = domid, .count = level};

    if (s->root_count == s->root_room) {
        unsigned room = s->root_room ? 2 * s->root_room : 16;
        struct sched_gtt *roots = realloc(s->roots, room * sizeof *roots);

        if (!roots)
            return; /* the guest's submission waits for ever: its driver resets */
        s->roots = roots;
        s->root_room = room;
    }
    memcpy(m.dma, pdp, 4 * sizeof *pdp);
    s->roots[s->root_count++] = m;
    sched_gtt_flush(s);
}
