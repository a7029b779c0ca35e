/* SPDX-License-Identifier: MIT */
/*
 * regs.c: storage and dispatch of the register file (regs.h). An index with one entry per dword
 * leads from an offset to its range in one look-up. Called on the transport thread and on engine
 * threads; one mutex.
 */
#include "softgpu/regs.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define DWORDS       (REGS_SIZE / 4)
#define MAX_RANGES   1024
#define MAX_UNKNOWN  1024
#define UNKNOWN_FLAG 0x8000u /* index entry: the rest is a slot in unknown[] */

struct entry {
    const struct regs_range *range;
    void *owner;
};

struct unknown {
    uint32_t offset;
    uint64_t reads;
    uint64_t writes;
    bool written_first;
    uint32_t first; /* value that was read or written then */
};

struct regs {
    pthread_mutex_t lock;
    uint32_t value[DWORDS];
    uint16_t index[DWORDS]; /* 0: never seen and in no table, else range number + 1 */
    struct entry entries[MAX_RANGES];
    size_t count;
    struct unknown unknown[MAX_UNKNOWN];
    struct regs_counts counts;
};

struct regs *regs_new(void)
{
    struct regs *r = calloc(1, sizeof(*r));

    if (!r)
        return NULL;
    if (pthread_mutex_init(&r->lock, NULL)) {
        free(r);
        return NULL;
    }
    return r;
}

struct regs *regs_free(struct regs *r)
{
    if (!r)
        return NULL;
    pthread_mutex_destroy(&r->lock);
    free(r);
    return NULL;
}

void regs_lock(struct regs *r)
{
    pthread_mutex_lock(&r->lock);
}

void regs_unlock(struct regs *r)
{
    pthread_mutex_unlock(&r->lock);
}

static int range_check(const struct regs *r, const struct regs_range *range)
{
    if ((range->first | range->last) & 3 || range->first > range->last || range->last >= REGS_SIZE)
        return -EINVAL;
    for (uint32_t off = range->first; off <= range->last; off += 4)
        if (r->index[off / 4])
            return -EEXIST;
    return 0;
}

int regs_add(struct regs *r, const struct regs_range *table, size_t n, void *owner)
{
    for (size_t i = 0; i < n; i++) {
        int ret = range_check(r, &table[i]);

        if (ret)
            return ret;
        if (r->count == MAX_RANGES)
            return -ENOMEM;
        r->entries[r->count].range = &table[i];
        r->entries[r->count].owner = owner;
        r->count++;
        for (uint32_t off = table[i].first; off <= table[i].last; off += 4) {
            r->index[off / 4] = (uint16_t)r->count;
            r->value[off / 4] = table[i].init;
        }
    }
    return 0;
}

void regs_reset(struct regs *r)
{
    regs_lock(r);
    memset(r->value, 0, sizeof(r->value));
    for (size_t i = 0; i < r->count; i++) {
        const struct regs_range *range = r->entries[i].range;

        for (uint32_t off = range->first; off <= range->last; off += 4)
            r->value[off / 4] = range->init;
    }
    regs_unlock(r);
}

/* The range of an offset, or NULL; then the access is counted in *slot, which stays NULL when the
 * table of unknown registers is full. */
static const struct entry *find(struct regs *r, uint32_t offset, struct unknown **slot)
{
    uint16_t at = r->index[offset / 4];

    *slot = NULL;
    if (at && !(at & UNKNOWN_FLAG))
        return &r->entries[at - 1];
    r->counts.unknown_access++;
    if (!at && r->counts.unknown < MAX_UNKNOWN) {
        at = (uint16_t)(UNKNOWN_FLAG | r->counts.unknown);
        r->index[offset / 4] = at;
        r->unknown[r->counts.unknown++].offset = offset;
    }
    if (at)
        *slot = &r->unknown[at & ~UNKNOWN_FLAG];
    return NULL;
}

static void slot_count(struct unknown *u, bool write, uint32_t value)
{
    if (!u->reads && !u->writes) {
        u->written_first = write;
        u->first = value;
    }
    if (write)
        u->writes++;
    else
        u->reads++;
}

uint32_t regs_read(struct regs *r, uint32_t offset)
{
    const struct entry *e;
    struct unknown *slot;
    uint32_t value;

    assert(offset < REGS_SIZE && !(offset & 3));
    regs_lock(r);
    r->counts.reads++;
    e = find(r, offset, &slot);
    if (slot)
        slot_count(slot, false, r->value[offset / 4]);
    if (e && e->range->read)
        value = e->range->read(e->owner, offset);
    else
        value = r->value[offset / 4];
    regs_unlock(r);
    return value;
}

void regs_write(struct regs *r, uint32_t offset, uint32_t value)
{
    const struct entry *e;
    struct unknown *slot;

    assert(offset < REGS_SIZE && !(offset & 3));
    regs_lock(r);
    r->counts.writes++;
    e = find(r, offset, &slot);
    if (slot)
        slot_count(slot, true, value);
    if (e && e->range->write)
        e->range->write(e->owner, offset, value);
    else
        r->value[offset / 4] = value;
    regs_unlock(r);
}

const char *regs_name(const struct regs *r, uint32_t offset)
{
    uint16_t at;

    if (offset >= REGS_SIZE)
        return NULL;
    at = r->index[offset / 4];
    return at && !(at & UNKNOWN_FLAG) ? r->entries[at - 1].range->name : NULL;
}

uint32_t regs_peek(const struct regs *r, uint32_t offset)
{
    assert(offset < REGS_SIZE && !(offset & 3));
    return r->value[offset / 4];
}

void regs_poke(struct regs *r, uint32_t offset, uint32_t value)
{
    assert(offset < REGS_SIZE && !(offset & 3));
    r->value[offset / 4] = value;
}

void regs_write_ignored(void *owner, uint32_t offset, uint32_t value)
{
    (void)owner;
    (void)offset;
    (void)value;
}

void regs_write_masked(void *owner, uint32_t offset, uint32_t value)
{
    uint32_t mask = value >> 16;

    regs_poke(owner, offset, (regs_peek(owner, offset) & ~mask) | (value & mask));
}

void regs_write_one_clears(void *owner, uint32_t offset, uint32_t value)
{
    regs_poke(owner, offset, regs_peek(owner, offset) & ~value);
}

void regs_get_counts(struct regs *r, struct regs_counts *out)
{
    regs_lock(r);
    *out = r->counts;
    regs_unlock(r);
}

void regs_dump_unknown(struct regs *r, FILE *out)
{
    regs_lock(r);
    fputc('[', out);
    for (uint32_t i = 0; i < r->counts.unknown; i++) {
        const struct unknown *u = &r->unknown[i];

        fprintf(out,
                "%s{\"offset\":\"0x%06x\",\"reads\":%" PRIu64 ",\"writes\":%" PRIu64
                ",\"count\":%" PRIu64 ",\"first\":\"%s\",\"first_value\":%" PRIu32 "}",
                i ? "," : "", u->offset, u->reads, u->writes, u->reads + u->writes,
                u->written_first ? "write" : "read", u->first);
    }
    fputc(']', out);
    regs_unlock(r);
}
