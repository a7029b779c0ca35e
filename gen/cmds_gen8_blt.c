/* SPDX-License-Identifier: MIT */
/*
 * 2D commands of gen8's blitter, ordered by header. Data for cmds_gen8.c; constants, any thread.
 * Surface addresses are 64-bit and always go through the PPGTT.
 */
#include "gen/cmds_gen8.h"
#include "gen/cmds_row.h"

#define H(id) .header = (id), .engines = GEN8_M_BCS, .len_bits = 8

static const struct cmd_info rows[] = {
    {.name = "XY_SETUP_BLT", H(0x40400000), AT2(4, 8)},
    {.name = "XY_SETUP_CLIP_BLT", H(0x40c00000)},
    {.name = "XY_SETUP_MONO_PATTERN_SL_BLT", H(0x44400000), AT1(4)},
    {.name = "XY_PIXEL_BLT", H(0x49000000)},
    {.name = "XY_SCANLINES_BLT", H(0x49400000)},
    {.name = "XY_TEXT_BLT", H(0x49800000), AT1(3)},
    {.name = "XY_TEXT_IMMEDIATE_BLT", H(0x4c400000)},
    {.name = "XY_COLOR_BLT", H(0x54000000), AT1(4)},
    {.name = "XY_PAT_BLT", H(0x54400000), AT2(4, 6)},
    {.name = "XY_MONO_PAT_BLT", H(0x54800000), AT1(4)},
    {.name = "XY_SRC_COPY_BLT", H(0x54c00000), AT2(4, 8)},
    {.name = "XY_MONO_SRC_COPY_BLT", H(0x55000000), AT2(4, 6)},
    {.name = "XY_FULL_BLT", H(0x55400000), AT3(4, 8, 10)},
    {.name = "XY_FULL_MONO_SRC_BLT", H(0x55800000), AT3(4, 6, 10)},
    {.name = "XY_FULL_MONO_PATTERN_BLT", H(0x55c00000), AT2(4, 8)},
    {.name = "XY_FULL_MONO_PATTERN_MONO_SRC_BLT", H(0x56000000), AT2(4, 6)},
    {.name = "XY_MONO_PAT_FIXED_BLT", H(0x56400000), AT1(4)},
    {.name = "XY_MONO_SRC_COPY_IMMEDIATE_BLT", H(0x5c400000), AT1(4)},
    {.name = "XY_PAT_BLT_IMMEDIATE", H(0x5c800000), AT1(4)},
    {.name = "XY_SRC_COPY_CHROMA_BLT", H(0x5cc00000), AT2(4, 8)},
    {.name = "XY_FULL_IMMEDIATE_PATTERN_BLT", H(0x5d000000), AT2(4, 8)},
    {.name = "XY_FULL_MONO_SRC_IMMEDIATE_PATTERN_BLT", H(0x5d400000), AT2(4, 6)},
    {.name = "XY_PAT_CHROMA_BLT", H(0x5d800000), AT2(4, 6)},
    {.name = "XY_PAT_CHROMA_BLT_IMMEDIATE", H(0x5dc00000), AT1(4)},
};

const struct cmd_table cmds_gen8_blt = {rows, sizeof(rows) / sizeof(rows[0])};
