/* SPDX-License-Identifier: MIT */
/*
 * The whole of vgt-sched dies, hundreds of times, before or after any access to a register, and the
 * next one goes on: real shadow contexts on softgpu's engines, which run on meanwhile, and drivers
 * that notice a request lost or run twice, an event lost, repeated or in the wrong order.
 * What a death is, sched_eng_life.h says.
 */
#include "tests/unit/sched_eng_driver.h"
#include "tests/unit/sched_eng_life.h"

#define GUESTS LIFE_GUESTS
#define LIMIT  120000000000ull /* ns */

static struct driver driver[GUESTS];

static void make_driver(unsigned n)
{
    struct mmio_sched m = {.kind = MMIO_SCHED_HWSP};
    struct gtt_map *map = life.seat[n].map.data;
    struct driver *d = &driver[n];

    map->root[0].level = 4;
    map->root[0].guest[0] = DRIVER_ROOT;
    map->root[0].shadow[0] = silicon_pages(&life.silicon, 1);
    driver_init(d, &life.silicon, life.seat[n].vggtt.data, n);
    life_lanes(n, &d->tx, &d->rx);
    for (m.engine = 0; m.engine < DRIVER_ENGINES; m.engine++) {
        m.seq = ++d->seq;
        m.value = d->port[m.engine].hwsp;
        assert_int_equal(lane_tx_put(&d->tx, &m, sizeof m), 0);
    }
}

static int setup(void **state)
{
    static const struct life_config config = {
        .silicon = silicon_setup,
        .mask = 0xf,
        .partition = DRIVER_PARTITION,
        .slots = 64,
        .random = 11,
        .first = 200,
        .rhythm = 80,
        .deaths = 400,
    };

    (void)state;
    life_setup(&config);
    for (unsigned n = 0; n < GUESTS; n++)
        make_driver(n);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (unsigned n = 0; n < GUESTS; n++) {
        lane_producer_detach(&driver[n].tx);
        lane_consumer_detach(&driver[n].rx);
    }
    life_teardown();
    return 0;
}

static bool guests_done(void)
{
    bool done = true;

    for (unsigned n = 0; n < GUESTS; n++)
        done &= life.s && life.seat[n].known && driver_done(&driver[n]);
    return done;
}

static void nothing_is_lost(void **state)
{
    uint64_t until = silicon_now() + LIMIT;
    unsigned held = 0;

    (void)state;
    while (!guests_done()) {
        assert_true(silicon_now() < until);
        for (unsigned n = 0; n < GUESTS; n++) {
            driver_submit(&driver[n]);
            driver_events(&driver[n]);
            driver_permit(&driver[n]);
        }
        life_gtt_serves();
        life_turn();
    }
    life.armed = false;
    print_message("deaths: %u\n", life.deaths);
    assert_true(life.deaths > 50);
    assert_int_equal(life.gone, 0);
    life_check_guests();
    for (unsigned n = 0; n < GUESTS; n++) {
        const struct guest *g = &sched_guest_find(life.s, n + 1)->guest;

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
