/* SPDX-License-Identifier: MIT */
/* pins.c: see pins.h. A pin taken again while it waits keeps its place in the queue, and is dropped
 * from the queue, or sent to its end, when its turn comes. */
#include "services/gtt/pins.h"

#include "lib/crash.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <urcu/rculfhash.h>
#include <urcu/urcu-memb.h>

#define BATCH         64u
#define FIRST_BUCKETS 64u
#define PER_BUCKET    4u

struct pin {
    struct hash_node own;      /* first; key: gfn. The loop's look-ups */
    struct cds_lfht_node node; /* the workers' */
    struct rcu_head rcu;
    uint64_t dma;
    uint64_t release; /* the clear of the last reference */
    uint64_t turn;    /* the release it was queued with */
    uint64_t refs;
    bool queued;
    TAILQ_ENTRY(pin) link;
};

static_assert(sizeof(unsigned long) == sizeof(uint64_t), "a hash holds a frame number");

/* One to one, so the same hash is the same frame and nothing of a record is read to compare. A
 * guest chooses its frame numbers, hence the mixing; chains it builds on purpose cost its own. */
static unsigned long hash(uint64_t gfn)
{
    gfn *= UINT64_C(0x9e3779b97f4a7c15);
    return gfn ^ gfn >> 32;
}

static int same(struct cds_lfht_node *node, const void *key)
{
    (void)node;
    (void)key;
    return 1;
}

static struct pin *pin_of(struct cds_lfht_node *node)
{
    return caa_container_of(node, struct pin, node);
}

static struct cds_lfht_node *lookup(const struct pins *p, uint64_t gfn)
{
    struct cds_lfht_iter it;

    cds_lfht_lookup(p->table, hash(gfn), same, NULL, &it);
    return cds_lfht_iter_get_node(&it);
}

int pins_init(struct pins *p, struct gpu *gpu, struct tlb *tlb, uint16_t domid, uint64_t max)
{
    *p = (struct pins){.gpu = gpu, .tlb = tlb, .domid = domid, .max = max};
    TAILQ_INIT(&p->queue);
    p->buckets = FIRST_BUCKETS;
    if (hash_init(&p->own))
        return -ENOMEM;
    p->table = cds_lfht_new_flavor(p->buckets, p->buckets, 0, 0, &urcu_memb_flavor, NULL);
    if (p->table)
        return 0;
    hash_free(&p->own);
    return -ENOMEM;
}

/* In the loop, whose own table needs none of what readers beside a writer need: two of these are
 * most of what following an entry costs. */
static struct pin *find(const struct pins *p, uint64_t gfn)
{
    return (struct pin *)hash_find(&p->own, gfn);
}

/* The table grows here, by doubling, and needs no thread of the library's. */
static void add(struct pins *p, struct pin *pin)
{
    hash_add(&p->own, &pin->own);
    urcu_memb_read_lock();
    cds_lfht_add(p->table, hash(pin->own.key), &pin->node);
    urcu_memb_read_unlock();
    if (p->held <= p->buckets * PER_BUCKET)
        return;
    p->buckets *= 2;
    cds_lfht_resize(p->table, p->buckets);
}

struct pin *pins_record(uint64_t gfn)
{
    struct pin *pin = calloc(1, sizeof(*pin));

    if (pin)
        pin->own.key = gfn;
    return pin;
}

void pins_record_dma(struct pin *pin, uint64_t dma)
{
    pin->dma = dma;
}

uint32_t pins_missing(const struct pins *p, uint64_t *gfn, uint32_t n)
{
    uint32_t left = 0;

    urcu_memb_read_lock();
    for (uint32_t i = 0; i < n; i++) {
        if (!lookup(p, gfn[i]))
            gfn[left++] = gfn[i];
    }
    urcu_memb_read_unlock();
    return left;
}

uint32_t pins_claim(struct pins *p, uint32_t n)
{
    uint64_t held = atomic_load(&p->held), take;

    do {
        take = held < p->max ? p->max - held : 0;
        take = take < n ? take : n;
    } while (!atomic_compare_exchange_weak(&p->held, &held, held + take));
    return (uint32_t)take;
}

void pins_unclaim(struct pins *p, uint32_t n)
{
    atomic_fetch_sub(&p->held, n);
}

static int adopt(struct pins *p, const struct gpu_pin *old)
{
    struct pin *pin;

    if (find(p, old->gfn))
        return 0;
    pin = pins_record(old->gfn);
    if (!pin)
        return -ENOMEM;
    pin->dma = old->dma;
    atomic_fetch_add(&p->held, 1);
    add(p, pin);
    return 0;
}

