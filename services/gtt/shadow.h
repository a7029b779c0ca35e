/* SPDX-License-Identifier: MIT */
/*
 * shadow.h: shadow page tables of one guest: its PPGTTs, all levels that are pages. A guest table
 * page at one level has one shadow, shared by all that point to it. Shadows are made empty (all
 * scratch) and filled later by shadow_work() in bounded steps, so neither a deep tree nor one that
 * points to itself costs more than a step at a time, nor any recursion; the same list takes dead
 * shadows apart. Guest pages that hold tables are tracked: their writes are to be trapped. Before a
 * last-level table is filled, a worker pins the frames it names (fetch.h).
 *
 * Called by ppgtt.c and dir.c; one thread. Guest memory is read a word at a time, once.
 */
#pragma once
#include "lib/account.h"
#include "lib/quarantine.h"
#include "services/gtt/fetch.h"
#include "services/gtt/hash.h"
#include "services/gtt/pages.h"
#include "services/gtt/pins.h"
#include "vmm/vmm.h"

#define SHADOW_LEVELS GTT_LEVELS

struct shadow;
struct track;
TAILQ_HEAD(shadow_list, shadow);
TAILQ_HEAD(track_list, track);

enum shadow_trap {
    SHADOW_UNTRAP,
    SHADOW_TRAP,
    /* It traps and is written often: let writes pass until the guest submits next; then all of it
     * is reported as written ({gfn, 0, 4096}), and it traps again. mmio may go on as it was. */
    SHADOW_LIFT,
    SHADOW_TRAP_LATER, /* the same of one that may not trap yet: mmio may let it trap at once */
};
#define SHADOW_LIFT_AFTER 4u /* trapped writes */

/* Ask mmio what writes to gfn shall do. 0, or nonzero: not now, ask again. */
typedef int shadow_protect(void *ctx, uint64_t gfn, enum shadow_trap how);

struct shadow_config {
    const struct gtt_format *format;
    const struct vmm_ops *ops; /* guest memory */
    struct vmm *vmm;
    struct pins *pins;
    struct pages *pages;
    struct account *account;
    struct workers *workers; /* NULL: frames are pinned one by one, in the loop */
    shadow_protect *protect;
    void *ctx;
    struct quarantine *quarantine; /* NULL: nothing is noted */
    bool out_of_sync;              /* last-level tables need not trap between two submissions */
    uint64_t max_tables;           /* shadow pages alive at once */
    bool confirmed; /* mmio reports {gfn, 0, 4096} once a page is protected: until then the
                     * tables are not settled. false: protection is taken to be immediate. */
};

struct shadow_set {
    struct shadow_config c;
    struct hash tracks;
    struct shadow_list work;
    struct track_list ask; /* tracks whose protection differs from what mmio was told */
    struct page *scratch[SHADOW_LEVELS + 1]; /* [0] data, [n]: an empty table of level n - 1 */
    uint64_t live, unconfirmed;
    unsigned fetching; /* mask: slots of the quarantine that fetches have */
    bool alone;        /* no fetches: some input of any guest is suspected to kill */
    bool stopped;
};

/* config is copied, what it points to is borrowed. -ENOMEM; -ENOSPC no DMA pages. */
int shadow_init(struct shadow_set *s, const struct shadow_config *config);

/* The bus address of an empty table of level, or of the data page. */
uint64_t shadow_scratch(const struct shadow_set *s, enum gtt_level level);
uint64_t shadow_scratch_data(const struct shadow_set *s);

/* A reference to the shadow of the guest's table gfn at level. -ENXIO no memory there, -ENOSPC a
 * limit. */
int shadow_get(struct shadow_set *s, uint64_t gfn, enum gtt_level level, struct shadow **out);
void shadow_put(struct shadow_set *s, struct shadow *sh);
uint64_t shadow_dma(const struct shadow *sh);

/* The guest changed [offset, offset + len) of gfn, any size and alignment: entries it touches are
 * shadowed again, at every level the page is used as. Out of the page: counted. */
void shadow_write(struct shadow_set *s, uint64_t gfn, uint32_t offset, uint32_t len);

/* Do up to budget entries of outstanding work. True while some is left, or while protection is
 * not confirmed: tables are not yet what the guest's say. */
bool shadow_work(struct shadow_set *s, uint64_t budget);

/* Only the work, that of workers included, without waiting for mmio: for teardown. */
bool shadow_busy(const struct shadow_set *s);

/* Busy, but nothing can be done before a worker's job comes back. */
bool shadow_waits(const struct shadow_set *s);

/* Detach, first: nothing is filled any more, only taken apart. */
void shadow_stop(struct shadow_set *s);

/* Retry requests to mmio that found no room. */
void shadow_ask(struct shadow_set *s);

/* Detach: requests to mmio that found no room are given up, it loses the guest as well. */
void shadow_drop_tracks(struct shadow_set *s);

/* All shadows were put and worked off: gives back the scratch pages. */
void shadow_release(struct shadow_set *s);

/* Frees memory only (a crash, in tests). */
void shadow_forget(struct shadow_set *s);

uint64_t shadow_count(const struct shadow_set *s);
