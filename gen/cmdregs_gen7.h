/* SPDX-License-Identifier: MIT */
/*
 * The registers that gen7.5's commands may touch; see cmdregs.h for what a rule says. Haswell
 * saves few of them: those outside the render engine's image are the scheduler's to store and load
 * when an engine changes hands. Used by audit_gen7, ctx_gen7 and services/sched; constants, any
 * thread.
 *
 * Sources: what i915 emits itself and lets its users' batches do (its command parser's lists), and
 * Mesa's Haswell drivers. What an image holds is the list of softgpu, which has it from the PRM
 * (vol. 7, "Register State Context"); no image of real hardware has been seen.
 */
#pragma once

#include "gen/cmdregs.h"

/* The rule for byte offset `reg` in a command of `engine`, or NULL: not to be touched. */
const struct cmdreg *cmdregs_gen7_find(enum gen8_engine engine, uint32_t reg);

/* Rule `i`, NULL behind the last: for listings, and for who makes an image. */
const struct cmdreg *cmdregs_gen7_row(size_t i);

/* A register to be stored when an engine changes hands, and loaded. */
struct cmdregs_gen7_switch {
    uint32_t reg; /* byte offset in BAR0 */
    bool masked;  /* what is loaded has a write mask in its upper half: all ones there */
};

/*
 * The i-th register of `engine` that its commands may change and no image holds. False behind the
 * last. One who has never run gets what the registers held before the first guest.
 */
bool cmdregs_gen7_switch(enum gen8_engine engine, size_t i, struct cmdregs_gen7_switch *out);
