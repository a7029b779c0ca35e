/* SPDX-License-Identifier: MIT */
/* arena.c: see arena.h. The service's loop only; one thread. */
#include "services/sched/arena.h"

#include "services/wire/names.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_TAG  0x6172656e61000000ull /* "arena", then the block's place */
#define MAX_BLOCKS (WIRE_HOST_HIGH / 4096 / ARENA_BLOCK_PAGES)
#define MAX_OLD    64

struct block {
    struct gpu_dma dma;
    uint32_t free;
    bool used[ARENA_BLOCK_PAGES];
};

TAILQ_HEAD(user_list, arena_user);

struct arena {
    struct gpu *gpu;
    uint32_t start; /* GGTT address of the host's high share */
    uint32_t blocks;
    bool fresh;            /* a block had to be allocated */
    struct user_list idle; /* oldest first */
    struct block block[MAX_BLOCKS];
};

/* What a former process left in this place: 0, -ENOENT, -errno. */
static int attach_old(struct arena *a, const struct gpu_dma_entry *old, int n, uint32_t place)
{
    for (int i = 0; i < n; i++) {
        if (old[i].tag == (ARENA_TAG | place) && old[i].count == ARENA_BLOCK_PAGES)
            return gpu_dma_attach(a->gpu, old[i].handle, &a->block[place].dma);
    }
    return -ENOENT;
}

static int get_blocks(struct arena *a, uint32_t blocks)
{
    struct gpu_dma_entry old[MAX_OLD];
    int n = gpu_dma_list(a->gpu, old, MAX_OLD);

    if (n < 0)
        return n;
    if (n > MAX_OLD)
        n = MAX_OLD;
    for (; a->blocks < blocks; a->blocks++) {
        struct block *b = &a->block[a->blocks];
        int rc = attach_old(a, old, n, a->blocks);

        a->fresh |= rc == -ENOENT;
        if (rc == -ENOENT)
            rc = gpu_dma_alloc(a->gpu, ARENA_BLOCK_PAGES, ARENA_TAG | a->blocks, &b->dma);
        if (rc)
            return rc;
        b->free = ARENA_BLOCK_PAGES;
    }
    return 0;
}

int arena_new(struct gpu *gpu, uint32_t pages, struct arena **out)
{
    uint64_t gm = (uint64_t)gpu->info.ggtt_entries * GPU_PAGE_SIZE;
    struct arena *a;
    int rc;

    if (!pages || pages % ARENA_BLOCK_PAGES || pages > WIRE_HOST_HIGH / GPU_PAGE_SIZE ||
        gm < WIRE_HOST_HIGH || gm > UINT64_C(1) << 32)
        return -EINVAL;
    a = calloc(1, sizeof(*a));
    if (!a)
        return -ENOMEM;
    a->gpu = gpu;
    a->start = (uint32_t)(gm - WIRE_HOST_HIGH);
    TAILQ_INIT(&a->idle);
    rc = get_blocks(a, pages / ARENA_BLOCK_PAGES);
    if (rc) {
        arena_forget(a);
        return rc;
    }
    *out = a;
    return 0;
}

bool arena_is_old(const struct arena *a)
{
    return !a->fresh;
}

void arena_forget(struct arena *a)
{
    for (uint32_t i = 0; i < a->blocks; i++)
        gpu_dma_detach(a->gpu, &a->block[i].dma);
    free(a);
}

void arena_free_all(struct arena *a)
{
    for (uint32_t i = 0; i < a->blocks; i++)
        gpu_dma_free(a->gpu, &a->block[i].dma);
    free(a);
}

int arena_map(const struct arena *a, uint32_t from, uint32_t run, arena_emit *emit, void *ctx)
{
    uint32_t at = from;

    assert(run);
    while (at < a->blocks * ARENA_BLOCK_PAGES) {
        const struct block *b = &a->block[at / ARENA_BLOCK_PAGES];
        uint32_t in = at % ARENA_BLOCK_PAGES, n = ARENA_BLOCK_PAGES - in;
        int rc;

        if (n > run)
            n = run;
        rc = emit(ctx, at, n, b->dma.dma + in);
        if (rc)
            return rc;
        at += n;
    }
    return 0;
}

