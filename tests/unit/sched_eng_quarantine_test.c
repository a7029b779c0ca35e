/* SPDX-License-Identifier: MIT */
/*
 * sched_eng_quarantine_test.c: requests that kill vgt-sched, in child processes that take over what
 * processes share (the linker puts death into vexec_push()); a guest that is given up; suspicions
 * that end; a table that cannot be read. Contexts that kill: sched_ctx_quarantine_test.c.
 */
#include "services/wire/input.h"
#include "services/wire/names.h"
#include "tests/unit/sched_eng_wire.h"
#include "tests/unit/sched_eng_world.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BAD DESC(13)

static bool kills;

enum vexec_push __real_vexec_push(struct sched_vexec *v, const struct sched_elsp *elsp);
enum vexec_push __wrap_vexec_push(struct sched_vexec *v, const struct sched_elsp *elsp);

enum vexec_push __wrap_vexec_push(struct sched_vexec *v, const struct sched_elsp *elsp)
{
    if (kills && elsp->desc[0] == BAD)
        raise(SIGKILL);
    return __real_vexec_push(v, elsp);
}

static struct quarantine_table *table(void)
{
    return w.bad.data;
}

static uint64_t count(enum account_event event)
{
    return world_guest()->account.count[event];
}

/* It leaves to the next process what a death leaves. */
static void end_process(void)
{
    sched_free(w.s);
    w.s = NULL;
}

static void next_process(void)
{
    end_process();
    assert_int_equal(world_start(), 0);
    world_add_guest(true);
}

/* In a process of its own, with a loop of its own: descriptors of the old one are watched there. */
static bool dies(void)
{
    pid_t pid;
    int status;

    end_process();
    pid = fork();
    assert_true(pid >= 0);
    if (!pid) {
        if (loop_new(&w.loop) || world_start() || world_try_guest(true))
            _exit(1);
        for (int i = 0; i < 5; i++)
            loop_turn(w.loop, 1);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) || !WEXITSTATUS(status));
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static int begin(void **state)
{
    kills = false;
    stub_loses = -1;
    return world_setup(state);
}

/* Two processes die of it; the third drops it, says so, and takes what comes behind it. */
static void a_request_that_kills(void **state)
{
    struct quarantine_item item;

    (void)state;
    world_come_up();
    world_add_guest(false);
    world_put(BAD, 0);
    world_put(DESC(1), 0);
    kills = true;
    assert_true(dies());
    assert_true(dies());
    next_process();
    world_turns(5);
    assert_true(quarantine_get(&world_guest()->quarantine, 0, &item));
    assert_int_equal(item.input.kind, WIRE_INPUT_REQUEST);
    assert_int_equal(quarantine_deaths(&item), 2);
    assert_int_equal(item.skipped, 1);
    assert_true(item.input.word[offsetof(struct mmio_sched, desc) / 8] == BAD);
    assert_int_equal(count(ACCOUNT_QUARANTINED), 1);
    assert_null(stub_context(world_guest()->contexts, GEN8_BCS, BAD));
    assert_int_equal(w.sim.engine[GEN8_BCS].submissions, 1);
    sim_complete(&w.sim, GEN8_BCS);
    world_turns(2);
    assert_false(guest_hung(&world_guest()->guest));
    assert_false(dies()); /* the index moved on */
}

/* Killed once, from outside: the next process gets through, and nothing is held against it. */
static void killed_once(void **state)
{
    struct quarantine_item item;

    (void)state;
    world_come_up();
    world_add_guest(false);
    world_put(BAD, 0);
    kills = true;
    assert_true(dies());
    kills = false;
    next_process();
    assert_int_equal(world_guest()->quarantine.suspects, 1);
    world_turns(5);
    assert_int_equal(w.sim.engine[GEN8_BCS].submissions, 1);
    assert_int_equal(world_guest()->quarantine.known, 0);
    assert_false(quarantine_get(&world_guest()->quarantine, 0, &item));
    assert_int_equal(count(ACCOUNT_QUARANTINED), 0);
}

static void die_of(uint32_t kind, uint64_t word)
{
    struct quarantine q;

    quarantine_attach(&q, table());
    quarantine_begin(&q, QUARANTINE_INNER, kind, &word, 1);
}

/* What does not come again is suspected no longer than the guest has work. */
static void suspicion_ends(void **state)
{
    (void)state;
    world_come_up();
    world_add_guest(false);
    world_put(DESC(1), 0);
    die_of(WIRE_INPUT_SAVE, 77);
    next_process();
    world_turns(5);
    assert_int_equal(w.sim.engine[GEN8_BCS].submissions, 1);
    assert_int_equal(world_guest()->quarantine.suspects, 1);
    sim_complete(&w.sim, GEN8_BCS);
    world_turns(3);
    assert_int_equal(world_guest()->quarantine.suspects, 0);
    die_of(WIRE_INPUT_SAVE, 77);
    next_process();
    assert_int_equal(world_guest()->quarantine.suspects, 1); /* for the first time again */
}

