/* SPDX-License-Identifier: MIT */
/*
 * sched_eng_life.h: the whole of vgt-sched on softgpu's engines, what the broker keeps for it and
 * for two guests, and processes that die: at any access to a register, or where a test says. A
 * death is a jump out of the process's code; its memory is then given back untouched, but for the
 * loop, which was in the middle of things. Guests' drivers are the test's. Used by
 * sched_eng_crash_test.c and sched_ring_life.c. One thread beside the engines'.
 */
#pragma once
#include "services/sched/sched.h"
#include "services/wire/names.h"
#include "tests/unit/sched_eng_silicon.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define LIFE_GUESTS      2u
#define LIFE_ARENA_PAGES (2 * ARENA_BLOCK_PAGES)
#define LIFE_GONE        7u /* the id of a removal */

struct life_config {
    void (*silicon)(struct silicon *s); /* silicon_setup() or its sister */
    uint32_t mask;                      /* of engines */
    uint32_t partition;                 /* bytes of GGTT of each guest */
    bool rings;                         /* Haswell */
    uint32_t slots;                     /* of a guest's lanes */
    uint32_t random;                    /* random numbers begin there */
    unsigned first, rhythm;             /* passings until the first death; between two, at most */
    unsigned deaths;                    /* at most */
};

/* One guest. */
struct life_seat {
    struct wire_fds fds; /* the broker's copies */
    struct region vggtt, map, inval;
    bool known; /* to the living process */
    bool met;   /* to any */
};

struct life {
    struct life_config c;
    struct silicon silicon;
    struct loop *loop;
    struct sched *s;
    struct wire_fds own;
    struct lane_rx gtt_rx;
    struct lane_tx gtt_tx;
    struct life_seat seat[LIFE_GUESTS];
    jmp_buf death;
    bool armed;
    unsigned left, deaths, gone; /* passings until the next death; how many there were */
    unsigned at_points;          /* of them at crash points */
    uint32_t random;
};
extern struct life life;

void life_setup(const struct life_config *c);
/* After the drivers have given up their ends. */
void life_teardown(void);
uint32_t life_roll(uint32_t n);
/* The process is at a place where it may die; point: a crash point. */
void life_passing(bool point);
/* The ends of a guest's lanes that vgt-mmio has. */
void life_lanes(unsigned n, struct lane_tx *tx, struct lane_rx *rx);
/* A process that lives; a guest comes to it; it is gone. */
void life_begin(void);
void life_add(unsigned n);
void life_end(void);
/* One turn of the process, which it may not survive. */
void life_turn(void);
/* gtt enters the arena, answers the last. */
void life_gtt_serves(void);
/* Both are there, none is hung, and nothing is counted. */
void life_check_guests(void);
