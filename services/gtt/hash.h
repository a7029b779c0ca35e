/* SPDX-License-Identifier: MIT */
/*
 * hash.h: guest frame number → record, for the tracked tables and the pins of one guest. Chained,
 * with nodes inside the records, grows by doubling. Used by the service's loop only; what workers
 * read is in a table of liburcu's (pins.c).
 */
#pragma once
#include <stdint.h>

struct hash_node {
    struct hash_node *next;
    uint64_t key;
};

struct hash {
    struct hash_node **bucket;
    uint64_t count, buckets; /* buckets: a power of two */
};

/* 0 or -ENOMEM. */
int hash_init(struct hash *h);
/* The table must be empty. */
void hash_free(struct hash *h);
/* NULL when there is none. */
struct hash_node *hash_find(const struct hash *h, uint64_t key);
/* node->key is set and not in the table. Never fails: growth that finds no memory is left out. */
void hash_add(struct hash *h, struct hash_node *node);
void hash_remove(struct hash *h, struct hash_node *node);