int pins_adopt(struct pins *p)
{
    struct gpu_pin list[BATCH];
    uint64_t after = UINT64_MAX;
    int n;

    p->adopted = true;
    while ((n = gpu_pin_list(p->gpu, p->domid, after, list, BATCH)) > 0) {
        for (int i = 0; i < n; i++) {
            if (adopt(p, &list[i]))
                return -ENOMEM;
        }
        after = list[n - 1].gfn;
        crash_point("gtt.pin.adopted");
    }
    return n;
}

static void enqueue(struct pins *p, struct pin *pin)
{
    pin->turn = pin->release;
    pin->queued = true;
    TAILQ_INSERT_TAIL(&p->queue, pin, link);
}

void pins_enter(struct pins *p, struct pin *pin)
{
    if (find(p, pin->own.key)) {
        free(pin);
        pins_unclaim(p, 1);
        return;
    }
    add(p, pin);
    enqueue(p, pin); /* with release 0: no entry names it yet, so no TLB can */
}

void pins_sweep(struct pins *p)
{
    struct cds_lfht_iter it;
    struct cds_lfht_node *n;

    urcu_memb_read_lock();
    cds_lfht_for_each(p->table, &it, n)
    {
        struct pin *pin = pin_of(n);

        if (pin->refs || pin->queued)
            continue;
        pin->release = tlb_clear(p->tlb);
        enqueue(p, pin);
    }
    urcu_memb_read_unlock();
}

/* The record comes first: a pin is not undone, see pins_reap(). */
static int take(struct pins *p, uint64_t gfn, struct pin **out)
{
    struct pin *pin;
    int rc;

    if (!pins_claim(p, 1))
        return -ENOSPC;
    pin = pins_record(gfn);
    rc = pin ? gpu_pin(p->gpu, p->domid, &gfn, 1, &pin->dma) : -ENOMEM;
    if (rc < 0) {
        free(pin);
        pins_unclaim(p, 1);
        return rc;
    }
    crash_point("gtt.pin.made");
    add(p, pin);
    *out = pin;
    return 0;
}

int pins_get(struct pins *p, uint64_t gfn, uint64_t *dma)
{
    struct pin *pin = find(p, gfn);
    int rc = pin ? 0 : take(p, gfn, &pin);

    if (rc)
        return rc;
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

/* call_rcu() hands the record over; the release and acquire say so to tools that do not look into
 * the library. */
static void free_pin(struct rcu_head *head)
{
    struct pin *pin = caa_container_of(head, struct pin, rcu);

    __atomic_load_n(&pin->own.key, __ATOMIC_ACQUIRE);
    free(pin);
}

static void drop(struct pins *p, struct pin *pin)
{
    hash_remove(&p->own, &pin->own);
    urcu_memb_read_lock();
    cds_lfht_del(p->table, &pin->node);
    urcu_memb_read_unlock();
    atomic_fetch_sub(&p->held, 1);
    __atomic_store_n(&pin->own.key, UINT64_MAX, __ATOMIC_RELEASE);
    urcu_memb_call_rcu(&pin->rcu, free_pin);
}

/* The first pin of the queue, if its turn has come and it is to go. */
static bool next_to_go(struct pins *p, uint64_t done, struct pin **out)
{
    struct pin *pin;

    while ((pin = TAILQ_FIRST(&p->queue)) && pin->turn <= done) {
        TAILQ_REMOVE(&p->queue, pin, link);
        pin->queued = false;
        if (pin->refs)
            continue;
        if (pin->release <= done) {
            *out = pin;
            return true;
        }
        enqueue(p, pin);
    }
    return false;
}

/* Pins are a set: a worker that pins a frame we unpin just now would hold nothing. */
uint64_t pins_reap(struct pins *p)
{
    uint64_t done = tlb_done(p->tlb), gfns[BATCH];
    uint32_t n = 0;
    struct pin *pin;

    while (!p->fetches && next_to_go(p, done, &pin)) {
        gfns[n++] = pin->own.key;
        drop(p, pin);
        crash_point("gtt.pin.going");
        if (n == BATCH) {
            gpu_unpin(p->gpu, p->domid, gfns, n);
            n = 0;
        }
    }
    if (n) {
        gpu_unpin(p->gpu, p->domid, gfns, n);
        crash_point("gtt.pin.gone");
    }
    return p->held;
}

void pins_forget(struct pins *p)
{
    struct cds_lfht_iter it;
    struct cds_lfht_node *n;
    int rc;

    assert(!p->fetches);
    urcu_memb_read_lock();
    cds_lfht_for_each(p->table, &it, n) drop(p, pin_of(n));
    urcu_memb_read_unlock();
    rc = cds_lfht_destroy(p->table, NULL);
    assert(!rc);
    (void)rc;
    hash_free(&p->own);
    TAILQ_INIT(&p->queue);
}
