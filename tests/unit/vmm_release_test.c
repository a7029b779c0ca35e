/* SPDX-License-Identifier: MIT */
/*
 * vmm_release_test.c: the release of trapped pages, against a model of what Xen does with a vCPU's
 * trapped access: look at the page, post a request, take the answer, emulate again. The last step
 * must find the page trapped.
 */
#include "vmm/release.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GFNS  4
#define VCPUS 3
#define STEPS 200000

enum phase {
    RUNS,     /* guest code */
    LOOKED,   /* Xen saw that the page traps, and has posted nothing yet */
    POSTED,   /* the slot is ours */
    ANSWERED, /* the slot has our answer */
    TAKEN,    /* the slot is free, Xen emulates again */
};

struct model {
    struct release r;
    bool trapped[GFNS], gone[GFNS];
    struct {
        enum phase phase;
        uint64_t gfn;
    } vcpu[VCPUS];
    bool no_barrier;
    int barrier_error;
    unsigned barriers, traps, lost, released;
};

static bool busy(void *ctx, uint64_t gfn)
{
    struct model *m = ctx;

    for (int i = 0; i < VCPUS; i++)
        if ((m->vcpu[i].phase == POSTED || m->vcpu[i].phase == ANSWERED) && m->vcpu[i].gfn == gfn)
            return true;
    return false;
}

static void emulate_again(struct model *m, int i)
{
    m->lost += !m->trapped[m->vcpu[i].gfn];
    m->vcpu[i].phase = RUNS;
}

static int barrier(void *ctx)
{
    struct model *m = ctx;

    m->barriers++;
    if (m->barrier_error)
        return m->barrier_error;
    for (int i = 0; i < VCPUS && !m->no_barrier; i++) {
        if (m->vcpu[i].phase == LOOKED)
            m->vcpu[i].phase = POSTED;
        else if (m->vcpu[i].phase == TAKEN)
            emulate_again(m, i);
    }
    return 0;
}

static int trap(void *ctx, uint64_t gfn, bool on)
{
    struct model *m = ctx;

    if (m->gone[gfn])
        return -EINVAL;
    m->traps += on;
    m->released += !on;
    m->trapped[gfn] = on;
    return 0;
}

static const struct release_ops ops = {busy, barrier, trap};

static int settle(struct model *m)
{
    return release_settle(&m->r, &ops, m);
}

static int setup(void **state)
{
    struct model *m = calloc(1, sizeof *m);

    for (int i = 0; i < GFNS; i++)
        m->trapped[i] = true;
    *state = m;
    return 0;
}

static int teardown(void **state)
{
    struct model *m = *state;

    release_free(&m->r);
    free(m);
    return 0;
}

static void nothing_to_do_costs_nothing(void **state)
{
    struct model *m = *state;

    assert_int_equal(settle(m), 0);
    assert_int_equal(m->barriers, 0);
}

static void a_batch_takes_one_barrier(void **state)
{
    struct model *m = *state;

    for (int i = 0; i < GFNS; i++) {
        assert_int_equal(release_want(&m->r, i), 0);
        assert_int_equal(release_want(&m->r, i), 0);
    }
    assert_int_equal(settle(m), 0);
    assert_int_equal(m->barriers, 1);
    assert_int_equal(m->released, GFNS);
    for (int i = 0; i < GFNS; i++)
        assert_false(m->trapped[i]);
    assert_int_equal(settle(m), 0);
    assert_int_equal(m->released, GFNS);
}

static void many_frames(void **state)
{
    struct model *m = *state;

    memset(m->trapped, 1, sizeof m->trapped);
    for (uint64_t i = 0; i < 1000; i++)
        assert_int_equal(release_want(&m->r, i), 0);
    for (uint64_t i = GFNS; i < 1000; i++)
        release_forget(&m->r, i);
    assert_int_equal(m->r.wanted.n, GFNS);
    assert_int_equal(settle(m), 0);
    assert_int_equal(m->released, GFNS);
}

static void an_access_in_its_slot_puts_it_off(void **state)
{
    struct model *m = *state;

    m->vcpu[1].phase = ANSWERED;
    m->vcpu[1].gfn = 2;
    release_want(&m->r, 2);
    assert_int_equal(settle(m), 1);
    assert_int_equal(m->barriers, 0);
    release_want(&m->r, 3);
    assert_int_equal(settle(m), 1);
    assert_true(m->trapped[2]);
    assert_false(m->trapped[3]);
    m->vcpu[1].phase = TAKEN;
    assert_int_equal(settle(m), 0);
    assert_false(m->trapped[2]);
    assert_int_equal(m->lost, 0);
}