/* Off the engines, told nothing and asked nothing; its lane does not fill, its removal is as any.
 */
static void given_up(void **state)
{
    (void)state;
    world_come_up();
    world_add_guest(false);
    world_elsp(DESC(1), 0);
    assert_true(w.sim.engine[GEN8_BCS].active);
    for (uint64_t i = 0; i < QUARANTINE_ITEMS; i++) {
        die_of(WIRE_INPUT_SAVE, i);
        die_of(WIRE_INPUT_SAVE, i);
    }
    next_process();
    world_turns(5);
    assert_true(guest_hung(&world_guest()->guest));
    assert_false(w.sim.engine[GEN8_BCS].active);
    for (unsigned i = 0; i < 3 * LANE_SLOTS; i++)
        world_elsp(DESC(1), 0);
    assert_int_equal(w.sim.engine[GEN8_BCS].submissions, 1);
    assert_int_equal(stub_busy(world_guest()->contexts), 0);
    sched_guest_remove(w.s, world_guest(), false, 42);
    sched_guest_remove(w.s, world_guest(), true, 42);
    assert_int_equal(w.gone_final, 1);
}

/* Work that could not be put away: the virtual engine stands still until the guest resets it. */
static void lost_work(void **state)
{
    struct mmio_sched reset = {.kind = MMIO_SCHED_RESET, .engine = GEN8_M_BCS};
    struct context_set *s;

    (void)state;
    world_come_up();
    world_add_guest(false);
    s = world_guest()->contexts;
    s->lost(s->ctx, GEN8_BCS);
    world_elsp(DESC(1), 0);
    assert_int_equal(w.sim.engine[GEN8_BCS].submissions, 0);
    assert_true(guest_hung(&world_guest()->guest));
    reset.seq = ++w.seq;
    assert_int_equal(lane_tx_put(&w.mmio_tx, &reset, sizeof reset), 0);
    world_elsp(DESC(1), 0);
    assert_int_equal(w.sim.engine[GEN8_BCS].submissions, 1);
    assert_false(guest_hung(&world_guest()->guest));
}

/* ... and so if it was lost before the guest was there to be told. */
static void lost_in_takeover(void **state)
{
    (void)state;
    world_come_up();
    world_add_guest(false);
    stub_loses = GEN8_BCS;
    next_process();
    world_elsp(DESC(1), 0);
    assert_int_equal(w.sim.engine[GEN8_BCS].submissions, 0);
    assert_int_equal(world_guest()->guest.engine[GEN8_BCS].v->hung, 1);
    assert_int_equal(world_guest()->guest.engine[GEN8_RCS].v->hung, 0);
}

/* ---- the table */

static void replace(const char *name, uint32_t layout)
{
    struct wire_fds one = {0};

    give_region(&one, name, WIRE_REGION_QUARANTINE, layout, sizeof(struct quarantine_table));
    for (unsigned i = 0; i < w.guest.count; i++)
        if (!strcmp(w.guest.item[i].name, name)) {
            assert_int_equal(dup2(one.item[0].fd, w.guest.item[i].fd), w.guest.item[i].fd);
            wire_fds_close(&one);
            return;
        }
    fail();
}

static void another_layout(void **state)
{
    (void)state;
    world_come_up();
    world_give_guest();
    replace(WIRE_BAD_SCHED, QUARANTINE_LAYOUT + 1);
    assert_int_equal(world_try_guest(false), -EPROTONOSUPPORT);
    assert_null(world_guest());
    replace(WIRE_BAD_SCHED, QUARANTINE_LAYOUT);
    assert_int_equal(world_try_guest(false), 0);
}

/* A broker of before there was one. */
static void no_table(void **state)
{
    (void)state;
    world_come_up();
    world_give_guest();
    for (unsigned i = 0; i < w.guest.count; i++)
        if (!strcmp(w.guest.item[i].name, WIRE_BAD_SCHED))
            strcpy(w.guest.item[i].name, "unknown");
    assert_int_equal(world_try_guest(false), 0);
    world_elsp(DESC(1), 0);
    assert_int_equal(w.sim.engine[GEN8_BCS].submissions, 1);
    assert_int_equal(table()->life, 0);
}

static void not_wanted(void **state)
{
    (void)state;
    world_come_up();
    world_add_guest(false);
    assert_int_equal(table()->life, 1);
    world_put(BAD, 0);
    kills = w.no_quarantine = true;
    for (int i = 0; i < 3; i++)
        assert_true(dies());
    assert_int_equal(table()->life, 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_request_that_kills),
        TEST(killed_once),
        TEST(suspicion_ends),
        TEST(given_up),
        TEST(lost_work),
        TEST(lost_in_takeover),
        TEST(another_layout),
        TEST(no_table),
        TEST(not_wanted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
