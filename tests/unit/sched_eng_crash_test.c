/* SPDX-License-Identifier: MIT */
/*
 * The whole of vgt-sched dies, hundreds of times, before or after any access to a register, and the
 * next one goes on: real shadow contexts on softgpu's engines, which run on meanwhile, and drivers
 * that notice a request lost or run twice, an event lost, repeated or in the wrong order.
 * A death is a jump out of the process's code; its memory is then given back untouched, but for the
 * loop, which was in the middle of things.
 */
#include "services/sched/sched.h"
#include "services/wire/names.h"
#include "services/wire/sched_gtt.h"
#include "tests/unit/sched_eng_driver.h"
#include "tests/unit/sched_eng_wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define GUESTS  2u
#define PAGE    4096u
#define MS      1000000ull
#define DEATHS  400u
#define LIMIT   120000 /* ms */
#define ENGINES 0xfu

struct seat {
    struct driver driver;
    struct wire_fds fds; /* the broker's copies */
    struct region vggtt, map, inval;
    bool known; /* to the living process */
    bool met;   /* to any */
};

static struct world {
    struct silicon silicon;
    struct loop *loop;
    struct loop *dead[DEATHS];
    struct sched *s;
    struct wire_fds own;
    struct lane_rx gtt_rx;
    struct lane_tx gtt_tx;
    struct seat seat[GUESTS];
    jmp_buf death;
    bool armed;
    unsigned left, deaths; /* accesses until the next; how many there were */
    uint32_t random;
} w;

static const struct log quiet = {.fd = 2, .level = LOG_CRIT, .name = "test"};

static uint32_t roll(uint32_t n)
{
    w.random = w.random * 1664525u + 1013904223u;
    return (w.random >> 8) % n;
}

/* ---- what the process meets */

static void on_access(void *ctx)
{
    (void)ctx;
    if (w.armed && w.deaths < DEATHS && !--w.left)
        longjmp(w.death, 1);
}

static void on_up(void *ctx)
{
    (void)ctx;
}

static void on_failed(void *ctx, int err)
{
    (void)ctx;
    fail_msg("failed: %d", err);
}

static void on_gone(void *ctx, uint32_t domid, bool final, uint32_t id)
{
    (void)ctx;
    fail_msg("gone: %u %d %u", domid, final, id);
}

static void on_broken(void *ctx, uint32_t domid, const char *lane)
{
    (void)ctx;
    fail_msg("broken: %u %s", domid, lane);
}

/* gtt: enters the arena, answers the last. */
static void gtt_serves(void)
{
    uint32_t start = (uint32_t)(w.silicon.gpu.info.ggtt_entries * (uint64_t)PAGE - WIRE_HOST_HIGH);
    struct gtt_sched done = {.kind = GTT_SCHED_DONE};
    struct lane_slot slot;
    struct sched_gtt m;

    while (lane_rx_next(&w.gtt_rx, &slot, NULL) == 0) {
        memcpy(&m, &slot, sizeof m);
        done.seq = m.seq;
        assert_int_equal(m.kind, SCHED_GTT_MAP);
        for (uint32_t i = 0; i < m.count; i++)
            silicon_ggtt(&w.silicon, start + (m.first + i) * PAGE, m.dma[i]);
    }
    lane_rx_advance(&w.gtt_rx);
    if (done.seq)
        lane_tx_put(&w.gtt_tx, &done, sizeof done);
}

/* ---- a process's life */

static void begin(void)
{
    const struct sched_config config = {
        .log = &quiet,
        .vmm = &silicon_vmm,
        .quantum_ns = MS / 20,
        .watchdog_ns = 20000 * MS,
        .arena_pages = 2 * ARENA_BLOCK_PAGES,
        .events = {on_up, on_failed, on_gone, on_broken, NULL},
    };
    struct sched_config c = config;
    struct wire_fds fds;

    assert_int_equal(loop_new(&w.loop), 0);
    c.loop = w.loop;
    assert_int_equal(sched_new(&c, &w.s), 0);
    fds = copies(&w.own);
    w.armed = true;
    assert_int_equal(sched_device(w.s, &w.silicon.gpu, &fds, ENGINES), 0);
}

static void end(void)
{
    w.armed = false;
    sched_free(w.s);
    w.s = NULL;
    w.loop = NULL;
    for (unsigned n = 0; n < GUESTS; n++)
        w.seat[n].known = false;
}

static void add(unsigned n)
{
    Vgt__GuestAdd add = VGT__GUEST_ADD__INIT;
    Vgt__Resources resources = VGT__RESOURCES__INIT;
    struct seat *seat = &w.seat[n];
    struct wire_fds fds = copies(&seat->fds);

    add.domid = n + 1;
    add.name = (char *)"guest";
    add.resources = &resources;
    resources.low_base = (n + 1) * DRIVER_PARTITION;
    resources.low_size = DRIVER_PARTITION;
    add.weight = 1;
    add.generation = 3;
    add.restart = seat->met;
    seat->known = seat->met = true;
    assert_int_equal(sched_guest_add(w.s, &add, &fds), 0);
}

