/* SPDX-License-Identifier: MIT */
/*
 * tlb.h: the TLB rule in numbers. What an entry named before it was cleared may be let go only when
 * every engine's TLB was invalidated after the clear. Clears of one batch share a sequence: the
 * value gtt_map.clear_seq takes when the batch is committed. Owned by one guest's object; the
 * service's loop only, the words themselves are shared memory.
 */
#pragma once
#include "services/wire/gtt_map.h"

#include <stdbool.h>
#include <stddef.h>

#define TLB_READERS 2u /* sched; display, while it scans out */

struct tlb {
    struct gtt_map *map;
    const struct gtt_inval *inval[TLB_READERS]; /* NULL: nobody there whose TLB could hold us */
    bool dirty;                                 /* something was cleared in the running batch */
};

/* Something reachable was cleared just now: the sequence that must be passed to let it go. */
static inline uint64_t tlb_clear(struct tlb *t)
{
    t->dirty = true;
    return __atomic_load_n(&t->map->clear_seq, __ATOMIC_RELAXED) + 1;
}

/* The running batch's writes are in memory (after gpu_gtt_flush): publish its sequence. */
static inline void tlb_commit(struct tlb *t)
{
    if (t->dirty)
        __atomic_fetch_add(&t->map->clear_seq, 1, __ATOMIC_RELEASE);
    t->dirty = false;
}

/* Clears up to here may be let go. A reader that claims more than was published proves nothing. */
static inline uint64_t tlb_done(const struct tlb *t)
{
    uint64_t last = __atomic_load_n(&t->map->clear_seq, __ATOMIC_RELAXED), least = last;

    for (size_t i = 0; i < TLB_READERS; i++) {
        uint64_t done;

        if (!t->inval[i])
            continue;
        done = __atomic_load_n(&t->inval[i]->done_seq, __ATOMIC_ACQUIRE);
        if (done > last)
            done = 0;
        least = done < least ? done : least;
    }
    return least;
}
