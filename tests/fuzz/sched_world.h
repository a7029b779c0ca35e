/* SPDX-License-Identifier: MIT */
/*
 * sched_world.h: vgt-sched between a fake GPU whose engines run what they are given, a gtt that
 * answers, and two guests: GOOD, which submits and checks what it gets, and BAD, which is the
 * fuzz target's. Used by tests/fuzz/sched_lane_fuzz.c. One thread.
 */
#pragma once
#include "services/sched/sched.h"
#include "services/wire/names.h"
#include "services/wire/vggtt.h"
#include "tests/fuzz/peer.h"
#include "tests/unit/sched_eng_sim.h"
#include "vmm/fake/fake.h"

enum { BAD, GOOD, GUESTS };

#define ENGINES   2u  /* of both guests' work: RCS and BCS */
#define PAGES     64u /* of a guest */
#define RING      2u  /* pages of a ring */
#define PART      (1u << 20)
#define LOW(who)  ((16u << 20) + (who)*PART)
#define HIGH(who) ((40u << 20) + (who)*PART)
#define DOMID(w)  (5u + (w))

/* A context as its driver knows it. */
struct work {
    uint64_t desc;
    uint32_t *state; /* in guest memory */
    uint32_t tail;
};

/* One guest as its vgt-mmio sees it. */
struct side {
    struct wire_fds fds; /* ours; the service gets copies */
    struct region vggtt, map, inval;
    struct lane_tx tx;
    struct lane_rx rx;
    struct work work[ENGINES];
    uint32_t hwsp, next_low, next_high;
    uint64_t next_gfn, seq, shown;
    unsigned slot[ENGINES];
};

struct world {
    struct sim sim;
    struct loop *loop;
    struct sched *s;
    struct wire_fds own;
    struct region journal;
    struct lane_rx gtt_rx;
    struct lane_tx gtt_tx;
    uint64_t dma[WIRE_HOST_HIGH / 4096]; /* entries of the host's high share */
    struct fake_guest *ram[GUESTS];
    struct side side[GUESTS];
    uint64_t generation;
    bool hog;             /* what BAD runs neither ends nor gives way */
    unsigned up, gone;    /* gone: guests that left for good */
    unsigned told, hangs; /* of this run: lanes of BAD said to be broken; its engine hangs */
    unsigned restarts;
};

void sched_world_make(struct world *w);
/* Both come, as new. */
void sched_world_guests(struct world *w);
void sched_world_turn(struct world *w);
/* The service dies and another goes on. */
void sched_world_restart(struct world *w);
/* A context has more to run. */
void sched_world_more(struct work *k);
/* GOOD submits to the engine, and gets what it should. */
void sched_world_good(struct world *w, unsigned engine);
/* gtt cleared entries of both; what is GOOD's is acknowledged. */
void sched_world_clear(struct world *w);
/* Both go, and nothing is left. */
void sched_world_leave(struct world *w);
