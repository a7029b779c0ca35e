/* SPDX-License-Identifier: MIT */
/*
 * sched_ring_rig.h: two guests with drivers (sched_ring_driver.h) and their contexts on softgpu's
 * Haswell engines, and turns as the service's loop takes them. One thread beside the engines'.
 */
#pragma once
#include "services/sched/engine.h"
#include "services/wire/names.h"
#include "tests/unit/sched_ring_driver.h"

#define GUESTS      2u
#define ENGINES     RING_ENGINES
#define PAGE        4096u
#define MS          1000000ull
#define LIMIT       (200000 * MS)
#define ENTRIES     (1u << 19)
#define DIRECTORIES (ENTRIES - (WIRE_HOST_HIGH + WIRE_HOST_DIRECTORIES) / PAGE)

struct player {
    struct ring_driver driver;
    struct guest guest;
    struct account account;
    struct context_set *contexts;
    struct vggtt *vggtt;
    struct gtt_map *map;
    struct gtt_inval inval;
    unsigned asked;
    int fd[6];
    struct lane_tx tx;
    struct lane_rx rx;
};

struct ring_rig {
    struct silicon silicon;
    struct hw hw;
    struct arena *arena;
    struct arena_range hwsp[GEN8_ENGINES], pages[GEN8_ENGINES];
    struct sched_journal *journal;
    struct engine engine[ENGINES];
    struct engine_guests ring;
    struct player player[GUESTS];
    uint64_t time; /* not 0: what the scheduler is told it is, whatever the clock says */
};
extern struct ring_rig ring_rig;

/* Engines are up, both guests' rings started. */
void ring_rig_start(uint64_t quantum, uint64_t watchdog);
/* All leave: nobody keeps anything. */
void ring_rig_stop(void);
void ring_rig_leave(struct player *p);
void ring_rig_turn(void);
/* The players of the mask until all of their requests have run. */
void ring_rig_play(uint32_t players);
void ring_rig_nothing_counted(const struct player *p);
uint64_t ring_rig_now(void);
void ring_rig_commit(void *ctx);
