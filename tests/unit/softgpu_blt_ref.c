/* SPDX-License-Identifier: MIT */
/*
 * softgpu_blt_ref.c: see softgpu_blt_ref.h. Nothing here is quick: every byte is found by its
 * address, every bit of a result by the truth table. Test's thread.
 */
#include "tests/unit/softgpu_blt_ref.h"

#include <stdlib.h>
#include <string.h>

/*
 * Letters: S solid colour; p pattern address; P pattern's two colours; b pattern's bits; i pattern
 * data; s colour source; m monochrome source address; c its two colours; t its data; k key; f the
 * built-in pattern (no dwords); 0 from setup: 1 pattern or its bits, 2 colours of source, 3 fg is
 * the solid colour.
 */
static const char *const layouts[128] = {
    [0x24] = "3",    [0x25] = "1",  [0x26] = "2m", [0x31] = "2t", [0x50] = "S",   [0x51] = "p",
    [0x52] = "Pb",   [0x53] = "s",  [0x54] = "mc", [0x55] = "sp", [0x56] = "mcp", [0x57] = "sPb",
    [0x58] = "mcPb", [0x59] = "Pf", [0x71] = "ct", [0x72] = "i",  [0x73] = "sk",  [0x74] = "si",
    [0x75] = "mci",  [0x76] = "pk", [0x77] = "ki",
};

const char *ref_layout(const struct ref_blit *b)
{
    return layouts[b->opcode];
}

static bool has(const struct ref_blit *b, const char *any)
{
    return strpbrk(layouts[b->opcode], any) != NULL;
}

static int pixel_bytes(const struct ref_blit *b)
{
    return b->depth == 0 ? 1 : b->depth == 3 ? 4 : 2;
}

/* --- the command ---------------------------------------------------------------------------- */

struct out {
    uint32_t *dw;
    unsigned n;
    int address_dwords;
};

static void put(struct out *o, uint32_t v)
{
    o->dw[o->n++] = v;
}

static void put_address(struct out *o, uint64_t a)
{
    put(o, (uint32_t)a);
    if (o->address_dwords == 2)
        put(o, (uint32_t)(a >> 32));
}

static void put_point(struct out *o, int x, int y)
{
    put(o, (uint32_t)(y & 0xffff) << 16 | (uint32_t)(x & 0xffff));
}

static void put_dwords(struct out *o, const uint8_t *bytes, unsigned dwords)
{
    memcpy(o->dw + o->n, bytes, dwords * 4);
    o->n += dwords;
}

static void put_operand(struct out *o, const struct ref_blit *b, char letter)
{
    switch (letter) {
    case 'S':
        put(o, b->pattern_colors[0]);
        break;
    case 'p':
        put_address(o, b->pattern);
        break;
    case 'P':
        put(o, b->pattern_colors[0]);
        put(o, b->pattern_colors[1]);
        break;
    case 'b':
        put_dwords(o, b->pattern_bits, 2);
        break;
    case 'i':
    case 't':
        put_dwords(o, b->immediate, b->immediate_dwords);
        break;
    case 's':
        put_point(o, b->sx, b->sy);
        put(o, (uint32_t)b->src.pitch & 0xffff);
        put_address(o, b->src.base);
        break;
    case 'm':
        put_address(o, b->mono);
        break;
    case 'c':
        put(o, b->mono_colors[0]);
        put(o, b->mono_colors[1]);
        break;
    case 'k':
        put(o, b->key_low);
        put(o, b->key_high);
        break;
    }
}

static uint32_t header(const struct ref_blit *b)
{
    uint32_t h = 2u << 29 | (uint32_t)b->opcode << 22;

    h |= b->dst.tiling ? 1u << 11 : 0;
    if (has(b, "s") && b->src.tiling)
        h |= 1u << 15;
    if (has(b, "pPib1"))
        h |= (uint32_t)b->seed_x << 12 | (uint32_t)b->seed_y << 8;
    if (has(b, "mt") && b->opcode >= 0x50)
        h |= (uint32_t)b->mono_bit << 17;
    if (has(b, "2") && b->byte_packed)
        h |= 1u << 16;
    if (has(b, "k"))
        h |= (uint32_t)b->key_mode << 17;
    if (has(b, "f"))
        h |= (uint32_t)b->fixed << 15;
    return h;
}

