/* SPDX-License-Identifier: MIT */
/*
 * lib_quarantine_test.c: which deaths count against which input. A process that dies is a handle
 * that is forgotten; lib_quarantine_crash_test.c kills real ones.
 */
#include "lib/quarantine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#define KIND 3u

static struct quarantine_table *table;

static int setup(void **state)
{
    (void)state;
    table = mmap(NULL, sizeof(*table), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(table, MAP_FAILED);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    munmap(table, sizeof(*table));
    return 0;
}

static struct quarantine born(void)
{
    struct quarantine q;

    quarantine_attach(&q, table);
    return q;
}

static bool begin(struct quarantine *q, unsigned slot, uint64_t value)
{
    uint64_t word[2] = {value, ~value};

    return quarantine_begin(q, slot, KIND, word, 2);
}

/* A process that applies value in slot and dies in it. */
static void die_in(unsigned slot, uint64_t value)
{
    struct quarantine q = born();

    begin(&q, slot, value);
}

static bool applied(struct quarantine *q, unsigned slot, uint64_t value)
{
    bool yes = begin(q, slot, value);

    quarantine_end(q, slot);
    return yes;
}

static void second_death_is_enough(void **state)
{
    struct quarantine q;
    struct quarantine_item item;

    (void)state;
    die_in(QUARANTINE_OUTER, 7);
    q = born();
    assert_int_equal(q.suspects, 1);
    assert_true(quarantine_doubts(&q));
    assert_false(quarantine_get(&q, 0, &item));
    assert_true(begin(&q, QUARANTINE_OUTER, 7)); /* and dies */
    q = born();
    assert_true(quarantine_news(&q, &item));
    assert_false(quarantine_news(&q, &item));
    assert_false(quarantine_doubts(&q));
    assert_false(applied(&q, QUARANTINE_OUTER, 7));
    assert_false(applied(&q, QUARANTINE_INNER, 7));
    assert_true(applied(&q, QUARANTINE_OUTER, 8));
    q = born();
    assert_false(quarantine_news(&q, &item));
    assert_false(applied(&q, QUARANTINE_OUTER, 7));
    assert_true(quarantine_get(&q, 0, &item));
    assert_int_equal(quarantine_deaths(&item), 2);
    assert_int_equal(item.skipped, 3);
    assert_int_equal(item.input.kind, KIND);
    assert_int_equal(item.input.words, 2);
    assert_int_equal(item.input.word[0], 7);
    assert_true(item.at_s > 1700000000);
}

/* As an operator's kill -9: the input is met again and nobody dies in it. */
static void a_death_in_between_is_forgiven(void **state)
{
    struct quarantine q;

    (void)state;
    for (int i = 0; i < 5; i++) {
        die_in(QUARANTINE_OUTER, 7);
        q = born();
        assert_true(applied(&q, QUARANTINE_OUTER, 1));
        assert_true(quarantine_doubts(&q));
        assert_true(applied(&q, QUARANTINE_OUTER, 7));
        assert_false(quarantine_doubts(&q));
    }
    die_in(QUARANTINE_OUTER, 7);
    q = born();
    quarantine_settled(&q); /* it was taken back, and never met again */
    assert_int_equal(q.known, 0);
    die_in(QUARANTINE_OUTER, 7);
    q = born();
    assert_true(applied(&q, QUARANTINE_OUTER, 7));
}

/* A process that says so when it is its own fault, and does (own) or is killed. */
static void announced_dies_in(uint64_t value, bool own)
{
    struct quarantine q = born();

    quarantine_announce(&q);
    begin(&q, QUARANTINE_INNER, value);
    if (own)
        *quarantine_fatal(&q) = q.life;
}

static void deaths_from_outside_count_half(void **state)
{
    struct quarantine q;
    struct quarantine_item item;

    (void)state;
    for (int i = 0; i < 3; i++) {
        announced_dies_in(7, false);
        q = born();
        assert_int_equal(q.suspects, 1);
        assert_false(quarantine_news(&q, &item));
    }
    announced_dies_in(7, false);
    q = born();
    assert_false(applied(&q, QUARANTINE_INNER, 7));
    assert_true(quarantine_news(&q, &item));
    assert_int_equal(quarantine_deaths(&item), 2);
}

static void own_deaths_count_whole(void **state)
{
    struct quarantine q;

    (void)state;
    announced_dies_in(7, true);
    announced_dies_in(7, true);
    q = born();
    assert_false(applied(&q, QUARANTINE_INNER, 7));
    announced_dies_in(8, true);
    announced_dies_in(8, false);
    q = born();
    assert_int_equal(q.suspects, 1);
    announced_dies_in(8, false);
    q = born();
    assert_false(applied(&q, QUARANTINE_INNER, 8));
}

/* One that got through in between takes the halves back as well. */
static void halves_are_forgiven(void **state)
{
    struct quarantine q;

    (void)state;
    for (int i = 0; i < 6; i++) {
        announced_dies_in(7, false);
        announced_dies_in(7, false);
        announced_dies_in(7, false);
        q = born();
        assert_true(applied(&q, QUARANTINE_INNER, 7));
        assert_int_equal(q.known, 0);
    }
}

static void idle_deaths_count_nothing(void **state)
{
    struct quarantine q;

    (void)state;
    for (int i = 0; i < 5; i++) {
        q = born();
        assert_true(applied(&q, QUARANTINE_INNER, 7));
    }
    assert_int_equal(q.known, 0);
}

/* Others die between the two deaths, of their own inputs or of none. */
static void suspicion_outlives_other_deaths(void **state)
{
    struct quarantine q;

    (void)state;
    die_in(QUARANTINE_OUTER, 7);
    born();
    die_in(QUARANTINE_OUTER, 8);
    die_in(QUARANTINE_OUTER, 7);
    q = born();
    assert_false(applied(&q, QUARANTINE_OUTER, 7));
    assert_true(applied(&q, QUARANTINE_OUTER, 8));
}

static void the_innermost_is_blamed(void **state)
{
    struct quarantine q;

    (void)state;
    for (int i = 0; i < 2; i++) {
        q = born();
        assert_true(begin(&q, QUARANTINE_OUTER, 1));
        assert_true(begin(&q, QUARANTINE_INNER, 2));
        assert_true(begin(&q, QUARANTINE_BESIDE, 3));
    }
    q = born();
    assert_true(applied(&q, QUARANTINE_OUTER, 1));
    assert_false(applied(&q, QUARANTINE_INNER, 2));
    assert_false(applied(&q, QUARANTINE_BESIDE, 3));
}

static void beside_alone_is_no_doubt(void **state)
{
    struct quarantine q;

    (void)state;
    die_in(QUARANTINE_BESIDE + 1, 7);
    q = born();
    assert_int_equal(q.suspects, 1);
    assert_false(quarantine_doubts(&q));
}

static void quarantine_all(struct quarantine *q, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        die_in(QUARANTINE_INNER, 100 + i);
        die_in(QUARANTINE_INNER, 100 + i);
        *q = born();
    }
}

