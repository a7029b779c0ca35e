/* SPDX-License-Identifier: MIT */
/*
 * fence.c: fence registers and detiled CPU access (fence.h). Register handlers, on any thread with
 * the register file's lock held, keep a list of the fences in force and count its changes; the
 * transport thread works from a copy that it renews when the count has moved.
 */
#include "softgpu/fence.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "softgpu/engine.h"
#include "softgpu/offence.h"
#include "softgpu/regs.h"

#define FENCE_FIRST     0x100000u
#define FENCE_LAST      0x1000fcu
#define FENCE_VALID     1u
#define FENCE_TILE_Y    2u
#define FENCE_PAGE(v)   ((v)&0xfffff000u)
#define FENCE_PITCH(hi) ((((hi)&0xfffu) + 1) * 128)
#define TILECTL         0x101000u
#define TILECTL_SWIZZLE 1u
#define MAD_DIMM_C0     0x145004u
#define MAD_DIMM_C1     0x145008u
/* Size of a channel's module, bits 7:0 in units of 256 MiB. */
#define DIMM_8_GIB 0x20u
#define DIMM_4_GIB 0x10u
#define PAGE       4096u

struct fence {
    uint64_t start, end; /* GGTT addresses, end exclusive */
    struct tile_surface surface;
};

struct fence_list {
    unsigned count;
    struct fence at[FENCE_COUNT]; /* in the order of their numbers */
};

struct fences {
    struct regs *regs;
    struct engines *engines;
    struct offences *book;
    enum tile_swizzle machine; /* under the registers' lock, as the next two */
    struct fence_list list;
    atomic_uint live;    /* list.count, for the look without the lock */
    atomic_uint changes; /* of list */

    struct fence_list mine; /* the transport thread's copy, */
    unsigned mine_changes;  /* when it was made */
};

/* --- registers --- */

/* False when the valid bit is clear. The range may be empty. */
static bool decode(const struct fences *f, unsigned n, struct fence *out)
{
    uint32_t lo = regs_peek(f->regs, FENCE_FIRST + 8 * n);
    uint32_t hi = regs_peek(f->regs, FENCE_FIRST + 8 * n + 4);

    out->start = FENCE_PAGE(lo);
    out->end = (uint64_t)FENCE_PAGE(hi) + PAGE;
    out->surface = (struct tile_surface){.base = out->start,
                                         .pitch = FENCE_PITCH(hi),
                                         .layout = lo & FENCE_TILE_Y ? TILE_Y : TILE_X};
    return lo & FENCE_VALID;
}

/* Registers' lock held. */
static void make_list(struct fences *f)
{
    bool swizzle = regs_peek(f->regs, TILECTL) & TILECTL_SWIZZLE;
    struct fence_list *l = &f->list;

    l->count = 0;
    for (unsigned n = 0; n < FENCE_COUNT; n++) {
        struct fence *x = &l->at[l->count];

        if (!decode(f, n, x) || x->end <= x->start)
            continue;
        if (swizzle)
            x->surface.swizzle = f->machine ? f->machine : TILE_SWIZZLE_9_10;
        l->count++;
    }
    atomic_fetch_add_explicit(&f->changes, 1, memory_order_release);
    atomic_store_explicit(&f->live, l->count, memory_order_release);
}

static void report(struct fences *f, unsigned n, const char *what)
{
    uint32_t lo = regs_peek(f->regs, FENCE_FIRST + 8 * n);
    uint32_t hi = regs_peek(f->regs, FENCE_FIRST + 8 * n + 4);
    struct offence o = {.kind = OFFENCE_BAD_FENCE,
                        .engine = ENGINE_COUNT,
                        .gpu_addr = FENCE_PAGE(lo),
                        .value = (uint64_t)hi << 32 | lo,
                        .detail = what};

    offences_report(f->book, &o);
}

static bool overlaps_another(const struct fences *f, unsigned n, const struct fence *x)
{
    struct fence other;

    for (unsigned i = 0; i < FENCE_COUNT; i++) {
        if (i != n && decode(f, i, &other) && other.start < x->end && x->start < other.end)
            return true;
    }
    return false;
}

/* Fence n was written: is it what software should set up? */
static void judge_fence(struct fences *f, unsigned n)
{
    struct fence x;

    if (!decode(f, n, &x))
        return;
    if (x.end <= x.start) {
        report(f, n, "last page before the first");
        return;
    }
    if (x.surface.pitch % tile_width(x.surface.layout))
        report(f, n, "pitch is not in whole tiles");
    if (overlaps_another(f, n, &x))
        report(f, n, "overlaps another fence");
}

