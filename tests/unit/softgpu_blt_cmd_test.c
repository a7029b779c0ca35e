/* SPDX-License-Identifier: MIT */
/*
 * softgpu_blt_cmd_test.c: every XY command of the blitter with random operands, sensible and not,
 * against the slow reference in softgpu_blt_ref.c, in Broadwell's and in Haswell's encoding. The
 * seed is fixed so that a failure can be seen again.
 */
#include "tests/unit/softgpu_engine_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "softgpu/engine_priv.h"
#include "tests/unit/softgpu_blt_ref.h"

#define PAGES       (REF_MEMORY / 4096)
#define ROUNDS      100
#define GAMTARBMODE 0x4a08u
#define ARB_MODE    0x4030u /* Haswell */
#define SWCTRL      0x22200u

struct fix {
    struct rig r;
    struct rig_ctx c;
    struct ref_memory m; /* what should be there */
    uint64_t page[2][PAGES];
    int address_dwords;
};

static uint32_t seed;
static uint32_t rnd(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)(seed ^ seed >> 15) * below >> 32);
}

static uint32_t rnd32(void)
{
    return rnd(1u << 16) << 16 | rnd(1u << 16);
}

static int between(int low, int high)
{
    return low + (int)rnd((uint32_t)(high - low + 1));
}

static bool chance(uint32_t one_in)
{
    return rnd(one_in) == 0;
}

static struct fix *fixture(int address_dwords)
{
    struct fix *f = calloc(1, sizeof(*f));

    seed = 20141007;
    if (address_dwords == 1)
        rig_setup_haswell(&f->r);
    else
        rig_setup(&f->r);
    f->address_dwords = address_dwords;
    f->m.addr[0] = address_dwords == 1 ? 0x40000000 : 0x7f1234560000;
    f->m.addr[1] = address_dwords == 1 ? 0x60000000 : 0xc0000000;
    rig_context(&f->r, &f->c, ENGINE_BCS, 4);
    for (int i = 0; i < 2; i++) {
        for (unsigned p = 0; p < PAGES; p++) {
            f->page[i][p] = rig_map_new(&f->r, &f->c, f->m.addr[i] + p * 4096ull);
            rig_page(&f->r); /* neighbours in GPU space are not neighbours in memory */
        }
    }
    return f;
}

static int setup_gen8(void **state)
{
    *state = fixture(2);
    return 0;
}

static int setup_gen7(void **state)
{
    *state = fixture(1);
    return 0;
}

static int teardown(void **state)
{
    struct fix *f = *state;

    rig_teardown(&f->r);
    free(f);
    return 0;
}

static void randomise(struct fix *f)
{
    for (int i = 0; i < 2; i++) {
        for (unsigned k = 0; k < REF_MEMORY; k++)
            f->m.byte[i][k] = (uint8_t)rnd(256);
        for (unsigned p = 0; p < PAGES; p++)
            assert_int_equal(dma_write(f->r.dma, f->page[i][p], &f->m.byte[i][p * 4096], 4096), 0);
    }
}

static void describe(const struct ref_blit *b, int round)
{
    print_error("opcode %02x round %d: depth %d rop %02x channels %d rect %d,%d-%d,%d dst %d/%d "
                "src %d/%d at %d,%d seeds %d,%d clip %d transparent %d/%d solid %d key %d\n",
                (unsigned)b->opcode, round, b->depth, (unsigned)b->rop, b->channels, b->x1, b->y1,
                b->x2, b->y2, b->dst.tiling, b->dst.pitch, b->src.tiling, b->src.pitch, b->sx,
                b->sy, b->seed_x, b->seed_y, b->clipped, b->mono_transparent,
                b->pattern_transparent, b->pattern_solid, b->key_mode);
}

