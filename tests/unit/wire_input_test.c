/* SPDX-License-Identifier: MIT */
/*
 * wire_input_test.c: a service's table of inputs that kill, taken up by processes that end for
 * real: by their own fault, or killed. What the next one makes of it.
 */
#include "lib/last_words.h"
#include "services/wire/input.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
/* cmocka wants the four above first */
#include <cmocka.h>

static const struct log quiet = {.fd = -1, .level = -1};
static const uint64_t word = 7;
static struct quarantine_table *table;

static int setup(void **state)
{
    (void)state;
    table = mmap(NULL, sizeof(*table), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return table == MAP_FAILED;
}

static int teardown(void **state)
{
    (void)state;
    return munmap(table, sizeof(*table));
}

static void own_fault(void)
{
    __builtin_trap();
}

static void killed(void)
{
    raise(SIGKILL);
}

static void begin(struct quarantine *q)
{
    wire_input_attach(q, table, &quiet, 1);
    quarantine_begin(q, QUARANTINE_INNER, WIRE_INPUT_FENCE, &word, 1);
}

static void detached(void)
{
    struct quarantine q;

    begin(&q);
    wire_input_detach(&q);
    own_fault();
}

static void attached_killed(void)
{
    struct quarantine q;

    begin(&q);
    killed();
}

static void attached_own_fault(void)
{
    struct quarantine q;

    begin(&q);
    own_fault();
}

static void process(void (*life)(void))
{
    const struct rlimit none = {0, 0};
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (!pid) {
        setrlimit(RLIMIT_CORE, &none);
        signal(SIGILL, SIG_DFL); /* the test's own */
        if (!last_words_install())
            life();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
}

static bool still_applied(void)
{
    struct quarantine q;

    quarantine_attach(&q, table);
    return !quarantine_meets(&q, WIRE_INPUT_FENCE, &word, 1);
}

static void own_faults_count_whole(void **state)
{
    (void)state;
    process(attached_own_fault);
    assert_true(still_applied());
    process(attached_own_fault);
    assert_false(still_applied());
}

static void kills_count_half(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        process(attached_killed);
        assert_true(still_applied());
    }
    process(attached_killed);
    assert_false(still_applied());
}

/* The table may be unmapped then: nothing is written into it. */
static void detached_says_nothing(void **state)
{
    (void)state;
    process(detached);
    assert_int_equal(table->announced, table->life);
    assert_int_equal(table->fatal, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(own_faults_count_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(kills_count_half, setup, teardown),
        cmocka_unit_test_setup_teardown(detached_says_nothing, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
