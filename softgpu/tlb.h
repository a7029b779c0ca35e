/* SPDX-License-Identifier: MIT */
/*
 * tlb.h: the translation cache of one engine. An entry stays, right or wrong, until something
 * invalidates it, so that a missing invalidation shows as an access to the old page. Look-ups and
 * fills are the engine thread's; any thread may invalidate (that only advances a generation).
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define TLB_SLOTS 4096u

enum tlb_space { TLB_GGTT, TLB_PPGTT, TLB_SPACES };

struct tlb_slot {
    uint64_t page;  /* virtual page number */
    uint64_t entry; /* the table entry as it was walked; 0: slot unused */
    uint64_t gen;
};

struct tlb {
    _Atomic uint64_t gen[TLB_SPACES];
    const _Atomic uint64_t *clock;     /* NULL: none */
    _Atomic uint64_t seen[TLB_SPACES]; /* the clock at the last invalidation */
    struct tlb_slot slot[TLB_SPACES][TLB_SLOTS];
    uint64_t hits, misses;
};

void tlb_init(struct tlb *t);
/* True and the cached entry, or false. */
bool tlb_lookup(struct tlb *t, enum tlb_space space, uint64_t addr, uint64_t *entry);
/* gen: tlb_gen() from before the walk, so that an invalidation during it is not lost. */
uint64_t tlb_gen(struct tlb *t, enum tlb_space space);
void tlb_fill(struct tlb *t, enum tlb_space space, uint64_t addr, uint64_t entry, uint64_t gen);
/* A clock (gtt_clock()) that every invalidation notes; set before the TLB is used. */
void tlb_set_clock(struct tlb *t, const _Atomic uint64_t *clock);
uint64_t tlb_seen(struct tlb *t, enum tlb_space space);
void tlb_invalidate(struct tlb *t, enum tlb_space space);
void tlb_invalidate_all(struct tlb *t);
