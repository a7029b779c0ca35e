/* SPDX-License-Identifier: MIT */
/*
 * dir.h: page directories of one guest that stand in the GGTT (Haswell): of each the guest's 512
 * entries, and ours (directories.h) that name shadows of the tables the guest's name. Fills it in
 * bounded steps, follows the guest's writes, and takes it apart:
 *
 *   waiting   the root is known, a directory is not to be had yet
 *   filling   it has one; tables are found entry by entry, nothing is written. After a restart
 *             engines may be in it, and it still names the tables of the process before
 *   live      all is filled, ours is written at once and then shown to sched
 *   leaving   the root is off the map, engines may use it until the clear is passed. If another
 *             guest or root needs the place, they may go on: all is followed until then, and then
 *             taken apart. If the guest wants it to go, it leads to scratch at once.
 *
 * The record of a directory that is leaving stays in the map, at level 0 with shadow[0] set, until
 * the place is empty again: so a process that comes in between waits for the clear, too. Part of
 * ppgtt.h, whose table of functions for such a GPU is here; one thread.
 */
#pragma once
#include "services/gtt/directories.h"
#include "services/gtt/ppgtt.h"

enum dir_state { DIR_WAITING, DIR_FILLING, DIR_LIVE, DIR_LEAVING };

struct dir {
    struct ppgtt *ppgtt;
    uint32_t root;   /* slot of its root */
    uint32_t first;  /* of the guest's entries */
    unsigned number; /* of ours; 0: waiting */
    enum dir_state state;
    bool hot;         /* ours is what table says; else it may still be what it was before */
    bool stays;       /* leaving: engines may go on until release is passed */
    unsigned next;    /* filling, leaving: next entry to look at */
    uint64_t release; /* leaving: the clear to be passed */
    TAILQ_ENTRY(dir) link;
    struct shadow *table[DIRECTORY_ENTRIES]; /* NULL: none */
};

extern const struct ppgtt_ops ppgtt_dir_ops;

bool dir_leaves(const struct dir *d);
/* Another one needs its place. */
void dir_evict(struct dir *d);
