/* SPDX-License-Identifier: MIT */
/* pins.c: see pins.h. A pin taken again while it waits keeps its place in the queue, and is dropped
 * from the queue, or sent to its end, when its turn comes. */
#include "services/gtt/pins.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define BATCH 64u

struct pin {
    struct hash_node node; /* first; key: gfn */
    uint64_t dma;
    uint64_t release; /* the clear of the last reference */
    uint64_t turn;    /* the release it was queued with */
    uint64_t refs;
    bool queued;
    TAILQ_ENTRY(pin) link;
};

int pins_init(struct pins *p, struct gpu *gpu, struct tlb *tlb, uint16_t domid, uint64_t max)
{
    *p = (struct pins){.gpu = gpu, .tlb = tlb, .domid = domid, .max = max};
    TAILQ_INIT(&p->queue);
    return hash_init(&p->table);
}

static struct pin *find(const struct pins *p, uint64_t gfn)
{
    return (struct pin *)hash_find(&p->table, gfn);
}

static struct pin *enter(struct pins *p, uint64_t gfn, uint64_t dma)
{
    struct pin *pin = calloc(1, sizeof(*pin));

    if (!pin)
        return NULL;
    pin->node.key = gfn;
    pin->dma = dma;
    hash_add(&p->table, &pin->node);
    return pin;
}

int pins_adopt(struct pins *p)
{
    struct gpu_pin list[BATCH];
    uint64_t after = UINT64_MAX;
    int n;

    p->adopted = true;
    while ((n = gpu_pin_list(p->gpu, p->domid, after, list, BATCH)) > 0) {
        for (int i = 0; i < n; i++) {
            if (!find(p, list[i].gfn) && !enter(p, list[i].gfn, list[i].dma))
                return -ENOMEM;
        }
        after = list[n - 1].gfn;
    }
    return n;
}

static void enqueue(struct pins *p, struct pin *pin)
{
    pin->turn = pin->release;
    pin->queued = true;
    TAILQ_INSERT_TAIL(&p->queue, pin, link);
}

void pins_sweep(struct pins *p)
{
    for (uint64_t i = 0; i < p->table.buckets; i++) {
        for (struct hash_node *n = p->table.bucket[i]; n; n = n->next) {
            struct pin *pin = (struct pin *)n;

            if (pin->refs || pin->queued)
                continue;
            pin->release = tlb_clear(p->tlb);
            enqueue(p, pin);
        }
    }
}

int pins_get(struct pins *p, uint64_t gfn, uint64_t *dma)
{
    struct pin *pin = find(p, gfn);
    int rc;

    if (!pin) {
        if (p->table.count >= p->max)
            return -ENOSPC;
        rc = gpu_pin(p->gpu, p->domid, &gfn, 1, dma);
        if (rc < 0)
            return rc;
        pin = enter(p, gfn, *dma);
        if (!pin) {
            /* No entry names it yet, so no TLB can. */
            gpu_unpin(p->gpu, p->domid, &gfn, 1);
            return -ENOMEM;
        }
    }
    pin->refs++;
    p->refs++;
    *dma = pin->dma;
    return 0;
}

void pins_put(struct pins *p, uint64_t gfn)
{
    struct pin *pin = find(p, gfn);

    assert(pin && pin->refs);
    p->refs--;
    if (--pin->refs)
        return;
    pin->release = tlb_clear(p->tlb);
    if (!pin->queued)
        enqueue(p, pin);
}

static void drop(struct pins *p, struct pin *pin)
{
    hash_remove(&p->table, &pin->node);
    free(pin);
}

uint64_t pins_reap(struct pins *p)
{
    uint64_t done = tlb_done(p->tlb), gfns[BATCH];
    uint32_t n = 0;
    struct pin *pin;

    while ((pin = TAILQ_FIRST(&p->queue)) && pin->turn <= done) {
        TAILQ_REMOVE(&p->queue, pin, link);
        pin->queued = false;
        if (pin->refs)
            continue;
        if (pin->release > done) {
            enqueue(p, pin);
            continue;
        }
        gfns[n++] = pin->node.key;
        drop(p, pin);
        if (n == BATCH) {
            gpu_unpin(p->gpu, p->domid, gfns, n);
            n = 0;
        }
    }
    if (n)
        gpu_unpin(p->gpu, p->domid, gfns, n);
    return p->table.count;
}

void pins_forget(struct pins *p)
{
    for (uint64_t i = 0; i < p->table.buckets; i++) {
        while (p->table.bucket[i])
            drop(p, (struct pin *)p->table.bucket[i]);
    }
    hash_free(&p->table);
    TAILQ_INIT(&p->queue);
}
