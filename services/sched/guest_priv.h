/* SPDX-License-Identifier: MIT */
/*
 * guest_priv.h: what guest.c and guest_ring.c share: how a guest's virtual engines take their work,
 * as pairs of contexts (Broadwell, guest.c) or from rings (Haswell, guest_ring.c).
 */
#pragma once
#include "services/sched/guest.h"

typedef void guest_entry(struct guest *g, const struct mmio_sched *m);

#define GUEST_KINDS_OF_ENTRIES (MMIO_SCHED_TAIL + 1)

struct guest_kind {
    guest_entry *take[GUEST_KINDS_OF_ENTRIES]; /* by enum mmio_sched_kind; NULL: no such entry */
    /* Of one virtual engine: as far as it goes itself, could something of it run? */
    bool (*wants)(const struct guest *g, unsigned engine);
    /* Something of it is not given to the engine yet, and may come without a word. */
    bool (*waits)(const struct guest *g, unsigned engine);
    /* Nothing of it is left to be done. */
    bool (*idle)(const struct guest *g, unsigned engine);
    void (*reset)(struct guest *g, unsigned engine);
};
extern const struct guest_kind guest_pairs, guest_rings;

/* guest.c: what is the guest's alone; hooks.reset is to follow. */
void guest_reset_engine(struct guest *g, unsigned engine);
guest_entry guest_take_reset, guest_take_hwsp;
/* Counted. */
void guest_bad_entry(struct guest *g, const struct mmio_sched *m);
