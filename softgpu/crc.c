/* SPDX-License-Identifier: MIT */
/*
 * crc.c: results of the pipes' CRC engines (crc.h). crc_draw() and crc_deliver() belong to the
 * loop's thread; the display calls crc_blank() under the register file's lock, also when a register
 * read on another thread finds that a blank has begun. Facts: PRM HSW and
 * BDW vol. 2c, PIPE_CRC_CTL.
 */
#include "softgpu/crc.h"

#include "softgpu/irq.h"
#include "softgpu/regs.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define STRIDE       0x1000u
#define CRC_CTL      0x60050u
#define CRC_RES      0x60064u
#define RESULTS      5u
#define CTL_ENABLE   (1u << 31)
#define CTL_SOURCE   (3u << 29)
#define SOURCE_PLANE (0u << 29) /* primary plane alone */
#define SOURCE_PIPE  (2u << 29) /* everything, behind the panel fitter */

#define POLYNOMIAL 0xedb88320u /* least significant bit first */
#define SLICES     8u

/* The state of an engine between two ticks. */
struct engine {
    bool drawn; /* of picture, crc is known */
    bool due;   /* a frame ended that showed ended */
    uint32_t crc;
    struct display_picture picture;
    struct display_picture ended;
};

struct crc {
    struct regs *regs;
    struct irq *irq;
    struct display *display;
    display_fetch fetch;
    void *opaque;
    uint8_t *rgb; /* room bytes, kept from frame to frame */
    size_t room;
    struct engine engine[DISPLAY_PIPES];
};

/* [i][b]: what byte b followed by i zero bytes contributes. */
static uint32_t slice[SLICES][256];
static pthread_once_t slice_once = PTHREAD_ONCE_INIT;

static void fill_slices(void)
{
    for (uint32_t b = 0; b < 256; b++) {
        uint32_t v = b;

        for (unsigned bit = 0; bit < 8; bit++)
            v = v >> 1 ^ (v & 1 ? POLYNOMIAL : 0);
        slice[0][b] = v;
    }
    for (unsigned i = 1; i < SLICES; i++)
        for (uint32_t b = 0; b < 256; b++)
            slice[i][b] = slice[i - 1][b] >> 8 ^ slice[0][slice[i - 1][b] & 0xff];
}

static uint32_t eight(uint32_t crc, const uint8_t *p)
{
    uint32_t lo, hi;

    memcpy(&lo, p, 4);
    memcpy(&hi, p + 4, 4);
    lo ^= crc;
    return slice[7][lo & 0xff] ^ slice[6][lo >> 8 & 0xff] ^ slice[5][lo >> 16 & 0xff] ^
           slice[4][lo >> 24] ^ slice[3][hi & 0xff] ^ slice[2][hi >> 8 & 0xff] ^
           slice[1][hi >> 16 & 0xff] ^ slice[0][hi >> 24];
}

uint32_t crc_update(uint32_t crc, const uint8_t *data, size_t len)
{
    pthread_once(&slice_once, fill_slices);
    crc = ~crc;
    for (; len >= SLICES; len -= SLICES, data += SLICES)
        crc = eight(crc, data);
    for (; len; len--, data++)
        crc = crc >> 8 ^ slice[0][(crc ^ *data) & 0xff];
    return ~crc;
}

/* What the selected source sees of a pipe. Sprites are not drawn: their source sees black. */
static int source(struct crc *c, unsigned pipe, struct display_picture *pic)
{
    uint32_t ctl = regs_peek(c->regs, CRC_CTL + pipe * STRIDE);
    int ret;

    if (!(ctl & CTL_ENABLE))
        return -1;
    ret = display_snapshot_locked(c->display, pipe, pic);
    if ((ctl & CTL_SOURCE) != SOURCE_PIPE)
        pic->cursor.ctl = 0;
    if ((ctl & CTL_SOURCE) != SOURCE_PIPE && (ctl & CTL_SOURCE) != SOURCE_PLANE)
        pic->primary.ctl = 0;
    return ret;
}

