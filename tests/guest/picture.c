/* SPDX-License-Identifier: MIT */
/*
 * picture.c: see picture.h. A gradient in the name's colour, under it noise blocks (so that a
 * shifted or swapped line shows), a frame of one white pixel at the very edge (so that a missing
 * first or last line shows), the name in large letters, and a bar that moves with the frame number.
 */
#include "tests/guest/picture.h"
#include <ctype.h>

/* Letters and digits, 3 wide and 5 high: five octal digits, top row first, left pixel is 4. */
static const uint16_t glyphs[36] = {
    075557, 026227, 071747, 071717, 055711, 074717, 074757, 071222, 075757, 075717, /* 0-9 */
    025755, 065656, 034443, 065556, 074647, 074644, 034553, 055755, 072227, 011152, /* A-J */
    055655, 044447, 057755, 065555, 025552, 065644, 025573, 065655, 034216, 072222, /* K-T */
    055557, 055552, 055775, 055255, 055222, 071247,                                 /* U-Z */
};

static uint32_t mix(uint32_t h)
{
    h ^= h >> 16;
    h *= 0x7feb352du;
    h ^= h >> 15;
    h *= 0x846ca68bu;
    return h ^ (h >> 16);
}

void picture_init(struct picture *p, const char *name, uint32_t width, uint32_t height,
                  uint32_t frame)
{
    uint32_t hash = 2166136261u;
    size_t n = 0;

    for (const char *s = name; *s; s++) {
        unsigned char c = (unsigned char)*s;
        hash = (hash ^ c) * 16777619u;
        if (isalnum(c) && n + 1 < sizeof(p->text))
            p->text[n++] = (char)toupper(c);
    }
    p->text[n] = 0;
    p->seed = mix(hash);
    p->width = width;
    p->height = height;
    p->frame = frame;
}

/* 1 when (x, y) lies on a letter. The text takes the middle eighth of the height. */
static int on_text(const struct picture *p, uint32_t x, uint32_t y)
{
    uint32_t scale = p->height / 40 ? p->height / 40 : 1;
    uint32_t left = p->width / 16, top = p->height / 2 - 5 * scale / 2;

    if (x < left || y < top || y >= top + 5 * scale)
        return 0;
    uint32_t col = (x - left) / scale, row = (y - top) / scale;
    uint32_t index = col / 4, bit = col % 4;
    if (bit == 3 || index >= sizeof(p->text))
        return 0;
    for (uint32_t i = 0; i <= index; i++)
        if (!p->text[i])
            return 0;
    char c = p->text[index];
    uint16_t glyph = glyphs[c <= '9' ? c - '0' : c - 'A' + 10];
    return (glyph >> (12 - 3 * row) >> (2 - bit)) & 1;
}

uint32_t picture_pixel(const struct picture *p, uint32_t x, uint32_t y)
{
    if (!x || !y || x == p->width - 1 || y == p->height - 1 || on_text(p, x, y))
        return 0xffffff;
    if (y < p->height / 16 && x / 8 == p->frame % (p->width / 8 ? p->width / 8 : 1))
        return 0xffff00;
    uint32_t r = ((p->seed & 0x7f) + 64) * x / p->width;
    uint32_t g = ((p->seed >> 8 & 0x7f) + 64) * y / p->height;
    uint32_t b = (p->seed >> 16 & 0x7f) + 64;
    if (y > p->height - p->height / 4) {
        uint32_t noise = mix(p->seed + (y / 4) * 8191 + x / 4);
        return noise & 0xffffff;
    }
    return r << 16 | g << 8 | b;
}

uint32_t picture_crc(uint32_t crc, const uint32_t *pixels, size_t count)
{
    crc = ~crc;
    for (size_t i = 0; i < count; i++) {
        for (int shift = 16; shift >= 0; shift -= 8) {
            crc ^= pixels[i] >> shift & 0xff;
            for (int bit = 0; bit < 8; bit++)
                crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1)));
        }
    }
    return ~crc;
}
