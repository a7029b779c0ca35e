/* SPDX-License-Identifier: MIT */
/*
 * partition.c: first-fit over a handful of grants. There are never more than PARTITION_OWNERS of
 * them, so each question is answered by looking at all; no free list that could disagree.
 */
#include "services/gtt/partition.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const kind_name[PARTITION_KINDS] = {"low graphics memory",
                                                       "high graphics memory", "fences"};

static uint64_t unit(enum partition_kind kind)
{
    return kind == PARTITION_FENCE ? 1 : PARTITION_GRANULE;
}

static uint64_t end_of(const struct partition_range *r)
{
    return r->base + r->size;
}

int partition_init(struct partition *p, uint64_t aperture, uint64_t gm, uint32_t fences)
{
    if (aperture % PARTITION_GRANULE || gm % PARTITION_GRANULE || aperture > gm ||
        fences > PARTITION_FENCES)
        return -EINVAL;
    memset(p, 0, sizeof *p);
    p->space[PARTITION_LOW] = (struct partition_range){0, aperture};
    p->space[PARTITION_HIGH] = (struct partition_range){aperture, gm - aperture};
    p->space[PARTITION_FENCE] = (struct partition_range){0, fences};
    return 0;
}

const struct partition_grant *partition_find(const struct partition *p, uint32_t owner)
{
    for (uint32_t i = 0; i < p->count; i++) {
        if (p->grant[i].owner == owner)
            return &p->grant[i];
    }
    return NULL;
}

/* The first grant in the way of [base, base + size), NULL if none. */
static const struct partition_range *in_the_way(const struct partition *p, enum partition_kind kind,
                                                uint64_t base, uint64_t size)
{
    for (uint32_t i = 0; i < p->count; i++) {
        const struct partition_range *r = &p->grant[i].range[kind];

        if (r->size && base < end_of(r) && r->base < base + size)
            return r;
    }
    return NULL;
}

static bool fit(const struct partition *p, enum partition_kind kind, uint64_t size,
                struct partition_range *out)
{
    const struct partition_range *space = &p->space[kind], *other;
    uint64_t at = space->base;

    *out = (struct partition_range){0, 0};
    if (!size)
        return true;
    while (size <= space->size && at <= end_of(space) - size) {
        other = in_the_way(p, kind, at, size);
        if (!other) {
            *out = (struct partition_range){at, size};
            return true;
        }
        at = end_of(other);
    }
    return false;
}

/* Where the free piece that begins at `at` ends; at itself when it is taken. */
static uint64_t free_until(const struct partition *p, enum partition_kind kind, uint64_t at)
{
    uint64_t end = end_of(&p->space[kind]);

    for (uint32_t i = 0; i < p->count; i++) {
        const struct partition_range *r = &p->grant[i].range[kind];

        if (!r->size || end_of(r) <= at)
            continue;
        if (r->base <= at)
            return at;
        if (r->base < end)
            end = r->base;
    }
    return end;
}

unsigned partition_pieces(const struct partition *p, enum partition_kind kind, uint64_t *size,
                          unsigned max)
{
    uint64_t at = p->space[kind].base, end = end_of(&p->space[kind]), next;
    unsigned n = 0;

    for (; at < end && n < max; at = next) {
        next = free_until(p, kind, at);
        if (next == at)
            next = end_of(in_the_way(p, kind, at, 1));
        else
            size[n++] = next - at;
    }
    return n;
}

uint64_t partition_room(const struct partition *p, enum partition_kind kind, uint64_t *largest)
{
    uint64_t size[PARTITION_PIECES], sum = 0, most = 0;
    unsigned n = partition_pieces(p, kind, size, PARTITION_PIECES);

    for (unsigned i = 0; i < n; i++) {
        sum += size[i];
        most = size[i] > most ? size[i] : most;
    }
    if (largest)
        *largest = most;
    return sum;
}

__attribute__((format(printf, 4, 5))) static void add(char *why, size_t size, size_t *used,
                                                      const char *format, ...)
{
    va_list args;
    int n;

    if (*used >= size)
        return;
    va_start(args, format);
    n = vsnprintf(why + *used, size - *used, format, args);
    va_end(args);
    *used += n > 0 ? (size_t)n : 0;
}

static void explain(const struct partition *p, enum partition_kind kind, uint64_t want, char *why,
                    size_t size)
{
    uint64_t u = unit(kind), largest, room = partition_room(p, kind, &largest);
    const char *suffix = kind == PARTITION_FENCE ? "" : " MiB";
    size_t used = 0;

    if (!why || !size)
        return;
    add(why, size, &used,
        "not enough %s: %" PRIu64 "%s wanted, %" PRIu64 "%s free (largest piece %" PRIu64
        "%s): take a smaller type or stop a guest",
        kind_name[kind], want / u, suffix, room / u, suffix, largest / u, suffix);
    for (uint32_t i = 0; i < p->count; i++) {
        uint64_t held = p->grant[i].range[kind].size;

        if (!held || p->grant[i].owner == PARTITION_NOBODY)
            continue;
        if (p->grant[i].owner == PARTITION_HOST)
            add(why, size, &used, "; host holds %" PRIu64 "%s", held / u, suffix);
        else
            add(why, size, &used, "; domain %u holds %" PRIu64 "%s", p->grant[i].owner, held / u,
                suffix);
    }
}

static int may_add(const struct partition *p, uint32_t owner)
{
    if (partition_find(p, owner))
        return -EEXIST;
    return p->count == PARTITION_OWNERS ? -EUSERS : 0;
}

int partition_take(struct partition *p, uint32_t owner, uint64_t low, uint64_t high,
                   uint32_t fences, struct partition_grant *out, char *why, size_t why_size)
{
    const uint64_t want[PARTITION_KINDS] = {low, high, fences};
    struct partition_grant g = {.owner = owner};
    int rc = may_add(p, owner);

    if (rc)
        return rc;
    for (int kind = 0; kind < PARTITION_KINDS; kind++) {
        uint64_t u = unit(kind), size;

        /* Rounding up a size near 2^64 would wrap; no space is that large. */
        size = want[kind] > UINT64_MAX - u ? want[kind] / u * u : (want[kind] + u - 1) / u * u;
        if (!fit(p, kind, size, &g.range[kind])) {
            explain(p, kind, size, why, why_size);
            return -ENOSPC;
        }
    }
    p->grant[p->count++] = g;
    *out = g;
    return 0;
}

static int check_claim(const struct partition *p, enum partition_kind kind,
                       const struct partition_range *r)
{
    const struct partition_range *space = &p->space[kind];

    if (!r->size)
        return 0;
    if (r->base % unit(kind) || r->size % unit(kind) || r->base < space->base ||
        r->size > space->size || r->base > end_of(space) - r->size)
        return -EINVAL;
    return in_the_way(p, kind, r->base, r->size) ? -EBUSY : 0;
}

int partition_claim(struct partition *p, const struct partition_grant *grant)
{
    int rc = may_add(p, grant->owner);

    for (int kind = 0; !rc && kind < PARTITION_KINDS; kind++)
        rc = check_claim(p, kind, &grant->range[kind]);
    if (!rc)
        p->grant[p->count++] = *grant;
    return rc;
}

int partition_free(struct partition *p, uint32_t owner)
{
    const struct partition_grant *g = partition_find(p, owner);

    if (!g)
        return -ENOENT;
    p->grant[g - p->grant] = p->grant[--p->count];
    return 0;
}
