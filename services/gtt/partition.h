/* SPDX-License-Identifier: MIT */
/*
 * partition.h: how the graphics address space and the fence registers are divided among the host
 * and the vGPUs. A guest gets one contiguous piece each of low memory (the aperture), of high
 * memory (above it) and of fences, found first-fit; guest addresses equal physical ones, so that a
 * range check is all the translation there is. Pure bookkeeping, called by the service's loop on
 * attach and detach; one thread.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PARTITION_GRANULE (1u << 20) /* bytes, low and high memory */
#define PARTITION_OWNERS  64u
#define PARTITION_PIECES  (PARTITION_OWNERS + 1) /* that can be free */
#define PARTITION_FENCES  32u                    /* fence registers of gen7 and gen8 */
#define PARTITION_HOST    0u                     /* owner number of the host's own share */
#define PARTITION_NOBODY  (UINT32_MAX - 1) /* of what nobody may have: what begins at address 0 */

enum partition_kind { PARTITION_LOW, PARTITION_HIGH, PARTITION_FENCE, PARTITION_KINDS };

/* Bytes for low and high, a number of registers for fences. */
struct partition_range {
    uint64_t base, size;
};

/* What one owner holds; size 0: nothing of that kind. */
struct partition_grant {
    uint32_t owner; /* domid, PARTITION_HOST or PARTITION_NOBODY */
    struct partition_range range[PARTITION_KINDS];
};

struct partition {
    struct partition_range space[PARTITION_KINDS];
    struct partition_grant grant[PARTITION_OWNERS]; /* the first `count` are in use */
    uint32_t count;
};

/*
 * The whole space: aperture bytes of low memory at 0, the rest of gm bytes above, fences. Sizes are
 * multiples of the granule; -EINVAL else, or with fences > PARTITION_FENCES or aperture > gm.
 */
int partition_init(struct partition *p, uint64_t aperture, uint64_t gm, uint32_t fences);

/*
 * Give owner low and high bytes (rounded up to the granule) and fences. All or nothing. 0 and *out;
 * -ENOSPC with the reason as one sentence in why: which resource is short, how much is free and in
 * how large a piece, who holds the rest; -EEXIST owner has a grant; -EUSERS too many owners.
 * why may be NULL.
 */
int partition_take(struct partition *p, uint32_t owner, uint64_t low, uint64_t high,
                   uint32_t fences, struct partition_grant *out, char *why, size_t why_size);

/*
 * Enter a grant that exists already (after a restart, or the host's fixed share). -EINVAL outside
 * the space or not in granules, -EBUSY overlaps another's, -EEXIST, -EUSERS.
 */
int partition_claim(struct partition *p, const struct partition_grant *grant);

/* Give back everything of owner. -ENOENT when it holds nothing. */
int partition_free(struct partition *p, uint32_t owner);

/* The owner's grant, NULL if none; valid until the next change. */
const struct partition_grant *partition_find(const struct partition *p, uint32_t owner);

/* The free pieces of a kind, in order; at most max are put into size. Returns their number. */
unsigned partition_pieces(const struct partition *p, enum partition_kind kind, uint64_t *size,
                          unsigned max);

/* Units free of a kind, in all; *largest (may be NULL) gets the largest contiguous piece. */
uint64_t partition_room(const struct partition *p, enum partition_kind kind, uint64_t *largest);
