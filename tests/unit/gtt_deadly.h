/* SPDX-License-Identifier: MIT */
/*
 * gtt_deadly.h: inputs that kill vgt-gtt. A child process takes a guest over and dies inside one of
 * the seams' calls; nothing of it is left but the table of lib/quarantine.h, which is shared. Used
 * by gtt_quarantine_test.c and gtt7_quarantine_test.c. One thread, beside the fixture's workers.
 */
#pragma once
#include "tests/unit/gtt_fixture.h"

extern struct quarantine deadly_quarantine; /* of the process that lives */
extern struct quarantine_table *deadly_table;
extern bool deadly_pins;                   /* pinning the deadly frame kills */
extern const struct gpu_ops *deadly_under; /* the device without what kills */

/* A new table. gfn: the frame; wrap: makes other calls of the device deadly, too, or NULL. */
void deadly_begin(uint64_t gfn, void (*wrap)(struct gpu_ops *ops));
/* The fixture goes, too. */
void deadly_end(struct rig *r);
/* A new process: its device is wrapped before it takes the guest up, so it may die in that. */
void deadly_born(struct rig *r);
/* A process takes over and does that. True: it dies of it. */
bool deadly_dies(struct rig *r, void (*what)(struct rig *r));
/* And one that only takes over. */
void deadly_nothing(struct rig *r);
struct quarantine_item deadly_only_item(void);
