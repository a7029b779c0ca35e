/* SPDX-License-Identifier: MIT */
/*
 * The event loop; see loop.h. Removed sources stay allocated until the turn ends, because epoll
 * may have handed out events for them already.
 */
#include "lib/loop.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define EVENTS_PER_TURN 32

enum source_kind { SOURCE_FD, SOURCE_TIMER, SOURCE_DEFER };

struct loop_source {
    struct loop *loop;
    struct loop_source *next; /* in loop->sources */
    enum source_kind kind;
    int fd; /* -1 for deferred; owned by timers */
    loop_fn *fn;
    void *data;
    bool dead, triggered, due;
    uint64_t at; /* of a timer: what loop_timer_at() armed it for, 0: it did not, or it fired */
};

struct loop {
    int epoll;
    struct loop_source *sources;
    struct loop_source *watchdog;
    int (*before_ready)(const void *data); /* NULL: none, or done */
    const void *before_ready_data;
    unsigned triggered; /* deferred callbacks due */
    bool dispatching, graves, stopped;
    int result;
};

int loop_new(struct loop **loop)
{
    struct loop *l = calloc(1, sizeof(*l));

    if (!l)
        return -ENOMEM;
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (l->epoll < 0) {
        free(l);
        return -errno;
    }
    *loop = l;
    return 0;
}

static void free_source(struct loop_source *source)
{
    if (source->kind == SOURCE_TIMER && !source->dead)
        close(source->fd);
    free(source);
}

void loop_free(struct loop *loop)
{
    struct loop_source *source;

    if (!loop)
        return;
    assert(!loop->dispatching);
    while ((source = loop->sources)) {
        loop->sources = source->next;
        free_source(source);
    }
    close(loop->epoll);
    free(loop);
}

static int add(struct loop *loop, enum source_kind kind, int fd, uint32_t events, loop_fn *fn,
               void *data, struct loop_source **out)
{
    struct loop_source *source = calloc(1, sizeof(*source));
    struct epoll_event event = {.events = events, .data.ptr = source};

    if (!source)
        return -ENOMEM;
    *source = (struct loop_source){.loop = loop, .kind = kind, .fd = fd, .fn = fn, .data = data};
    if (fd >= 0 && epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event)) {
        free(source);
        return -errno;
    }
    source->next = loop->sources;
    loop->sources = source;
    *out = source;
    return 0;
}

int loop_fd(struct loop *loop, int fd, uint32_t events, loop_fn *fn, void *data,
            struct loop_source **source)
{
    return fd < 0 ? -EBADF : add(loop, SOURCE_FD, fd, events, fn, data, source);
}

int loop_fd_events(struct loop_source *source, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = source};

    return epoll_ctl(source->loop->epoll, EPOLL_CTL_MOD, source->fd, &event) ? -errno : 0;
}

int loop_timer(struct loop *loop, loop_fn *fn, void *data, struct loop_source **source)
{
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK), err;

    if (fd < 0)
        return -errno;
    err = add(loop, SOURCE_TIMER, fd, EPOLLIN, fn, data, source);
    if (err)
        close(fd);
    return err;
}

int loop_timer_arm(struct loop_source *source, uint64_t first_ns, uint64_t period_ns)
{
    struct itimerspec spec = {
        .it_value = {(time_t)(first_ns / 1000000000), (long)(first_ns % 1000000000)},
        .it_interval = {(time_t)(period_ns / 1000000000), (long)(period_ns % 1000000000)}};

    assert(source->kind == SOURCE_TIMER);
    source->at = 0;
    return timerfd_settime(source->fd, 0, &spec, NULL) ? -errno : 0;
}

int loop_timer_at(struct loop_source *source, uint64_t at_ns)
{
    struct itimerspec spec = {
        .it_value = {(time_t)(at_ns / 1000000000), (long)(at_ns % 1000000000)}};

    assert(source->kind == SOURCE_TIMER);
    if (source->at == at_ns)
        return 0;
    source->at = at_ns;
    return timerfd_settime(source->fd, TFD_TIMER_ABSTIME, &spec, NULL) ? -errno : 0;
}

int loop_defer(struct loop *loop, loop_fn *fn, void *data, struct loop_source **source)
{
    return add(loop, SOURCE_DEFER, -1, 0, fn, data, source);
}

