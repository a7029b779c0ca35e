/* SPDX-License-Identifier: MIT */
/*
 * The whole of vgt-sched dies on a Haswell, hundreds of times, at registers and crash points, and
 * the next one goes on while the engines run. In the end every request of both guests has run,
 * once, in its own context, with its own registers; and when the guests have left nothing of the
 * arena is lost.
 */
#include "tests/unit/sched_ring_life.h"

static void survive(uint32_t random, unsigned rhythm)
{
    ring_life_setup(random, rhythm);
    ring_life_play();
    print_message("deaths: %u, at points: %u\n", life.deaths, life.at_points);
    assert_true(life.deaths > 50 && life.at_points > 20);
    ring_life_check_guests();
    ring_life_leave();
    ring_life_teardown();
}

static void it_dies_often(void **state)
{
    (void)state;
    for (uint32_t random = 11; random < 14; random++)
        survive(random, 200);
}

static void it_dies_now_and_then(void **state)
{
    (void)state;
    for (uint32_t random = 3; random < 5; random++)
        survive(random, 800);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_dies_often),
        cmocka_unit_test(it_dies_now_and_then),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
