// SPDX-License-Identifier: MIT
/*
 * slow_clock.c: a shared library loaded before an emulator (run-xen --slow-clock N): all that it
 * knows of time goes N times slower than on a wall ($VGT_SLOW_CLOCK). The machine inside gets N
 * times as much done in each of its own seconds, so that time limits which were made for real
 * hardware (a driver's, a test's) mean about what they mean there. It does not notice: its timers,
 * counters and processors all come from the emulator, but for the time-stamp counter, which it
 * measures against them and finds N times faster.
 *
 * Clocks: what is read goes on from where it was at the start. Waits: N times as long. Any thread;
 * what is needed is looked up once, before there are threads: by the constructor, or by that of
 * another library that asks for the time before it.
 */
#include <dlfcn.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include <time.h>

#define CLOCKS 8
#define NS     1000000000ll
#define LATER  (INT64_MAX / 2)

typedef int gettime_fn(clockid_t, struct timespec *);
typedef int ppoll_fn(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *);
typedef int epoll_fn(int, struct epoll_event *, int, int);
typedef int cond_fn(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
typedef int nanosleep_fn(const struct timespec *, struct timespec *);

static struct {
    int64_t times; /* 0: nothing is slowed */
    int64_t start[CLOCKS];
    gettime_fn *gettime;
    ppoll_fn *ppoll;
    epoll_fn *epoll;
    cond_fn *cond;
    nanosleep_fn *nanosleep;
} slow;

static int64_t to_ns(const struct timespec *t)
{
    return t->tv_sec > LATER / NS ? LATER : t->tv_sec * NS + t->tv_nsec;
}

static struct timespec of_ns(int64_t ns)
{
    return (struct timespec){.tv_sec = ns / NS, .tv_nsec = ns % NS};
}

/* Not those that count what a process or a thread has used. */
static int is_time(clockid_t id)
{
    return id >= 0 && id < CLOCKS && id != CLOCK_PROCESS_CPUTIME_ID &&
           id != CLOCK_THREAD_CPUTIME_ID;
}

static int64_t longer(int64_t ns)
{
    return ns > LATER / slow.times ? LATER : ns * slow.times;
}

static int longer_ms(int ms)
{
    int64_t all = slow.times ? (int64_t)ms * slow.times : ms;

    return ms < 0 ? ms : all > INT_MAX ? INT_MAX : (int)all;
}

__attribute__((constructor)) static void begin(void)
{
    const char *times = getenv("VGT_SLOW_CLOCK");
    struct timespec t;

    if (slow.gettime)
        return;
    slow.gettime = (gettime_fn *)dlsym(RTLD_NEXT, "clock_gettime");
    slow.ppoll = (ppoll_fn *)dlsym(RTLD_NEXT, "ppoll");
    slow.epoll = (epoll_fn *)dlsym(RTLD_NEXT, "epoll_wait");
    slow.nanosleep = (nanosleep_fn *)dlsym(RTLD_NEXT, "nanosleep");
    /* There are two, and without a version one may get the older, of another layout. */
    slow.cond = (cond_fn *)dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
    for (clockid_t id = 0; id < CLOCKS; id++)
        if (is_time(id) && !slow.gettime(id, &t))
            slow.start[id] = to_ns(&t);
    slow.times = times ? strtol(times, NULL, 10) : 0;
    if (slow.times < 1 || slow.times > 1000 || !slow.cond)
        slow.times = 0;
    fprintf(stderr, "slow-clock: %lld times slower\n", (long long)slow.times);
}

int clock_gettime(clockid_t id, struct timespec *t)
{
    int rc;

    begin();
    rc = slow.gettime(id, t);
    if (!rc && slow.times && is_time(id))
        *t = of_ns(slow.start[id] + (to_ns(t) - slow.start[id]) / slow.times);
    return rc;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
    struct timespec t;
    int rc = clock_gettime(CLOCK_REALTIME, &t);

    (void)zone;
    *tv = (struct timeval){.tv_sec = t.tv_sec, .tv_usec = t.tv_nsec / 1000};
    return rc;
}

time_t time(time_t *at)
{
    struct timespec t = {0};

    clock_gettime(CLOCK_REALTIME, &t);
    if (at)
        *at = t.tv_sec;
    return t.tv_sec;
}

int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *most, const sigset_t *mask)
{
    struct timespec t;

    begin();
    if (!most || !slow.times)
        return slow.ppoll(fds, n, most, mask);
    t = of_ns(longer(to_ns(most)));
    return slow.ppoll(fds, n, &t, mask);
}

int poll(struct pollfd *fds, nfds_t n, int ms)
{
    struct timespec t = of_ns((int64_t)ms * 1000000);

    return ppoll(fds, n, ms < 0 ? NULL : &t, NULL);
}

int epoll_wait(int fd, struct epoll_event *events, int most, int ms)
{
    begin();
    return slow.epoll(fd, events, most, longer_ms(ms));
}

int nanosleep(const struct timespec *time, struct timespec *left)
{
    struct timespec t = *time;
    int rc;

    begin();
    if (slow.times)
        t = of_ns(longer(to_ns(time)));
    rc = slow.nanosleep(&t, left);
    if (rc && left && slow.times)
        *left = of_ns(to_ns(left) / slow.times);
    return rc;
}

/* A point of time, as our clocks have it. Which clock the condition goes by is not to be seen in
 * it, but no machine has been up since 1970. */
int pthread_cond_timedwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict until)
{
    clockid_t id = until->tv_sec > NS ? CLOCK_REALTIME : CLOCK_MONOTONIC;
    struct timespec t = *until;

    begin();
    if (slow.times)
        t = of_ns(slow.start[id] + longer(to_ns(until) - slow.start[id]));
    return slow.cond(cond, mutex, &t);
}
