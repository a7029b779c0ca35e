/* SPDX-License-Identifier: MIT */
/*
 * sched_eng_driver.c: see sched_eng_driver.h.
 */
#include "tests/unit/sched_eng_driver.h"

#include <string.h>

#define WORK       120u /* stores of one request */
#define RING_PAGES 32u
#define PAGE       4096u
#define PERMIT     32u /* dwords of the mark page */
#define COUNT      48u /* of this dword on, one for each request: how often it ran */

static uint32_t roll(struct driver *d, uint32_t n)
{
    d->random = d->random * 1664525u + 1013904223u;
    return (d->random >> 8) % n;
}

/* ---- set-up */

/* n pages of the guest; its own GGTT and the physical one name them alike. */
static uint32_t pages(struct driver *d, unsigned n, uint64_t *machine)
{
    uint32_t gma = d->next_gma;

    *machine = silicon_pages(d->silicon, n);
    for (unsigned i = 0; i < n; i++) {
        d->vggtt->pte[gma / PAGE + i] = (*machine + i * PAGE) | 1;
        silicon_ggtt(d->silicon, gma + i * PAGE, *machine + i * PAGE);
    }
    d->next_gma += n * PAGE;
    return gma;
}

static void make_work(struct driver *d, unsigned engine, struct work *k, uint32_t id)
{
    struct ctx_gen8_desc desc = {
        .valid = true, .privileged = true, .mode = CTX_LEGACY_64, .id = id};
    uint64_t image, mark;

    k->lrca = pages(d, (unsigned)ctx_gen8_pages(engine), &image);
    k->ring = pages(d, RING_PAGES, &k->ring_at);
    k->mark = pages(d, 1, &mark);
    k->done = silicon_at(d->silicon, mark);
    k->state = (uint32_t *)silicon_at(d->silicon, image) + CTX_GEN8_STATE;
    ctx_gen8_init(engine, silicon_at(d->silicon, image));
    ctx_gen8_set_ring(silicon_at(d->silicon, image), k->ring, RING_PAGES * PAGE, 0, 0);
    ctx_gen8_set_pdp(silicon_at(d->silicon, image), 0, DRIVER_ROOT);
    k->state[CTX_CONTROL] = CTX_CONTROL_INHIBIT_SYNC << 16 | CTX_CONTROL_INHIBIT_SYNC;
    desc.lrca = k->lrca;
    k->desc = ctx_gen8_desc_encode(&desc);
}

void driver_init(struct driver *d, struct silicon *s, struct vggtt *vggtt, unsigned n)
{
    *d = (struct driver){
        .silicon = s, .vggtt = vggtt, .next_gma = (n + 1) * DRIVER_PARTITION, .random = 7 + 3 * n};
    for (unsigned e = 0; e < DRIVER_ENGINES; e++) {
        uint64_t machine;

        d->port[e].hwsp = pages(d, 1, &machine);
        for (unsigned i = 0; i < DRIVER_CONTEXTS; i++)
            make_work(d, e, &d->port[e].work[i], 10 * e + i + 1);
    }
}

/* ---- requests */

void driver_put(struct driver *d, struct work *k, uint32_t dw)
{
    *(uint32_t *)silicon_at(d->silicon, k->ring_at + k->tail) = dw;
    k->tail = (k->tail + 4) % (RING_PAGES * PAGE);
}

static void put_all(struct driver *d, struct work *k, const uint32_t *dw, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        driver_put(d, k, dw[i]);
}

static uint32_t done(const struct work *k)
{
    return __atomic_load_n(k->done, __ATOMIC_ACQUIRE);
}

/* Wait for the test's permission, count, stores, places where it may be preempted, the request's
 * number, a user interrupt. */
static void request(struct driver *d, struct work *k)
{
    const uint32_t begin[] = {0x1cu << 23 | 1u << 22 | 1u << 15 | 1u << 12 |
                                  2, /* until permitted */
                              k->emitted + 1,
                              k->mark + 4 * PERMIT,
                              0,
                              0x2fu << 23 | 1u << 22 | 5u << 8 | 1, /* MI_ATOMIC INC */
                              k->mark + 4 * (COUNT + k->emitted),
                              0,
                              0};
    const uint32_t end[] = {0x20u << 23 | 1u << 22 | 2, k->mark, 0, k->emitted + 1, 2u << 23, 0};

    put_all(d, k, begin, 8);
    for (unsigned i = 0; i < WORK; i++) {
        const uint32_t store[] = {0x20u << 23 | 1u << 22 | 2, k->mark + 64, 0, i};

        put_all(d, k, store, 4);
        if (i % 8 == 0) {
            driver_put(d, k, 5u << 23); /* MI_ARB_CHECK */
            driver_put(d, k, 0);
        }
    }
    put_all(d, k, end, 6);
    k->emitted++;
}

