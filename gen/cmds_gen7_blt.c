/* SPDX-License-Identifier: MIT */
/*
 * 2D commands of gen7.5's blitter, ordered by header. Data for cmds_gen7.c; constants, any thread.
 * Surface addresses have one dword and go through the PPGTT, in privileged buffers, too: drivers
 * run batches of their users with privilege, whose addresses are those of the user's own tables.
 */
#include "gen/cmds_gen7.h"
#include "gen/cmds_row.h"

/* H(header, total length), and one that has data behind it: at least so long. */
#define H(id, total)                                                                               \
    .header = (id), .engines = GEN8_M_BCS, .len_bits = 8, .min = (total), .max = (total)
#define IMM(id, least) .header = (id), .engines = GEN8_M_BCS, .len_bits = 8, .min = (least)

static const struct cmd_info rows[] = {
    {.name = "XY_SETUP_BLT", H(0x40400000, 8), AT2(4, 7)},
    {.name = "XY_SETUP_CLIP_BLT", H(0x40c00000, 3)},
    {.name = "XY_SETUP_MONO_PATTERN_SL_BLT", H(0x44400000, 9), AT1(4)},
    {.name = "XY_PIXEL_BLT", H(0x49000000, 2)},
    {.name = "XY_SCANLINES_BLT", H(0x49400000, 3)},
    {.name = "XY_TEXT_BLT", H(0x49800000, 4), AT1(3)},
    {.name = "XY_TEXT_IMMEDIATE_BLT", IMM(0x4c400000, 3)},
    {.name = "COLOR_BLT", H(0x50000000, 5), AT1(3)},
    {.name = "SRC_COPY_BLT", H(0x50c00000, 6), AT2(3, 5)},
    {.name = "XY_COLOR_BLT", H(0x54000000, 6), AT1(4)},
    {.name = "XY_PAT_BLT", H(0x54400000, 6), AT2(4, 5)},
    {.name = "XY_MONO_PAT_BLT", H(0x54800000, 9), AT1(4)},
    {.name = "XY_SRC_COPY_BLT", H(0x54c00000, 8), AT2(4, 7)},
    {.name = "XY_MONO_SRC_COPY_BLT", H(0x55000000, 8), AT2(4, 5)},
    {.name = "XY_FULL_BLT", H(0x55400000, 9), AT3(4, 7, 8)},
    {.name = "XY_FULL_MONO_SRC_BLT", H(0x55800000, 9), AT3(4, 5, 8)},
    {.name = "XY_FULL_MONO_PATTERN_BLT", H(0x55c00000, 12), AT2(4, 7)},
    {.name = "XY_FULL_MONO_PATTERN_MONO_SRC_BLT", H(0x56000000, 12), AT2(4, 5)},
    {.name = "XY_MONO_PAT_FIXED_BLT", H(0x56400000, 7), AT1(4)},
    {.name = "XY_MONO_SRC_COPY_IMMEDIATE_BLT", IMM(0x5c400000, 7), AT1(4)},
    {.name = "XY_PAT_BLT_IMMEDIATE", IMM(0x5c800000, 5), AT1(4)},
    {.name = "XY_SRC_COPY_CHROMA_BLT", H(0x5cc00000, 10), AT2(4, 7)},
    {.name = "XY_FULL_IMMEDIATE_PATTERN_BLT", IMM(0x5d000000, 8), AT2(4, 7)},
    {.name = "XY_FULL_MONO_SRC_IMMEDIATE_PATTERN_BLT", IMM(0x5d400000, 8), AT2(4, 5)},
    {.name = "XY_PAT_CHROMA_BLT", H(0x5d800000, 8), AT2(4, 5)},
    {.name = "XY_PAT_CHROMA_BLT_IMMEDIATE", IMM(0x5dc00000, 7), AT1(4)},
};

const struct cmd_table cmds_gen7_blt = {rows, sizeof(rows) / sizeof(rows[0])};
