/* SPDX-License-Identifier: MIT */
/*
 * sched_eng_rig.c: see sched_eng_rig.h.
 */
#include "tests/unit/sched_eng_rig.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void on_reset(void *ctx, struct guest *g, unsigned engine)
{
    struct rig *r = ctx;

    if (engine == GEN8_RCS)
        assert_int_equal(engine_evict(&r->engine, g, r->now), 0);
    else
        guest_reset_done(g, engine);
}

static void on_work(void *ctx, struct guest *g, unsigned engine)
{
    (void)ctx;
    (void)g;
    (void)engine;
}

static void commit(void *ctx)
{
    struct rig *r = ctx;

    engines_commit(r->journal, &r->engine, 1, &r->ring);
}

static void init_guest(struct rig *r, unsigned n, bool restart)
{
    struct rig_guest *rg = &r->g[n];
    const struct context_config contexts = {.number = n};
    struct guest_config config = {
        .domid = n + 1,
        .weight = 1,
        .generation = 7,
        .restart = restart,
        .account = &rg->account,
        .journal = rg->journal,
        .map = rg->map,
        .inval = &rg->inval,
        .rx = &rg->rx,
        .tx = &rg->tx,
        .hooks = {on_reset, on_work, commit, r},
    };

    if (!restart)
        context_set_new(&contexts, &rg->contexts);
    config.contexts = rg->contexts;
    guest_init(&rg->guest, &config);
}