static void compare(struct fix *f, const struct ref_blit *b, int round)
{
    uint8_t got[4096];

    for (int i = 0; i < 2; i++) {
        for (unsigned p = 0; p < PAGES; p++) {
            assert_int_equal(dma_read(f->r.dma, f->page[i][p], got, 4096), 0);
            if (!memcmp(got, &f->m.byte[i][p * 4096], 4096))
                continue;
            describe(b, round);
            fail_msg("memory %d page %u differs", i, p);
        }
    }
}

static void run(struct fix *f, const struct ref_blit *b)
{
    uint32_t dw[400];
    unsigned n = 0;

    dw[n++] = MI(0x22, 1);
    dw[n++] = SWCTRL;
    dw[n++] = 3u << 16 | (b->dst.tiling == 2 ? 2 : 0) | (b->src.tiling == 2 ? 1 : 0);
    n += ref_emit(b, dw + n, f->address_dwords);
    if (f->address_dwords == 1)
        engines_mmio_write(f->r.engines, ARB_MODE, 1u << 21 | (b->swizzle ? 1u << 5 : 0));
    else
        engines_mmio_write(f->r.engines, GAMTARBMODE, 2u << 16 | (b->swizzle ? 2 : 0));
    rig_emit(&f->r, &f->c, dw, n);
    rig_run(&f->r, &f->c);
}

/* --- random operands ------------------------------------------------------------------------ */

static uint64_t somewhere(const struct fix *f)
{
    return f->m.addr[rnd(2)] + rnd(REF_MEMORY - 0x4000);
}

/* So that pixel (x, y) lies inside a memory, mostly; tiles are near enough to the origin. */
static void pick_surface(const struct fix *f, struct ref_surface *s, int x, int y, int cpp)
{
    uint64_t memory = f->m.addr[rnd(2)];

    s->tiling = (int)rnd(3);
    if (s->tiling) {
        s->pitch = (s->tiling == 1 ? 128 : 32) * between(1, 5);
        if (chance(6))
            s->pitch = between(0, 300); /* no whole tiles */
        s->base = memory + rnd(16) * 4096 + (chance(4) ? rnd(4096) : 0);
        return;
    }
    s->pitch = chance(3) ? between(-1024, 1024) : between(100, 300) * 4;
    s->base = memory + 0x10000 + rnd(0x10000);
    s->base -= (uint64_t)((int64_t)y * s->pitch + (int64_t)x * cpp);
    if (chance(20))
        s->base = rnd32(); /* a hole */
    if (f->address_dwords == 1)
        s->base &= UINT32_MAX;
    s->base &= (1ull << 48) - 1;
}

static void pick_rect(struct ref_blit *b)
{
    bool far = b->dst.tiling == 0 && chance(4);

    b->x1 = far ? between(-32768, 32600) : between(chance(4) ? -40 : 0, 100);
    b->y1 = far ? between(-32768, 32600) : between(chance(4) ? -20 : 0, 60);
    b->x2 = b->x1 + between(chance(10) ? -5 : 0, chance(3) ? 90 : 20);
    b->y2 = b->y1 + between(chance(10) ? -5 : 0, 24);
    b->clipped = chance(3);
    b->clip[0] = b->x1 + between(-10, 10);
    b->clip[1] = b->y1 + between(-10, 10);
    b->clip[2] = b->x2 + between(-20, 10);
    b->clip[3] = b->y2 + between(-10, 10);
    for (int i = 0; i < 4; i++) {
        if (b->clip[i] > 32767 || b->clip[i] < -32768)
            b->clip[i] = 0;
    }
}

static void pick_source(const struct fix *f, struct ref_blit *b, int cpp)
{
    b->sx = between(-10, 100);
    b->sy = between(-10, 60);
    pick_surface(f, &b->src, b->sx, b->sy, cpp);
    if (chance(3)) { /* overlaps */
        b->src = b->dst;
        b->sx = b->x1 + between(-6, 6);
        b->sy = b->y1 + between(-6, 6);
        if (b->sx < -32768 || b->sy < -32768 || b->sx > 32767 || b->sy > 32767)
            b->sx = b->sy = 0;
    }
}

