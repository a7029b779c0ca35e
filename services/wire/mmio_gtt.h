/* SPDX-License-Identifier: MIT */
/*
 * mmio_gtt.h: the two stream lanes between vgt-mmio@N and vgt-gtt. Entries fill one 64-byte slot.
 * Every entry toward gtt carries the guest's epoch after it: when gtt has published epoch E in
 * struct gtt_map, all entries up to E are in the shadow tables.
 */
#pragma once
#include <assert.h>
#include <stdint.h>

#define MMIO_GTT_LAYOUT 1u

enum mmio_gtt_kind {
    MMIO_GTT_PTE = 1,     /* GGTT entry index changed to value */
    MMIO_GTT_TABLE_WRITE, /* guest page table page gfn changed at offset, len bytes */
    MMIO_GTT_PPGTT_NEW,   /* PVINFO notice: level 3 or 4, roots in pdp[] */
    MMIO_GTT_PPGTT_GONE,
    MMIO_GTT_RESET, /* the virtual device was reset: forget all PPGTTs */
    MMIO_GTT_FENCE, /* the guest's fence pte.index (its own numbering) changed to pte.value */
};

struct mmio_gtt {
    uint32_t kind; /* enum mmio_gtt_kind */
    uint32_t level;
    uint64_t epoch;
    union {
        struct {
            uint64_t index, value;
        } pte;
        struct {
            uint64_t gfn;
            uint32_t offset, len;
        } write;
        uint64_t pdp[4];
    };
    uint64_t pad[2];
};
static_assert(sizeof(struct mmio_gtt) == 64, "one slot");

enum gtt_mmio_kind {
    GTT_MMIO_PROTECT = 1, /* trap writes to gfn */
    GTT_MMIO_UNPROTECT,
    /* Let writes to gfn, which is protected, pass until the guest submits next; then protect it
     * again and say that all of it may have changed. May be refused without a word. */
    GTT_MMIO_LIFT,
    GTT_MMIO_PROTECT_LATER, /* the same of a page that may not be protected yet */
};

struct gtt_mmio {
    uint32_t kind; /* enum gtt_mmio_kind */
    uint32_t pad0;
    uint64_t gfn;
    uint64_t pad[6];
};
static_assert(sizeof(struct gtt_mmio) == 64, "one slot");
