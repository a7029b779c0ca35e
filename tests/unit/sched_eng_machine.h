/* SPDX-License-Identifier: MIT */
/*
 * sched_eng_machine.h: vgt-sched's engines and arena on softgpu (sched_eng_silicon.h), without the
 * service: guests are a test's, which gets turns as the service's loop takes them. Used by
 * sched_eng_silicon_test.c and sched_ring_rig.c. One thread beside the engines'.
 */
#pragma once
#include "services/sched/engine.h"
#include "tests/unit/sched_eng_silicon.h"

#define MACHINE_ENGINES     2u /* RCS and BCS */
#define MACHINE_ARENA_PAGES (2 * ARENA_BLOCK_PAGES)

struct machine {
    struct silicon silicon; /* set up before all the rest */
    struct hw hw;
    struct arena *arena;
    struct arena_range hwsp[GEN8_ENGINES];
    struct sched_journal *journal;
    struct engine engine[MACHINE_ENGINES];
    struct engine_guests ring; /* all there are */
    uint64_t time; /* not 0: what the scheduler is told it is, whatever the clock says */
};

/* A guest's lanes: the driver's ends, as vgt-mmio has them, are given. */
struct machine_lanes {
    int fd[6];
    struct lane_tx tx;
    struct lane_rx rx;
};

extern const struct log machine_quiet;

/* Engines of the mask are halted, the arena is there. */
void machine_init(struct machine *m, uint32_t mask);
void machine_engine(struct machine *m, unsigned e, uint64_t quantum, uint64_t watchdog);
void machine_free(struct machine *m);
uint64_t machine_now(const struct machine *m);
void machine_turn(struct machine *m);
void machine_commit(void *machine);
struct guest_hooks machine_hooks(struct machine *m);
/* down: slots of the lane to the driver. */
void machine_lanes_open(struct machine_lanes *l, uint32_t down, struct lane_tx *driver_tx,
                        struct lane_rx *driver_rx);
void machine_lanes_close(struct machine_lanes *l, struct lane_tx *driver_tx,
                         struct lane_rx *driver_rx);
void machine_nothing_counted(const struct account *a);
