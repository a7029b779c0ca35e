/* SPDX-License-Identifier: MIT */
/*
 * What a process of vgt-sched finds on a Haswell is not what it should be: guests that never come
 * back, others by their names, a damaged journal. Nothing of the arena is lost by it, and nothing
 * is given to two.
 */
#include "gen/cmds_gen7.h"
#include "tests/unit/sched_eng_wire.h"
#include "tests/unit/sched_ring_life.h"

/* One guest is gone by then: whatever the engines have of it, and it has of the arena, goes too. */
static void one_never_comes_back(void **state)
{
    (void)state;
    for (uint32_t random = 1; random < 25; random++) {
        unsigned here = random % GUESTS;

        ring_life_setup(random, 300);
        ring_life_play_until_death(8 + random);
        ring_life_begin_for_good();
        life_add(here);
        if (random % 3)
            ring_life_some_turns();
        sched_guest_stale(life.s, 2 - here);
        ring_life_some_turns();
        ring_life_leave();
        assert_int_equal(judge_violations(life.silicon.judge), 0);
        ring_life_teardown();
    }
}

/* The same name, and another guest: it starts with nothing of that one. */
static void another_comes_by_its_name(void **state)
{
    (void)state;
    for (uint32_t random = 1; random < 10; random++) {
        ring_life_setup(random, 300);
        ring_life_play_until_death(8 + random);
        ring_life_begin_for_good();
        life.seat[0].met = false;
        life_add(0);
        life_add(1);
        ring_life_some_turns();
        assert_int_equal(sched_guest_find(life.s, 1)->guest.w.ring[GEN8_BCS].kept, 0);
        ring_life_leave();
        ring_life_teardown();
    }
}

static void spoil(struct sched_journal *j, uint32_t how)
{
    struct sched_journal_ring *ring = &j->ring[life_roll(RING_ENGINES)];
    struct sched_journal_guest *g = &j->guest[life_roll(GUESTS)];
    struct sched_vring *r = &g->state.ring[life_roll(RING_ENGINES)];
    uint32_t *const words[] = {&ring->count,
                               &ring->chunk[0].end,
                               &ring->head,
                               &ring->chunk[0].save,
                               &ring->chunk[0].batches,
                               &r->kept,
                               &ring->chunk[0].guest_end,
                               &r->chunks,
                               &r->given,
                               &ring->chunk[1].save,
                               &ring->number};

    if (how % 12 < 11)
        *words[how % 12] = life_roll(2) ? life_roll(1u << 24) : 3 + life_roll(40);
    for (unsigned i = 0; i < CONTEXT_MAX && how % 12 == 11; i++)
        g->context[i].mem_pages = 1;
}

/* Nobody's pages are lost, and nobody else's are touched. */
static void the_journal_is_damaged(void **state)
{
    struct region journal;

    (void)state;
    for (uint32_t random = 1; random < 49; random++) {
        ring_life_setup(random, 300);
        ring_life_play_until_death(6 + random % 16);
        wire_region(&life.own, WIRE_JOURNAL, WIRE_REGION_JOURNAL, SCHED_JOURNAL_LAYOUT, 0, true,
                    &journal);
        spoil(journal.data, random);
        region_unmap(&journal);
        ring_life_begin_for_good();
        life_add(0);
        life_add(1);
        ring_life_some_turns();
        ring_life_leave();
        ring_life_teardown();
    }
}

/* ---- engines that still run */

static void loop_in(unsigned n)
{
    struct ring_driver *d = &ring_life_driver[n];
    struct ring_port *p = &d->port[GEN8_RCS];
    uint64_t until = silicon_now() + LIMIT;

    p->user_at[0] = MI_BB_START_GEN7 | MI_BB_PPGTT | MI_BB_UNPRIVILEGED;
    p->user_at[1] = 0;
    ring_driver_put(d, GEN8_RCS, MI_LRI | 1);
    ring_driver_put(d, GEN8_RCS, 0x2228);
    ring_driver_put(d, GEN8_RCS, p->directory << 12);
    ring_driver_put(d, GEN8_RCS, p->user_at[0]);
    ring_driver_put(d, GEN8_RCS, 0);
    ring_driver_tail(d, GEN8_RCS);
    while (!life.s->engine[GEN8_RCS].running) {
        assert_true(silicon_now() < until);
        ring_life_some_turns();
    }
}

/* Domain 1 has had the engine, and has left its state there. */
static void one_ran(void)
{
    ring_life_setup(1, 300);
    ring_life_begin_for_good();
    life_add(0);
    life_add(1);
    ring_driver_put(&ring_life_driver[0], GEN8_RCS, MI_NOOP);
    ring_driver_tail(&ring_life_driver[0], GEN8_RCS);
    while (life.s->engine[GEN8_RCS].ring.w.owner != 1 || life.s->engine[GEN8_RCS].running)
        ring_life_some_turns();
}

/* What a chunk may still save to is not given to anybody else before a reset. */
static void a_lost_guests_image_is_being_saved(void **state)
{
    struct engine *e;

    (void)state;
    one_ran();
    loop_in(1);
    life_end();
    ring_life_begin_for_good();
    life_add(1);
    sched_guest_stale(life.s, 1);
    e = &life.s->engine[GEN8_RCS];
    assert_int_equal(e->resets, 1);
    assert_false(e->running);
    assert_true(guest_hung(&sched_guest_find(life.s, 2)->guest)); /* its work ran */
    ring_life_leave();
    assert_int_equal(judge_violations(life.silicon.judge), 0);
    ring_life_teardown();
}

/* Where the engine would save what it has is no longer known: it is made to have nothing. */
static void the_image_in_the_engine_is_lost(void **state)
{
    struct engine *e;

    (void)state;
    one_ran();
    for (unsigned i = 0; i < CONTEXT_MAX; i++)
        life.s->journal->guest[0].context[i].mem_pages = 1;
    life_end();
    ring_life_begin_for_good();
    life_add(0);
    ring_life_some_turns();
    e = &life.s->engine[GEN8_RCS];
    assert_int_equal(e->resets, 1);
    assert_int_equal(e->ring.w.owner, 0);
    assert_true(guest_hung(&sched_guest_find(life.s, 1)->guest));
    ring_life_leave();
    ring_life_teardown();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_never_comes_back),
        cmocka_unit_test(another_comes_by_its_name),
        cmocka_unit_test(the_journal_is_damaged),
        cmocka_unit_test(a_lost_guests_image_is_being_saved),
        cmocka_unit_test(the_image_in_the_engine_is_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