static void make_lanes(struct rig_guest *rg, unsigned slots)
{
    assert_int_equal(lane_create("up", LANE_STREAM, 64, MMIO_SCHED_LAYOUT, &rg->fd[0]), 0);
    assert_int_equal(lane_create("down", LANE_STREAM, slots, MMIO_SCHED_LAYOUT, &rg->fd[3]), 0);
    for (unsigned i = 0; i < 6; i++)
        if (i % 3)
            rg->fd[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    lane_producer_attach(&rg->mmio_tx, rg->fd[0], MMIO_SCHED_LAYOUT, rg->fd[1], rg->fd[2]);
    lane_consumer_attach(&rg->rx, rg->fd[0], MMIO_SCHED_LAYOUT, rg->fd[1], rg->fd[2]);
    lane_producer_attach(&rg->tx, rg->fd[3], MMIO_SCHED_LAYOUT, rg->fd[4], rg->fd[5]);
    lane_consumer_attach(&rg->mmio_rx, rg->fd[3], MMIO_SCHED_LAYOUT, rg->fd[4], rg->fd[5]);
}

static const struct log quiet = {.fd = 2, .level = LOG_CRIT, .name = "test"};
static const uint32_t hwsp[GEN8_ENGINES] = {0xfc000000, 0xfc001000, 0xfc002000, 0xfc003000};

static void make_engine(struct rig *r)
{
    const struct engine_config config = {.id = GEN8_RCS,
                                         .hw = &r->hw,
                                         .guests = &r->ring,
                                         .log = &quiet,
                                         .quantum_ns = QUANTUM,
                                         .watchdog_ns = WATCHDOG,
                                         .commit = commit,
                                         .ctx = r};

    hw_init(&r->hw, r->gpu, 0xf);
    engine_init(&r->engine, &config);
}

void rig_setup(struct rig *r, unsigned guests, unsigned slots)
{
    memset(r, 0, sizeof *r);
    r->journal = calloc(1, sizeof *r->journal);
    r->now = 1000 * MS;
    sim_init(&r->sim);
    assert_int_equal(gpu_fake_open(r->sim.fake, GPU_ROW_SCHED, &r->gpu), 0);
    make_engine(r);
    assert_int_equal(hw_halt(&r->hw), 0);
    assert_int_equal(hw_up(&r->hw, hwsp), 0);
    for (unsigned n = 0; n < guests; n++) {
        struct rig_guest *rg = &r->g[n];

        account_init(&rg->account, n + 1, "guest", &quiet);
        rg->journal = &r->journal->guest[n];
        rg->map = aligned_alloc(128, sizeof *rg->map);
        memset(rg->map, 0, sizeof *rg->map);
        make_lanes(rg, slots);
        init_guest(r, n, false);
        r->ring.guest[r->ring.count++] = &rg->guest;
    }
}

/* Contexts of the port that the guest has; the real ones are found by context_hold(), too. */
static void hold(struct rig *r, struct context_set *set, uint32_t domid)
{
    const struct sched_journal_pair pair[2] = {r->engine.left.now, r->engine.left.next};

    for (unsigned i = 0; i < 4 && r->engine.adopting; i++)
        if (pair[i / 2].domid == domid && pair[i / 2].slot[i % 2])
            context_hold(set, pair[i / 2].slot[i % 2] - 1);
}

void rig_crash(struct rig *r, bool alive)
{
    unsigned guests = r->ring.count;

    assert_int_equal(journal_redo(r->journal), 0);
    make_engine(r);
    assert_int_equal(hw_adopt(&r->hw, hwsp), alive ? 0xf : 0xe);
    if (!alive) {
        assert_int_equal(hw_halt(&r->hw), 0);
        assert_int_equal(hw_up(&r->hw, hwsp), 0);
    }
    engine_left(&r->engine, &r->journal->engine[0]);
    r->ring.count = 0;
    for (unsigned n = 0; n < guests; n++) {
        struct rig_guest *rg = &r->g[n];

        stub_crash(rg->contexts);
        lane_producer_detach(&rg->tx);
        lane_consumer_detach(&rg->rx);
        lane_producer_attach(&rg->tx, rg->fd[3], MMIO_SCHED_LAYOUT, rg->fd[4], rg->fd[5]);
        lane_consumer_attach(&rg->rx, rg->fd[0], MMIO_SCHED_LAYOUT, rg->fd[1], rg->fd[2]);
        init_guest(r, n, true);
        hold(r, rg->contexts, n + 1);
        context_set_restored(rg->contexts);
        r->ring.guest[r->ring.count++] = &rg->guest;
        assert_int_equal(engine_adopt(&r->engine, alive, false, r->now),
                         !r->engine.adopting || n + 1 == guests);
    }
    commit(r);
}

void rig_teardown(struct rig *r)
{
    for (unsigned n = 0; n < r->ring.count; n++) {
        struct rig_guest *rg = &r->g[n];

        lane_producer_detach(&rg->mmio_tx);
        lane_consumer_detach(&rg->mmio_rx);
        lane_producer_detach(&rg->tx);
        lane_consumer_detach(&rg->rx);
        for (unsigned i = 0; i < 6; i++)
            close(rg->fd[i]);
        context_set_free(rg->contexts);
        free(rg->map);
    }
    free(r->journal);
    gpu_close(r->gpu);
    gpu_fake_free(r->sim.fake);
}

void rig_step(struct rig *r)
{
    uint32_t bits[GEN8_ENGINES];

    assert_int_equal(hw_interrupts(&r->hw, bits), 0);
    if (bits[GEN8_RCS])
        assert_int_equal(engine_interrupt(&r->engine, bits[GEN8_RCS], r->now), 0);
    for (unsigned n = 0; n < r->ring.count; n++)
        while (guest_take(&r->g[n].guest) == GUEST_MORE)
            ;
    assert_int_equal(engine_kick(&r->engine, r->now), 0);
    assert_int_equal(hw_interrupts(&r->hw, bits), 0);
    if (bits[GEN8_RCS])
        assert_int_equal(engine_interrupt(&r->engine, bits[GEN8_RCS], r->now), 0);
    commit(r);
    for (unsigned n = 0; n < r->ring.count; n++)
        assert_int_equal(guest_flush(&r->g[n].guest), 0);
    commit(r);
}

void rig_pass(struct rig *r, uint64_t ns)
{
    r->now += ns;
    assert_int_equal(engine_tick(&r->engine, r->now), 0);
    rig_step(r);
}

void rig_post(struct rig *r, unsigned n, struct mmio_sched m)
{
    if (!m.seq)
        m.seq = ++r->g[n].seq;
    assert_int_equal(lane_tx_put(&r->g[n].mmio_tx, &m, sizeof m), 0);
}

void rig_elsp(struct rig *r, unsigned n, uint64_t desc0, uint64_t desc1)
{
    rig_post(r, n, (struct mmio_sched){.kind = MMIO_SCHED_ELSP, .desc = {desc0, desc1}});
    rig_step(r);
}

static struct sched_mmio next(struct rig *r, unsigned n)
{
    struct lane_slot slot;
    struct sched_mmio m;

    assert_int_equal(lane_rx_next(&r->g[n].mmio_rx, &slot, NULL), 0);
    memcpy(&m, &slot, sizeof m);
    lane_rx_advance(&r->g[n].mmio_rx);
    return m;
}

void rig_expect_csb(struct rig *r, unsigned n, unsigned slot, uint32_t status, uint32_t id)
{
    struct sched_mmio m = next(r, n);

    while (r->skip_iir && m.kind == SCHED_MMIO_IIR)
        m = next(r, n);
    assert_int_equal(m.kind, SCHED_MMIO_CSB);
    assert_int_equal(m.csb_index, slot);
    assert_int_equal(m.csb, (uint64_t)id << 32 | status);
}

void rig_expect_iir(struct rig *r, unsigned n, uint32_t bits)
{
    const struct sched_mmio m = next(r, n);

    assert_int_equal(m.kind, SCHED_MMIO_IIR);
    assert_int_equal(m.bits, bits);
}

void rig_expect_reset_done(struct rig *r, unsigned n)
{
    assert_int_equal(next(r, n).kind, SCHED_MMIO_RESET_DONE);
}

void rig_expect_none(struct rig *r, unsigned n)
{
    struct lane_slot slot;

    assert_int_equal(lane_rx_next(&r->g[n].mmio_rx, &slot, NULL), LANE_EMPTY);
}

int rig_runs(const struct rig *r)
{
    return r->engine.running ? (int)r->engine.now.guest->c.domid - 1 : -1;
}