static void pick_colors(const struct fix *f, struct ref_blit *b)
{
    b->pattern = somewhere(f);
    b->mono = somewhere(f);
    for (int i = 0; i < 2; i++) {
        b->pattern_colors[i] = rnd32();
        b->mono_colors[i] = rnd32();
    }
    for (int i = 0; i < 8; i++)
        b->pattern_bits[i] = (uint8_t)rnd(256);
    b->pattern_transparent = chance(3);
    b->mono_transparent = chance(3);
    b->pattern_solid = chance(6);
    b->key_mode = (int)rnd(8);
    /* wide enough that something is within */
    b->key_low = (rnd32() & 0x3f3f3f3f & rnd32()) | (chance(3) ? rnd32() & 0x80808080 : 0);
    b->key_high = rnd32() | 0xc0c0c0c0;
    b->fixed = (int)rnd(chance(4) ? 32 : 12);
    b->mono_bit = (int)rnd(8);
    b->byte_packed = rnd(2);
    b->mono_setup = rnd(2);
    b->seed_x = (int)rnd(8);
    b->seed_y = (int)rnd(8);
}

static void pick_immediate(struct ref_blit *b)
{
    static const unsigned dwords[] = {16, 32, 32, 64};

    for (unsigned i = 0; i < sizeof(b->immediate); i++)
        b->immediate[i] = (uint8_t)rnd(256);
    b->immediate_dwords = strchr(ref_layout(b), 'i') ? dwords[b->depth] : 2 * (1 + rnd(90));
    if (chance(8))
        b->immediate_dwords = 2 * (1 + rnd(20)); /* short */
}

static void pick(const struct fix *f, struct ref_blit *b, int opcode)
{
    static const uint8_t common[] = {0xcc, 0xf0, 0x55, 0x5a, 0x66, 0x88, 0xe2, 0xb8};
    int cpp;

    memset(b, 0, sizeof(*b));
    b->opcode = opcode;
    b->depth = (int)rnd(4);
    cpp = b->depth == 0 ? 1 : b->depth == 3 ? 4 : 2;
    b->rop = rnd(2) ? common[rnd(sizeof(common))] : (int)rnd(256);
    b->channels = rnd(2) ? 3 : (int)rnd(4);
    b->swizzle = rnd(2);
    pick_rect(b);
    pick_surface(f, &b->dst, b->x1, b->y1, cpp);
    if (b->dst.tiling && (abs(b->x1) > 1000 || abs(b->y1) > 1000))
        b->dst.tiling = 0;
    pick_source(f, b, cpp);
    pick_colors(f, b);
    pick_immediate(b);
    if (!strchr(ref_layout(b), 's'))
        b->src.tiling = 0;
}

static void every_command_matches_the_reference(void **state)
{
    struct fix *f = *state;
    struct ref_blit b = {0};
    unsigned commands = 0, undefined = 0;
    static struct ref_memory before;

    for (int opcode = 0; opcode < 128; opcode++) {
        b.opcode = opcode;
        if (!ref_layout(&b))
            continue;
        unsigned changed = 0;

        commands++;
        for (int i = 0; i < ROUNDS; i++) {
            if (i == 0)
                randomise(f);
            pick(f, &b, opcode);
            before = f->m;
            ref_run(&b, &f->m);
            run(f, &b);
            compare(f, &b, i);
            changed += memcmp(before.byte, f->m.byte, sizeof(before.byte)) != 0;
            undefined += opcode == 0x59 && (b.fixed > 11 || b.fixed == 6 || b.fixed == 7);
        }
        assert_true(changed > ROUNDS / 5); /* the rectangles were not all empty */
    }
    assert_int_equal(commands, 21);
    assert_true(undefined > 0);
    assert_int_equal(rig_stats(&f->r).blits_skipped, undefined);
    assert_int_equal(rig_stats(&f->r).unknown[ENGINE_BCS], 0);
}

