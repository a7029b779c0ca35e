/* SPDX-License-Identifier: MIT */
/*
 * gmem.h: a guest's memory by GGTT address: the entry is taken from the guest's own image of its
 * GGTT, read once; the frame it names is mapped through the hypervisor seam and kept in a small
 * cache by frame number. So this is what the guest means, not what gtt has put into the GTT yet.
 * Every byte read is a copy; callers check the copy. The service's loop only; one thread.
 */
#pragma once
#include "lib/account.h"
#include "services/wire/vggtt.h"
#include "vmm/vmm.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GMEM_CACHED 512u /* frames mapped at once */

struct gmem_config {
    const struct vmm_ops *ops;
    struct vmm *vmm;
    const struct vggtt *vggtt;
    uint64_t low_base, low_size; /* the guest's partition, bytes; size 0: none of that kind */
    uint64_t high_base, high_size;
};

struct gmem;

int gmem_new(const struct gmem_config *config, struct gmem **out);
void gmem_free(struct gmem *m);

/* Are len bytes (at least 1) inside the guest's partition, in one of its two ranges? */
bool gmem_inside(const struct gmem *m, uint64_t gma, uint64_t len);

/* 0, or -EFAULT: outside the partition, an entry not present, or no memory behind it; a failing
 * write may have written the pages before the bad one. */
int gmem_read(struct gmem *m, uint64_t gma, void *buf, size_t len);
int gmem_write(struct gmem *m, uint64_t gma, const void *buf, size_t len);
/* Bytes that these two have copied so far. */
uint64_t gmem_copied(const struct gmem *m, bool written);
/* One aligned store that other processors see in order after everything stored before. */
int gmem_store32(struct gmem *m, uint64_t gma, uint32_t value);
int gmem_store64(struct gmem *m, uint64_t gma, uint64_t value);

/* Drop all mappings: the guest may have other frames there now. */
void gmem_flush(struct gmem *m);
