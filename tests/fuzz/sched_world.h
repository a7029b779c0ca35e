/* SPDX-License-Identifier: MIT */
/*
 * sched_world.h: vgt-sched between a fake GPU whose engines run what they are given, and the ends
 * of sched_ends.h, whose guests have contexts to submit. Used by tests/fuzz/sched_lane_fuzz.c. One
 * thread.
 */
#pragma once
#include "tests/fuzz/sched_ends.h"
#include "tests/unit/sched_eng_sim.h"

#define RING 2u /* pages of a ring */

/* A context as its driver knows it. */
struct work {
    uint64_t desc;
    uint32_t *state; /* in guest memory */
    uint32_t tail;
};

/* What a guest has. */
struct side {
    struct work work[ENGINES];
    uint32_t hwsp, next_low, next_high;
    uint64_t next_gfn, seq, shown;
    unsigned slot[ENGINES];
};

struct world {
    struct ends ends;
    struct sim sim;
    uint64_t dma[WIRE_HOST_HIGH / 4096]; /* entries of the host's high share */
    struct side side[GUESTS];
    bool hog; /* what BAD runs neither ends nor gives way */
};

void sched_world_make(struct world *w);
/* Both come, as new. */
void sched_world_guests(struct world *w);
/* The service dies and another goes on. */
void sched_world_restart(struct world *w);
/* A context has more to run. */
void sched_world_more(struct work *k);
/* GOOD submits to the engine, and gets what it should. */
void sched_world_good(struct world *w, unsigned engine);
/* Both go, and nothing is left. */
void sched_world_leave(struct world *w);
