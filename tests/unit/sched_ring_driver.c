/* SPDX-License-Identifier: MIT */
/*
 * sched_ring_driver.c: see sched_ring_driver.h.
 */
#include "tests/unit/sched_ring_driver.h"

#include "gen/cmds_gen7.h"
#include "gen/ctx_gen7.h"

#include <string.h>

#define RING_PAGES  2u
#define RING_BYTES  (RING_PAGES * PAGE)
#define PAGE        4096u
#define SEQNO       0x40u /* dword of the status page */
#define STORE_IMM   (0x20u << 23 | 2u)
#define STORE_INDEX (0x21u << 23 | 1u)
#define STORE_REG   (0x24u << 23 | 1u)
#define GGTT        (1u << 22)
#define GPR0        0x2600u
#define BEFORE      512u /* dword of the mark page: what GPR0 was when a request came */
#define NOPID       256u /* what NOPID was: in no image, and the scheduler's to keep */
#define SLOT        20u  /* dwords of a batch */

/* n pages of the guest; its own GGTT and the physical one name them alike. */
static uint32_t pages(struct ring_driver *d, unsigned n, void **at)
{
    uint32_t gma = d->next_gma;
    uint64_t machine = silicon_pages(d->silicon, n);

    for (unsigned i = 0; i < n; i++) {
        d->vggtt->pte[gma / PAGE + i] = (machine + i * PAGE) | 1;
        silicon_ggtt(d->silicon, gma + i * PAGE, machine + i * PAGE);
    }
    d->next_gma += n * PAGE;
    *at = silicon_at(d->silicon, machine);
    return gma;
}

/* One table: page 0 has the unprivileged batches, page 1 what they write. */
static void make_space(struct ring_driver *d, struct ring_port *p, unsigned slot)
{
    uint64_t table = silicon_pages(d->silicon, 1), user = silicon_pages(d->silicon, 4),
             log = silicon_pages(d->silicon, 1);
    uint32_t *pte = silicon_at(d->silicon, table);

    for (unsigned i = 0; i < 4; i++)
        pte[i] = (uint32_t)(user + i * PAGE) | 1;
    pte[4] = (uint32_t)log | 1;
    p->user_at = silicon_at(d->silicon, user);
    p->log_at = silicon_at(d->silicon, log);
    silicon_ggtt(d->silicon, p->shadow * PAGE, table);
    d->map->root[slot].level = 2;
    d->map->root[slot].guest[0] = p->directory;
    d->map->root[slot].shadow[0] = p->shadow;
}

static void make_port(struct ring_driver *d, unsigned engine, struct ring_port *p)
{
    void *at;

    p->ring = pages(d, RING_PAGES, &at);
    p->ring_at = (uint64_t)((uint8_t *)at - d->silicon->memory);
    p->hwsp = pages(d, 1, &at);
    p->hwsp_at = at;
    p->mark = pages(d, 1, &at);
    p->mark_at = at;
    p->batch = pages(d, 4, &at);
    p->batch_at = at;
    for (unsigned i = 0; i < 2 && engine == GEN8_RCS; i++) {
        p->image[i] = pages(d, CTX_GEN7_PAGES, &at);
        p->image_at[i] = at;
        ctx_gen7_init(at);
    }
}

void ring_driver_init(struct ring_driver *d, struct silicon *s, struct vggtt *vggtt,
                      struct gtt_map *map, unsigned n, uint32_t directories)
{
    *d = (struct ring_driver){
        .silicon = s, .vggtt = vggtt, .map = map, .next_gma = (n + 1) * RING_PARTITION};
    for (unsigned e = 0; e < RING_ENGINES; e++) {
        struct ring_port *p = &d->port[e];

        make_port(d, e, p);
        p->directory = (n + 1) * RING_PARTITION / PAGE + 2048 + 512 * e;
        p->shadow = directories + 512 * (n * RING_ENGINES + e);
        make_space(d, p, e);
    }
}

static void send(struct ring_driver *d, struct mmio_sched *m)
{
    m->seq = ++d->seq;
    assert_int_equal(lane_tx_put(&d->tx, m, sizeof *m), 0);
}

void ring_driver_start(struct ring_driver *d, unsigned engine)
{
    struct ring_port *p = &d->port[engine];
    struct mmio_sched page = {.kind = MMIO_SCHED_HWSP, .engine = engine, .value = p->hwsp};
    struct mmio_sched ring = {.kind = MMIO_SCHED_RING,
                              .engine = engine,
                              .offset = gen8_engine_base(engine) + 0x34,
                              .ring = {.start = p->ring, .ctl = (RING_BYTES - PAGE) | 1}};

    p->head = p->tail = 0;
    send(d, &page);
    send(d, &ring);
}

void ring_driver_put(struct ring_driver *d, unsigned engine, uint32_t dw)
{
    struct ring_port *p = &d->port[engine];

    *(uint32_t *)silicon_at(d->silicon, p->ring_at + p->tail) = dw;
    p->tail = (p->tail + 4) % RING_BYTES;
}

void ring_driver_tail(struct ring_driver *d, unsigned engine)
{
    struct mmio_sched m = {.kind = MMIO_SCHED_TAIL, .engine = engine};

    if (d->port[engine].tail % 8)
        ring_driver_put(d, engine, MI_NOOP);
    m.value = d->port[engine].tail;
    send(d, &m);
}

