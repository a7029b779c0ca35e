/* SPDX-License-Identifier: MIT */
/*
 * slow_store.h: a store whose server can hang, for tests. Its calls may come from another thread,
 * as those of store_calm.c do.
 */
#pragma once
#include "lib/store_priv.h"

#include <pthread.h>
#include <stdbool.h>

struct slow_store {
    struct store store;
    pthread_mutex_t lock;
    pthread_cond_t moved;
    bool hangs, closed;
    unsigned calls, inside, watches;
};

void slow_store_init(struct slow_store *s, struct loop *loop);
/* Calls hang from here on; or they go on, and those that hung have returned. */
void slow_store_hang(struct slow_store *s, bool on);
/* Somebody closed it, maybe in another thread. */
void slow_store_wait_closed(struct slow_store *s);
/* How many calls came so far; how many are in there now. */
unsigned slow_store_calls(struct slow_store *s);
unsigned slow_store_inside(struct slow_store *s);
