/* SPDX-License-Identifier: MIT */
/* Changes of vgt-sched's journal: whole or not at all, wherever the process dies. */
#include "services/sched/journal.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int setup(void **state)
{
    *state = calloc(1, sizeof(struct sched_journal));
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

static struct sched_journal_state guest(uint32_t domid)
{
    struct sched_journal_state g = {.domid = domid, .seq = 10 * domid};

    return g;
}

static void put(struct sched_journal *j, unsigned n, uint32_t domid)
{
    const struct sched_journal_state g = guest(domid);

    journal_put(j, &j->guest[n].state, &g, sizeof g);
}

static void changes_together(void **state)
{
    struct sched_journal *j = *state;

    put(j, 0, 3);
    put(j, 63, 4);
    assert_int_equal(j->guest[0].state.domid, 0);
    journal_commit(j);
    assert_int_equal(j->guest[0].state.seq, 30);
    assert_int_equal(j->guest[63].state.seq, 40);
    put(j, 0, 3); /* no change */
    assert_int_equal(j->redo.fill, 0);
    journal_commit(j);
    assert_int_equal(journal_redo(j), 0);
}

static void dies_before(void **state)
{
    struct sched_journal *j = *state;

    put(j, 0, 3);
    assert_int_equal(journal_redo(j), 0);
    assert_int_equal(j->guest[0].state.domid, 0);
    put(j, 1, 5);
    journal_commit(j);
    assert_int_equal(j->guest[0].state.domid, 0);
    assert_int_equal(j->guest[1].state.domid, 5);
}

/* The change is written down, and none, some or all of it was made. */
static void dies_within(void **state)
{
    struct sched_journal *j = *state;

    for (unsigned made = 0; made < 3; made++) {
        memset(j->guest, 0, 2 * sizeof *j->guest);
        put(j, 0, 3);
        put(j, 1, 4);
        j->redo.bytes = j->redo.fill;
        for (unsigned n = 0; n < made; n++)
            j->guest[n].state = guest(3 + n);
        assert_int_equal(journal_redo(j), 0);
        assert_int_equal(j->guest[0].state.seq, 30);
        assert_int_equal(j->guest[1].state.seq, 40);
        assert_int_equal(j->redo.bytes + j->redo.fill, 0);
    }
}

static void damaged(void **state)
{
    struct sched_journal *j = *state;
    const uint32_t far[2] = {sizeof *j - 8, 16}, long_one[2] = {0, 5000};

    j->redo.bytes = SCHED_JOURNAL_REDO + 1;
    assert_int_equal(journal_redo(j), -EBADMSG);
    j->redo.bytes = 24;
    memcpy(j->redo.data, far, sizeof far);
    assert_int_equal(journal_redo(j), -EBADMSG);
    memcpy(j->redo.data, long_one, sizeof long_one);
    assert_int_equal(journal_redo(j), -EBADMSG);
    j->redo.bytes = 4;
    assert_int_equal(journal_redo(j), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(changes_together, setup, teardown),
        cmocka_unit_test_setup_teardown(dies_before, setup, teardown),
        cmocka_unit_test_setup_teardown(dies_within, setup, teardown),
        cmocka_unit_test_setup_teardown(damaged, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