/* Each of the 256 with all three operands, at each depth. */
static void all_raster_operations(void **state)
{
    struct fix *f = *state;
    struct ref_blit b;

    randomise(f);
    for (int rop = 0; rop < 256; rop++) {
        pick(f, &b, 0x55);
        b.rop = rop;
        b.depth = rop & 3;
        b.dst = (struct ref_surface){f->m.addr[0] + 0x1000, 512, 0};
        b.src = (struct ref_surface){f->m.addr[1] + 0x2000, 512, 0};
        b.x1 = 3, b.y1 = 2, b.x2 = 50, b.y2 = 12, b.sx = 1, b.sy = 5;
        b.clipped = false;
        ref_run(&b, &f->m);
        run(f, &b);
        compare(f, &b, rop);
    }
}

/* --- what is special ------------------------------------------------------------------------ */

/* An odd number of immediate dwords: the engine waits for the other half for ever. */
static void odd_immediate_data_hangs(void **state)
{
    struct fix *f = *state;
    struct ref_blit b;
    uint32_t dw[400];
    unsigned n;

    pick(f, &b, 0x71);
    b.immediate_dwords = 3;
    n = ref_emit(&b, dw, f->address_dwords);
    rig_emit(&f->r, &f->c, dw, n);
    rig_submit(&f->r, ENGINE_BCS, f->c.desc, 0);
    assert_true(rig_wait_reg(&f->r, rig_base(ENGINE_BCS) + 0xb0, 1, 1)); /* EIR */
    assert_int_equal(rig_stats(&f->r).unknown[ENGINE_BCS], 1);
}

/* SRC_COPY_BLT from right to left: addresses are those of the last bytes. */
static void linear_copy_backwards(void **state)
{
    struct fix *f = *state;
    uint64_t d = f->m.addr[0] + 0x1063, s = f->m.addr[1] + 0x263;

    randomise(f);
    RIG_RUN(&f->r, &f->c, 0x50c00006 | 3 << 20, 1u << 30 | 3 << 24 | 0xcc << 16 | 256,
            5 << 16 | 100, (uint32_t)d, (uint32_t)(d >> 32), 512, (uint32_t)s, (uint32_t)(s >> 32));
    for (int y = 0; y < 5; y++)
        memcpy(&f->m.byte[0][0x1000 + y * 256], &f->m.byte[1][0x200 + y * 512], 100);
    compare(f, &(struct ref_blit){.opcode = 0x53}, 0);
}

/* The setup registers belong to the context: another one's setup in between does not disturb. */
static void setup_survives_a_switch(void **state)
{
    struct fix *f = *state;
    uint64_t d = f->m.addr[0];
    uint32_t hi = (uint32_t)(d >> 32);
    struct rig_ctx other;

    randomise(f);
    rig_context(&f->r, &other, ENGINE_BCS, 4);
    RIG_RUN(&f->r, &f->c, 0x40400008 | 3 << 20, 3 << 24 | 0xf0 << 16 | 256, 0, 0, (uint32_t)d, hi,
            0, 0x11223344, 0, 0);
    RIG_RUN(&f->r, &other, 0x40400008 | 3 << 20, 0xf0 << 16 | 64, 0, 0, 0, 0, 1, 2, 0, 0);
    rig_w32(&f->r, f->c.image + 3 * 4, 0x00010000); /* restore this time */
    RIG_RUN(&f->r, &f->c, 0x49000000, 2 << 16 | 5);
    memcpy(&f->m.byte[0][2 * 256 + 5 * 4], &(uint32_t){0x11223344}, 4);
    compare(f, &(struct ref_blit){.opcode = 0x24}, 0);
}

#define T8(f) cmocka_unit_test_setup_teardown(f, setup_gen8, teardown)
#define T7(f) cmocka_unit_test_setup_teardown(f, setup_gen7, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T8(every_command_matches_the_reference),
        T7(every_command_matches_the_reference),
        T8(all_raster_operations),
        T7(all_raster_operations),
        T8(odd_immediate_data_hangs),
        T8(linear_copy_backwards),
        T8(setup_survives_a_switch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
