/* SPDX-License-Identifier: MIT */
/*
 * slow_clock_test.c: tests/xen/slow_clock.so, loaded before this program by itself: clocks go
 * slower together, waits are as long by our clock as was asked for. Real time is asked of the
 * kernel.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <poll.h>

#define TIMES 8
#define MS    1000000ll

static int64_t to_ns(const struct timespec *t)
{
    return t->tv_sec * 1000000000ll + t->tv_nsec;
}

static int64_t ours(clockid_t id)
{
    struct timespec t;

    assert_int_equal(clock_gettime(id, &t), 0);
    return to_ns(&t);
}

static int64_t real(void)
{
    struct timespec t;

    assert_int_equal(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &t), 0);
    return to_ns(&t);
}

/* Ours is read first, the wall's last: what a busy machine puts in between is on the wall's side.
 * By the wall the wait has taken TIMES as long as asked, and by our clocks no less than asked. A
 * busy machine makes it longer, in the same proportion. */
static void lasted(int64_t real_since, int64_t since, int64_t asked)
{
    int64_t seen = ours(CLOCK_MONOTONIC) - since;
    int64_t wall = real() - real_since;

    assert_true(wall >= TIMES * asked);
    assert_true(seen >= asked - 1);
    assert_true(seen <= wall / TIMES + MS);
}

static void wait_ppoll(void)
{
    assert_int_equal(ppoll(NULL, 0, &(struct timespec){.tv_nsec = 5 * MS}, NULL), 0);
}

static void wait_poll(void)
{
    assert_int_equal(poll(NULL, 0, 5), 0);
}

static void wait_epoll(void)
{
    struct epoll_event e;
    int fd = epoll_create1(0);

    assert_int_equal(epoll_wait(fd, &e, 1, 5), 0);
    close(fd);
}

static void wait_nanosleep(void)
{
    assert_int_equal(nanosleep(&(struct timespec){.tv_nsec = 5 * MS}, NULL), 0);
}

static void wait_condition(clockid_t id)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_condattr_t attr;
    pthread_cond_t cond;
    int64_t until = ours(id) + 5 * MS;
    struct timespec t = {.tv_sec = until / 1000000000, .tv_nsec = until % 1000000000};

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, id);
    pthread_cond_init(&cond, &attr);
    pthread_mutex_lock(&mutex);
    while (ours(id) < until)
        pthread_cond_timedwait(&cond, &mutex, &t);
    pthread_mutex_unlock(&mutex);
}

static void wait_monotonic(void)
{
    wait_condition(CLOCK_MONOTONIC);
}

static void wait_realtime(void)
{
    wait_condition(CLOCK_REALTIME);
}

static void waits(void **state)
{
    static void (*const wait[])(void) = {wait_ppoll,     wait_poll,      wait_epoll,
                                         wait_nanosleep, wait_monotonic, wait_realtime};

    (void)state;
    for (unsigned i = 0; i < sizeof(wait) / sizeof(wait[0]); i++) {
        int64_t real_since = real(), since = ours(CLOCK_MONOTONIC);

        wait[i]();
        lasted(real_since, since, 5 * MS);
    }
}

/* Read one after the other they agree, and all go as slowly. */
static void clocks(void **state)
{
    static const clockid_t id[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW,
                                   CLOCK_BOOTTIME};
    int64_t real_before = real(), before[4], real_between, wall, seen;
    struct timeval tv;

    (void)state;
    for (unsigned i = 0; i < 4; i++)
        before[i] = ours(id[i]);
    real_between = real();
    wait_poll();
    for (unsigned i = 0; i < 4; i++) {
        wall = real() - real_between;
        seen = ours(id[i]) - before[i];
        assert_true(seen >= wall / TIMES - 1);
        assert_true(seen <= (real() - real_before) / TIMES + 1);
    }
    gettimeofday(&tv, NULL);
    assert_in_range(tv.tv_sec, time(NULL) - 1, time(NULL) + 1);
    assert_in_range(time(NULL), ours(CLOCK_REALTIME) / 1000000000 - 1,
                    ours(CLOCK_REALTIME) / 1000000000 + 1);
}

/* What a thread has used is no time of day. */
static void processor_time(void **state)
{
    struct timespec t, kernels;

    (void)state;
    while (ours(CLOCK_THREAD_CPUTIME_ID) < 20 * MS)
        ;
    assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t), 0);
    assert_int_equal(syscall(SYS_clock_gettime, CLOCK_THREAD_CPUTIME_ID, &kernels), 0);
    assert_true(to_ns(&kernels) - to_ns(&t) < 10 * MS);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits),
        cmocka_unit_test(clocks),
        cmocka_unit_test(processor_time),
    };

    (void)argc;
    if (!getenv("VGT_SLOW_CLOCK")) { /* the library looks before main() */
        setenv("VGT_SLOW_CLOCK", "8", 1);
        execv("/proc/self/exe", argv);
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
