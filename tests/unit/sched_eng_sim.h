/* SPDX-License-Identifier: MIT */
/*
 * sched_eng_sim.h: the engines of a fake GPU as the test wants them: the submit port is noted, the
 * test says when a list is taken and when a context ends, and the status registers, interrupts and
 * resets follow as on hardware. One thread.
 */
#pragma once
#include "gen/ctx_gen8.h"
#include "gpu/fake/fake.h"

struct sim_engine {
    uint32_t port[4];
    unsigned port_count;
    uint64_t pending[2], run[2];
    bool has_pending, active;
    unsigned at, submissions, resets;
};

struct sim {
    struct gpu_fake *fake;
    struct sim_engine engine[GEN8_ENGINES];
    unsigned full_resets, flushes; /* flushes: TLB invalidations of the render engine */
    bool no_ack;                   /* lists are taken by sim_take() only, else at once when idle */
    bool deaf;                     /* no interrupts */
    bool flush_hangs;
    unsigned dies_at; /* dwords of a list that get into the port; 0: all */
};

/* Hooks on a new fake of generation 8. */
void sim_init(struct sim *s);

/* The pending list is taken: IDLE_TO_ACTIVE, or PREEMPTED (lite if the context stays). */
void sim_take(struct sim *s, unsigned engine);
/* The running context ends; a pending list is taken at once unless no_ack. */
void sim_complete(struct sim *s, unsigned engine);
/* The running context waits for a semaphore and the other element runs. */
void sim_wait(struct sim *s, unsigned engine);
void sim_user_interrupt(struct sim *s, unsigned engine);
/* It moves: ACTHD changes. */
void sim_move(struct sim *s, unsigned engine);
