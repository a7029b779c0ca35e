/* SPDX-License-Identifier: MIT */
/*
 * sched_ring_ctx.h: the rig of shadow contexts (sched_ctx_rig.h) with a Haswell's guest: a ring, a
 * page for a batch, page directories, render images. Used by sched_ring_take_test.c and
 * sched_ring_image_test.c. One thread.
 */
#pragma once
#include "gen/cmds_gen7.h"
#include "gen/ctx_gen7.h"
#include "services/sched/ring_context.h"
#include "tests/unit/sched_ctx_rig.h"

#define ARENA     512u
#define BYTES     8192u /* of the ring */
#define IMAGE     (RIG_LOW + 0x400000u)
#define OTHER     (RIG_LOW + 0x500000u)
#define USER      (MI_BB_START_GEN7 | MI_BB_PPGTT)
#define DIRECTORY 0x5000u
#define SHADOW    0x7f000u
#define EMPTY     0x7e000u
#define GPR0      0x2600u
#define PRIVATE   0x50000000u /* nobody's */

extern struct rig ring_ctx;
extern uint32_t ring_ctx_asked[4], ring_ctx_lost; /* directories; mask of engines */

/* Of the arena, and of the guest's share of it. */
void ring_ctx_start(uint32_t arena, uint32_t max_pages);
void ring_ctx_make_set(void);
int ring_ctx_setup(void **state);
int ring_ctx_teardown(void **state);
void ring_ctx_put(uint32_t at, const uint32_t *dw, uint32_t n);
struct ring_want ring_ctx_wanted(enum gen8_engine engine, uint32_t from, uint32_t to);
/* Commands at `from`, taken. */
int ring_ctx_take(enum gen8_engine engine, uint32_t from, const uint32_t *dw, uint32_t n,
                  struct ring_piece *p);
/* It is known; shadow 0: no more. */
void ring_ctx_directory(uint32_t guest, uint32_t shadow);
/* The guest's image: as a driver has it, with one value of its own. Where that is, bytes. */
uint32_t ring_ctx_make_image(uint32_t gma, uint32_t value);
uint32_t *ring_ctx_shadow(const struct context *c);
void ring_ctx_done_with(struct context *c);
