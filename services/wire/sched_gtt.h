/* SPDX-License-Identifier: MIT */
/*
 * sched_gtt.h: the two stream lanes between vgt-sched and vgt-gtt, of the services themselves, not
 * of a guest. sched asks for GGTT entries of the host's high share to name its own DMA pages, and
 * tells roots that it met in a submission and not in the published map. gtt answers each request
 * after the entries are in the GTT and flushed. Both kick the other's wake descriptor without a
 * message, too: gtt when a guest's epoch or clear_seq moved, sched when a done_seq moved.
 */
#pragma once
#include <assert.h>
#include <stdint.h>

#define SCHED_GTT_LAYOUT    1u
#define SCHED_GTT_MAP_PAGES 5u

enum sched_gtt_kind {
    SCHED_GTT_MAP = 1, /* entries first.. of the host's high share (0 is its first) name dma[] */
    SCHED_GTT_ROOT,    /* guest domid submitted a root the map does not hold */
};

struct sched_gtt {
    uint32_t kind;                     /* enum sched_gtt_kind */
    uint32_t domid;                    /* ROOT */
    uint32_t first;                    /* MAP */
    uint32_t count;                    /* MAP: 1..SCHED_GTT_MAP_PAGES; ROOT: level, 2, 3 or 4 */
    uint64_t seq;                      /* growing; the answer repeats it */
    uint64_t dma[SCHED_GTT_MAP_PAGES]; /* ROOT: pdp[4]; level 2: as in gtt_map.h */
};
static_assert(sizeof(struct sched_gtt) == 64, "one slot");

enum gtt_sched_kind {
    GTT_SCHED_DONE = 1, /* everything up to seq is done */
};

struct gtt_sched {
    uint32_t kind; /* enum gtt_sched_kind */
    int32_t error; /* 0 or -errno of the one with this seq */
    uint64_t seq;
    uint64_t pad[6];
};
static_assert(sizeof(struct gtt_sched) == 64, "one slot");
