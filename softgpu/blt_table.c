/* SPDX-License-Identifier: MIT */
/*
 * blt_table.c: all commands of type 2 with their lengths, once for each size of an address
 * (Haswell and Broadwell PRM vol. 2a, blitter commands). Static data; any thread.
 */
#include "softgpu/blt_decode.h"
#include "softgpu/engine_priv.h"

#define FIXED(n)     0xff, n, n, CS_ON(ENGINE_BCS), 0
#define IMMEDIATE(n) 0xff, n, 257, CS_ON(ENGINE_BCS), 0

/* a: dwords of an address. */
#define TABLE(a)                                                                                   \
    {                                                                                              \
        [0x01] = {"XY_SETUP_BLT", FIXED(6 + 2 * a), blt_setup},                                    \
        [0x03] = {"XY_SETUP_CLIP_BLT", FIXED(3), blt_setup_clip},                                  \
        [0x11] = {"XY_SETUP_MONO_PATTERN_SL_BLT", FIXED(8 + a), blt_setup_mono_pattern},           \
        [0x24] = {"XY_PIXEL_BLT", FIXED(2), blt_pixel},                                            \
        [0x25] = {"XY_SCANLINES_BLT", FIXED(3), blt_scanlines},                                    \
        [0x26] = {"XY_TEXT_BLT", FIXED(3 + a), blt_text},                                          \
        [0x31] = {"XY_TEXT_IMMEDIATE_BLT", IMMEDIATE(3), blt_text_immediate},                      \
        [0x40] = {"COLOR_BLT", FIXED(4 + a), blt_color},                                           \
        [0x43] = {"SRC_COPY_BLT", FIXED(4 + 2 * a), blt_src_copy},                                 \
        [0x50] = {"XY_COLOR_BLT", FIXED(5 + a), blt_xy},                                           \
        [0x51] = {"XY_PAT_BLT", FIXED(4 + 2 * a), blt_xy},                                         \
        [0x52] = {"XY_MONO_PAT_BLT", FIXED(8 + a), blt_xy},                                        \
        [0x53] = {"XY_SRC_COPY_BLT", FIXED(6 + 2 * a), blt_xy},                                    \
        [0x54] = {"XY_MONO_SRC_COPY_BLT", FIXED(6 + 2 * a), blt_xy},                               \
        [0x55] = {"XY_FULL_BLT", FIXED(6 + 3 * a), blt_xy},                                        \
        [0x56] = {"XY_FULL_MONO_SRC_BLT", FIXED(6 + 3 * a), blt_xy},                               \
        [0x57] = {"XY_FULL_MONO_PATTERN_BLT", FIXED(10 + 2 * a), blt_xy},                          \
        [0x58] = {"XY_FULL_MONO_PATTERN_MONO_SRC_BLT", FIXED(10 + 2 * a), blt_xy},                 \
        [0x59] = {"XY_MONO_PAT_FIXED_BLT", FIXED(6 + a), blt_xy},                                  \
        [0x71] = {"XY_MONO_SRC_COPY_IMMEDIATE_BLT", IMMEDIATE(6 + a), blt_xy},                     \
        [0x72] = {"XY_PAT_BLT_IMMEDIATE", IMMEDIATE(4 + a), blt_xy},                               \
        [0x73] = {"XY_SRC_COPY_CHROMA_BLT", FIXED(8 + 2 * a), blt_xy},                             \
        [0x74] = {"XY_FULL_IMMEDIATE_PATTERN_BLT", IMMEDIATE(6 + 2 * a), blt_xy},                  \
        [0x75] = {"XY_FULL_MONO_SRC_IMMEDIATE_PATTERN_BLT", IMMEDIATE(6 + 2 * a), blt_xy},         \
        [0x76] = {"XY_PAT_CHROMA_BLT", FIXED(6 + 2 * a), blt_xy},                                  \
        [0x77] = {"XY_PAT_CHROMA_BLT_IMMEDIATE", IMMEDIATE(6 + a), blt_xy},                        \
    }

static const struct cs_command gen7[128] = TABLE(1);
static const struct cs_command gen8[128] = TABLE(2);

const struct cs_command *cs_blt_command(const struct engine *e, uint32_t header)
{
    const struct cs_command *table = e->owner->blt_addr_dwords == 1 ? gen7 : gen8;
    const struct cs_command *c = &table[header >> 22 & 127];

    return c->name ? c : NULL;
}
