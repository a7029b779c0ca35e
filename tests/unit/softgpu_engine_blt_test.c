/* SPDX-License-Identifier: MIT */
/*
 * softgpu_engine_blt_test.c: the blitter against a reference that computes every pixel, one bit at
 * a time, from the definition: random rectangles, depths, tilings, raster operations, clips,
 * channel masks, pitches of both signs, overlaps. The seed is fixed so that a failure can be seen
 * again.
 */
#include "tests/unit/softgpu_engine_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SURFACE  (256u << 10) /* bytes per surface */
#define DST_ADDR 0x7f1234560000ull
#define SRC_ADDR 0x0000c0000000ull
#define PAGES    (SURFACE / 4096)

struct fix {
    struct rig r;
    struct rig_ctx c;
    uint64_t dst_page[PAGES], src_page[PAGES];
    uint8_t dst[SURFACE], src[SURFACE]; /* the reference's copies */
    uint32_t clip[2];
};

static uint32_t seed = 20150401;
static uint32_t rnd(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

static void map_surface(struct fix *f, uint64_t addr, uint64_t *page)
{
    for (unsigned i = 0; i < PAGES; i++) {
        page[i] = rig_page(&f->r);
        rig_page(&f->r); /* neighbours in GPU space are not neighbours in memory */
        rig_map(&f->r, &f->c, addr + i * 4096ull, page[i], 3);
    }
}

static int setup(void **state)
{
    struct fix *f = calloc(1, sizeof(*f));

    rig_setup(&f->r);
    rig_context(&f->r, &f->c, ENGINE_BCS, 4);
    map_surface(f, DST_ADDR, f->dst_page);
    map_surface(f, SRC_ADDR, f->src_page);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fix *f = *state;

    rig_teardown(&f->r);
    free(f);
    return 0;
}

static void randomise(struct fix *f, uint8_t *copy, const uint64_t *page)
{
    for (unsigned i = 0; i < SURFACE; i++)
        copy[i] = (uint8_t)rnd(256);
    for (unsigned i = 0; i < PAGES; i++)
        assert_int_equal(dma_write(f->r.dma, page[i], copy + i * 4096, 4096), 0);
}

static void compare(struct fix *f, const uint8_t *copy, const uint64_t *page, const char *what)
{
    uint8_t got[4096];

    for (unsigned i = 0; i < PAGES; i++) {
        assert_int_equal(dma_read(f->r.dma, page[i], got, 4096), 0);
        if (memcmp(got, copy + i * 4096, 4096))
            fail_msg("%s: page %u differs", what, i);
    }
}

/* --- the reference ------------------------------------------------------------------------- */

struct surf {
    uint8_t *mem;
    int pitch, tiling; /* 0 linear, 1 X, 2 Y */
    int base;          /* offset in mem */
};

static uint8_t *at(const struct surf *s, int x, int y)
{
    int tiles = s->pitch / (s->tiling == 1 ? 512 : 128), offset;

    if (s->tiling == 1)
        offset = (y / 8 * tiles + x / 512) * 4096 + y % 8 * 512 + x % 512;
    else if (s->tiling == 2)
        offset = (y / 32 * tiles + x / 128) * 4096 + x % 128 / 16 * 512 + y % 32 * 16 + x % 16;
    else
        offset = y * s->pitch + x;
    assert_true(s->base + offset >= 0 && s->base + offset < (int)SURFACE);
    return s->mem + s->base + offset;
}

static uint8_t rop_byte(uint8_t rop, uint8_t p, uint8_t s, uint8_t d)
{
    uint8_t out = 0;

    for (int bit = 0; bit < 8; bit++) {
        int index = (p >> bit & 1) * 4 + (s >> bit & 1) * 2 + (d >> bit & 1);

        out |= (uint8_t)((rop >> index & 1) << bit);
    }
    return out;
}

struct blit {
    struct surf dst, src;
    int cpp, rop, copy; /* copy: source blit */
    int x1, y1, x2, y2, sx, sy;
    uint32_t color, channels; /* channels: 1 RGB, 2 alpha */
    int clip[4];              /* x1 y1 x2 y2; unused when clip[2] is 0 */
};

static void reference(const struct blit *b)
{
    static uint8_t before[SURFACE];
    struct surf src = b->src;

    /* As if the whole source had been read first. */
    memcpy(before, b->src.mem ? b->src.mem : b->dst.mem, SURFACE);
    src.mem = before;
    for (int y = b->y1; y < b->y2; y++) {
        for (int x = b->x1; x < b->x2; x++) {
            if (b->clip[2] &&
                (x < b->clip[0] || y < b->clip[1] || x >= b->clip[2] || y >= b->clip[3]))
                continue;
            for (int k = 0; k < b->cpp; k++) {
                uint8_t *d = at(&b->dst, x * b->cpp + k, y), s = 0;

                if (b->cpp == 4 && !(b->channels & (k == 3 ? 2 : 1)))
                    continue;
                if (b->copy)
                    s = *at(&src, (b->sx + x - b->x1) * b->cpp + k, b->sy + y - b->y1);
                *d = rop_byte((uint8_t)b->rop, (uint8_t)(b->color >> (8 * k)), s, *d);
            }
        }
    }
}

/* --- the command --------------------------------------------------------------------------- */

static uint32_t pitch_field(const struct surf *s)
{
    return (uint32_t)(s->tiling ? s->pitch / 4 : s->pitch) & 0xffff;
}

static void run_blit(struct fix *f, const struct blit *b)
{
    uint64_t dst = DST_ADDR + (uint64_t)b->dst.base;
    uint64_t src = (b->src.mem == f->dst ? DST_ADDR : SRC_ADDR) + (uint64_t)b->src.base;
    uint32_t depth = b->cpp == 1 ? 0 : b->cpp == 2 ? 1 + rnd(2) : 3;
    uint32_t head = b->channels << 20 | (b->dst.tiling ? 1u << 11 : 0) |
                    (b->copy && b->src.tiling ? 1u << 15 : 0);
    uint32_t br13 =
        (b->clip[2] ? 1u << 30 : 0) | depth << 24 | (uint32_t)b->rop << 16 | pitch_field(&b->dst);
    uint32_t tl = (uint32_t)b->y1 << 16 | (uint32_t)b->x1;
    uint32_t br = (uint32_t)b->y2 << 16 | (uint32_t)b->x2;

    RIG_EMIT(&f->r, &f->c,
             MI_LRI1(0x22200, 3u << 16 | (b->dst.tiling == 2 ? 2 : 0) |
                                  (b->copy && b->src.tiling == 2 ? 1 : 0)),
             0x40c00001, (uint32_t)b->clip[1] << 16 | (uint32_t)b->clip[0],
             (uint32_t)b->clip[3] << 16 | (uint32_t)b->clip[2]);
    if (b->copy)
        RIG_RUN(&f->r, &f->c, 0x54c00008 | head, br13, tl, br, (uint32_t)dst, (uint32_t)(dst >> 32),
                (uint32_t)b->sy << 16 | (uint32_t)b->sx, pitch_field(&b->src), (uint32_t)src,
                (uint32_t)(src >> 32));
    else
        RIG_RUN(&f->r, &f->c, 0x54000005 | head, br13, tl, br, (uint32_t)dst, (uint32_t)(dst >> 32),
                b->color);
}

/* --- random blits -------------------------------------------------------------------------- */

static void pick_surface(struct surf *s, uint8_t *mem, int w, int h)
{
    s->mem = mem;
    s->tiling = (int)rnd(3);
    s->base = 0;
    if (s->tiling) {
        s->pitch = s->tiling == 1 ? (w + 511) / 512 * 512 : (w + 127) / 128 * 128;
        return;
    }
    s->pitch = (w + 3) / 4 * 4 + (int)rnd(8) * 4;
    if (rnd(4) == 0) { /* upside down */
        s->base = s->pitch * (h - 1);
        s->pitch = -s->pitch;
    }
}

static void pick(struct fix *f, struct blit *b)
{
    static const uint8_t common[] = {0xcc, 0xf0, 0xaa, 0x55, 0x00, 0xff, 0x66, 0x88, 0xee, 0x5a};
    static const int depths[] = {1, 2, 4};
    int w = 20 + (int)rnd(200), h = 8 + (int)rnd(100);

    memset(b, 0, sizeof(*b));
    b->cpp = depths[rnd(3)];
    b->copy = rnd(3) != 0;
    b->rop = rnd(2) ? common[rnd(sizeof(common))] : (int)rnd(256);
    /* A source copy has no pattern: it counts as zeros. */
    b->color = b->copy ? 0 : rnd(1 << 24) << 8 ^ rnd(1 << 24);
    b->channels = rnd(2) ? 3 : rnd(4);
    pick_surface(&b->dst, f->dst, w * b->cpp, h);
    pick_surface(&b->src, f->src, w * b->cpp, h);
    if (rnd(4) == 0) /* within one surface: overlaps */
        b->src = b->dst;
    b->x1 = (int)rnd((uint32_t)w);
    b->y1 = (int)rnd((uint32_t)h);
    b->x2 = b->x1 + (int)rnd((uint32_t)(w - b->x1) + 1);
    b->y2 = b->y1 + (int)rnd((uint32_t)(h - b->y1) + 1);
    b->sx = (int)rnd((uint32_t)(w - (b->x2 - b->x1)) + 1);
    b->sy = (int)rnd((uint32_t)(h - (b->y2 - b->y1)) + 1);
    if (rnd(2)) {
        b->clip[0] = (int)rnd((uint32_t)w);
        b->clip[1] = (int)rnd((uint32_t)h);
        b->clip[2] = b->clip[0] + 1 + (int)rnd((uint32_t)w);
        b->clip[3] = b->clip[1] + 1 + (int)rnd((uint32_t)h);
    }
}

/* Bytes that a blit counts: those inside the clip, none when the operation keeps the destination.
 */
static uint64_t touched(const struct blit *b)
{
    uint64_t n = 0;

    for (int y = b->y1; y < b->y2; y++) {
        for (int x = b->x1; x < b->x2; x++)
            n += !b->clip[2] ||
                 (x >= b->clip[0] && y >= b->clip[1] && x < b->clip[2] && y < b->clip[3]);
    }
    return b->rop == 0xaa ? 0 : n * (uint64_t)b->cpp;
}

static void random_blits_match_reference(void **state)
{
    struct fix *f = *state;
    uint64_t bytes = 0;
    char what[200];

    for (int i = 0; i < 400; i++) {
        struct blit b;

        if (i % 50 == 0) {
            randomise(f, f->dst, f->dst_page);
            randomise(f, f->src, f->src_page);
        }
        pick(f, &b);
        if (!b.copy)
            b.src.mem = NULL;
        snprintf(what, sizeof(what),
                 "blit %d: copy %d cpp %d rop %02x dst %d/%d src %d/%d same %d %d,%d-%d,%d from "
                 "%d,%d channels %u clip %d",
                 i, b.copy, b.cpp, (unsigned)b.rop, b.dst.tiling, b.dst.pitch, b.src.tiling,
                 b.src.pitch, b.src.mem == b.dst.mem, b.x1, b.y1, b.x2, b.y2, b.sx, b.sy,
                 b.channels, b.clip[2]);
        run_blit(f, &b);
        reference(&b);
        bytes += touched(&b);
        compare(f, f->dst, f->dst_page, what);
        compare(f, f->src, f->src_page, what);
    }
    assert_int_equal(rig_stats(&f->r).faults, 0);
    assert_int_equal(rig_stats(&f->r).unknown[ENGINE_BCS], 0);
    assert_int_equal(rig_stats(&f->r).blit_bytes, bytes);
    assert_true(bytes > 100000); /* the rectangles were not all empty */
}

/* Scrolling up, down and sideways by little, each tiling. */
static void overlapping_copies(void **state)
{
    static const int shift[][2] = {{0, 1}, {0, -1}, {1, 0}, {-1, 0}, {3, 2}, {-3, -2}, {0, 0}};
    struct fix *f = *state;

    randomise(f, f->dst, f->dst_page);
    for (int tiling = 0; tiling < 3; tiling++) {
        for (unsigned i = 0; i < sizeof(shift) / sizeof(shift[0]); i++) {
            struct surf s = {f->dst, 1024, tiling, 0};
            struct blit b = {s, s, 4,  0xcc, 1, 10, 10, 200, 90, 10 + shift[i][0], 10 + shift[i][1],
                             0, 3, {0}};

            run_blit(f, &b);
            reference(&b);
            compare(f, f->dst, f->dst_page, "overlap");
        }
    }
}

/* COLOR_BLT and SRC_COPY_BLT: rectangles of bytes. */
static void plain_blits(void **state)
{
    struct fix *f = *state;
    uint64_t dst = DST_ADDR + 0x1000, src = SRC_ADDR + 0x2004;

    randomise(f, f->dst, f->dst_page);
    randomise(f, f->src, f->src_page);
    RIG_RUN(&f->r, &f->c, 0x50000004 | 3 << 20, 3 << 24 | 0xf0 << 16 | 512, 20 << 16 | 64,
            (uint32_t)dst, (uint32_t)(dst >> 32), 0xa1b2c3d4);
    dst += 0x4000;
    RIG_RUN(&f->r, &f->c, 0x50c00006 | 3 << 20, 3 << 24 | 0x66 << 16 | 512, 30 << 16 | 100,
            (uint32_t)dst, (uint32_t)(dst >> 32), 1024, (uint32_t)src, (uint32_t)(src >> 32));
    for (int y = 0; y < 20; y++) {
        for (int x = 0; x < 64; x++)
            f->dst[0x1000 + y * 512 + x] = (uint8_t)(0xa1b2c3d4u >> (8 * (x & 3)));
    }
    for (int y = 0; y < 30; y++) {
        for (int x = 0; x < 100; x++)
            f->dst[0x5000 + y * 512 + x] ^= f->src[0x2004 + y * 1024 + x];
    }
    compare(f, f->dst, f->dst_page, "plain");
}

static void empty_and_inverted_rectangles_do_nothing(void **state)
{
    struct fix *f = *state;
    uint32_t lo = (uint32_t)DST_ADDR, hi = (uint32_t)(DST_ADDR >> 32);

    randomise(f, f->dst, f->dst_page);
    RIG_RUN(&f->r, &f->c, 0x54300005, 3 << 24 | 0xf0 << 16 | 512, 5 << 16 | 5, 5 << 16 | 50, lo, hi,
            0, 0x54300005, 3 << 24 | 0xf0 << 16 | 512, 50 << 16 | 50, 5 << 16 | 5, lo, hi, 0);
    compare(f, f->dst, f->dst_page, "nothing");
    assert_int_equal(rig_stats(&f->r).blit_bytes, 0);
}

/* A blit over a hole: faults are counted, the rest is done. */
static void unmapped_pages_fault(void **state)
{
    struct fix *f = *state;
    uint64_t end = SRC_ADDR + SURFACE - 4096;

    RIG_RUN(&f->r, &f->c, 0x54300005, 3 << 24 | 0xf0 << 16 | 4096, 0, 2 << 16 | 4, (uint32_t)end, 0,
            0xffffffff);
    assert_int_equal(rig_r32(&f->r, f->src_page[PAGES - 1]), 0xffffffff);
    assert_int_equal(rig_stats(&f->r).faults, 1);
}

/* Pages that follow each other in a table, one of them gone and one read-only, in the middle of a
 * plain copy: the walk's look-ahead knows of both. */
static void copies_heed_every_page(void **state)
{
    struct fix *f = *state;
    uint64_t src = SRC_ADDR, dst = DST_ADDR;

    randomise(f, f->dst, f->dst_page);
    randomise(f, f->src, f->src_page);
    rig_map(&f->r, &f->c, SRC_ADDR + 2 * 4096, 0, 0);
    rig_map(&f->r, &f->c, DST_ADDR + 4 * 4096, f->dst_page[4], 1);
    RIG_RUN(&f->r, &f->c, 0x54f00008, 3u << 24 | 0xcc << 16 | 8192, 0, 3 << 16 | 2048,
            (uint32_t)dst, (uint32_t)(dst >> 32), 0, 8192, (uint32_t)src, (uint32_t)(src >> 32));
    for (int page = 0; page < 6; page++) {
        if (page == 2)
            memset(f->dst + 2 * 4096, 0, 4096);
        else if (page != 4)
            memcpy(f->dst + page * 4096, f->src + page * 4096, 4096);
    }
    compare(f, f->dst, f->dst_page, "copy");
    assert_int_equal(rig_stats(&f->r).faults, 2);
    /* What was fetched ahead is gone with the blit: another page, another submission. */
    f->dst_page[1] = f->dst_page[9];
    rig_map(&f->r, &f->c, DST_ADDR + 4096, f->dst_page[9], 3);
    RIG_RUN(&f->r, &f->c, 0x54300005, 3u << 24 | 0xf0 << 16 | 4096, 1 << 16, 2 << 16 | 1,
            (uint32_t)dst, (uint32_t)(dst >> 32), 0x600df00d);
    assert_int_equal(rig_r32(&f->r, f->dst_page[9]), 0x600df00d);
}

/* The plain copy's short way is judged like every other. */
static void copies_are_judged(void **state)
{
    struct fix *f = *state;
    struct judge *j = f->r.judge;
    uint64_t d = f->dst_page[0] / 4096, s = f->src_page[0] / 4096, end = RIG_MEMORY / 4096;

    assert_int_equal(judge_begin(j), 0);
    assert_int_equal(judge_add(j, 0, d, JUDGE_DOM_STUB), 0);
    assert_int_equal(judge_add(j, d, 1, 5), 0);
    assert_int_equal(judge_add(j, d + 1, s - d - 1, JUDGE_DOM_STUB), 0);
    assert_int_equal(judge_add(j, s, 1, 6), 0);
    assert_int_equal(judge_add(j, s + 1, end - s - 1, JUDGE_DOM_STUB), 0);
    assert_int_equal(judge_commit(j), 0);
    RIG_RUN(&f->r, &f->c, 0x54f00008, 3u << 24 | 0xcc << 16 | 4096, 0, 1 << 16 | 64,
            (uint32_t)DST_ADDR, (uint32_t)(DST_ADDR >> 32), 0, 4096, (uint32_t)SRC_ADDR, 0);
    assert_int_equal(judge_violations(j), 1);
}

/* What does not exist is counted, not passed over in silence. */
static void undefined_blits_are_counted(void **state)
{
    struct fix *f = *state;

    randomise(f, f->dst, f->dst_page);
    RIG_RUN(&f->r, &f->c, 0x56400006 | 3 << 20 | 7 << 15, 3 << 24 | 0xf0 << 16 | 512, 0,
            8 << 16 | 8, (uint32_t)DST_ADDR, (uint32_t)(DST_ADDR >> 32), 0,
            0); /* built-in pattern 7 */
    assert_int_equal(rig_stats(&f->r).blits_skipped, 1);
    assert_int_equal(rig_stats(&f->r).unknown[ENGINE_BCS], 0);
    compare(f, f->dst, f->dst_page, "skipped");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(random_blits_match_reference),
        T(overlapping_copies),
        T(plain_blits),
        T(empty_and_inverted_rectangles_do_nothing),
        T(unmapped_pages_fault),
        T(copies_heed_every_page),
        T(copies_are_judged),
        T(undefined_blits_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
