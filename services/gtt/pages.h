/* SPDX-License-Identifier: MIT */
/*
 * pages.h: the DMA-able pages one guest's shadow tables are made of, taken from the GPU seam in
 * blocks that carry the guest's number as tag. A page given back waits for the TLB rule, for an
 * engine may still walk it. Called by ggtt and shadow; one thread.
 */
#pragma once
#include "gpu/gpu.h"
#include "services/gtt/tlb.h"

#include <sys/queue.h>

#define PAGES_BLOCK 64u

struct page {
    uint64_t dma;
    uint64_t *entry; /* 4 KiB, shared with the GPU */
    uint64_t release;
    STAILQ_ENTRY(page) link;
};

struct pages_block {
    struct gpu_dma dma;
    struct page page[PAGES_BLOCK];
    SLIST_ENTRY(pages_block) link;
};
STAILQ_HEAD(page_list, page);
SLIST_HEAD(pages_blocks, pages_block);

struct pages {
    struct gpu *gpu;
    struct tlb *tlb;
    uint64_t tag;
    uint64_t max, total; /* pages of all blocks */
    uint64_t used;       /* handed out and not given back */
    uint64_t waiting;    /* given back, not yet usable */
    struct page_list unused, retired;
    struct pages_blocks blocks;
    uint32_t *old; /* blocks of a process before us, freed when old_release is passed */
    uint32_t old_count;
    uint64_t old_release;
};

/* Finds the blocks a former process left behind this tag; they go when the TLB rule allows, counted
 * from the next commit (the caller rewrites everything that names them first). -errno. */
int pages_init(struct pages *p, struct gpu *gpu, struct tlb *tlb, uint16_t domid, uint64_t max);

/* A page with undefined contents, NULL when the limit or the device's memory is reached. */
struct page *pages_get(struct pages *p);

/* Everything that named the page is overwritten. */
void pages_put(struct pages *p, struct page *page);

/* Make pages usable again whose wait is over. Returns how many still wait. */
uint64_t pages_reap(struct pages *p);

/* Frees every block; the TLB rule is the caller's: nothing is used and nothing waits. */
void pages_release(struct pages *p);

/* Forget the blocks, which stay behind the fd (a crash, in tests; a handover). */
void pages_forget(struct pages *p);

/* Frees the blocks a former process left behind for a guest that was never attached: nothing was
 * ever reachable through them. -errno. */
int pages_free_left(struct gpu *gpu, uint16_t domid);

/* Frees every block of an object nothing was ever reachable through (a failed attach). */
void pages_discard(struct pages *p);
