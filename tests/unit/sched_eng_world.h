/* SPDX-License-Identifier: MIT */
/*
 * sched_eng_world.h: vgt-sched without its wiring over a simulated engine and shadow contexts
 * without memory, with one guest, domain 5, and gtt at the other end of the lanes. What processes
 * share outlives them, so one may be ended and another started. One thread.
 */
#pragma once
#include "services/sched/sched.h"
#include "tests/unit/sched_eng_sim.h"
#include "tests/unit/sched_eng_stub.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define WORLD_MS   1000000ull
#define DESC(n)    ((uint64_t)(n) << 32 | 0x100000u | (n) << 12 | 0x119)
#define LANE_SLOTS 16u

struct world {
    struct sim sim;
    struct loop *loop;
    struct sched *s;
    struct wire_fds own, guest; /* the broker's copies */
    struct lane_rx gtt_rx;
    struct lane_tx gtt_tx;
    struct lane_tx mmio_tx;
    struct lane_rx mmio_rx;
    struct region map, inval, bad;
    bool no_quarantine;
    unsigned maps, pages, roots, up, gone, gone_final, broken;
    int failed;
    uint64_t seq;
};
extern struct world w;

int world_setup(void **state);
int world_teardown(void **state);
/* A process; it is up after world_come_up(). 0 or -errno of sched_device(). */
int world_start(void);
void world_turns(unsigned n);
/* gtt's part: take requests, answer the last. */
void world_gtt_serves(bool answer);
void world_come_up(void);
/* The guest's first attach, or that to another process. */
void world_add_guest(bool restart);
/* Its parts: descriptors into w.guest; and the attach, 0 or -errno. */
void world_give_guest(void);
int world_try_guest(bool restart);
struct sched_guest *world_guest(void);
/* To the blitter's port; and with time to be taken. */
void world_put(uint64_t desc0, uint64_t desc1);
void world_elsp(uint64_t desc0, uint64_t desc1);
/* What vgt-mmio is sent; kind 0: nothing. */
struct sched_mmio world_next(void);
void world_clear_entries(void);
uint64_t world_acknowledged(void);