void crc_blank(struct crc *c, unsigned pipe)
{
    struct engine *e = &c->engine[pipe];

    e->due = !source(c, pipe, &e->ended);
}

static bool reserve(struct crc *c, size_t bytes)
{
    uint8_t *bigger;

    if (bytes <= c->room)
        return true;
    bigger = realloc(c->rgb, bytes);
    if (!bigger)
        return false;
    c->rgb = bigger;
    c->room = bytes;
    return true;
}

/* A picture that cannot be drawn, or not all of it, has a CRC all the same: of what there is. */
static bool compute(struct crc *c, const struct display_picture *pic, uint32_t *out)
{
    size_t bytes = (size_t)pic->width * pic->height * 3;

    if (!reserve(c, bytes))
        return false;
    memset(c->rgb, 0, bytes);
    scanout_draw(pic, c->fetch, c->opaque, c->rgb);
    *out = crc_update(0, c->rgb, bytes);
    return true;
}

void crc_draw(struct crc *c)
{
    for (unsigned pipe = 0; pipe < DISPLAY_PIPES; pipe++) {
        struct engine *e = &c->engine[pipe];
        bool due;

        regs_lock(c->regs);
        due = display_due_locked(c->display, pipe) && !source(c, pipe, &e->picture);
        regs_unlock(c->regs);
        e->drawn = due && compute(c, &e->picture, &e->crc);
    }
}

static void store(struct crc *c, unsigned pipe, uint32_t crc)
{
    uint32_t at = CRC_RES + pipe * STRIDE;

    regs_lock(c->regs);
    if (regs_peek(c->regs, CRC_CTL + pipe * STRIDE) & CTL_ENABLE) {
        for (uint8_t i = 0; i < RESULTS; i++)
            regs_poke(c->regs, at + i * 4u, i ? crc_update(crc, &i, 1) : crc);
        irq_pipe_locked(c->irq, pipe, IRQ_CRC_DONE);
    }
    regs_unlock(c->regs);
}

void crc_deliver(struct crc *c)
{
    for (unsigned pipe = 0; pipe < DISPLAY_PIPES; pipe++) {
        struct engine *e = &c->engine[pipe];
        struct display_picture ended;
        bool due;

        regs_lock(c->regs);
        due = e->due;
        ended = e->ended;
        e->due = false;
        regs_unlock(c->regs);
        if (!due)
            continue;
        /* A register access may have found the blank before us, or the planes changed since. */
        if (!e->drawn || memcmp(&ended, &e->picture, sizeof(ended)))
            e->drawn = compute(c, &ended, &e->crc);
        if (e->drawn)
            store(c, pipe, e->crc);
    }
}

#define RESULT(n, x)                                                                               \
    {                                                                                              \
        CRC_RES + (n)*STRIDE, CRC_RES + (n)*STRIDE + (RESULTS - 1) * 4, "PIPE_CRC_RES_" x, NULL,   \
            regs_write_ignored, 0                                                                  \
    }

static const struct regs_range table[] = {RESULT(0, "A"), RESULT(1, "B"), RESULT(2, "C")};

struct crc *crc_new(struct regs *r, struct irq *irq, struct display *d, display_fetch fetch,
                    void *opaque)
{
    struct crc *c = calloc(1, sizeof(*c));

    if (!c)
        return NULL;
    c->regs = r;
    c->irq = irq;
    c->display = d;
    c->fetch = fetch;
    c->opaque = opaque;
    if (regs_add(r, table, sizeof(table) / sizeof(table[0]), c))
        return crc_free(c);
    return c;
}

struct crc *crc_free(struct crc *c)
{
    if (!c)
        return NULL;
    free(c->rgb);
    free(c);
    return NULL;
}

void crc_reset(struct crc *c)
{
    regs_lock(c->regs);
    memset(c->engine, 0, sizeof(c->engine));
    regs_unlock(c->regs);
}
