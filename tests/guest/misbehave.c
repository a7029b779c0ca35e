/* SPDX-License-Identifier: MIT */
/*
 * misbehave.c: a guest without a driver that does to its virtual GPU what a hostile one would:
 * accesses of impossible width and place, GTT entries outside its part and its memory, page-table
 * notices without sense, descriptors, contexts and commands that must never run (a Haswell's are
 * misbehave_gen7.c's). Then it behaves once and expects to be served. Prints "VGT:
 * misbehave_KEY=VALUE" lines; ends with 0 when the device outlived all.
 */
#include "tests/guest/misbehave.h"
#include "tests/guest/bare_guest.h"

#include "gen/cmds_gen8.h"
#include "gen/ctx_gen8.h"
#include "gen/pvinfo.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define BCS 0x22000u

struct bad {
    struct bare v;
    unsigned offences;
};

static uint32_t gma(const struct bad *b, unsigned page)
{
    return bare_gma(&b->v, page);
}

static void w32(struct bad *b, uint32_t at, uint32_t value)
{
    bare_write(&b->v, at, value);
}

static void set_entry(struct bad *b, uint32_t index, uint64_t value)
{
    bare_entry(&b->v, index, value);
}

static void notice(struct bad *b, uint32_t what, uint64_t root)
{
    bare_notice(&b->v, what, root);
}

/* ---- registers */

static void odd_accesses(struct bad *b)
{
    bare_store(&b->v, BCS + 0x230, 1, 1);     /* a byte of the submission port */
    bare_store(&b->v, BCS + 0x232, 2, 7);     /* two bytes of it */
    bare_store(&b->v, BCS + 0x231, 8, ~0ull); /* across two dwords, misaligned */
    bare_store(&b->v, 0x4421e, 4, 0xffffffff);
    (void)bare_load(&b->v, 0x78003, 8);
    w32(b, 0x1ffff8, 0xdeadbeef);  /* a register nobody knows */
    w32(b, PVINFO_BASE + 0x40, 0); /* our own partition, made larger */
    w32(b, PVINFO_BASE + 0x44, 0xffffffff);
    b->offences += 8;
}

static void odd_places(struct bad *b)
{
    w32(b, 0x400000, 0x1234); /* between registers and GTT */
    w32(b, 0x2030, 0x40);     /* ring mode */
    w32(b, 0x203c, 0x1001);
    b->offences += 3;
}

static void bad_entries(struct bad *b)
{
    uint64_t ours = b->v.gfn[BARE_TARGET] << 12 | 1;

    set_entry(b, 0, ours); /* of the first three nobody hears, but no harm may come of them */
    set_entry(b, (b->v.low_base + b->v.low_size) / BARE_PAGE, ours);
    set_entry(b, (1u << 20) - 1, ours); /* the last one there is: the host's */
    set_entry(b, b->v.low_base / BARE_PAGE + BARE_PAGES, 0x7ffffff001); /* no memory there */
    set_entry(b, b->v.low_base / BARE_PAGE + BARE_PAGES,
              0xfffff00000001000ull | 1); /* no such address */
    w32(b, b->v.gtt + 8 * (b->v.low_base / BARE_PAGE + BARE_PAGES) + 6,
        0xffffffff); /* across two entries */
    set_entry(b, b->v.low_base / BARE_PAGE + BARE_PAGES, 0);
    set_entry(b, b->v.low_base / BARE_PAGE + BARE_PAGES + 1, 0);
    b->offences += 6;
}

/* A table that names itself, one without memory, notices that do not exist. */
static void bad_tables(struct bad *b)
{
    uint64_t itself = b->v.gfn[BARE_TABLE] << 12 | 3;

    notice(b, 99, 0);
    notice(b, PVINFO_PPGTT_L4_CREATE, 0x7ffffff000);
    notice(b, PVINFO_PPGTT_L4_DESTROY, 0x123000);
    bare_put64(&b->v, BARE_TABLE, 0, itself);
    bare_put64(&b->v, BARE_TABLE, 1, 0x7ffffff003);
    bare_put64(&b->v, BARE_TABLE, 2, ~0ull);
    notice(b, PVINFO_PPGTT_L4_CREATE, b->v.gfn[BARE_TABLE] << 12);
    bare_put64(&b->v, BARE_TABLE, 3, itself); /* trapped by now */
    notice(b, PVINFO_PPGTT_L4_DESTROY, b->v.gfn[BARE_TABLE] << 12);
    bare_fill(&b->v, BARE_TABLE, 0);
    b->offences += 6;
}