static void a_late_access_traps_it_again(void **state)
{
    struct model *m = *state;

    m->vcpu[0].phase = LOOKED;
    m->vcpu[0].gfn = 1;
    m->no_barrier = true; /* it looked after the barrier, before the change */
    release_want(&m->r, 1);
    assert_int_equal(settle(m), 0);
    assert_false(m->trapped[1]);
    m->vcpu[0].phase = POSTED;
    assert_int_equal(release_met(&m->r, &ops, m, 1), 0);
    assert_true(m->trapped[1]);
    assert_int_equal(settle(m), 1);
    m->vcpu[0].phase = RUNS;
    assert_int_equal(settle(m), 0);
    assert_false(m->trapped[1]);
}

static void an_old_release_is_forgotten(void **state)
{
    struct model *m = *state;

    release_want(&m->r, 1);
    settle(m);
    release_want(&m->r, 2);
    settle(m);
    assert_int_equal(release_met(&m->r, &ops, m, 1), 0);
    assert_int_equal(m->traps, 0);
    assert_int_equal(release_met(&m->r, &ops, m, 2), 0);
    assert_int_equal(m->traps, 1);
}

static void protecting_again_wins(void **state)
{
    struct model *m = *state;

    release_want(&m->r, 0);
    release_forget(&m->r, 0);
    assert_int_equal(settle(m), 0);
    assert_true(m->trapped[0]);
    assert_int_equal(m->barriers, 0);
}

static void failures(void **state)
{
    struct model *m = *state;

    m->barrier_error = -ESRCH;
    release_want(&m->r, 0);
    assert_int_equal(settle(m), -ESRCH);
    assert_true(m->trapped[0]);
    m->barrier_error = 0;
    m->gone[0] = true;
    assert_int_equal(settle(m), 0);
    assert_int_equal(m->r.done.n, 0);
    assert_int_equal(settle(m), 0);
    assert_int_equal(m->released, 0);
}

/* ---- anything in any order */

static void one_vcpu(struct model *m, int i)
{
    switch (m->vcpu[i].phase) {
    case RUNS:
        m->vcpu[i].gfn = (unsigned)random() % GFNS;
        m->vcpu[i].phase = m->trapped[m->vcpu[i].gfn] ? LOOKED : RUNS;
        break;
    case LOOKED:
        m->vcpu[i].phase = POSTED;
        break;
    case POSTED: /* served by us */
        release_met(&m->r, &ops, m, m->vcpu[i].gfn);
        m->vcpu[i].phase = ANSWERED;
        break;
    case ANSWERED:
        m->vcpu[i].phase = TAKEN;
        break;
    case TAKEN:
        emulate_again(m, i);
        break;
    }
}

static void protect(struct model *m, uint64_t gfn)
{
    release_forget(&m->r, gfn);
    m->trapped[gfn] = true;
}

/* A vCPU that looked just before the page changes: its request shows up after. */
static int trap_with_a_racer(void *ctx, uint64_t gfn, bool on)
{
    struct model *m = ctx;
    int i = (unsigned)random() % VCPUS;

    if (!on && m->vcpu[i].phase == RUNS) {
        m->vcpu[i].gfn = gfn;
        m->vcpu[i].phase = LOOKED;
    }
    return trap(ctx, gfn, on);
}

static void play(struct model *m)
{
    static const struct release_ops racing = {busy, barrier, trap_with_a_racer};

    srandom(1);
    for (int n = 0; n < STEPS; n++) {
        unsigned what = (unsigned)random() % 16;

        if (what < 12)
            one_vcpu(m, (int)what % VCPUS);
        else if (what == 12)
            protect(m, (unsigned)random() % GFNS);
        else if (what == 13)
            release_want(&m->r, (unsigned)random() % GFNS);
        else
            release_settle(&m->r, &racing, m);
    }
}

static void no_answer_is_ever_lost(void **state)
{
    struct model *m = *state;

    play(m);
    assert_int_equal(m->lost, 0);
    assert_true(m->released > 1000);
    assert_true(m->traps > 100);
}

/* The model can fail: without the barrier answers are lost. */
static void the_barrier_is_needed(void **state)
{
    struct model *m = *state;

    m->no_barrier = true;
    play(m);
    assert_true(m->lost > 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(nothing_to_do_costs_nothing),
        T(a_batch_takes_one_barrier),
        T(many_frames),
        T(an_access_in_its_slot_puts_it_off),
        T(a_late_access_traps_it_again),
        T(an_old_release_is_forgotten),
        T(protecting_again_wins),
        T(failures),
        T(no_answer_is_ever_lost),
        T(the_barrier_is_needed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