static void put_all(struct ring_driver *d, unsigned engine, const uint32_t *dw, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        ring_driver_put(d, engine, dw[i]);
}

/* Both batches of request k. */
static void write_batches(struct ring_port *p, unsigned engine, uint32_t k)
{
    const uint32_t user[] = {STORE_IMM, 0, 4 * PAGE + 4 * k, k + 1, MI_BB_END};
    const uint32_t nopid = gen8_engine_base(engine) + 0x94;
    const uint32_t mark[] = {
        STORE_IMM | GGTT,          0,          p->mark + 4 * k, k + 1, STORE_REG | GGTT, nopid,
        p->mark + 4 * (NOPID + k), MI_LRI | 1, nopid,           k + 1};
    const uint32_t render[] = {STORE_REG | GGTT, GPR0, p->mark + 4 * (BEFORE + k),
                               MI_LRI | 1,       GPR0, k + 1};
    uint32_t *dw = p->batch_at + SLOT * k;

    memcpy(p->user_at + SLOT * k, user, sizeof user);
    memcpy(dw, mark, sizeof mark);
    dw += 10;
    if (engine == GEN8_RCS) {
        memcpy(dw, render, sizeof render);
        dw += 6;
    }
    *dw = MI_BB_END;
}

static void request(struct ring_driver *d, unsigned engine)
{
    struct ring_port *p = &d->port[engine];
    uint32_t k = p->emitted++, base = gen8_engine_base(engine);
    uint32_t user = engine == GEN8_RCS ? MI_BB_UNPRIVILEGED | MI_BB_PPGTT : MI_BB_PPGTT;
    const uint32_t context[] = {MI_NOOP, MI_SET_CONTEXT_GEN7, p->image[k % 2] | 0x10c, MI_NOOP};
    const uint32_t space[] = {MI_LRI | 1, base + 0x220, UINT32_MAX,
                              MI_LRI | 1, base + 0x228, p->directory << 12};
    const uint32_t rest[] = {MI_BB_START_GEN7 | user,
                             SLOT * 4 * k,
                             MI_BB_START_GEN7,
                             p->batch + SLOT * 4 * k,
                             STORE_INDEX,
                             SEQNO * 4,
                             k + 1,
                             2u << 23 /* MI_USER_INTERRUPT */};

    write_batches(p, engine, k);
    if (engine == GEN8_RCS)
        put_all(d, engine, context, 4);
    put_all(d, engine, space, 6);
    put_all(d, engine, rest, 8);
    ring_driver_tail(d, engine);
}

static uint32_t room(const struct ring_port *p)
{
    return (p->head - p->tail - 8 + RING_BYTES) % RING_BYTES;
}

void ring_driver_submit(struct ring_driver *d)
{
    for (unsigned e = 0; e < RING_ENGINES; e++)
        for (unsigned i = 0; i < 3; i++)
            if (d->port[e].emitted < RING_REQUESTS && room(&d->port[e]) > 256)
                request(d, e);
}

void ring_driver_events(struct ring_driver *d)
{
    struct lane_slot slot;
    struct sched_mmio m;

    while (lane_rx_next(&d->rx, &slot, NULL) == 0) {
        memcpy(&m, &slot, sizeof m);
        assert_int_not_equal(m.kind, SCHED_MMIO_CSB);
        if (m.engine >= RING_ENGINES)
            continue;
        if (m.kind == SCHED_MMIO_IIR)
            d->interrupts++;
        if (m.kind != SCHED_MMIO_RING)
            continue;
        assert_true(m.head < RING_BYTES);
        d->port[m.engine].head = m.head;
        d->port[m.engine].idle = m.bits & SCHED_RING_IDLE;
    }
    lane_rx_advance(&d->rx);
}

bool ring_driver_done(const struct ring_driver *d)
{
    for (unsigned e = 0; e < RING_ENGINES; e++)
        if (__atomic_load_n(&d->port[e].hwsp_at[SEQNO], __ATOMIC_ACQUIRE) != RING_REQUESTS ||
            d->port[e].head != d->port[e].tail)
            return false;
    return true;
}

/* What the engine saved of GPR0. */
static uint32_t saved(const uint32_t *image)
{
    for (unsigned i = 0; i < CTX_GEN7_DWORDS - 1; i++)
        if (image[i] == GPR0)
            return image[i + 1];
    return UINT32_MAX;
}

void ring_driver_check(const struct ring_driver *d)
{
    const struct ring_port *p = &d->port[GEN8_RCS];

    for (unsigned e = 0; e < RING_ENGINES; e++)
        for (uint32_t k = 0; k < RING_REQUESTS; k++) {
            assert_int_equal(d->port[e].log_at[k], k + 1);
            assert_int_equal(d->port[e].mark_at[k], k + 1);
            assert_int_equal(d->port[e].mark_at[NOPID + k], k);
        }
    for (uint32_t k = 0; k < RING_REQUESTS; k++)
        assert_int_equal(p->mark_at[BEFORE + k], k < 2 ? 0 : k - 1);
    /* The last request left its own image current; it took the other one's place. */
    assert_int_equal(saved(p->image_at[RING_REQUESTS % 2]), RING_REQUESTS - 1);
}