/* The broker tells of the guests in any order, some time after the start. */
static bool tells(void)
{
    unsigned n = roll(GUESTS);

    if (w.seat[n].known || roll(3))
        return false;
    add(n);
    return true;
}

/* One turn of the process, which it may not survive. */
static void turn(void)
{
    if (setjmp(w.death)) {
        w.dead[w.deaths++] = w.loop;
        w.left = 1 + roll(80);
        end();
        return;
    }
    if (!w.s)
        begin();
    else if (!tells())
        assert_int_equal(loop_turn(w.loop, 0), 0);
}

/* ---- the world */

static void make_seat(unsigned n)
{
    struct mmio_sched m = {.kind = MMIO_SCHED_HWSP};
    struct seat *s = &w.seat[n];
    struct gtt_map *map;

    give_guest(&s->fds, 64);
    assert_int_equal(
        wire_region(&s->fds, WIRE_VGGTT, WIRE_REGION_VGGTT, VGGTT_LAYOUT, 0, true, &s->vggtt), 0);
    wire_region(&s->fds, WIRE_GTT_MAP, WIRE_REGION_GTT_MAP, GTT_MAP_LAYOUT, 0, true, &s->map);
    wire_region(&s->fds, WIRE_INVAL_SCHED, WIRE_REGION_INVAL, GTT_INVAL_LAYOUT, 0, true, &s->inval);
    map = s->map.data;
    map->root[0].level = 4;
    map->root[0].guest[0] = DRIVER_ROOT;
    map->root[0].shadow[0] = silicon_pages(&w.silicon, 1);
    driver_init(&s->driver, &w.silicon, s->vggtt.data, n);
    wire_producer(&s->fds, WIRE_MMIO_SCHED, MMIO_SCHED_LAYOUT, &s->driver.tx);
    wire_consumer(&s->fds, WIRE_SCHED_MMIO, MMIO_SCHED_LAYOUT, &s->driver.rx);
    for (m.engine = 0; m.engine < DRIVER_ENGINES; m.engine++) {
        m.seq = ++s->driver.seq;
        m.value = s->driver.port[m.engine].hwsp;
        assert_int_equal(lane_tx_put(&s->driver.tx, &m, sizeof m), 0);
    }
}

static int setup(void **state)
{
    struct rlimit files;

    (void)state;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files); /* loops that died keep theirs */
    memset(&w, 0, sizeof w);
    w.random = 11;
    w.left = 200;
    silicon_setup(&w.silicon);
    silicon_share(&w.silicon);
    w.silicon.on_access = on_access;
    give_own(&w.own, 16);
    assert_int_equal(wire_consumer(&w.own, WIRE_SCHED_GTT, SCHED_GTT_LAYOUT, &w.gtt_rx), 0);
    assert_int_equal(wire_producer(&w.own, WIRE_GTT_SCHED, SCHED_GTT_LAYOUT, &w.gtt_tx), 0);
    for (unsigned n = 0; n < GUESTS; n++)
        make_seat(n);
    return 0;
}

static int teardown(void **state)
{
    struct loop *loop = w.loop;

    (void)state;
    if (w.s)
        end();
    loop_free(loop);
    for (unsigned n = 0; n < GUESTS; n++) {
        struct seat *s = &w.seat[n];

        lane_producer_detach(&s->driver.tx);
        lane_consumer_detach(&s->driver.rx);
        region_unmap(&s->vggtt);
        region_unmap(&s->map);
        region_unmap(&s->inval);
        wire_fds_close(&s->fds);
    }
    lane_consumer_detach(&w.gtt_rx);
    lane_producer_detach(&w.gtt_tx);
    wire_fds_close(&w.own);
    silicon_teardown(&w.silicon);
    return 0;
}

static bool guests_done(void)
{
    bool done = true;

    for (unsigned n = 0; n < GUESTS; n++)
        done &= driver_done(&w.seat[n].driver);
    return done;
}

static void nothing_is_lost(void **state)
{
    uint64_t until = silicon_now() + LIMIT * MS;
    unsigned held = 0;

    (void)state;
    while (!guests_done()) {
        assert_true(silicon_now() < until);
        for (unsigned n = 0; n < GUESTS; n++) {
            driver_submit(&w.seat[n].driver);
            driver_events(&w.seat[n].driver);
            driver_permit(&w.seat[n].driver);
        }
        gtt_serves();
        turn();
    }
    w.armed = false;
    print_message("deaths: %u\n", w.deaths);
    assert_true(w.deaths > 50);
    for (unsigned n = 0; n < GUESTS; n++) {
        const struct guest *g = &sched_guest_find(w.s, n + 1)->guest;

        assert_false(guest_hung(g));
        for (unsigned i = 0; i < ACCOUNT_EVENTS; i++)
            assert_int_equal(sched_guest_find(w.s, n + 1)->account.count[i], 0);
        for (unsigned i = 0; i < CONTEXT_MAX; i++)
            held += g->c.journal->context[i].held;
    }
    assert_int_equal(held, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_lost, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
