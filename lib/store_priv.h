/* SPDX-License-Identifier: MIT */
/*
 * What store.c shares with its two backends. A backend embeds struct store and reports changes
 * with store_changed().
 */
#pragma once
#include "lib/store.h"

struct store {
    const struct store_ops *ops;
    struct loop *loop;
    struct store_watch *watches;
    unsigned next_token;
    struct store *front; /* whose watches events are for; NULL: our own */
};

/* A store that makes every call of another one end within limit_ms (store_calm.c). It owns that one
 * from here on, except when it fails. 0 or -errno. */
int store_calm_open(struct store *behind, unsigned limit_ms, struct store **store);

int store_xen_open(struct loop *loop, struct store **store);
int store_file_open(struct loop *loop, const char *directory, struct store **store);

/* A watch event: path changed for the watch with this token. Unknown tokens are ignored. */
void store_changed(struct store *store, const char *token, const char *path);
