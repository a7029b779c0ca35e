/* SPDX-License-Identifier: MIT */
/*
 * last_words.h: what a process that ends by its own fault still says, in memory that others see: a
 * fault, an assertion or a forbidden system call ends it by a signal that it can see coming, and
 * so does the watchdog (SIGABRT). Somebody's kill -9 it cannot, and a fault's signal that somebody
 * sends is told from the real one: so who finds nothing said knows that it was ended from outside.
 *
 * Installed by a service's main() before it has threads and before its sandbox; add and drop are
 * for one thread at a time.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define LAST_WORDS 64u

/* 0 or -errno. A handler that was there comes after ours (a sanitizer's report). */
int last_words_install(void);
/* *word becomes value when this process ends by its own fault. False: no handler is installed, or
 * no room; nothing will be said. word stays mapped until last_words_drop(). */
bool last_words_add(uint64_t *word, uint64_t value);
void last_words_drop(const uint64_t *word); /* one that was not added is fine */
/* Say it: for who has the signal's handler himself (lib/sandbox.c). Async-signal-safe. */
void last_words_say(void);
