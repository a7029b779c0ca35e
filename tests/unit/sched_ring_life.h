/* SPDX-License-Identifier: MIT */
/*
 * sched_ring_life.h: the whole of vgt-sched on softgpu's Haswell engines, two guests with drivers
 * (sched_ring_driver.h), and processes that die: at any access to a register, or at a crash point
 * of the files that are built with them. A death is a jump out of the process's code, as in
 * sched_eng_crash_test.c. Used by sched_ring_crash_test.c and sched_ring_left_test.c. One thread
 * beside the engines'.
 */
#pragma once
#include "services/sched/sched.h"
#include "services/wire/names.h"
#include "tests/unit/sched_ring_driver.h"

#define GUESTS      2u
#define PAGE        4096u
#define MS          1000000ull
#define DEATHS      600u
#define LIMIT       (200000 * MS) /* a bound, not a measure: sanitizers on a busy machine */
#define MASK        (GEN8_M_RCS | GEN8_M_BCS)
#define ENTRIES     (1u << 19)
#define DIRECTORIES (ENTRIES - (WIRE_HOST_HIGH + WIRE_HOST_DIRECTORIES) / PAGE)
#define ARENA_PAGES (2 * ARENA_BLOCK_PAGES)
#define OURS        (GEN8_ENGINES + RING_ENGINES * HW_RING_BYTES / PAGE) /* numbers, rings */

struct seat {
    struct ring_driver driver;
    struct wire_fds fds; /* the broker's copies */
    struct region vggtt, map, inval;
    bool known; /* to the living process */
    bool met;   /* to any */
};

struct ring_life {
    struct silicon silicon;
    struct loop *loop;
    struct sched *s;
    struct wire_fds own;
    struct lane_rx gtt_rx;
    struct lane_tx gtt_tx;
    struct seat seat[GUESTS];
    jmp_buf death;
    bool armed;
    unsigned left, deaths, gone; /* passings until the next death; how many there were */
    unsigned at_points;          /* of them at crash points */
    unsigned rhythm;             /* passings between deaths, at most */
    uint32_t random;
};
extern struct ring_life ring_life;

/* Random numbers begin there; most passings of accesses and points between two deaths. */
void ring_life_setup(uint32_t random, unsigned rhythm);
void ring_life_teardown(void);
uint32_t ring_life_roll(uint32_t n);
/* All of both guests' requests; or until so many deaths, and then there is no process. */
void ring_life_play(void);
void ring_life_play_until_death(unsigned deaths);
void ring_life_check_guests(void);
/* A process that lives, without guests; one comes; turns of it. */
void ring_life_begin_for_good(void);
void ring_life_add(unsigned n);
void ring_life_some_turns(void);
void ring_life_end(void);
/* The guests that are here leave, and nothing of the arena is anybody's. */
void ring_life_leave(void);
