/* SPDX-License-Identifier: MIT */
/*
 * pins.h: which frames of one guest the GPU may reach. The seam's pins are a set; here they are
 * counted, one reference per shadow entry that names the frame. A frame whose last reference went
 * waits in a queue until the TLB rule allows the unpin. Called by ggtt and shadow; one thread.
 */
#pragma once
#include "gpu/gpu.h"
#include "services/gtt/hash.h"
#include "services/gtt/tlb.h"

#include <sys/queue.h>

struct pin;
TAILQ_HEAD(pin_queue, pin);

struct pins {
    struct gpu *gpu;
    struct tlb *tlb;
    uint16_t domid;
    uint64_t max; /* frames pinned at once, waiting ones included */
    struct hash table;
    struct pin_queue queue;
    uint64_t refs;
    bool adopted; /* pins of a former process, not yet swept */
};

/* Nothing pinned yet. 0 or -ENOMEM. gpu and tlb are borrowed. */
int pins_init(struct pins *p, struct gpu *gpu, struct tlb *tlb, uint16_t domid, uint64_t max);

/* After a restart: take over the domain's pins behind the fd, without references. Everything that
 * is not referenced again before pins_sweep() is then let go by the TLB rule. -errno. */
int pins_adopt(struct pins *p);
void pins_sweep(struct pins *p);

/* One more reference to gfn; *dma gets its bus address. -ENXIO no RAM there, -ENOSPC the guest's
 * or the device's limit, or another -errno of the seam; no reference is held then. */
int pins_get(struct pins *p, uint64_t gfn, uint64_t *dma);

/* One reference less; the shadow entry that held it is overwritten already. */
void pins_put(struct pins *p, uint64_t gfn);

/* Unpin what the TLB rule allows. Returns how many frames still wait. */
uint64_t pins_reap(struct pins *p);

/* Frees the records; pins the seam holds stay (a crash, or the domain is unpinned as a whole). */
void pins_forget(struct pins *p);
