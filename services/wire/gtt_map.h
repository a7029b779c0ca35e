/* SPDX-License-Identifier: MIT */
/*
 * gtt_map.h: what gtt publishes about one guest's graphics memory, read by sched: how far the
 * shadow tables follow the guest (epoch), which shadow root stands for a guest's PPGTT root, and
 * the two counters of the TLB rule. Writer gtt, readers sched and display; each record is guarded
 * by its own sequence word (odd while it changes).
 */
#pragma once
#include <assert.h>
#include <stdint.h>

#define GTT_MAP_LAYOUT 1u
#define GTT_MAP_ROOTS  1024u

/*
 * Level 2 is Haswell's: guest[0] is the GGTT entry where the guest keeps its 512 page-directory
 * entries (a multiple of 16), shadow[0] the one where gtt keeps theirs; both are PP_DIR_BASE >> 12.
 */
struct gtt_root {
    uint32_t seq;      /* odd: being changed */
    uint32_t level;    /* 0: free slot; 2, 3 or 4; or one of these | GTT_ROOT_FILLING */
    uint64_t guest[4]; /* PDPs as the guest names them; levels 2 and 4 use guest[0] */
    uint64_t shadow[4];
    uint64_t pad[3];
};
static_assert(sizeof(struct gtt_root) == 96, "layout");

/* In level: known, but not to be used: its shadow tables are being filled. */
#define GTT_ROOT_FILLING 0x100u

struct gtt_map {
    _Alignas(128) uint64_t epoch;     /* entries of this guest up to here are in the shadow */
    _Alignas(128) uint64_t clear_seq; /* grows with each batch of cleared entries */
    _Alignas(128) struct gtt_root root[GTT_MAP_ROOTS];
};

#define GTT_INVAL_LAYOUT 1u

/* Written by sched (display): its TLBs were invalidated after clear_seq had this value. One region
 * each. */
struct gtt_inval {
    _Alignas(128) uint64_t done_seq;
};
