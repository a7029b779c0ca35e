/* SPDX-License-Identifier: MIT */
/*
 * The event loop of every service: descriptors, timers, and callbacks deferred to once per turn
 * just before sleeping (where batches are published and peers woken). Single threaded. A source
 * may be removed from any callback, its own included; no callback runs after its removal.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

struct loop;
struct loop_source;

/* events: EPOLLIN and so on; 0 for timers and deferred callbacks. */
typedef void loop_fn(void *data, uint32_t events);

/* 0 or -errno. Freeing a loop frees its sources; NULL is fine. */
int loop_new(struct loop **loop);
void loop_free(struct loop *loop);

/* Watch fd, borrowed: remove the source before closing it. */
int loop_fd(struct loop *loop, int fd, uint32_t events, loop_fn *fn, void *data,
            struct loop_source **source);
int loop_fd_events(struct loop_source *source, uint32_t events);

/* A timer, unarmed. */
int loop_timer(struct loop *loop, loop_fn *fn, void *data, struct loop_source **source);
/* First expiry in first_ns (0 disarms), then each period_ns (0: once). CLOCK_MONOTONIC. */
int loop_timer_arm(struct loop_source *source, uint64_t first_ns, uint64_t period_ns);
/* Once, at a time of CLOCK_MONOTONIC; 0 disarms. Costs nothing while that is what it waits for. A
 * timer is armed by one of the two, always the same. */
int loop_timer_at(struct loop_source *source, uint64_t at_ns);

/* A deferred callback: runs at the end of the turn in which it was triggered, once. */
int loop_defer(struct loop *loop, loop_fn *fn, void *data, struct loop_source **source);
void loop_trigger(struct loop_source *source);

/* NULL is fine. */
void loop_remove(struct loop_source *source);

/* One turn: wait up to timeout_ms (-1: forever), dispatch, run what was deferred. 0 or -errno. */
int loop_turn(struct loop *loop, int timeout_ms);

/* Turn until loop_stop(); returns its argument, or -errno. */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop, int result);

/* Call fn once in loop_ready(), before systemd hears of it; if it fails (-errno),
 * so does that, and the loop stops with it. */
void loop_before_ready(struct loop *loop, int (*fn)(const void *data), const void *data);

/*
 * Tell systemd READY=1 (call after everything is attached) and, if the unit has WatchdogSec=, feed
 * the watchdog from this loop at half its period. Without systemd it does nothing more. 0 or
 * -errno.
 */
int loop_ready(struct loop *loop);
