/* SPDX-License-Identifier: MIT */
/*
 * ggtt.h: the physical GGTT entries and fence registers of one guest's partition, kept equal to
 * what the guest's own image says, with guest frames replaced by bus addresses. Where page
 * directories stand in the GGTT, it also knows what the guest wrote: the image is written after the
 * message about it, so what it says at some moment may be older or newer than what was applied.
 * Called by guest.c and dir.c; one thread.
 */
#pragma once
#include "lib/account.h"
#include "lib/quarantine.h"
#include "services/gtt/format.h"
#include "services/gtt/pages.h"
#include "services/gtt/partition.h"
#include "services/gtt/pins.h"
#include "services/wire/vggtt.h"

/* Entry index was applied, and nothing is noted of it any more. */
typedef void ggtt_changed(void *ctx, uint64_t index);

struct ggtt {
    const struct gtt_format *format;
    struct gpu *gpu;
    struct pins *pins;
    struct account *account;
    struct partition_range part[PARTITION_KINDS]; /* low and high in entries, fences in registers */
    uint64_t scratch;                             /* what an unused entry of this guest names */
    uint64_t *held;        /* per entry of low, then high: gfn + 1 it keeps pinned, 0 none */
    uint32_t *raw;         /* the same: as applied; NULL unless directories stand in the GGTT */
    ggtt_changed *changed; /* set after ggtt_init(), as the next two are; NULL: nobody asks */
    void *ctx;
    struct quarantine *quarantine; /* NULL: nothing is noted */
    bool dirty;                    /* entries were written since the last flush */
};

/*
 * scratch: bus address of a page of this guest's own. Touches nothing yet; ggtt_rebuild() must
 * follow. -EINVAL: the grant does not fit the device's GTT; -ENOTSUP: an unknown generation;
 * -ENOMEM.
 */
int ggtt_init(struct ggtt *g, struct gpu *gpu, struct pins *pins, struct account *account,
              const struct partition_grant *grant, uint64_t scratch);

/* Entry index (of the whole GGTT) is now value, as the guest wrote it. Outside the partition or
 * naming no memory, or quarantined, which is as not present: a counted event; 0. Negative: the
 * device refused the write. */
int ggtt_apply(struct ggtt *g, uint64_t index, uint64_t value);

/* What the guest wrote into an entry, as far as it was applied: 0 for one outside the partition or
 * quarantined. */
uint64_t ggtt_raw(const struct ggtt *g, uint64_t index);

/* The guest's fence n (its own numbering) is now value (FENCE_REG, PRM vol. 2c). A fence that
 * covers anything outside the guest's low memory is counted and the register is cleared; so is a
 * quarantined one. */
int ggtt_fence(struct ggtt *g, uint64_t n, uint64_t value);

/* Every entry of the partition from the image, as at attach and after a restart. */
int ggtt_rebuild(struct ggtt *g, const struct vggtt *image);

/* Make entries written so far visible to the GPU's next look-up. */
int ggtt_flush(struct ggtt *g);

/* All entries name the device's scratch page, fences are off, references are put. */
int ggtt_clear(struct ggtt *g);

/* Are entries [first, first + count) all of one piece of the partition? */
bool ggtt_contains(const struct ggtt *g, uint64_t first, uint64_t count);

/* gfn + 1 of the frame that an entry of the partition names, 0: none. */
uint64_t ggtt_held(struct ggtt *g, uint64_t index);

/* Frees memory only. */
void ggtt_free(struct ggtt *g);
