/* SPDX-License-Identifier: MIT */
/*
 * lib_last_words_test.c: children end in each of the ways a service can; what they said is in
 * shared memory afterwards, and the signal that ended them is the one that came.
 */
#include "lib/last_words.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#define VALUE 7u

static uint64_t *words; /* two, shared */

static int setup(void **state)
{
    (void)state;
    words = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return words == MAP_FAILED;
}

static int teardown(void **state)
{
    (void)state;
    return munmap(words, 4096);
}

static void ready(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    const struct rlimit none = {0, 0};

    setrlimit(RLIMIT_CORE, &none);
    for (unsigned i = 0; i < sizeof(signals) / sizeof(*signals); i++)
        signal(signals[i], SIG_DFL); /* the test's own, and a sanitizer's */
    if (last_words_install() || !last_words_add(&words[0], VALUE) ||
        !last_words_add(&words[1], VALUE))
        _exit(1);
    last_words_drop(&words[1]);
}

/* The signal that a child which does this ends by. */
static int signal_of(void (*end)(int), int sig)
{
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (!pid) {
        ready();
        end(sig);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    return WTERMSIG(status);
}

static void fault(int sig)
{
    volatile char *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)sig;
    page[0] = 1;
}

static void trap(int sig)
{
    (void)sig;
    __builtin_trap();
}

static void give_up(int sig)
{
    (void)sig;
    abort();
}

static int use_up(int depth)
{
    volatile char page[4096];

    page[0] = (char)depth;
    return depth ? use_up(depth - 1) + page[0] : page[0];
}

static void use_up_the_stack(int sig)
{
    (void)sig;
    use_up(1 << 20); /* 4 GiB */
}

static void other_sends(int sig)
{
    pid_t self = getpid(), pid = fork();

    if (!pid) {
        kill(self, sig);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    for (;;)
        pause();
}

static void own_fault_is_said(void **state)
{
    (void)state;
    assert_int_equal(signal_of(fault, 0), SIGSEGV);
    assert_int_equal(words[0], VALUE);
    assert_int_equal(words[1], 0); /* dropped */
    words[0] = 0;
    assert_int_equal(signal_of(trap, 0), SIGILL);
    assert_int_equal(words[0], VALUE);
    words[0] = 0;
    assert_int_equal(signal_of(give_up, 0), SIGABRT);
    assert_int_equal(words[0], VALUE);
}

static void full_stack_is_said(void **state)
{
    (void)state;
    assert_int_equal(signal_of(use_up_the_stack, 0), SIGSEGV);
    assert_int_equal(words[0], VALUE);
}

static void watchdog_is_said(void **state)
{
    (void)state;
    assert_int_equal(signal_of(other_sends, SIGABRT), SIGABRT);
    assert_int_equal(words[0], VALUE);
}

static void ended_from_outside_says_nothing(void **state)
{
    (void)state;
    assert_int_equal(signal_of(other_sends, SIGKILL), SIGKILL);
    assert_int_equal(words[0], 0);
    assert_int_equal(signal_of(other_sends, SIGSEGV), SIGSEGV);
    assert_int_equal(words[0], 0);
}

static void room_ends(void **state)
{
    (void)state;
    assert_false(last_words_add(&words[0], VALUE)); /* nothing is installed here */
    if (!fork()) {
        unsigned n = 0;

        if (last_words_install())
            _exit(1);
        while (n <= LAST_WORDS && last_words_add(&words[0], VALUE))
            n++;
        _exit(n == LAST_WORDS ? 0 : 2);
    }
    int status;

    assert_true(wait(&status) > 0);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(own_fault_is_said, setup, teardown),
        cmocka_unit_test_setup_teardown(full_stack_is_said, setup, teardown),
        cmocka_unit_test_setup_teardown(watchdog_is_said, setup, teardown),
        cmocka_unit_test_setup_teardown(ended_from_outside_says_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(room_ends, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
