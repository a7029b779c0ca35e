/* SPDX-License-Identifier: MIT */
/*
 * arena.h: sched's own pages as the GPU sees them: blocks of DMA-able pages named by GGTT entries
 * of the host's high share (the last WIRE_HOST_HIGH bytes of the graphics address space), and a
 * first-fit allocator over them. Shadow contexts, rings, batches and status pages live here. The
 * entries are written once by gtt, at start, so nothing in here ever needs a TLB invalidation.
 * Also keeps the order in which its cached users were last used, over all guests, so that the
 * oldest can be evicted. The service's loop only; one thread.
 */
#pragma once
#include "gpu/gpu.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#define ARENA_BLOCK_PAGES 512u

/* A contiguous piece: in the GGTT, and in our address space. pages 0: none. */
struct arena_range {
    uint32_t gma; /* GGTT address, bytes, page-aligned */
    uint32_t pages;
    uint8_t *cpu;
    uint32_t block, first; /* the allocator's */
};

/* Something in the arena that can be made anew: embedded by its owner, who frees its ranges and
 * takes it off the list (arena_busy) when asked to go. */
struct arena_user {
    void (*evict)(struct arena_user *user);
    bool listed;
    TAILQ_ENTRY(arena_user) link;
};

struct arena;

/*
 * Blocks of `pages` in all (a multiple of ARENA_BLOCK_PAGES, at most WIRE_HOST_HIGH / 4096): those
 * a former process left on this row are attached again in their old places, the rest allocated.
 * Everything counts as free: what the engines still use must be claimed before the first
 * arena_alloc().
 * -EINVAL: no such size, or the GGTT is smaller than the share; -errno of the device.
 */
int arena_new(struct gpu *gpu, uint32_t pages, struct arena **out);
/* Its pages are those a former process left, with what is in them. */
bool arena_is_old(const struct arena *a);
/* Frees the allocator, leaves the pages behind the row (a restart finds them). */
void arena_forget(struct arena *a);
/* Gives the pages back; engines are stopped and no entry names them any more. */
void arena_free_all(struct arena *a);

/*
 * What gtt must write before the arena is used: calls emit for runs of up to `run` pages; first is
 * the entry's index in the host's high share, as in struct sched_gtt. Stops at emit's first nonzero
 * answer and returns it. from: index to begin with, so that a full lane can be resumed.
 */
typedef int arena_emit(void *ctx, uint32_t first, uint32_t count, const uint64_t *dma);
int arena_map(const struct arena *a, uint32_t from, uint32_t run, arena_emit *emit, void *ctx);

/* Zeroed pages. -ENOSPC: no piece of that length; 1..ARENA_BLOCK_PAGES pages. */
int arena_alloc(struct arena *a, uint32_t pages, struct arena_range *out);
/* Take pages that a former process held, as they are; before the first arena_alloc(). -EINVAL: not
 * a piece of ours, -EBUSY: taken. */
int arena_claim(struct arena *a, uint32_t gma, uint32_t pages, struct arena_range *out);
/* A piece that is allocated, by what is known of it. */
struct arena_range arena_range_at(struct arena *a, uint32_t gma, uint32_t pages);
/* Our address of a GGTT address of ours. */
void *arena_cpu(struct arena *a, uint32_t gma);
/* The GPU reaches it no more. Harmless on a range of 0 pages; clears *r. */
void arena_free(struct arena *a, struct arena_range *r);

/* As arena_alloc(), not zeroed, evicting the least recently used until there is room; -ENOSPC when
 * nothing is left to evict. */
int arena_alloc_evict(struct arena *a, uint32_t pages, struct arena_range *out);

/* The user was just used and may be evicted from now on, last of all; or may not (on hardware). */
void arena_idle(struct arena *a, struct arena_user *user);
void arena_busy(struct arena *a, struct arena_user *user);

/* [start, start + size) of the GGTT that is ours, bytes. */
void arena_bounds(const struct arena *a, uint32_t *start, uint32_t *size);
uint32_t arena_free_pages(const struct arena *a);
