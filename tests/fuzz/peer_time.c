/* SPDX-License-Identifier: MIT */
/*
 * peer_time.c: the clock and the timers of a fuzz target, which are the target's: what a busy
 * machine does to a time limit is no finding, and a second of waiting costs nothing. The linker
 * puts these in place of the real ones (--wrap, in tests/fuzz/peer_fuzz.ninja); real timers are
 * made and never armed.
 */
#include "lib/loop.h"
#include "tests/fuzz/peer.h"

#include <time.h>

#define TIMERS 4u
#define SECOND 1000000000u

static struct timer {
    struct loop_source *source;
    loop_fn *fire;
    void *data;
    uint64_t at, period; /* at 0: not armed */
} timers[TIMERS];
static uint64_t now = SECOND;

int __real_loop_timer(struct loop *loop, loop_fn *fn, void *data, struct loop_source **source);
int __wrap_loop_timer(struct loop *loop, loop_fn *fn, void *data, struct loop_source **source);
int __wrap_loop_timer_arm(struct loop_source *source, uint64_t first_ns, uint64_t period_ns);
void __real_loop_remove(struct loop_source *source);
void __wrap_loop_remove(struct loop_source *source);
int __wrap_clock_gettime(clockid_t clock, struct timespec *t);

static struct timer *find(const struct loop_source *source)
{
    for (unsigned i = 0; i < TIMERS; i++)
        if (timers[i].source == source)
            return &timers[i];
    return NULL;
}

int __wrap_loop_timer(struct loop *loop, loop_fn *fn, void *data, struct loop_source **source)
{
    struct timer *t = find(NULL);
    int rc = __real_loop_timer(loop, fn, data, source);

    peer_check(t != NULL);
    if (!rc)
        *t = (struct timer){.source = *source, .fire = fn, .data = data};
    return rc;
}

int __wrap_loop_timer_arm(struct loop_source *source, uint64_t first_ns, uint64_t period_ns)
{
    struct timer *t = find(source);

    t->at = first_ns ? now + first_ns : 0;
    t->period = period_ns;
    return 0;
}

void __wrap_loop_remove(struct loop_source *source)
{
    struct timer *t = source ? find(source) : NULL;

    if (t)
        *t = (struct timer){0};
    __real_loop_remove(source);
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *t)
{
    (void)clock;
    *t = (struct timespec){(time_t)(now / SECOND), (long)(now % SECOND)};
    return 0;
}

uint64_t peer_now(void)
{
    return now;
}

void peer_pass(uint64_t ns)
{
    now += ns;
    for (unsigned i = 0; i < TIMERS; i++) {
        struct timer *t = &timers[i];

        if (!t->at || now < t->at)
            continue;
        t->at = t->period ? now + t->period : 0;
        t->fire(t->data, 0);
    }
}
