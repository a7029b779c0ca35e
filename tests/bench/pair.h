/* SPDX-License-Identifier: MIT */
/*
 * pair.h: two processes on two processors, for the lanes' benchmarks: the caller's, and a child
 * that does what it is given and says how many errors it saw. They share a piece of memory.
 */
#pragma once
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/bench/bench.h"

struct pair {
    const struct bench *bench;
    void *shared; /* zeroed before each run */
    size_t size;
    struct pair_state *state;
};

/* Nanoseconds from when both were ready until the other end has returned too. mine() runs here, on
 * cpu[0]; other() in a child, on cpu[1], and returns how many errors it saw. */
typedef void pair_mine(void *ctx, uint64_t n);
typedef uint64_t pair_other(void *ctx, uint64_t n);

void pair_init(struct pair *p, const struct bench *b, size_t size);
double pair_run(struct pair *p, pair_mine *mine, pair_other *other, void *ctx, uint64_t n);

static inline void pair_relax(void)
{
    __builtin_ia32_pause();
}