/* Room for the request, and some to ask for. */
static bool may_request(const struct work *k)
{
    return k->emitted < DRIVER_REQUESTS && k->emitted - done(k) < 12;
}

static struct work *choose(struct driver *d, struct port *p, const struct work *but)
{
    struct work *k = &p->work[roll(d, DRIVER_CONTEXTS)];

    if (k == but)
        return NULL;
    if (may_request(k) && roll(d, 4))
        request(d, k);
    return done(k) != k->emitted ? k : NULL;
}

/* A new list, whatever runs: the same context with more, another one in front, a pair. */
static void submit(struct driver *d, unsigned engine)
{
    struct port *p = &d->port[engine];
    struct mmio_sched m = {.kind = MMIO_SCHED_ELSP, .engine = engine};

    if (p->waiting || (p->active[0] && roll(d, 8)))
        return;
    p->pending[0] = choose(d, p, NULL);
    p->pending[1] = p->pending[0] ? choose(d, p, p->pending[0]) : NULL;
    if (!p->pending[0])
        return;
    for (unsigned i = 0; i < 2 && p->pending[i]; i++) {
        p->pending[i]->state[CTX_RING_TAIL] = p->pending[i]->tail;
        m.desc[i] = p->pending[i]->desc;
    }
    m.seq = ++d->seq;
    assert_int_equal(lane_tx_put(&d->tx, &m, sizeof m), 0);
    p->waiting = true;
    p->lists++;
}

void driver_submit(struct driver *d)
{
    for (unsigned e = 0; e < DRIVER_ENGINES; e++)
        submit(d, e);
}

/* ---- events */

static void on_csb(struct port *p, const struct sched_mmio *m)
{
    uint32_t status = (uint32_t)m->csb;

    assert_int_equal(m->csb_index, p->slot);
    p->slot = (p->slot + 1) % 6;
    if (status & (CSB_IDLE_TO_ACTIVE | CSB_PREEMPTED)) {
        assert_true(p->waiting);
        assert_int_equal(!!p->active[0], !!(status & CSB_PREEMPTED));
        memcpy(p->active, p->pending, sizeof p->active);
        p->waiting = false;
        return;
    }
    assert_true(status & CSB_COMPLETE);
    assert_non_null(p->active[0]);
    assert_int_equal(m->csb >> 32, p->active[0]->desc >> 32);
    assert_int_equal(!!p->active[1], !!(status & CSB_ELEMENT_SWITCH));
    /* Everything submitted with this list has run. */
    p->active[0] = p->active[1];
    p->active[1] = NULL;
}

void driver_events(struct driver *d)
{
    struct lane_slot slot;
    struct sched_mmio m;

    while (lane_rx_next(&d->rx, &slot, NULL) == 0) {
        memcpy(&m, &slot, sizeof m);
        if (m.kind != SCHED_MMIO_CSB || m.seq <= d->shown)
            continue;
        assert_int_equal(m.seq, d->shown + 1);
        d->shown = m.seq;
        on_csb(&d->port[m.engine], &m);
    }
    lane_rx_advance(&d->rx);
}

void driver_permit(struct driver *d)
{
    for (unsigned e = 0; e < DRIVER_ENGINES; e++)
        for (unsigned i = 0; i < DRIVER_CONTEXTS; i++) {
            struct work *k = &d->port[e].work[i];

            if (!roll(d, 6))
                __atomic_store_n(&k->done[PERMIT], done(k) + 1 + roll(d, 3), __ATOMIC_RELEASE);
        }
}

bool driver_done(const struct driver *d)
{
    for (unsigned e = 0; e < DRIVER_ENGINES; e++) {
        if (d->port[e].waiting || d->port[e].active[0])
            return false;
        for (unsigned i = 0; i < DRIVER_CONTEXTS; i++) {
            const struct work *k = &d->port[e].work[i];

            if (done(k) != DRIVER_REQUESTS)
                return false;
            for (unsigned r = 0; r < DRIVER_REQUESTS; r++)
                if (k->done[COUNT + r] != 1)
                    fail_msg("engine %u context %u request %u ran %u times", e, i, r,
                             k->done[COUNT + r]);
        }
    }
    return true;
}
