/* SPDX-License-Identifier: MIT */
/* sched_ring_life.c: see sched_ring_life.h. */
#include "tests/unit/sched_ring_life.h"

#include "lib/crash.h"

struct ring_driver ring_life_driver[GUESTS];

/* In the place of lib/crash.c's, for the files that are built with points. */
void crash_pass(const struct crash_point *point)
{
    (void)point;
    life_passing(true);
}

void ring_life_setup(uint32_t random, unsigned rhythm)
{
    const struct life_config config = {
        .silicon = silicon_setup_hsw,
        .mask = GEN8_M_RCS | GEN8_M_BCS,
        .partition = RING_PARTITION,
        .rings = true,
        .slots = 512,
        .random = random,
        .first = 300,
        .rhythm = rhythm,
        .deaths = 600,
    };

    life_setup(&config);
    for (unsigned n = 0; n < GUESTS; n++) {
        struct ring_driver *d = &ring_life_driver[n];

        ring_driver_init(d, &life.silicon, life.seat[n].vggtt.data, life.seat[n].map.data, n,
                         DIRECTORIES + 512);
        life_lanes(n, &d->tx, &d->rx);
        for (unsigned e = 0; e < RING_ENGINES; e++)
            ring_driver_start(d, e);
    }
}

void ring_life_teardown(void)
{
    for (unsigned n = 0; n < GUESTS; n++) {
        lane_producer_detach(&ring_life_driver[n].tx);
        lane_consumer_detach(&ring_life_driver[n].rx);
    }
    life_teardown();
}

static bool all_done(void)
{
    bool done = true;

    for (unsigned n = 0; n < GUESTS; n++)
        done &= life.s && life.seat[n].known && ring_driver_done(&ring_life_driver[n]);
    return done;
}

static void show_engine(unsigned n, unsigned e, const struct sched_vring *r, bool hung)
{
    const struct ring_port *p = &ring_life_driver[n].port[e];
    const struct sched_journal_ring *w = &life.s->journal->ring[e];

    print_message("guest %u engine %u: emitted %u number %u head %#x tail %#x; given %#x chunks %u "
                  "hung %u; engine has %u, number %u of guest %d\n",
                  n, e, p->emitted, p->hwsp_at[0x40], p->head, p->tail, r->given, r->chunks, hung,
                  w->count, w->number, (int)w->owner - 1);
}

/* The journal's places are not the guests' numbers. */
static void show_place(const struct sched_journal_state *j)
{
    for (unsigned e = 0; e < RING_ENGINES && j->domid - 1 < GUESTS; e++)
        show_engine(j->domid - 1, e, &j->ring[e], j->engine[e].hung);
}

static void show_and_fail(void)
{
    for (unsigned i = 0; i < SCHED_JOURNAL_GUESTS && life.s; i++)
        show_place(&life.s->journal->guest[i].state);
    fail_msg("not done in time; deaths: %u%s", life.deaths, life.s ? "" : ", and just dead");
}

static void all_turn(void)
{
    for (unsigned n = 0; n < GUESTS; n++) {
        ring_driver_submit(&ring_life_driver[n]);
        ring_driver_events(&ring_life_driver[n]);
    }
    life_gtt_serves();
    life_turn();
}

void ring_life_play(void)
{
    uint64_t until = silicon_now() + LIMIT;

    while (!all_done()) {
        if (silicon_now() > until)
            show_and_fail();
        all_turn();
    }
}

void ring_life_check_guests(void)
{
    life_check_guests();
    for (unsigned n = 0; n < GUESTS; n++)
        ring_driver_check(&ring_life_driver[n]);
    assert_int_equal(judge_violations(life.silicon.judge), 0);
}

/* All leave, and nothing of the arena is anybody's. */
void ring_life_leave(void)
{
    uint64_t until = silicon_now() + LIMIT;
    unsigned known = 0;

    life.armed = false;
    for (unsigned n = 0; n < GUESTS; n++) {
        if (!life.seat[n].known)
            continue;
        known++;
        sched_guest_remove(life.s, sched_guest_find(life.s, n + 1), true, LIFE_GONE);
    }
    while (life.gone < known) {
        assert_true(silicon_now() < until);
        assert_int_equal(loop_turn(life.loop, 0), 0);
    }
    assert_int_equal(arena_free_pages(life.s->arena), LIFE_ARENA_PAGES - OURS);
}

void ring_life_play_until_death(unsigned deaths)
{
    while (life.deaths < deaths && !all_done())
        all_turn();
    if (life.s)
        life_end();
}

void ring_life_begin_for_good(void)
{
    life.left = 1u << 30;
    life_begin();
    life.armed = false;
}

void ring_life_some_turns(void)
{
    for (unsigned i = 0; i < 100; i++) {
        life_gtt_serves();
        for (unsigned n = 0; n < GUESTS; n++)
            ring_driver_events(&ring_life_driver[n]);
        assert_int_equal(loop_turn(life.loop, 0), 0);
    }
}
