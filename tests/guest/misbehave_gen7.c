/* SPDX-License-Identifier: MIT */
/*
 * misbehave_gen7.c: misbehave.c's part for a Haswell: entries of four bytes, page directories in
 * the GGTT, rings and render contexts that must never run. One caller, one thread.
 */
#include "tests/guest/misbehave.h"

#include "gen/cmds_gen7.h"
#include "gen/cmds_gen8.h"
#include "gen/ctx_gen7.h"

#include <stddef.h>

#define RCS               0x2000u
#define BCS               0x22000u
#define FENCE             0x100000u
#define HWS_RCS           0x4080u
#define DIRECTORY_ENTRIES 512u
#define NOWHERE           0x7ffffffull /* a frame number without memory */
#define HOSTS             0xfffff000u  /* what stands there is not the guest's */
#define ROUNDS            3

/* Entries of ours behind those of the pages: a directory's, and an image's. */
static uint32_t directory_at(const struct bare *v)
{
    return v->low_base / BARE_PAGE + 64;
}

static uint32_t image_at(const struct bare *v)
{
    return directory_at(v) + DIRECTORY_ENTRIES;
}

static unsigned bad_entries(const struct bare *v)
{
    uint64_t ours = bare_pte(v, v->gfn[BARE_TARGET]);
    uint32_t own = v->low_base / BARE_PAGE + BARE_PAGES;

    bare_entry(v, 0, ours); /* of the first three nobody hears, but no harm may come of them */
    bare_entry(v, (v->low_base + v->low_size) / BARE_PAGE, ours);
    bare_entry(v, v->entries - 1, ours);
    bare_entry(v, own, bare_pte(v, NOWHERE));
    bare_write(v, v->gtt + 4 * own + 2, 0xffffffff); /* across two entries */
    bare_store(v, v->gtt + 4 * own + 1, 8, ~0ull);   /* across three */
    bare_store(v, v->gtt + 4 * own, 1, 0xff);
    bare_store(v, FENCE, 8, 0xfffff00000000001ull);          /* the whole GGTT */
    bare_store(v, FENCE + 8 * 31, 8, 0x0000100000000001ull); /* a fence of nobody's */
    for (unsigned i = 0; i < 3; i++)
        bare_entry(v, own + i, 0);
    bare_store(v, FENCE, 8, 0);
    return 9;
}

/* PP_DIR_BASE counts entries of the GGTT in its upper bits. */
static void load_directory(const struct bare *v, uint32_t engine, uint32_t first)
{
    bare_write(v, engine + 0x220, 0xffffffff);
    bare_write(v, engine + 0x228, first << 12);
}

/* Tables without memory, one that is its own entries' page, one in the device, all of them at once.
 */
static unsigned bad_directories(const struct bare *v)
{
    uint32_t at = directory_at(v);
    uint32_t table[BARE_PAGE / 4];
    uint64_t ours = bare_pte(v, v->gfn[BARE_TABLE]);

    for (unsigned i = 0; i < BARE_PAGE / 4; i++)
        table[i] = (uint32_t)(i % 2 ? ours : bare_pte(v, NOWHERE - i));
    bare_put(v, BARE_TABLE, 0, table, sizeof(table));
    load_directory(v, BCS, (v->low_base + v->low_size) / BARE_PAGE);
    load_directory(v, BCS, 0xffff0);
    bare_entry(v, at, ours);
    bare_entry(v, at + 1, bare_pte(v, NOWHERE));
    bare_entry(v, at + 2, ours | 0xffe);
    bare_entry(v, at + 3, bare_pte(v, 0xfee00));
    load_directory(v, BCS, at);
    bare_put32(v, BARE_TABLE, 2, 0xffffffff); /* trapped by now */
    bare_put32(v, BARE_TABLE, 3, (uint32_t)bare_pte(v, NOWHERE));
    bare_put(v, BARE_TABLE, 5, &(uint8_t){0x55}, 1);
    bare_entry(v, at + 4, 0xffffffff); /* part of the directory */
    for (unsigned i = 0; i < DIRECTORY_ENTRIES; i++)
        bare_entry(v, at + i, i % 2 ? ours : 0xfffffff1);
    load_directory(v, RCS, at);
    for (unsigned i = 0; i < DIRECTORY_ENTRIES; i++)
        bare_entry(v, at + i, 0);
    bare_fill(v, BARE_TABLE, 0);
    return 8;
}

