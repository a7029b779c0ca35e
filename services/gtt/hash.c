/* SPDX-License-Identifier: MIT */
/* hash.c: see hash.h. A guest chooses its frame numbers, hence the multiplicative mixing; chains a
 * guest builds on purpose cost its own entries only. */
#include "services/gtt/hash.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define FIRST_BUCKETS 256u

static uint64_t slot(const struct hash *h, uint64_t key)
{
    key *= UINT64_C(0x9e3779b97f4a7c15);
    return (key >> 32 ^ key >> 12) & (h->buckets - 1);
}

int hash_init(struct hash *h)
{
    h->count = 0;
    h->buckets = FIRST_BUCKETS;
    h->bucket = calloc(h->buckets, sizeof(*h->bucket));
    return h->bucket ? 0 : -ENOMEM;
}

void hash_free(struct hash *h)
{
    assert(!h->count);
    free(h->bucket);
    h->bucket = NULL;
}

struct hash_node *hash_find(const struct hash *h, uint64_t key)
{
    struct hash_node *n = h->bucket[slot(h, key)];

    while (n && n->key != key)
        n = n->next;
    return n;
}

static void grow(struct hash *h)
{
    struct hash big = {.buckets = h->buckets * 2};

    big.bucket = calloc(big.buckets, sizeof(*big.bucket));
    if (!big.bucket)
        return;
    for (uint64_t i = 0; i < h->buckets; i++) {
        while (h->bucket[i]) {
            struct hash_node *n = h->bucket[i];

            h->bucket[i] = n->next;
            n->next = big.bucket[slot(&big, n->key)];
            big.bucket[slot(&big, n->key)] = n;
        }
    }
    free(h->bucket);
    h->bucket = big.bucket;
    h->buckets = big.buckets;
}

void hash_add(struct hash *h, struct hash_node *node)
{
    uint64_t at;

    assert(!hash_find(h, node->key));
    if (h->count >= h->buckets)
        grow(h);
    at = slot(h, node->key);
    node->next = h->bucket[at];
    h->bucket[at] = node;
    h->count++;
}

void hash_remove(struct hash *h, struct hash_node *node)
{
    struct hash_node **at = &h->bucket[slot(h, node->key)];

    while (*at != node) {
        assert(*at);
        at = &(*at)->next;
    }
    *at = node->next;
    h->count--;
}
