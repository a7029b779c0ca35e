/* SPDX-License-Identifier: MIT */
/*
 * ppgtt.h: the PPGTTs of one guest, known by their roots, and the published map that tells sched
 * which shadow root stands for which guest root. A root in the map is the record of it that
 * survives this process. Broadwell's roots are tables; Haswell's are directories in the GGTT, and
 * dir.h has what is different about them. Called by guest.c; one thread; the map is read by other
 * processes.
 *
 * A root taken away is gone from the map before the clear's sequence is published. sched must not
 * publish that sequence as done while a context that uses the root is running or can still run.
 */
#pragma once
#include "services/gtt/shadow.h"
#include "services/wire/gtt_map.h"

struct dir;
TAILQ_HEAD(dir_list, dir);

struct ppgtt_root {
    unsigned tables; /* 1 (levels 2 and 4) or 4 (level 3); 0: free */
    uint64_t guest[4];
    struct shadow *shadow[4]; /* NULL: an empty table */
    struct dir *dir;          /* level 2; NULL: it waits for one */
    uint64_t born;            /* level 2: their order */
    bool shown;               /* sched may use it */
    bool leaving;             /* level 2: off the map, but engines may still use it */
};

struct ppgtt;

/* One generation's kind of roots. Those after drop are NULL where there is nothing to do. */
struct ppgtt_ops {
    unsigned (*tables)(uint32_t level); /* how many words name a root; 0: no such level */
    /* A new root in this slot; old: its record in the map after a restart, or NULL. */
    void (*fill)(struct ppgtt *p, uint32_t slot, uint32_t level, const uint64_t pdp[4],
                 const struct gtt_root *old);
    /* Its tables are filled; no more than that is said of a root that waits for its directory. */
    void (*show)(struct ppgtt *p, uint32_t slot);
    void (*drop)(struct ppgtt *p, struct ppgtt_root *r);

    bool (*valid)(const struct ppgtt *p, const uint64_t pdp[4]); /* can there be one? */
    void (*asked)(struct ppgtt *p, const struct ppgtt_root *r);  /* one that is known */
    /* The record of a root that nobody may use any more; true: it is kept until nobody does. */
    bool (*adopt)(struct ppgtt *p, uint32_t slot, const struct gtt_root *old);
    void (*start)(struct ppgtt *p);
    bool (*work)(struct ppgtt *p, uint64_t *budget);
    void (*write)(struct ppgtt *p);
    bool (*reap)(struct ppgtt *p);
    bool (*waits)(const struct ppgtt *p);
    void (*forget)(struct ppgtt *p);
};

struct ppgtt {
    const struct ppgtt_ops *ops;
    struct shadow_set *set;
    struct ggtt *ggtt;
    struct directories *directories; /* NULL: a GPU that has none */
    struct account *account;
    struct gtt_map *map;
    struct ppgtt_root root[GTT_MAP_ROOTS]; /* same slots as the map */
    uint32_t count;
    uint32_t hidden; /* of these, not shown yet */
    uint64_t shows;
    struct dir_list dirs;
    uint32_t unplaced; /* roots that wait for a directory without the promise of one */
    uint64_t births;
    int error; /* 0, or what the device said to a directory's entry */
};

void ppgtt_init(struct ppgtt *p, struct shadow_set *set, struct ggtt *ggtt, struct account *account,
                struct gtt_map *map, struct directories *directories);

/*
 * A PPGTT of level 3 (pdp[0..3] name page directories, 0 none) or 4 (pdp[0] names a PML4), or of
 * level 2 (gtt_map.h), from a notice or from a submission. Known already: nothing changes, but a
 * directory was asked for. A wrong level, no free slot (GTT_MAP_ROOTS), or a directory that is not
 * all in the guest's part is a counted event, and so is one that is quarantined; a root without
 * memory is counted and empty.
 */
void ppgtt_create(struct ppgtt *p, uint32_t level, const uint64_t pdp[4]);

/* All tables are filled: new roots may be used. Before that the epoch of who was told of them is
 * not enough: after a restart it was published long ago, and sched asks for roots without one. */
void ppgtt_show(struct ppgtt *p);

/* Up to *budget entries of directories, which are taken off it. True: there is more to do. */
bool ppgtt_work(struct ppgtt *p, uint64_t *budget);
/* All tables are filled: directories may name them. Before the flush that comes before the clears
 * are published. 0 or -errno of the device, of this or anything before. */
int ppgtt_write(struct ppgtt *p);
/* Directories whose clear is passed go, or go to others; roots that wait are looked after. True:
 * some are still leaving. */
bool ppgtt_reap(struct ppgtt *p);
/* Something here depends on others: reap again, soon. */
bool ppgtt_waits(const struct ppgtt *p);
/* Frees memory only. */
void ppgtt_forget(struct ppgtt *p);

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

/* For dir.c: the record in this slot. level 0: nobody may use it; guest and shadow may be set all
 * the same. */
void ppgtt_publish(struct ppgtt *p, uint32_t slot, uint32_t level, const uint64_t guest[4],
                   const uint64_t shadow[4]);
