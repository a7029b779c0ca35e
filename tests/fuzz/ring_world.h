/* SPDX-License-Identifier: MIT */
/*
 * ring_world.h: vgt-sched on a fake Haswell (ring_sim.h), a gtt that answers, and two guests: GOOD,
 * which puts requests into its rings and checks what becomes of them, and BAD, which is the fuzz
 * target's. Used by tests/fuzz/sched_ring_fuzz.c. One thread.
 */
#pragma once
#include "services/sched/sched.h"
#include "services/wire/vggtt.h"
#include "tests/fuzz/peer.h"
#include "tests/fuzz/ring_sim.h"
#include "vmm/fake/fake.h"

enum { BAD, GOOD, GUESTS };

#define ENGINES    2u /* of both guests' work: RCS and BCS, as in gen/ */
#define PAGES      64u
#define PART       (1u << 20)
#define LOW(who)   ((16u << 20) + (who)*PART) /* the partition; frames are in order */
#define DOMID(who) (5u + (who))
#define RING_BYTES 8192u

/* Pages of a guest. */
enum { PAGE_IMAGE = 0, PAGE_RING = 34, PAGE_HWSP = 38, PAGE_BATCH = 40, PAGE_FREE = 42 };
#define IMAGE(who, i)  (LOW(who) + (PAGE_IMAGE + 17 * (i)) * 4096)
#define RING(who, e)   (LOW(who) + (PAGE_RING + 2 * (e)) * 4096)
#define HWSP(who, e)   (LOW(who) + (PAGE_HWSP + (e)) * 4096)
#define BATCH(who, e)  (LOW(who) + (PAGE_BATCH + (e)) * 4096)
#define DIRECTORY(who) (LOW(who) / 4096 + 128)
#define SHADOW(who)    (SIM_DIRECTORIES + 512 * (1 + (who)))
#define DIRECTORY_SLOT 5u
#define SEQNO          0x40u

/* One guest as its vgt-mmio sees it. */
struct side {
    struct wire_fds fds; /* ours; the service gets copies */
    struct region vggtt, map, inval, bad;
    struct lane_tx tx;
    struct lane_rx rx;
    uint64_t seq;
    uint32_t tail[ENGINES], done[ENGINES]; /* of the ring; HEAD as told */
    uint32_t requests[ENGINES];
};

struct world {
    struct ring_sim sim;
    struct loop *loop;
    struct sched *s;
    struct wire_fds own;
    struct region journal;
    struct lane_rx gtt_rx;
    struct lane_tx gtt_tx;
    struct fake_guest *ram[GUESTS];
    struct side side[GUESTS];
    uint64_t generation;
    bool hog; /* what BAD runs does not end */
    unsigned up, gone, told, hangs, restarts;
};

void ring_world_make(struct world *w);
/* Both come, as new. */
void ring_world_guests(struct world *w);
void ring_world_turn(struct world *w);
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
/* gtt cleared entries of both; what is GOOD's is acknowledged. */
void ring_world_clear(struct world *w);
/* Both go, and nothing is left. */
void ring_world_leave(struct world *w);
