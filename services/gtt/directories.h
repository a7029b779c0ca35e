/* SPDX-License-Identifier: MIT */
/*
 * directories.h: the host's GGTT entries that engines take for page directories (Haswell;
 * WIRE_HOST_DIRECTORIES in names.h), handed out to all guests. A directory is a run of 512 entries.
 * Number 0 is empty for ever: all its entries name an empty table. A free one looks the same, and
 * one in use never does: so a new process knows which ones engines of guests it has not been told
 * of yet may be using, and leaves them alone until their guests come.
 *
 * When all are taken, one that was not asked for the longest gives way: see directories_take().
 * Called by dir.c and the service's start; one thread.
 */
#pragma once
#include "gpu/gpu.h"
#include "services/gtt/format.h"
#include "services/wire/names.h"

#include <stdbool.h>

#define DIRECTORY_ENTRIES (WIRE_DIRECTORY_SPAN / GPU_PAGE_SIZE)
#define DIRECTORIES       (WIRE_HOST_DIRECTORIES / WIRE_DIRECTORY_SPAN)
#define DIRECTORIES_FAIR  4u /* directories each guest may have at the others' cost, at least */

struct dir;
struct ppgtt;

enum directory_state {
    DIRECTORY_FREE,
    DIRECTORY_FOREIGN, /* in use, before this process: its guest will claim it, or let it go */
    DIRECTORY_TAKEN,
};

struct directory_slot {
    enum directory_state state;
    struct dir *dir;  /* TAKEN: whose */
    struct dir *heir; /* who gets it when that one has gone; NULL: nobody */
    uint64_t asked;   /* when it was last asked for, by the clock below */
    uint64_t shown;   /* since when sched may use it, in ns; 0: it may not yet */
};

struct directories {
    struct gpu *gpu;
    const struct gtt_format *format;
    struct gpu_dma pages; /* what is behind an empty directory: data, table */
    uint32_t first;       /* GGTT entry of number 0 */
    unsigned guests;
    uint64_t clock;
    uint64_t
        hold_ns;  /* so long it is left to who got it: sched has to see it before it gives way */
    bool evicted; /* set when a guest has to publish a clear; whoever looks resets it */
    struct directory_slot slot[DIRECTORIES];
};

/* Number 0 is written, the others are looked at. -ENOTSUP: this GPU has none; -EINVAL: its GGTT is
 * too small; -errno of the device. */
int directories_init(struct directories *d, struct gpu *gpu);
/* Forgets; entries and pages stay. */
void directories_free(struct directories *d);

/* Another guest, one less. */
void directories_join(struct directories *d);
void directories_part(struct directories *d);

/* GGTT entry of directory n; and the other way, 0 if it is not the first of one, or of number 0. */
uint64_t directories_entry(const struct directories *d, unsigned n);
unsigned directories_number(const struct directories *d, uint64_t entry);

/*
 * A directory for dir, now or later: the number of one that is free; 0 if dir is heir of one that
 * its owner lets go, or has to wait for any such. A guest that has less than its share (all by the
 * number of guests, DIRECTORIES_FAIR at least) makes one of whoever has more give way, or, if
 * nobody has, just the oldest; else one of its own. One that sched was shown only now does not.
 */
unsigned directories_take(struct directories *d, struct dir *dir);
/* dir inherits nothing any more. */
void directories_renounce(struct directories *d, const struct dir *dir);
/* Is it the heir of one? */
bool directories_inherits(const struct directories *d, const struct dir *dir);

/* Number n was dir's when the process before died. False: somebody else has it now, who got it
 * because no engine had been told of it. */
bool directories_claim(struct directories *d, unsigned n, struct dir *dir);
/* sched may use it from now on. */
void directories_shown(struct directories *d, unsigned n);
/* It is asked for once more. */
void directories_touch(struct directories *d, unsigned n);

/* No engine uses n any more: it is made empty and passes to its heir, if any, which is returned.
 * -errno of the device in *rc. */
struct dir *directories_release(struct directories *d, unsigned n, int *rc);
/* Its owner is not served any more by this process, and engines may use it. */
void directories_leave(struct directories *d, unsigned n);

/* Entry i of directory n names the table at dma. */
int directories_write(struct directories *d, unsigned n, unsigned i, uint64_t dma);

/* How many are taken by, or promised to, a guest (NULL: anybody). */
unsigned directories_held(const struct directories *d, const struct ppgtt *ppgtt);