static uint32_t control(const struct ref_blit *b)
{
    uint32_t v = (uint32_t)b->depth << 24 | (uint32_t)b->rop << 16;

    v |= (uint32_t)b->dst.pitch & 0xffff;
    v |= b->clipped ? 1u << 30 : 0;
    v |= b->mono_transparent ? 1u << 29 : 0;
    v |= b->pattern_transparent ? 1u << 28 : 0;
    v |= b->pattern_solid ? 1u << 31 : 0;
    return v;
}

static void put_setup(struct out *o, const struct ref_blit *b)
{
    bool text = has(b, "2");
    unsigned from = o->n;

    put(o, 2u << 29 | (b->mono_setup ? 0x11u : 0x01u) << 22 | (uint32_t)b->channels << 20);
    put(o, control(b));
    put_point(o, b->clip[0], b->clip[1]);
    put_point(o, b->clip[2], b->clip[3]);
    put_address(o, b->dst.base);
    put(o, text ? b->mono_colors[0] : b->pattern_colors[0]);
    put(o, text ? b->mono_colors[1] : b->pattern_colors[1]);
    if (b->mono_setup)
        put_dwords(o, b->pattern_bits, 2);
    else
        put_address(o, b->pattern);
    o->dw[from] |= o->n - from - 2;
}

static void put_clip(struct out *o, const struct ref_blit *b)
{
    put(o, 2u << 29 | 0x03u << 22 | 1);
    put_point(o, b->clip[0], b->clip[1]);
    put_point(o, b->clip[2], b->clip[3]);
}

unsigned ref_emit(const struct ref_blit *b, uint32_t *dw, int address_dwords)
{
    struct out o = {dw, 0, address_dwords};
    unsigned from;

    if (b->opcode < 0x50)
        put_setup(&o, b);
    else
        put_clip(&o, b);
    from = o.n;
    put(&o, header(b) | (b->opcode >= 0x50 ? (uint32_t)b->channels << 20 : 0));
    if (b->opcode >= 0x50)
        put(&o, control(b));
    put_point(&o, b->x1, b->y1);
    if (b->opcode != 0x24)
        put_point(&o, b->x2, b->y2);
    if (b->opcode >= 0x50)
        put_address(&o, b->dst.base);
    for (const char *l = layouts[b->opcode]; *l; l++)
        put_operand(&o, b, *l);
    dw[from] |= o.n - from - 2;
    return o.n;
}

/* --- the pixels ----------------------------------------------------------------------------- */

static uint8_t *byte_at(struct ref_memory *m, uint64_t addr)
{
    addr &= (1ull << 48) - 1;
    for (int i = 0; i < 2; i++) {
        if (addr >= m->addr[i] && addr < m->addr[i] + REF_MEMORY)
            return &m->byte[i][addr - m->addr[i]];
    }
    return NULL;
}

static uint8_t read_byte(struct ref_memory *m, uint64_t addr)
{
    uint8_t *p = byte_at(m, addr);

    return p ? *p : 0;
}

static int64_t floor_div(int64_t a, int64_t n)
{
    return a >= 0 ? a / n : -((-a + n - 1) / n);
}

static int64_t floor_mod(int64_t a, int64_t n)
{
    return a - floor_div(a, n) * n;
}

static uint64_t address(const struct ref_blit *b, const struct ref_surface *s, int64_t x, int64_t y)
{
    int64_t pitch = s->tiling ? (int64_t)(s->pitch & 0xffff) * 4 : s->pitch;
    int64_t w = s->tiling == 1 ? 512 : 128, h = s->tiling == 1 ? 8 : 32;
    int64_t tx = floor_mod(x, w), ty = floor_mod(y, h), in;
    uint64_t a;

    if (!s->tiling)
        return s->base + (uint64_t)(y * pitch + x);
    in = s->tiling == 1 ? ty * 512 + tx : tx / 16 * 512 + ty * 16 + tx % 16;
    a = s->base / 4096 * 4096;
    a += (uint64_t)(floor_div(y, h) * pitch * h + floor_div(x, w) * 4096 + in);
    if (b->swizzle && ((a >> 9 & 1) ^ (s->tiling == 1 ? a >> 10 & 1 : 0)))
        a ^= 64;
    return a;
}

