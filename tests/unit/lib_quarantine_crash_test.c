/* SPDX-License-Identifier: MIT */
/*
 * lib_quarantine_crash_test.c: a process that takes a quarantine table up is killed after every so
 * many machine instructions of that; the next one must count what the dead one was to count, once.
 */
#include "lib/quarantine.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#define KIND   3u
#define POINTS 80u

static struct quarantine_table *table;

static struct quarantine born(void)
{
    struct quarantine q;

    quarantine_attach(&q, table);
    return q;
}

static bool begin(struct quarantine *q, unsigned slot, uint64_t value)
{
    return quarantine_begin(q, slot, KIND, &value, 1);
}

static void child(void)
{
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    raise(SIGSTOP);
    born();
    raise(SIGSTOP);
    _exit(0);
}

/* A process that takes the table up dies after n instructions. How many it took before it died, or
 * got through. */
static unsigned long born_and_killed(unsigned long n)
{
    unsigned long steps = 0;
    pid_t pid = fork();
    int status;

    assert_true(pid >= 0);
    if (!pid)
        child();
    assert_int_equal(waitpid(pid, &status, 0), pid);
    for (; steps < n; steps++) {
        assert_int_equal(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSTOPPED(status));
        if (WSTOPSIG(status) == SIGSTOP)
            break;
    }
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    return steps;
}

/* A process died in an input inside another one, with a third beside. */
static void one_death(void)
{
    struct quarantine q;

    memset(table, 0, sizeof(*table));
    q = born();
    begin(&q, QUARANTINE_OUTER, 1);
    begin(&q, QUARANTINE_INNER, 2);
    begin(&q, QUARANTINE_BESIDE, 3);
}

/* One death in an input stays one, and two two, however often those who count it die. */
static void counting_is_never_twice(void **state)
{
    struct quarantine q;
    unsigned long total;

    (void)state;
    one_death();
    total = born_and_killed(~0ul);
    assert_true(total > 100);
    for (unsigned long n = 0; n <= total; n += total / POINTS + 1) {
        one_death();
        born_and_killed(n);
        born_and_killed(n);
        q = born();
        assert_int_equal(q.suspects, 2);
        assert_true(begin(&q, QUARANTINE_INNER, 2));
        born_and_killed(n);
        q = born();
        assert_false(begin(&q, QUARANTINE_INNER, 2));
        assert_true(begin(&q, QUARANTINE_OUTER, 1));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counting_is_never_twice),
    };

    table = mmap(NULL, sizeof(*table), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return table == MAP_FAILED ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
