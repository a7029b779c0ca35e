/* SPDX-License-Identifier: MIT */
/*
 * tlb.c: direct-mapped cache with a generation per address space. A look-up compares the slot's
 * generation with the current one, so invalidating is one atomic addition from any thread.
 */
#include "softgpu/tlb.h"

#include <string.h>

void tlb_init(struct tlb *t)
{
    memset(t->slot, 0, sizeof(t->slot));
    t->hits = 0;
    t->misses = 0;
    t->clock = NULL;
    for (int i = 0; i < TLB_SPACES; i++) {
        atomic_store(&t->gen[i], 1);
        atomic_store(&t->seen[i], 0);
    }
}

static struct tlb_slot *slot_of(struct tlb *t, enum tlb_space space, uint64_t addr)
{
    return &t->slot[space][(addr >> 12) % TLB_SLOTS];
}

uint64_t tlb_gen(struct tlb *t, enum tlb_space space)
{
    return atomic_load_explicit(&t->gen[space], memory_order_acquire);
}

bool tlb_lookup(struct tlb *t, enum tlb_space space, uint64_t addr, uint64_t *entry)
{
    struct tlb_slot *s = slot_of(t, space, addr);

    if (!s->entry || s->page != addr >> 12 || s->gen != tlb_gen(t, space)) {
        t->misses++;
        return false;
    }
    t->hits++;
    *entry = s->entry;
    return true;
}

void tlb_fill(struct tlb *t, enum tlb_space space, uint64_t addr, uint64_t entry, uint64_t gen)
{
    struct tlb_slot *s = slot_of(t, space, addr);

    s->page = addr >> 12;
    s->entry = entry;
    s->gen = gen;
}

void tlb_set_clock(struct tlb *t, const _Atomic uint64_t *clock)
{
    t->clock = clock;
}

uint64_t tlb_seen(struct tlb *t, enum tlb_space space)
{
    return atomic_load_explicit(&t->seen[space], memory_order_acquire);
}

/* Two threads may invalidate at once: the later time stays. */
static void note_time(struct tlb *t, enum tlb_space space)
{
    uint64_t now = t->clock ? atomic_load(t->clock) : 0, seen = atomic_load(&t->seen[space]);

    while (seen < now && !atomic_compare_exchange_weak(&t->seen[space], &seen, now))
        ;
}

void tlb_invalidate(struct tlb *t, enum tlb_space space)
{
    note_time(t, space);
    atomic_fetch_add_explicit(&t->gen[space], 1, memory_order_acq_rel);
}

void tlb_invalidate_all(struct tlb *t)
{
    tlb_invalidate(t, TLB_GGTT);
    tlb_invalidate(t, TLB_PPGTT);
}
