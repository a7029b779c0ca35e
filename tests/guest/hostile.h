/* SPDX-License-Identifier: MIT */
/*
 * hostile.h: what the attacks of hostile.c and hostile_gen7.c share: who attacks, and where its
 * random values come from. The first thread only, but for hostile_rnd() of a state of one's own.
 */
#pragma once
#include "tests/guest/bare.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct rng {
    uint64_t state; /* never 0 */
};

struct hostile {
    struct bare v;
    struct rng rng;
    atomic_bool stop;
    unsigned long attacks;
    uint64_t seed;
};

/* Attack for so long, with h->v set up; then behave once. Prints "VGT: hostile_KEY=VALUE"; the same
 * seed makes the same attacks of the first thread. 0: it was served; 1: it was not; 2: no thread.
 */
int hostile_run(struct hostile *h, double seconds, uint64_t seed);

/* Below a limit above 0. */
uint32_t hostile_rnd(struct rng *r, uint32_t below);
/* A frame of ours, the device's, the interrupt controller's, or one that is nowhere: nothing of
 * what this kernel lives on. */
uint64_t hostile_gfn(const struct bare *v, struct rng *r);
/* A global graphics address, mostly of our pages; of others, too. */
uint32_t hostile_gma(const struct bare *v, struct rng *r);
/* What a register might take. */
uint32_t hostile_value(const struct bare *v, struct rng *r);
/* A register's offset: anywhere; an engine's base. */
uint32_t hostile_register(struct rng *r);
uint32_t hostile_engine(struct rng *r);

/* ---- Haswell's (hostile_gen7.c) */

/* Page directories of ours, of others' and of nobody's entries, by register and by command, and a
 * batch that looks through one of them. */
void hostile_directories(struct hostile *h);
/* MI_SET_CONTEXT to images full of register loads. */
void hostile_images(struct hostile *h);
