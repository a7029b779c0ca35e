/* SPDX-License-Identifier: MIT */
/*
 * Commands of gen8's video (MFX) and video-enhancement (VEBOX) engines, ordered by header. Data
 * for cmds_gen8.c; constants, any thread. Their addresses always go through the PPGTT.
 */
#include "gen/cmds_gen8.h"

#define H(id, bits) .header = (id), .engines = GEN8_M_VCS, .len_bits = (bits)

static const struct cmd_info vcs_rows[] = {
    /* One dword; whether its length field has a bias is not certain. */
    {.name = "MFX_WAIT",
     .header = 0x68000000,
     .engines = GEN8_M_VCS,
     .min = 1,
     .max = 1,
     .flags = CMD_REFUSE},
    {.name = "MFX_PIPE_MODE_SELECT", H(0x70000000, 12)},
    {.name = "MFX_SURFACE_STATE", H(0x70010000, 12)},
    {.name = "MFX_PIPE_BUF_ADDR_STATE", H(0x70020000, 12)},
    {.name = "MFX_IND_OBJ_BASE_ADDR_STATE", H(0x70030000, 12)},
    {.name = "MFX_BSP_BUF_BASE_ADDR_STATE", H(0x70040000, 12)},
    {.name = "MFX_RESERVED_2_0_0_5", H(0x70050000, 12)},
    {.name = "MFX_STATE_POINTER", H(0x70060000, 12)},
    {.name = "MFX_QM_STATE", H(0x70070000, 12)},
    {.name = "MFX_FQM_STATE", H(0x70080000, 12)},
    {.name = "MFD_IT_OBJECT", H(0x70290000, 12)},
    {.name = "MFX_PAK_INSERT_OBJECT", H(0x70480000, 12)},
    {.name = "MFX_STITCH_OBJECT", H(0x704a0000, 12)},
    {.name = "MFX_AVC_IMG_STATE", H(0x71000000, 12)},
    {.name = "MFX_AVC_QM_STATE", H(0x71010000, 12)},
    {.name = "MFX_AVC_DIRECTMODE_STATE", H(0x71020000, 12)},
    {.name = "MFX_AVC_SLICE_STATE", H(0x71030000, 12)},
    {.name = "MFX_AVC_REF_IDX_STATE", H(0x71040000, 12)},
    {.name = "MFX_AVC_WEIGHTOFFSET_STATE", H(0x71050000, 12)},
    {.name = "MFD_AVC_PICID_STATE", H(0x71250000, 12)},
    {.name = "MFD_AVC_DPB_STATE", H(0x71260000, 12)},
    {.name = "MFD_AVC_SLICEADDR", H(0x71270000, 12)},
    {.name = "MFD_AVC_BSD_OBJECT", H(0x71280000, 12)},
    {.name = "MFC_AVC_PAK_OBJECT", H(0x71490000, 12)},
    {.name = "MFX_VC1_PRED_PIPE_STATE", H(0x72010000, 12)},
    {.name = "MFX_VC1_DIRECTMODE_STATE", H(0x72020000, 12)},
    {.name = "MFD_VC1_SHORT_PIC_STATE", H(0x72200000, 12)},
    {.name = "MFD_VC1_LONG_PIC_STATE", H(0x72210000, 12)},
    {.name = "MFD_VC1_BSD_OBJECT", H(0x72280000, 12)},
    {.name = "MFX_MPEG2_PIC_STATE", H(0x73000000, 12)},
    {.name = "MFX_MPEG2_QM_STATE", H(0x73010000, 12)},
    {.name = "MFD_MPEG2_BSD_OBJECT", H(0x73280000, 12)},
    {.name = "MFC_MPEG2_SLICEGROUP_STATE", H(0x73430000, 12)},
    {.name = "MFC_MPEG2_PAK_OBJECT", H(0x73490000, 12)},
    {.name = "MFX_2_6_0_0", H(0x76000000, 12), .flags = CMD_REFUSE},
    {.name = "MFX_2_6_0_8", H(0x76080000, 12), .flags = CMD_REFUSE},
    {.name = "MFX_2_6_0_9", H(0x76090000, 12), .flags = CMD_REFUSE},
    {.name = "MFX_JPEG_PIC_STATE", H(0x77000000, 12)},
    {.name = "MFX_JPEG_HUFF_TABLE_STATE", H(0x77020000, 12)},
    {.name = "MFD_JPEG_BSD_OBJECT", H(0x77280000, 12)},
};

const struct cmd_table cmds_gen8_vcs = {vcs_rows, sizeof(vcs_rows) / sizeof(vcs_rows[0])};

#undef H
#define H(id, bits) .header = (id), .engines = GEN8_M_VECS, .len_bits = (bits)

static const struct cmd_info vecs_rows[] = {
    {.name = "VEBOX_SURFACE_STATE", H(0x74000000, 12)},
    {.name = "VEBOX_STATE", H(0x74020000, 12)},
    {.name = "VEB_DI_IECP", H(0x74030000, 12)},
};

const struct cmd_table cmds_gen8_vecs = {vecs_rows, sizeof(vecs_rows) / sizeof(vecs_rows[0])};