/* First free run of `pages` in a block; -1 if there is none. */
static int find_run(const struct block *b, uint32_t pages)
{
    uint32_t n = 0;

    if (b->free < pages)
        return -1;
    for (uint32_t i = 0; i < ARENA_BLOCK_PAGES; i++) {
        n = b->used[i] ? 0 : n + 1;
        if (n == pages)
            return (int)(i + 1 - n);
    }
    return -1;
}

struct arena_range arena_range_at(struct arena *a, uint32_t gma, uint32_t pages)
{
    uint32_t at = (gma - a->start) / GPU_PAGE_SIZE, first = at % ARENA_BLOCK_PAGES;
    const struct block *b = &a->block[at / ARENA_BLOCK_PAGES];

    assert(at < a->blocks * ARENA_BLOCK_PAGES);
    return (struct arena_range){.gma = gma,
                                .pages = pages,
                                .cpu = (uint8_t *)b->dma.map + (size_t)first * GPU_PAGE_SIZE,
                                .block = at / ARENA_BLOCK_PAGES,
                                .first = first};
}

void *arena_cpu(struct arena *a, uint32_t gma)
{
    return arena_range_at(a, gma & ~(GPU_PAGE_SIZE - 1), 1).cpu + gma % GPU_PAGE_SIZE;
}

static void take(struct block *b, uint32_t first, uint32_t pages)
{
    memset(b->used + first, true, pages);
    b->free -= pages;
}

int arena_claim(struct arena *a, uint32_t gma, uint32_t pages, struct arena_range *out)
{
    uint32_t at = (gma - a->start) / GPU_PAGE_SIZE, first = at % ARENA_BLOCK_PAGES;
    struct block *b;

    if (gma % GPU_PAGE_SIZE || gma < a->start || at >= a->blocks * ARENA_BLOCK_PAGES || !pages ||
        pages > ARENA_BLOCK_PAGES - first)
        return -EINVAL;
    b = &a->block[at / ARENA_BLOCK_PAGES];
    if (memchr(b->used + first, true, pages))
        return -EBUSY;
    take(b, first, pages);
    *out = arena_range_at(a, gma, pages);
    return 0;
}

static int alloc(struct arena *a, uint32_t pages, struct arena_range *out)
{
    assert(pages && pages <= ARENA_BLOCK_PAGES);
    for (uint32_t i = 0; i < a->blocks; i++) {
        struct block *b = &a->block[i];
        int at = find_run(b, pages);

        if (at < 0)
            continue;
        take(b, (uint32_t)at, pages);
        *out = arena_range_at(a, a->start + (i * ARENA_BLOCK_PAGES + (uint32_t)at) * GPU_PAGE_SIZE,
                              pages);
        return 0;
    }
    return -ENOSPC;
}

int arena_alloc(struct arena *a, uint32_t pages, struct arena_range *out)
{
    int rc = alloc(a, pages, out);

    if (!rc)
        memset(out->cpu, 0, (size_t)pages * GPU_PAGE_SIZE);
    return rc;
}

void arena_free(struct arena *a, struct arena_range *r)
{
    struct block *b = &a->block[r->block];

    for (uint32_t i = 0; i < r->pages; i++) {
        assert(b->used[r->first + i]);
        b->used[r->first + i] = false;
    }
    b->free += r->pages;
    memset(r, 0, sizeof(*r));
}

int arena_alloc_evict(struct arena *a, uint32_t pages, struct arena_range *out)
{
    int rc;

    while ((rc = alloc(a, pages, out)) == -ENOSPC) {
        struct arena_user *oldest = TAILQ_FIRST(&a->idle);

        if (!oldest)
            return rc;
        oldest->evict(oldest);
        assert(TAILQ_FIRST(&a->idle) != oldest);
    }
    return rc;
}

void arena_busy(struct arena *a, struct arena_user *user)
{
    if (user->listed)
        TAILQ_REMOVE(&a->idle, user, link);
    user->listed = false;
}

void arena_idle(struct arena *a, struct arena_user *user)
{
    arena_busy(a, user);
    TAILQ_INSERT_TAIL(&a->idle, user, link);
    user->listed = true;
}

void arena_bounds(const struct arena *a, uint32_t *start, uint32_t *size)
{
    *start = a->start;
    *size = a->blocks * ARENA_BLOCK_PAGES * GPU_PAGE_SIZE;
}

uint32_t arena_free_pages(const struct arena *a)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < a->blocks; i++)
        n += a->block[i].free;
    return n;
}
