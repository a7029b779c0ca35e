/* SPDX-License-Identifier: MIT */
/*
 * sched_ring_life.h: processes that die (sched_eng_life.h) on softgpu's Haswell engines, at
 * accesses to registers and at crash points of the files that are built with them, and two guests
 * with drivers (sched_ring_driver.h). Used by sched_ring_crash_test.c and sched_ring_left_test.c.
 * One thread beside the engines'.
 */
#pragma once
#include "tests/unit/sched_eng_life.h"
#include "tests/unit/sched_ring_driver.h"

#define GUESTS      LIFE_GUESTS
#define PAGE        4096u
#define MS          1000000ull
#define LIMIT       (200000 * MS) /* a bound, not a measure: sanitizers on a busy machine */
#define ENTRIES     (1u << 19)
#define DIRECTORIES (ENTRIES - (WIRE_HOST_HIGH + WIRE_HOST_DIRECTORIES) / PAGE)
#define OURS        (GEN8_ENGINES + RING_ENGINES * HW_RING_BYTES / PAGE) /* numbers, rings */

extern struct ring_driver ring_life_driver[GUESTS];

/* Random numbers begin there; most passings of accesses and points between two deaths. */
void ring_life_setup(uint32_t random, unsigned rhythm);
void ring_life_teardown(void);
/* All of both guests' requests; or until so many deaths, and then there is no process. */
void ring_life_play(void);
void ring_life_play_until_death(unsigned deaths);
void ring_life_check_guests(void);
/* A process that lives, without guests; turns of it. */
void ring_life_begin_for_good(void);
void ring_life_some_turns(void);
/* The guests that are here leave, and nothing of the arena is anybody's. */
void ring_life_leave(void);