static uint32_t read_pixel(struct ref_memory *m, const struct ref_blit *b,
                           const struct ref_surface *s, int64_t x, int64_t y)
{
    uint32_t v = 0;

    for (int k = 0; k < pixel_bytes(b); k++)
        v |= (uint32_t)read_byte(m, address(b, s, x * pixel_bytes(b) + k, y)) << (8 * k);
    return v;
}

static bool mono_pixel(struct ref_memory *m, const struct ref_blit *b, int x, int y)
{
    int64_t width = b->x2 - b->x1, line = width, bit;
    uint8_t byte = 0;

    if (b->opcode >= 0x50)
        line = (b->mono_bit + width + 15) / 16 * 16;
    else if (b->byte_packed)
        line = (width + 7) / 8 * 8;
    bit = (y - b->y1) * line + (x - b->x1) + (b->opcode >= 0x50 ? b->mono_bit : 0);
    if (!has(b, "t"))
        byte = read_byte(m, b->mono + (uint64_t)(bit / 8));
    else if (bit / 8 < b->immediate_dwords * 4)
        byte = b->immediate[bit / 8];
    return byte >> (7 - bit % 8) & 1;
}

static const char *const fixed_art[12][8] = {
    {"........", "........", "........", "########", "........", "........", "........",
     "........"},
    {"...#....", "...#....", "...#....", "...#....", "...#....", "...#....", "...#....",
     "...#...."},
    {"#.......", ".#......", "..#.....", "...#....", "....#...", ".....#..", "......#.",
     ".......#"},
    {".......#", "......#.", ".....#..", "....#...", "...#....", "..#.....", ".#......",
     "#......."},
    {"...#....", "...#....", "...#....", "########", "...#....", "...#....", "...#....",
     "...#...."},
    {"#......#", ".#....#.", "..#..#..", "...##...", "...##...", "..#..#..", ".#....#.",
     "#......#"},
    {0},
    {0},
    {"#.#.#.#.", ".#.#.#.#", "#.#.#.#.", ".#.#.#.#", "#.#.#.#.", ".#.#.#.#", "#.#.#.#.",
     ".#.#.#.#"},
    {"##..##..", "##..##..", "..##..##", "..##..##", "##..##..", "##..##..", "..##..##",
     "..##..##"},
    {"#.......", ".#......", "..#.....", "...#....", "....#...", ".....#..", "......#.",
     ".......#"},
    {".#######", "#.######", "##.#####", "###.####", "####.###", "#####.##", "######.#",
     "#######."},
};

static bool pattern_bit(const struct ref_blit *b, int px, int py)
{
    if (has(b, "f"))
        return fixed_art[b->fixed][py][px] == '#';
    return b->pattern_bits[py] >> (7 - px) & 1;
}

static bool pattern_is_mono(const struct ref_blit *b)
{
    return has(b, "bf") || (has(b, "1") && b->mono_setup);
}

/* False: transparent. data: the pattern's 64 pixels. */
static bool pattern_pixel(const struct ref_blit *b, const uint8_t *data, int x, int y, uint32_t *v)
{
    int px = (int)floor_mod(x + b->seed_x, 8), py = (int)floor_mod(y + b->seed_y, 8);

    *v = 0;
    if (has(b, "3")) {
        *v = b->pattern_colors[1];
    } else if (has(b, "S") || (pattern_is_mono(b) && b->pattern_solid && !has(b, "f"))) {
        *v = b->pattern_colors[0];
    } else if (pattern_is_mono(b)) {
        *v = b->pattern_colors[pattern_bit(b, px, py)];
        return pattern_bit(b, px, py) || !b->pattern_transparent;
    } else if (has(b, "pi1")) {
        memcpy(v, data + (py * 8 + px) * pixel_bytes(b), (size_t)pixel_bytes(b));
    }
    return true;
}

static bool in_range(const struct ref_blit *b, uint32_t pixel, bool alpha)
{
    static const int widths[4][4] = {{8, 0, 0, 0}, {5, 6, 5, 0}, {5, 5, 5, 1}, {8, 8, 8, 8}};
    int at = 0;

    for (int i = 0; i < (alpha ? 4 : 3); i++) {
        uint32_t m = (1u << widths[b->depth][i]) - 1, p = pixel >> (at & 31) & m;

        if (m && (p < (b->key_low >> at & m) || p > (b->key_high >> at & m)))
            return false;
        at += widths[b->depth][i];
        if (!m)
            break;
    }
    return true;
}

