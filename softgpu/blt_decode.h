/* SPDX-License-Identifier: MIT */
/*
 * blt_decode.h: what the decoders of blitter commands share: a cursor over the command's dwords
 * and the operation as far as it is known. blt_decode.c has the common steps, blt_cmd.c the
 * commands that carry all their operands, blt_setup.c those that rely on an earlier setup
 * command, blt_table.c the table of all. Engine's thread.
 */
#pragma once
#include "softgpu/blt.h"

/* Header, BR00. */
#define BR00_ALPHA       (1u << 21)
#define BR00_RGB         (1u << 20)
#define BR00_FIXED(h)    ((h) >> 15 & 31) /* number of a built-in pattern */
#define BR00_MONO_BIT(h) ((h) >> 17 & 7)  /* of the first pixel in a line's first byte */
#define BR00_KEY(h)      ((h) >> 17 & 7)  /* transparency range mode */
#define BR00_BYTE_PACKED (1u << 16)
#define BR00_SRC_TILED   (1u << 15)
#define BR00_SEED_X(h)   ((h) >> 12 & 7)
#define BR00_DST_TILED   (1u << 11)
#define BR00_SEED_Y(h)   ((h) >> 8 & 7)
/* BR13, and BR01 of the setup commands. */
#define BR13_SOLID        (1u << 31) /* monochrome pattern: as if it were all zeros */
#define BR13_CLIP         (1u << 30)
#define BR13_BACKWARD     (1u << 30) /* SRC_COPY_BLT: from right to left */
#define BR13_MONO_SRC_KEY (1u << 29)
#define BR13_MONO_PAT_KEY (1u << 28)
#define BR13_DEPTH(v)     ((enum blt_depth)((v) >> 24 & 3))
#define BR13_ROP(v)       ((uint8_t)((v) >> 16))

struct blt_rect {
    int32_t x1, y1, x2, y2; /* x2, y2 exclusive; pixels */
};

struct blt_decoder {
    struct engine *e;
    const uint32_t *cmd;
    uint32_t len, at; /* dwords; at: next one to take */
    uint32_t br13;
    struct blt_rect full, r; /* as commanded, and clipped */
    int32_t src_x, src_y;    /* pixels; of a colour source, at the corner of full */
    bool bad;                /* the hardware would hang */
    bool undefined;          /* an encoding that does not exist: nothing is drawn */
    struct blt_op op;
};

static inline int32_t blt_low(uint32_t v)
{
    return (int16_t)v;
}

static inline int32_t blt_high(uint32_t v)
{
    return (int16_t)(v >> 16);
}

/* Operation without operands: depth, raster operation, channels, seeds. Cursor after BR13. */
void blt_begin(struct blt_decoder *d, struct engine *e, const uint32_t *cmd, uint32_t len,
               uint32_t channels, uint32_t br13);
uint32_t blt_take(struct blt_decoder *d);
/* One dword on gen7, two on gen8. */
uint64_t blt_take_addr(struct blt_decoder *d);
/* pitch: BR13's or BR11's low half. */
void blt_surface(struct blt_decoder *d, struct blt_surface *s, uint64_t addr, uint32_t pitch,
                 bool tiled, uint32_t swctrl_y);
void blt_dst(struct blt_decoder *d, uint64_t addr);
/* Takes two corners. */
struct blt_rect blt_take_rect(struct blt_decoder *d);
/* Where to draw, clipped if BR13 says so. */
void blt_rect(struct blt_decoder *d, struct blt_rect full);
/* Takes the rest of the command as immediate data: NULL and 0 when it is empty. */
const uint8_t *blt_immediate(struct blt_decoder *d, uint32_t *bytes);
void blt_mono_colors(struct blt_decoder *d, uint32_t bg, uint32_t fg);
/* Carry it out. */
enum cs_result blt_finish(struct blt_decoder *d);

/* Patterns (blt_pattern.c). */
void blt_pattern_solid(struct blt_op *op, uint32_t color);
void blt_pattern_mono(struct blt_op *op, uint32_t br13, uint32_t bg, uint32_t fg, uint64_t bits);
void blt_pattern_data(struct blt_op *op, const uint8_t *data, uint32_t bytes);
void blt_pattern_load(struct engine *e, struct blt_op *op, uint64_t addr);
/* Built-in pattern by number; false when there is none. */
bool blt_pattern_fixed(unsigned number, uint64_t *bits);

/* Handlers. */
enum cs_result blt_xy(struct engine *e, const uint32_t *cmd, uint32_t len);
enum cs_result blt_color(struct engine *e, const uint32_t *cmd, uint32_t len);
enum cs_result blt_src_copy(struct engine *e, const uint32_t *cmd, uint32_t len);
enum cs_result blt_setup(struct engine *e, const uint32_t *cmd, uint32_t len);
enum cs_result blt_setup_mono_pattern(struct engine *e, const uint32_t *cmd, uint32_t len);
enum cs_result blt_setup_clip(struct engine *e, const uint32_t *cmd, uint32_t len);
enum cs_result blt_pixel(struct engine *e, const uint32_t *cmd, uint32_t len);
enum cs_result blt_scanlines(struct engine *e, const uint32_t *cmd, uint32_t len);
enum cs_result blt_text(struct engine *e, const uint32_t *cmd, uint32_t len);
enum cs_result blt_text_immediate(struct engine *e, const uint32_t *cmd, uint32_t len);
