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
};

int store_xen_open(struct loop *loop, struct store **store);
int store_file_open(struct loop *loop, const char *directory, struct store **store);

/* A watch event: path changed for the watch with this token. Unknown tokens are ignored. */
void store_changed(struct store *store, const char *token, const char *path);