/* Rings that reach where nothing of ours is, and tails and heads outside the ring. */
static unsigned bad_rings(const struct bare *v)
{
    static const struct {
        uint32_t start, ctl, head, tail;
    } ring[] = {
        {HOSTS, 1, 0, 64},         {0, 1, 0, 64},
        {0xfff, 0x1ff001, 0, 64},  {0, 0x1ff001, 0, 0x1ffff8},
        {0x1000, 1, 0x1ffffc, 64}, {0x1000, 1, 3, 0xffffffff},
    };

    for (size_t i = 0; i < sizeof(ring) / sizeof(ring[0]); i++) {
        uint32_t start = ring[i].start == 0x1000 ? bare_gma(v, BARE_RING) : ring[i].start;

        bare_write(v, BCS + 0x3c, 0);
        bare_write(v, BCS + 0x34, ring[i].head);
        bare_write(v, BCS + 0x38, start);
        bare_write(v, BCS + 0x3c, ring[i].ctl);
        bare_write(v, BCS + 0x30, ring[i].tail);
        bare_reset_blitter(v);
    }
    return sizeof(ring) / sizeof(ring[0]);
}

static unsigned bad_commands(const struct bare *v)
{
    const uint32_t rings[][6] = {
        {0x7fffffff},                                /* no command */
        {MI_STORE_DATA_GGTT | 2, 0, HOSTS, 0xbad},   /* the host's share */
        {MI_STORE_DATA_GGTT | 2, 0, 0, 0xbad},       /* nobody's */
        {MI_LRI | 1, 0x4280, 0},                     /* the status page's address */
        {MI_LRI | 1, 0x4180, 0},                     /* that of another engine */
        {MI_LRI | 1, BCS + 0x30, 64},                /* the ring's own tail */
        {MI_LRI | 1, BCS + 0x228, 0xffff0000},       /* a directory of the host's */
        {MI_LRI | 1, RCS + 0x228, 0},                /* another engine's */
        {0x11800001, 0x1000, 0x1},                   /* MI_UPDATE_GTT, roughly */
        {MI_BB_START_GEN7, HOSTS},                   /* a privileged batch of the host's */
        {MI_BB_START_GEN7, bare_gma(v, BARE_BATCH)}, /* one of ours, with nonsense in it */
        {MI_BB_START_GEN7 | 1u << 22, 0x1000},       /* one on the second level */
        {MI_SEMAPHORE_MBOX | MI_MBOX_UPDATE | MI_MBOX_REGISTER, 1, RCS + 0x30},
        {MI_SET_CONTEXT_GEN7, 0x101}, /* which this engine has not */
        {0x541000ff, 0, 0, 0, 0, 0},  /* a blit longer than the ring */
    };

    bare_fill(v, BARE_BATCH, 0xff);
    for (size_t i = 0; i < sizeof(rings) / sizeof(rings[0]); i++) {
        bare_work(v, rings[i], 6);
        bare_ring(v, BCS, 24);
        bare_reset_blitter(v);
    }
    return sizeof(rings) / sizeof(rings[0]);
}

static void reset_render(const struct bare *v)
{
    bare_write(v, 0x941c, 1u << 1);
    bare_write(v, HWS_RCS, bare_gma(v, BARE_STATUS));
}

/* An image of the host's, one without memory, and one that is all ones. */
static unsigned bad_contexts(const struct bare *v)
{
    const uint32_t image[] = {HOSTS | 0x101, (image_at(v) + CTX_GEN7_PAGES) * BARE_PAGE | 0x101,
                              image_at(v) * BARE_PAGE | 0x10d, 0xffffffff, 0x100};

    bare_fill(v, BARE_IMAGE, 0xff);
    for (unsigned i = 0; i < CTX_GEN7_PAGES; i++)
        bare_entry(v, image_at(v) + i, bare_pte(v, v->gfn[BARE_IMAGE]));
    for (size_t i = 0; i < sizeof(image) / sizeof(image[0]); i++) {
        const uint32_t work[] = {MI_SET_CONTEXT_GEN7, image[i], 0, 0};

        reset_render(v);
        bare_work(v, work, 4);
        bare_ring(v, RCS, 16);
    }
    reset_render(v);
    bare_write(v, RCS + 0x180, 0xffffffff); /* by MMIO */
    for (unsigned i = 0; i < CTX_GEN7_PAGES; i++)
        bare_entry(v, image_at(v) + i, 0);
    reset_render(v);
    return 1 + sizeof(image) / sizeof(image[0]);
}

/* More than once: a reset may come before vgt-sched has looked at what it is to refuse. */
unsigned misbehave_gen7(const struct bare *v)
{
    unsigned offences = 0;

    for (unsigned i = 0; i < ROUNDS; i++)
        offences +=
            bad_entries(v) + bad_directories(v) + bad_rings(v) + bad_commands(v) + bad_contexts(v);
    return offences;
}