/* ---- submissions */

static void bad_descriptors(struct bad *b)
{
    const uint64_t desc[] = {
        0,                                                      /* not valid */
        bare_descriptor(&b->v) & ~0xfffff000ull,                /* LRCA 0 */
        (bare_descriptor(&b->v) & ~0xfffff000ull) | 0xfffff000, /* the host's */
        bare_descriptor(&b->v) | 0x7f0,                         /* every odd bit */
        (bare_descriptor(&b->v) & ~(3ull << 3)) | 2ull << 3,    /* an advanced mode */
        ~0ull,
    };
    uint32_t nothing[2] = {0};

    bare_work(&b->v, nothing, 2);
    for (size_t i = 0; i < sizeof(desc) / sizeof(desc[0]); i++) {
        bare_elsp(&b->v, BCS, desc[i]);
        bare_reset_blitter(&b->v);
        b->offences++;
    }
    bare_put32(&b->v, BARE_STATE, CTX_RING_START, 0xfffff000); /* somebody else's ring */
    bare_elsp(&b->v, BCS, bare_descriptor(&b->v));
    bare_reset_blitter(&b->v);
    bare_fill(&b->v, BARE_STATE, 0xff); /* no image at all */
    bare_elsp(&b->v, BCS, bare_descriptor(&b->v));
    bare_reset_blitter(&b->v);
    b->offences += 2;
}

static void bad_commands(struct bad *b)
{
    const uint32_t rings[][6] = {
        {0x7fffffff},                                   /* no command */
        {MI_STORE_DATA_GGTT | 2, 0xfffff000, 0, 0xbad}, /* the host's share */
        {MI_STORE_DATA_GGTT | 2, 0x00000000, 0, 0xbad}, /* nobody's */
        {MI_LRI | 1, BCS + 0x80, 0},                    /* the status page's address */
        {MI_LRI | 1, 0x4260, 1},                        /* TLB of another engine */
        {MI_LRI | 1, BCS + 0x230, 1},                   /* the submission port itself */
        {0x11800001, 0x1000, 0x1},                      /* MI_UPDATE_GTT, roughly */
        {MI_BB_START, 0xfffff000, 0},                   /* a privileged batch of the host's */
        {MI_BB_START, gma(b, BARE_BATCH), 0},           /* one of ours, with nonsense in it */
        {MI_BB_END},                                    /* an end of nothing */
        {0x541000ff, 0, 0, 0, 0, 0},                    /* a blit longer than the ring */
    };

    bare_fill(&b->v, BARE_BATCH, 0xff);
    for (size_t i = 0; i < sizeof(rings) / sizeof(rings[0]); i++) {
        bare_work(&b->v, rings[i], 6);
        bare_elsp(&b->v, BCS, bare_descriptor(&b->v));
        bare_reset_blitter(&b->v);
        b->offences++;
    }
}

static void everything_gen8(struct bad *b)
{
    odd_places(b);
    bad_entries(b);
    bad_tables(b);
    bad_descriptors(b);
    bad_commands(b);
}

int main(void)
{
    struct bad b = {0};
    bool good, alive;

    if (bare_set_up(&b.v)) {
        printf("VGT: misbehave_error=%s\n", strerror(errno));
        return 2;
    }
    bare_start(&b.v);
    odd_accesses(&b);
    if (b.v.gen8)
        everything_gen8(&b);
    else
        b.offences += misbehave_gen7(&b.v);
    printf("VGT: misbehave_offences=%u\n", b.offences);
    good = bare_behave(&b.v);
    printf("VGT: misbehave_good=%d\n", good);
    alive = bare_alive(&b.v);
    printf("VGT: misbehave_magic=%d\n", alive);
    bare_keep_pages();
    return good && alive ? 0 : 1;
}