static void write_fence(void *owner, uint32_t offset, uint32_t value)
{
    struct fences *f = owner;

    if (regs_peek(f->regs, offset) == value)
        return; /* the same again changes nothing */
    regs_poke(f->regs, offset, value);
    judge_fence(f, (offset - FENCE_FIRST) / 8);
    make_list(f);
}

static void write_tilectl(void *owner, uint32_t offset, uint32_t value)
{
    struct fences *f = owner;

    regs_poke(f->regs, offset, value);
    make_list(f);
}

static uint32_t read_dimm(void *owner, uint32_t offset)
{
    struct fences *f = owner;

    return offset == MAD_DIMM_C0 || f->machine != TILE_SWIZZLE_NONE ? DIMM_8_GIB : DIMM_4_GIB;
}

static const struct regs_range table[] = {
    {FENCE_FIRST, FENCE_LAST, "FENCE", NULL, write_fence, 0},
    {TILECTL, TILECTL, "TILECTL", NULL, write_tilectl, 0},
    {MAD_DIMM_C0, MAD_DIMM_C1, "MAD_DIMM", read_dimm, regs_write_ignored, 0},
};

struct fences *fences_new(struct regs *r, struct engines *engines, struct offences *book)
{
    struct fences *f = calloc(1, sizeof(*f));

    if (!f)
        return NULL;
    f->regs = r;
    f->engines = engines;
    f->book = book;
    if (regs_add(r, table, sizeof(table) / sizeof(table[0]), f))
        return fences_free(f);
    return f;
}

struct fences *fences_free(struct fences *f)
{
    free(f);
    return NULL;
}

void fences_reset(struct fences *f)
{
    regs_lock(f->regs);
    make_list(f);
    regs_unlock(f->regs);
}

void fences_set_swizzle(struct fences *f, enum tile_swizzle s)
{
    regs_lock(f->regs);
    f->machine = s;
    make_list(f);
    regs_unlock(f->regs);
}

/* --- accesses --- */

static void renew(struct fences *f)
{
    if (atomic_load_explicit(&f->changes, memory_order_acquire) == f->mine_changes)
        return;
    regs_lock(f->regs);
    f->mine_changes = atomic_load(&f->changes);
    f->mine.count = f->list.count;
    memcpy(f->mine.at, f->list.at, f->list.count * sizeof(f->list.at[0]));
    regs_unlock(f->regs);
}

/* The fence that counts at addr, or NULL, and how far that answer holds. */
static const struct fence *find(const struct fence_list *l, uint64_t addr, uint64_t *room)
{
    uint64_t until = UINT64_MAX;

    for (unsigned i = 0; i < l->count; i++) {
        const struct fence *x = &l->at[i];

        if (addr >= x->start && addr < x->end) {
            *room = (until < x->end ? until : x->end) - addr;
            return x;
        }
        if (x->start > addr && x->start < until)
            until = x->start;
    }
    *room = until - addr;
    return NULL;
}

/* Where the byte at addr of the linear view is; *room shrinks to what is in one piece from there.
 */
static uint64_t detile(const struct fence *x, uint64_t addr, uint64_t *room)
{
    uint64_t off = addr - x->start, column = off % x->surface.pitch;
    uint64_t left = x->surface.pitch - column;
    uint32_t run;
    uint64_t at =
        tile_address(&x->surface, (int64_t)column, (int64_t)(off / x->surface.pitch), &run);

    if (run < left)
        left = run;
    if (left < *room)
        *room = left;
    return at;
}

static int access_fenced(struct fences *f, uint64_t addr, uint8_t *in, const uint8_t *out,
                         uint32_t len)
{
    int bad = 0;

    renew(f);
    while (len) {
        uint64_t room, at = addr;
        const struct fence *x = find(&f->mine, addr, &room);
        uint32_t n;

        if (x)
            at = detile(x, addr, &room);
        n = len < room ? len : (uint32_t)room;
        bad |= in ? engines_ggtt_read(f->engines, at, in, n)
                  : engines_ggtt_write(f->engines, at, out, n);
        in = in ? in + n : NULL;
        out = out ? out + n : NULL;
        addr += n;
        len -= n;
    }
    return bad;
}

int fences_read(struct fences *f, uint64_t addr, void *buf, uint32_t len)
{
    if (!atomic_load_explicit(&f->live, memory_order_acquire))
        return engines_ggtt_read(f->engines, addr, buf, len);
    return access_fenced(f, addr, buf, NULL, len);
}

int fences_write(struct fences *f, uint64_t addr, const void *buf, uint32_t len)
{
    if (!atomic_load_explicit(&f->live, memory_order_acquire))
        return engines_ggtt_write(f->engines, addr, buf, len);
    return access_fenced(f, addr, NULL, buf, len);
}
