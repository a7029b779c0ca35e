/* SPDX-License-Identifier: MIT */
/*
 * sched_ring_rig.h: two guests with drivers (sched_ring_driver.h) and their contexts on softgpu's
 * Haswell engines, and turns as the service's loop takes them. One thread beside the engines'.
 */
#pragma once
#include "services/wire/names.h"
#include "tests/unit/sched_eng_machine.h"
#include "tests/unit/sched_ring_driver.h"

#define GUESTS      2u
#define ENGINES     MACHINE_ENGINES
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
    struct machine_lanes lanes;
};

struct ring_rig {
    struct machine machine;
    struct arena_range pages[GEN8_ENGINES]; /* the engines' rings */
    struct player player[GUESTS];
};
extern struct ring_rig ring_rig;

/* Engines are up, both guests' rings started. */
void ring_rig_start(uint64_t quantum, uint64_t watchdog);
/* All leave: nobody keeps anything. */
void ring_rig_stop(void);
void ring_rig_leave(struct player *p);
/* The players of the mask until all of their requests have run. */
void ring_rig_play(uint32_t players);
