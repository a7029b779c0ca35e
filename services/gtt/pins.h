/* SPDX-License-Identifier: MIT */
/*
 * pins.h: which frames of one guest the GPU may reach. The seam's pins are a set; here they are
 * counted, one reference per shadow entry that names the frame. A frame whose last reference went
 * waits in a queue until the TLB rule allows the unpin.
 *
 * Called by ggtt and shadow in the service's loop. The functions said to be for any thread are for
 * the workers of fetch.h: they look frames up while the loop enters and drops them, so their table
 * is liburcu's and a dropped pin is freed after a grace period; the loop has a plain one beside it.
 * Every thread, the loop's too, is registered with urcu_memb_register_thread().
 */
#pragma once
#include "gpu/gpu.h"
#include "services/gtt/hash.h"
#include "services/gtt/tlb.h"

#include <stdatomic.h>
#include <sys/queue.h>

struct cds_lfht;
struct pin;
TAILQ_HEAD(pin_queue, pin);

struct pins {
    struct gpu *gpu;
    struct tlb *tlb;
    uint16_t domid;
    uint64_t max;          /* frames pinned at once, waiting ones included */
    _Atomic uint64_t held; /* so many are, or are about to be */
    struct hash own;       /* all that are held, for the loop; the same, for workers: */
    struct cds_lfht *table;
    uint64_t buckets;
    struct pin_queue queue;
    uint64_t refs;
    bool adopted;     /* pins of a former process, not yet swept */
    unsigned fetches; /* outstanding: a worker may be pinning, nothing is unpinned */
    uint64_t fetch_jobs, fetch_pins,
        fetch_calls; /* so far: jobs, frames got, calls made for them */
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

/* Unpin what the TLB rule allows, unless a fetch is outstanding. Returns how many frames are held.
 */
uint64_t pins_reap(struct pins *p);

/* Frees the records; pins the seam holds stay (a crash, or the domain is unpinned as a whole). */
void pins_forget(struct pins *p);

/* ---- any thread */

/* Leaves those of n frames that are not pinned, in their order; returns how many. */
uint32_t pins_missing(const struct pins *p, uint64_t *gfn, uint32_t n);

/* Up to n frames of the guest's limit; returns how many. Each is entered or given back. */
uint32_t pins_claim(struct pins *p, uint32_t n);
void pins_unclaim(struct pins *p, uint32_t n);

/* A record for a frame to be pinned; free() it, or set its bus address and have the loop enter it.
 * NULL: no memory. */
struct pin *pins_record(uint64_t gfn);
void pins_record_dma(struct pin *pin, uint64_t dma);

/* ---- the loop */

/* A claimed frame that a worker pinned: a pin without references, which is let go if it gets none.
 * If the loop pinned the frame meanwhile, the record and the claim are given back. */
void pins_enter(struct pins *p, struct pin *pin);
