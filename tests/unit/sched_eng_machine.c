/* SPDX-License-Identifier: MIT */
/* sched_eng_machine.c: see sched_eng_machine.h. */
#include "tests/unit/sched_eng_machine.h"

#include "services/wire/sched_gtt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#define PAGE 4096u

const struct log machine_quiet = {.fd = 2, .level = LOG_CRIT, .name = "test"};

uint64_t machine_now(const struct machine *m)
{
    return m->time ? m->time : silicon_now();
}

/* ---- set-up */

static int emit(void *ctx, uint32_t first, uint32_t count, const uint64_t *dma)
{
    struct machine *m = ctx;
    uint32_t start, size;

    arena_bounds(m->arena, &start, &size);
    for (uint32_t i = 0; i < count; i++)
        silicon_ggtt(&m->silicon, start + (first + i) * PAGE, dma[i]);
    return 0;
}

void machine_init(struct machine *m, uint32_t mask)
{
    m->journal = calloc(1, sizeof *m->journal);
    silicon_share(&m->silicon);
    hw_init(&m->hw, &m->silicon.gpu, mask);
    assert_int_equal(hw_halt(&m->hw), 0);
    assert_int_equal(arena_new(&m->silicon.gpu, MACHINE_ARENA_PAGES, &m->arena), 0);
    assert_int_equal(arena_map(m->arena, 0, SCHED_GTT_MAP_PAGES, emit, m), 0);
}

void machine_engine(struct machine *m, unsigned e, uint64_t quantum, uint64_t watchdog)
{
    const struct engine_config config = {.id = e,
                                         .hw = &m->hw,
                                         .guests = &m->ring,
                                         .log = &machine_quiet,
                                         .quantum_ns = quantum,
                                         .watchdog_ns = watchdog,
                                         .commit = machine_commit,
                                         .ctx = m};

    engine_init(&m->engine[e], &config);
}

void machine_free(struct machine *m)
{
    hw_halt(&m->hw);
    arena_forget(m->arena);
    free(m->journal);
    silicon_teardown(&m->silicon);
}

void machine_lanes_open(struct machine_lanes *l, uint32_t down, struct lane_tx *driver_tx,
                        struct lane_rx *driver_rx)
{
    int *fd = l->fd;

    lane_create("up", LANE_STREAM, 64, MMIO_SCHED_LAYOUT, &fd[0]);
    lane_create("down", LANE_STREAM, down, MMIO_SCHED_LAYOUT, &fd[3]);
    for (unsigned i = 0; i < 6; i++)
        if (i % 3)
            fd[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    lane_producer_attach(driver_tx, fd[0], MMIO_SCHED_LAYOUT, fd[1], fd[2]);
    lane_consumer_attach(&l->rx, fd[0], MMIO_SCHED_LAYOUT, fd[1], fd[2]);
    lane_producer_attach(&l->tx, fd[3], MMIO_SCHED_LAYOUT, fd[4], fd[5]);
    lane_consumer_attach(driver_rx, fd[3], MMIO_SCHED_LAYOUT, fd[4], fd[5]);
}

void machine_lanes_close(struct machine_lanes *l, struct lane_tx *driver_tx,
                         struct lane_rx *driver_rx)
{
    lane_producer_detach(driver_tx);
    lane_consumer_detach(driver_rx);
    lane_producer_detach(&l->tx);
    lane_consumer_detach(&l->rx);
    for (unsigned i = 0; i < 6; i++)
        close(l->fd[i]);
}

/* ---- what the service does for a guest */

static void on_reset(void *ctx, struct guest *g, unsigned engine)
{
    struct machine *m = ctx;

    if (engine < MACHINE_ENGINES)
        assert_int_equal(engine_evict(&m->engine[engine], g, machine_now(m)), 0);
    else
        guest_reset_done(g, engine);
}

static void on_work(void *ctx, struct guest *g, unsigned engine)
{
    (void)ctx;
    (void)g;
    (void)engine;
}

void machine_commit(void *machine)
{
    struct machine *m = machine;

    engines_commit(m->journal, m->engine, MACHINE_ENGINES, &m->ring);
}

struct guest_hooks machine_hooks(struct machine *m)
{
    return (struct guest_hooks){on_reset, on_work, machine_commit, m};
}

/* ---- the service's loop */

static void look_at_engines(struct machine *m, uint64_t now)
{
    uint32_t bits[GEN8_ENGINES];

    assert_int_equal(hw_interrupts(&m->hw, bits), 0);
    for (unsigned e = 0; e < MACHINE_ENGINES; e++) {
        if (bits[e])
            assert_int_equal(engine_interrupt(&m->engine[e], bits[e], now), 0);
        else if (engine_deadline(&m->engine[e], now) <= now)
            assert_int_equal(engine_tick(&m->engine[e], now), 0);
    }
}

void machine_turn(struct machine *m)
{
    uint64_t now = machine_now(m);

    look_at_engines(m, now);
    for (unsigned n = 0; n < m->ring.count; n++) {
        while (guest_take(m->ring.guest[n]) == GUEST_MORE)
            ;
        for (unsigned e = 0; e < MACHINE_ENGINES; e++)
            m->ring.guest[n]->engine[e].blocked = false;
    }
    for (unsigned e = 0; e < MACHINE_ENGINES; e++)
        assert_int_equal(engine_kick(&m->engine[e], now), 0);
    machine_commit(m);
    for (unsigned n = 0; n < m->ring.count; n++)
        assert_int_equal(guest_flush(m->ring.guest[n]), 0);
    machine_commit(m);
}

void machine_nothing_counted(const struct account *a)
{
    for (unsigned i = 0; i < ACCOUNT_EVENTS; i++)
        assert_int_equal(a->count[i], 0);
}
