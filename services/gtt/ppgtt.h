/* SPDX-License-Identifier: MIT */
/*
 * ppgtt.h: the PPGTTs of one guest, known by their roots, and the published map that tells sched
 * which shadow root stands for which guest root. A root in the map is the record of it that
 * survives this process. Called by guest.c; one thread; the map is read by other processes.
 *
 * A root taken away is gone from the map before the clear's sequence is published. sched must not
 * publish that sequence as done while a context that uses the root is running or can still run.
 */
#pragma once
#include "services/gtt/shadow.h"
#include "services/wire/gtt_map.h"

struct ppgtt_root {
    unsigned tables; /* 1 (level 4) or 4 (level 3); 0: free */
    uint64_t guest[4];
    struct shadow *shadow[4]; /* NULL: an empty table */
    bool shown;               /* sched may use it */
};

struct ppgtt {
    struct shadow_set *set;
    struct account *account;
    struct gtt_map *map;
    struct ppgtt_root root[GTT_MAP_ROOTS]; /* same slots as the map */
    uint32_t count;
    uint32_t hidden; /* of these, not shown yet */
    uint64_t shows;
};

void ppgtt_init(struct ppgtt *p, struct shadow_set *set, struct account *account,
                struct gtt_map *map);

/*
 * A PPGTT of level 3 (pdp[0..3] name page directories, 0 none) or 4 (pdp[0] names a PML4), from a
 * notice or from a submission. Known already: nothing changes. A wrong level, or no free slot
 * (GTT_MAP_ROOTS), is a counted event, and so is one that is quarantined; a root without memory
 * is counted and empty.
 */
void ppgtt_create(struct ppgtt *p, uint32_t level, const uint64_t pdp[4]);

/* All tables are filled: new roots may be used. Before that the epoch of who was told of them is
 * not enough: after a restart it was published long ago, and sched asks for roots without one. */
void ppgtt_show(struct ppgtt *p);

/* Gone, by its roots; unknown: nothing. */
void ppgtt_destroy(struct ppgtt *p, uint32_t level, const uint64_t pdp[4]);

/* All gone (device reset, detach). */
void ppgtt_reset(struct ppgtt *p);

/* After a restart: every root the map still holds, in its slot, with new shadows; also one whose
 * record a crash left with an odd sequence. A record not complete yet is dropped: the entry that
 * was being applied comes again. */
void ppgtt_rebuild(struct ppgtt *p);
/* Instead: none of them; also for a guest that is gone, of which only the map is left. */
void ppgtt_retract(struct ppgtt *p);
