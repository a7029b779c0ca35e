/* SPDX-License-Identifier: MIT */
/* pages.c: see pages.h. */
#include "services/gtt/pages.h"

#include "lib/crash.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define TAG_MAGIC (UINT64_C(0x67747470) << 32) /* "gttp" */

static int find_old(struct pages *p)
{
    int n = gpu_dma_list(p->gpu, NULL, 0), got;
    struct gpu_dma_entry *list;

    if (n <= 0)
        return n;
    list = calloc((size_t)n, sizeof(*list));
    p->old = calloc((size_t)n, sizeof(*p->old));
    if (!list || !p->old) {
        free(list);
        return -ENOMEM;
    }
    got = gpu_dma_list(p->gpu, list, (uint32_t)n);
    for (int i = 0; i < n && i < got; i++) {
        if (list[i].tag == p->tag)
            p->old[p->old_count++] = list[i].handle;
    }
    free(list);
    return got < 0 ? got : 0;
}

int pages_init(struct pages *p, struct gpu *gpu, struct tlb *tlb, uint16_t domid, uint64_t max)
{
    int rc;

    *p = (struct pages){.gpu = gpu, .tlb = tlb, .tag = TAG_MAGIC | domid, .max = max};
    STAILQ_INIT(&p->unused);
    STAILQ_INIT(&p->retired);
    SLIST_INIT(&p->blocks);
    rc = find_old(p);
    if (p->old_count)
        p->old_release = tlb_clear(p->tlb);
    return rc;
}

static int more(struct pages *p)
{
    struct pages_block *b;
    int rc;

    if (p->total + PAGES_BLOCK > p->max)
        return -ENOSPC;
    b = calloc(1, sizeof(*b));
    if (!b)
        return -ENOMEM;
    rc = gpu_dma_alloc(p->gpu, PAGES_BLOCK, p->tag, &b->dma);
    if (rc) {
        free(b);
        return rc;
    }
    crash_point("gtt.page.allocated");
    for (uint32_t i = 0; i < PAGES_BLOCK; i++) {
        b->page[i].dma = b->dma.dma[i];
        b->page[i].entry = (uint64_t *)b->dma.map + i * (GPU_PAGE_SIZE / 8);
        STAILQ_INSERT_TAIL(&p->unused, &b->page[i], link);
    }
    SLIST_INSERT_HEAD(&p->blocks, b, link);
    p->total += PAGES_BLOCK;
    return 0;
}

struct page *pages_get(struct pages *p)
{
    struct page *page;

    if (STAILQ_EMPTY(&p->unused))
        pages_reap(p);
    if (STAILQ_EMPTY(&p->unused) && more(p))
        return NULL;
    page = STAILQ_FIRST(&p->unused);
    STAILQ_REMOVE_HEAD(&p->unused, link);
    p->used++;
    return page;
}

void pages_put(struct pages *p, struct page *page)
{
    assert(p->used);
    p->used--;
    page->release = tlb_clear(p->tlb);
    STAILQ_INSERT_TAIL(&p->retired, page, link);
    p->waiting++;
}

static void free_old(struct pages *p)
{
    for (uint32_t i = 0; i < p->old_count; i++) {
        struct gpu_dma block;

        if (gpu_dma_attach(p->gpu, p->old[i], &block) == 0)
            gpu_dma_free(p->gpu, &block);
        crash_point("gtt.page.old-freed");
    }
    p->old_count = 0;
}

uint64_t pages_reap(struct pages *p)
{
    uint64_t done = tlb_done(p->tlb);
    struct page *page;

    while ((page = STAILQ_FIRST(&p->retired)) && page->release <= done) {
        STAILQ_REMOVE_HEAD(&p->retired, link);
        p->waiting--;
        STAILQ_INSERT_TAIL(&p->unused, page, link);
    }
    if (p->old_count && p->old_release <= done)
        free_old(p);
    return p->waiting + p->old_count;
}

int pages_free_left(struct gpu *gpu, uint16_t domid)
{
    struct pages p = {.gpu = gpu, .tag = TAG_MAGIC | domid};
    int rc = find_old(&p);

    if (!rc)
        free_old(&p);
    free(p.old);
    return rc;
}

static void drop(struct pages *p, bool keep)
{
    struct pages_block *b;

    while ((b = SLIST_FIRST(&p->blocks))) {
        SLIST_REMOVE_HEAD(&p->blocks, link);
        if (keep)
            gpu_dma_detach(p->gpu, &b->dma);
        else
            gpu_dma_free(p->gpu, &b->dma);
        crash_point("gtt.page.freed");
        free(b);
    }
    free(p->old);
    p->old = NULL;
    p->total = 0;
}

void pages_release(struct pages *p)
{
    assert(!p->used && STAILQ_EMPTY(&p->retired) && !p->old_count);
    drop(p, false);
}

void pages_forget(struct pages *p)
{
    drop(p, true);
}

void pages_discard(struct pages *p)
{
    drop(p, false);
}