static bool key_draws(const struct ref_blit *b, uint32_t p, uint32_t s, uint32_t d)
{
    if (!has(b, "k"))
        return true;
    switch (b->key_mode) {
    case 1:
        return !in_range(b, has(b, "s") ? s : p, false);
    case 3:
        return !in_range(b, has(b, "s") ? s : p, true);
    case 5:
        return in_range(b, d, true);
    case 7:
        return in_range(b, d, false);
    default:
        return true;
    }
}

static uint32_t rop_bits(int rop, uint32_t p, uint32_t s, uint32_t d)
{
    uint32_t out = 0;

    for (int i = 0; i < 32; i++) {
        int index = (p >> i & 1) * 4 + (s >> i & 1) * 2 + (d >> i & 1);

        out |= (uint32_t)(rop >> index & 1) << i;
    }
    return out;
}

/* False: stays as it is. */
static bool one_pixel(const struct ref_blit *b, struct ref_memory *m, const uint8_t *data, int x,
                      int y, uint32_t *out)
{
    uint32_t p, s = 0, d = read_pixel(m, b, &b->dst, x, y);

    if (b->clipped && (x < b->clip[0] || y < b->clip[1] || x >= b->clip[2] || y >= b->clip[3]))
        return false;
    if (!pattern_pixel(b, data, x, y, &p))
        return false;
    if (has(b, "s")) {
        s = read_pixel(m, b, &b->src, b->sx + x - b->x1, b->sy + y - b->y1);
    } else if (has(b, "mt")) {
        bool one = mono_pixel(m, b, x, y);

        s = b->mono_colors[one];
        if (!one && b->mono_transparent)
            return false;
    }
    *out = rop_bits(b->rop, p, s, d);
    return key_draws(b, p, s, d);
}

static void write_pixel(const struct ref_blit *b, struct ref_memory *m, int x, int y, uint32_t v)
{
    for (int k = 0; k < pixel_bytes(b); k++) {
        uint8_t *to = byte_at(m, address(b, &b->dst, (int64_t)x * pixel_bytes(b) + k, y));

        if (to && (b->depth != 3 || b->channels & (k == 3 ? 2 : 1)))
            *to = (uint8_t)(v >> (8 * k));
    }
}

/* A row is read whole before it is written. */
static void one_row(const struct ref_blit *b, struct ref_memory *m, const uint8_t *data, int y)
{
    static uint32_t row[1 << 16];
    static bool draw[1 << 16];

    for (int x = b->x1; x < b->x2; x++)
        draw[x - b->x1] = one_pixel(b, m, data, x, y, &row[x - b->x1]);
    for (int x = b->x1; x < b->x2; x++) {
        if (draw[x - b->x1])
            write_pixel(b, m, x, y, row[x - b->x1]);
    }
}

static bool backwards(const struct ref_blit *b)
{
    uint64_t d = b->dst.tiling ? b->dst.base / 4096 : b->dst.base;
    uint64_t s = b->src.tiling ? b->src.base / 4096 : b->src.base;

    d *= b->dst.tiling ? 4096 : 1;
    s *= b->src.tiling ? 4096 : 1;
    return has(b, "s") && d == s && b->sy < b->y1;
}

void ref_run(const struct ref_blit *blit, struct ref_memory *m)
{
    struct ref_blit b = *blit;
    uint8_t data[256] = {0};
    unsigned bytes = 64 * (unsigned)pixel_bytes(&b);

    if (b.opcode == 0x24) {
        b.x2 = b.x1 + 1;
        b.y2 = b.y1 + 1;
    }
    if (has(&b, "f") && (b.fixed > 11 || !fixed_art[b.fixed][0]))
        return;
    if (has(&b, "i"))
        memcpy(data, b.immediate, b.immediate_dwords * 4 < bytes ? b.immediate_dwords * 4 : bytes);
    for (unsigned i = 0; !has(&b, "i") && i < bytes; i++)
        data[i] = read_byte(m, b.pattern / 64 * 64 + i);
    if (backwards(&b)) {
        for (int y = b.y2 - 1; y >= b.y1; y--)
            one_row(&b, m, data, y);
        return;
    }
    for (int y = b.y1; y < b.y2; y++)
        one_row(&b, m, data, y);
}
