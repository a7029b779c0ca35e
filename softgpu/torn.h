/* SPDX-License-Identifier: MIT */
/*
 * torn.h: memory that goes away while it is mapped. Who hands over a file may cut it short
 * afterwards; the first touch of a page that the file no longer has is then a SIGBUS. Between
 * torn_enter() and torn_leave() a thread says which memory it may meet that in and who puts
 * something else there; a SIGBUS of any other cause or place goes on to where it went before, which
 * for most programs is the end. Any thread.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Runs in the signal handler of the thread that touched at: no locks, nothing that allocates.
 * True: there is memory at that address now. */
typedef bool (*torn_mend_fn)(void *ctx, uintptr_t at);

/* Makes the program ready for it; again, if somebody has taken the signal over since. Not while a
 * thread is inside. 0 or -errno. */
int torn_prepare(void);
void torn_enter(torn_mend_fn mend, void *ctx); /* does not nest */
void torn_leave(void);