void loop_trigger(struct loop_source *source)
{
    if (source->triggered || source->dead)
        return;
    source->triggered = true;
    source->loop->triggered++;
}

static void bury(struct loop *loop)
{
    struct loop_source **link = &loop->sources, *source;

    loop->graves = false;
    while ((source = *link)) {
        if (!source->dead) {
            link = &source->next;
            continue;
        }
        *link = source->next;
        free_source(source);
    }
}

void loop_remove(struct loop_source *source)
{
    struct loop *loop;

    if (!source)
        return;
    assert(!source->dead);
    loop = source->loop;
    if (source->fd >= 0)
        epoll_ctl(loop->epoll, EPOLL_CTL_DEL, source->fd, NULL);
    if (source->kind == SOURCE_TIMER)
        close(source->fd);
    if (source->triggered)
        loop->triggered--;
    source->triggered = false;
    source->dead = true;
    loop->graves = true;
    if (!loop->dispatching)
        bury(loop);
}

static void dispatch(struct loop_source *source, uint32_t events)
{
    uint64_t expiries;

    if (source->dead)
        return;
    if (source->kind != SOURCE_TIMER) {
        source->fn(source->data, events);
        return;
    }
    /* A timer disarmed by an earlier callback of this turn has nothing to read. */
    if (read(source->fd, &expiries, sizeof(expiries)) != sizeof(expiries))
        return;
    source->at = 0;
    source->fn(source->data, 0);
}

/* Callbacks triggered by these callbacks wait for the next turn, which will not sleep. */
static void run_deferred(struct loop *loop)
{
    struct loop_source *source;

    /* Sources stay in the list while dispatching, and new ones go to its front: safe to walk. */
    for (source = loop->sources; source; source = source->next)
        source->due = source->triggered;
    for (source = loop->sources; source; source = source->next) {
        if (!source->due || !source->triggered)
            continue;
        source->due = source->triggered = false;
        loop->triggered--;
        source->fn(source->data, 0);
    }
}

int loop_turn(struct loop *loop, int timeout_ms)
{
    struct epoll_event events[EVENTS_PER_TURN];
    int n;

    assert(!loop->dispatching);
    n = epoll_wait(loop->epoll, events, EVENTS_PER_TURN, loop->triggered ? 0 : timeout_ms);
    if (n < 0 && errno != EINTR)
        return -errno;
    loop->dispatching = true;
    for (int i = 0; i < n; i++)
        dispatch(events[i].data.ptr, events[i].events);
    run_deferred(loop);
    loop->dispatching = false;
    if (loop->graves)
        bury(loop);
    return 0;
}

int loop_run(struct loop *loop)
{
    int err = 0;

    loop->stopped = false;
    while (!loop->stopped && !err)
        err = loop_turn(loop, -1);
    return err ? err : loop->result;
}

void loop_stop(struct loop *loop, int result)
{
    loop->stopped = true;
    loop->result = result;
}

static void feed_watchdog(void *data, uint32_t events)
{
    (void)data;
    (void)events;
    sd_notify(0, "WATCHDOG=1");
}

void loop_before_ready(struct loop *loop, int (*fn)(const void *data), const void *data)
{
    loop->before_ready = fn;
    loop->before_ready_data = data;
}

static int run_before_ready(struct loop *loop)
{
    int (*fn)(const void *) = loop->before_ready;

    int err = fn ? fn(loop->before_ready_data) : 0;

    loop->before_ready = NULL;
    if (err)
        loop_stop(loop, err);
    return err;
}

static int feed_from(struct loop *loop)
{
    uint64_t usec = 0, half;
    int err = sd_watchdog_enabled(0, &usec);

    if (err > 0 && !loop->watchdog) {
        half = usec * 1000 / 2;
        err = loop_timer(loop, feed_watchdog, NULL, &loop->watchdog);
        if (!err)
            err = loop_timer_arm(loop->watchdog, half, half);
    }
    return err < 0 ? err : 0;
}

int loop_ready(struct loop *loop)
{
    int err = feed_from(loop);

    if (!err)
        err = run_before_ready(loop);
    if (!err)
        err = sd_notify(0, "READY=1");
    return err < 0 ? err : 0;
}
