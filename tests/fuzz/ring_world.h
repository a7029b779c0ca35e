/* SPDX-License-Identifier: MIT */
/*
 * ring_world.h: vgt-sched on a fake Haswell (ring_sim.h) between the ends of sched_ends.h, whose
 * guests put requests into their rings. Used by tests/fuzz/sched_ring_fuzz.c. One thread.
 */
#pragma once
#include "tests/fuzz/ring_sim.h"
#include "tests/fuzz/sched_ends.h"

#define RING_BYTES 8192u

/* Pages of a guest; its frames are in order in its part. */
enum { PAGE_IMAGE = 0, PAGE_RING = 34, PAGE_HWSP = 38, PAGE_BATCH = 40, PAGE_FREE = 42 };
#define IMAGE(who, i)  (LOW(who) + (PAGE_IMAGE + 17 * (i)) * 4096)
#define RING(who, e)   (LOW(who) + (PAGE_RING + 2 * (e)) * 4096)
#define HWSP(who, e)   (LOW(who) + (PAGE_HWSP + (e)) * 4096)
#define BATCH(who, e)  (LOW(who) + (PAGE_BATCH + (e)) * 4096)
#define DIRECTORY(who) (LOW(who) / 4096 + 128)
#define SHADOW(who)    (SIM_DIRECTORIES + 512 * (1 + (who)))
#define DIRECTORY_SLOT 5u
#define SEQNO          0x40u

/* What a guest has. */
struct side {
    uint64_t seq;
    uint32_t tail[ENGINES], done[ENGINES]; /* of the ring; HEAD as told */
    uint32_t requests[ENGINES];
};

struct world {
    struct ends ends;
    struct ring_sim sim;
    struct side side[GUESTS];
    bool hog; /* what BAD runs does not end */
};

void ring_world_make(struct world *w);
/* Both come, as new. */
void ring_world_guests(struct world *w);
/* The service dies and another goes on; BAD may come later than GOOD. */
void ring_world_restart(struct world *w, bool late);
/* A dword more in the guest's ring; and what is in it is to be run. */
void ring_world_put(struct world *w, unsigned who, unsigned engine, uint32_t dw);
void ring_world_tail(struct world *w, unsigned who, unsigned engine);
/* A request as the stock driver makes them. */
void ring_world_request(struct world *w, unsigned who, unsigned engine);
/* One of GOOD, which is served. */
void ring_world_good(struct world *w, unsigned engine);
void ring_world_ring(struct world *w, unsigned who, unsigned engine);
/* Both go, and nothing is left. */
void ring_world_leave(struct world *w);
