/* SPDX-License-Identifier: MIT */
/*
 * rop.c: raster operations on runs of bytes, one repetition of the pattern at a time; the common
 * ones without looking at the truth table. Pure; any thread.
 */
#include "softgpu/rop.h"

#include <string.h>

#define WORDS (ROP_UNIT / 8)

/* The truth table as eight words of all ones or all zeros, so that a word of pixels is a chain of
 * selections without a branch. */
struct table {
    uint64_t t[8];
};

static void expand(uint8_t rop, struct table *t)
{
    for (unsigned i = 0; i < 8; i++)
        t->t[i] = -(uint64_t)(rop >> i & 1);
}

static inline uint64_t pick(uint64_t which, uint64_t one, uint64_t zero)
{
    return zero ^ (which & (one ^ zero));
}

static inline uint64_t rop_word(const struct table *t, uint64_t p, uint64_t s, uint64_t d)
{
    uint64_t s0 = pick(s, pick(d, t->t[3], t->t[2]), pick(d, t->t[1], t->t[0]));
    uint64_t s1 = pick(s, pick(d, t->t[7], t->t[6]), pick(d, t->t[5], t->t[4]));

    return pick(p, s1, s0);
}

static void rop_unit(const struct table *t, const uint8_t *unit, const uint8_t *src, uint8_t *dst)
{
    uint64_t p[WORDS], s[WORDS], d[WORDS];

    memcpy(p, unit, ROP_UNIT);
    memcpy(s, src, ROP_UNIT);
    memcpy(d, dst, ROP_UNIT);
    for (unsigned i = 0; i < WORDS; i++)
        d[i] = rop_word(t, p[i], s[i], d[i]);
    memcpy(dst, d, ROP_UNIT);
}

static void fill(uint8_t *dst, const uint8_t *unit, size_t len)
{
    for (; len >= ROP_UNIT; dst += ROP_UNIT, len -= ROP_UNIT)
        memcpy(dst, unit, ROP_UNIT);
    memcpy(dst, unit, len);
}

static void tail(const struct table *t, const uint8_t *unit, const uint8_t *src, uint8_t *dst,
                 size_t len)
{
    uint8_t s[ROP_UNIT] = {0}, d[ROP_UNIT] = {0};

    if (src)
        memcpy(s, src, len);
    memcpy(d, dst, len);
    rop_unit(t, unit, s, d);
    memcpy(dst, d, len);
}

void rop_apply(uint8_t rop, const uint8_t unit[ROP_UNIT], const uint8_t *src, uint8_t *dst,
               size_t len)
{
    static const uint8_t zeros[ROP_UNIT];
    struct table t;

    if (rop == 0xcc && src) {
        memmove(dst, src, len);
        return;
    }
    if (rop == 0xf0) {
        fill(dst, unit, len);
        return;
    }
    expand(rop, &t);
    for (; len >= ROP_UNIT; dst += ROP_UNIT, len -= ROP_UNIT) {
        rop_unit(&t, unit, src ? src : zeros, dst);
        src = src ? src + ROP_UNIT : NULL;
    }
    if (len)
        tail(&t, unit, src, dst, len);
}