/* What is only worked on beside takes no room from the one that kills. */
static void the_last_place_is_kept(void **state)
{
    struct quarantine q;

    (void)state;
    quarantine_all(&q, QUARANTINE_ITEMS - 1);
    assert_false(quarantine_full(&q));
    for (int i = 0; i < 2; i++) {
        q = born();
        begin(&q, QUARANTINE_BESIDE, 3);
        begin(&q, QUARANTINE_INNER, 2);
    }
    q = born();
    assert_false(applied(&q, QUARANTINE_INNER, 2));
    assert_true(quarantine_full(&q));
    die_in(QUARANTINE_INNER, 4); /* no room: nothing is lost */
    q = born();
    for (unsigned i = 0; i < QUARANTINE_ITEMS - 1; i++)
        assert_false(applied(&q, QUARANTINE_INNER, 100 + i));
}

static void one_that_kills_unapplied(void **state)
{
    struct quarantine q;

    (void)state;
    quarantine_all(&q, 1);
    die_in(QUARANTINE_INNER, 100);
    q = born();
    assert_false(quarantine_full(&q));
    assert_false(applied(&q, QUARANTINE_INNER, 100)); /* by chance, then */
    die_in(QUARANTINE_INNER, 100);
    q = born();
    assert_false(quarantine_full(&q));
    die_in(QUARANTINE_INNER, 100);
    q = born();
    assert_true(quarantine_full(&q));
}

static void put_takes_the_oldests_place(void **state)
{
    struct quarantine q = born();
    struct quarantine_item item;
    uint64_t word = 1;

    (void)state;
    for (; word <= QUARANTINE_ITEMS; word++) {
        quarantine_put(&q, KIND, &word, 1);
        table->item[word - 1].at_s = 1000 - word; /* the last one is the oldest */
    }
    for (unsigned i = 0; i < QUARANTINE_ITEMS; i++)
        assert_true(quarantine_news(&q, &item));
    assert_false(quarantine_news(&q, &item));
    quarantine_put(&q, KIND, &word, 1);
    quarantine_put(&q, KIND, &word, 1);
    assert_true(quarantine_meets(&q, KIND, &word, 1));
    word = 1;
    assert_true(quarantine_meets(&q, KIND, &word, 1));
    word = QUARANTINE_ITEMS;
    assert_false(quarantine_meets(&q, KIND, &word, 1));
    assert_false(quarantine_meets(&q, KIND + 1, &word, 1));
}

static void without_a_table(void **state)
{
    struct quarantine q = {0};

    (void)state;
    assert_true(applied(&q, QUARANTINE_OUTER, 7));
    assert_true(applied(NULL, QUARANTINE_OUTER, 7));
    assert_false(quarantine_doubts(NULL));
    assert_false(quarantine_full(&q));
    quarantine_settled(&q);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(second_death_is_enough),
        T(a_death_in_between_is_forgiven),
        T(deaths_from_outside_count_half),
        T(own_deaths_count_whole),
        T(halves_are_forgiven),
        T(idle_deaths_count_nothing),
        T(suspicion_outlives_other_deaths),
        T(the_innermost_is_blamed),
        T(beside_alone_is_no_doubt),
        T(the_last_place_is_kept),
        T(one_that_kills_unapplied),
        T(put_takes_the_oldests_place),
        T(without_a_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
