/* SPDX-License-Identifier: MIT */
/*
 * stall.h: calls that may not come back for a long time (to xenstored), made by a thread of their
 * own so that an event loop waits for them only so long. Calls run one after the other, in their
 * order. Used by one thread; nothing a call touches may be used elsewhere while it runs.
 */
#pragma once
#include <stddef.h>

struct stall;

/* Calls are waited for limit_ms at most. 0 or -errno. */
int stall_new(unsigned limit_ms, struct stall **stall);
/* A call that still runs is left to itself and to its late(). NULL is fine. */
void stall_free(struct stall *stall);

/*
 * fn(arg), and its result. arg is size bytes, copied in and, when fn has returned, out.
 * -ETIMEDOUT: it did not return in time, or one before it still has not; then fn, if it was begun,
 * works on a copy that late() is given afterwards, in the thread, to free what it holds (may be
 * NULL). -ENOMEM.
 */
int stall_call(struct stall *stall, int (*fn)(void *arg), void *arg, size_t size,
               void (*late)(void *arg));

/* fn(arg) some time, after the calls before it; nobody waits. 0 or -ENOMEM. */
int stall_post(struct stall *stall, int (*fn)(void *arg), const void *arg, size_t size);
