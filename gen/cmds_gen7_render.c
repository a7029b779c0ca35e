/* SPDX-License-Identifier: MIT */
/*
 * 3D, GPGPU and media-pipeline commands of gen7.5's render engine, ordered by header. Data for
 * cmds_gen7.c; constants, any thread. With the PPGTT on, their addresses go through it, in
 * privileged buffers, too (only PIPE_CONTROL can choose): drivers run batches of their users with
 * privilege, whose addresses are those of the user's own tables. The fields serve listings.
 */
#include "gen/cmds_gen7.h"
#include "gen/cmds_row.h"

/* H(header, length field bits, total length if it is fixed) */
#define H(id, bits, total) .header = (id), RCS, LEN(bits, total, total)

static const struct cmd_info rows[] = {
    {.name = "STATE_PREFETCH", H(0x60030000, 8, 2), AT1(1)},
    {.name = "STATE_BASE_ADDRESS", H(0x61010000, 8, 10), AT5(1, 2, 3, 4, 5)},
    {.name = "STATE_SIP", H(0x61020000, 8, 2)},
    {.name = "SWTESS_BASE_ADDRESS", H(0x61030000, 8, 2), AT1(1)},
    {.name = "GPGPU_CSR_BASE_ADDRESS", H(0x61040000, 8, 2), AT1(1)},
    {.name = "3DSTATE_VF_STATISTICS", H(0x680b0000, 0, 1)},
    {.name = "PIPELINE_SELECT", H(0x69040000, 0, 1)},
    {.name = "MEDIA_VFE_STATE", H(0x70000000, 16, 8), AT1(1), .kind = CMD_VFE_STATE},
    {.name = "MEDIA_CURBE_LOAD", H(0x70010000, 16, 4)},
    {.name = "MEDIA_INTERFACE_DESCRIPTOR_LOAD", H(0x70020000, 16, 4)},
    {.name = "MEDIA_GATEWAY_STATE", H(0x70030000, 16, 0)},
    {.name = "MEDIA_STATE_FLUSH", H(0x70040000, 16, 2)},
    {.name = "MEDIA_OBJECT", H(0x71000000, 16, 0), .flags = CMD_WORK},
    {.name = "MEDIA_OBJECT_PRT", H(0x71020000, 16, 16), .flags = CMD_WORK},
    /* Eight bits of length or sixteen, as one reads it. */
    {.name = "MEDIA_OBJECT_WALKER", H(0x71030000, 16, 0), .mbz = 0xff00, .flags = CMD_WORK},
    {.name = "GPGPU_OBJECT", H(0x71040000, 8, 8), .flags = CMD_WORK},
    {.name = "GPGPU_WALKER", H(0x71050000, 8, 11), .flags = CMD_WORK},
    {.name = "3DSTATE_CLEAR_PARAMS", H(0x78040000, 8, 3)},
    {.name = "3DSTATE_DEPTH_BUFFER", H(0x78050000, 8, 7), AT1(2)},
    {.name = "3DSTATE_STENCIL_BUFFER", H(0x78060000, 8, 3), AT1(2)},
    {.name = "3DSTATE_HIER_DEPTH_BUFFER", H(0x78070000, 8, 3), AT1(2)},
    {.name = "3DSTATE_VERTEX_BUFFERS", H(0x78080000, 8, 0)},
    {.name = "3DSTATE_VERTEX_ELEMENTS", H(0x78090000, 8, 0)},
    {.name = "3DSTATE_INDEX_BUFFER", H(0x780a0000, 8, 3), AT2(1, 2)},
    {.name = "3DSTATE_VF", H(0x780c0000, 8, 2)},
    {.name = "3DSTATE_CC_STATE_POINTERS", H(0x780e0000, 8, 2)},
    {.name = "3DSTATE_SCISSOR_STATE_POINTERS", H(0x780f0000, 8, 2)},
    {.name = "3DSTATE_VS", H(0x78100000, 8, 6)},
    {.name = "3DSTATE_GS", H(0x78110000, 8, 7)},
    {.name = "3DSTATE_CLIP", H(0x78120000, 8, 4)},
    {.name = "3DSTATE_SF", H(0x78130000, 8, 7)},
    {.name = "3DSTATE_WM", H(0x78140000, 8, 3)},
    {.name = "3DSTATE_CONSTANT_VS", H(0x78150000, 8, 7), AT4(3, 4, 5, 6)},
    {.name = "3DSTATE_CONSTANT_GS", H(0x78160000, 8, 7), AT4(3, 4, 5, 6)},
    {.name = "3DSTATE_CONSTANT_PS", H(0x78170000, 8, 7), AT4(3, 4, 5, 6)},
    {.name = "3DSTATE_SAMPLE_MASK", H(0x78180000, 8, 2)},
    {.name = "3DSTATE_CONSTANT_HS", H(0x78190000, 8, 7), AT4(3, 4, 5, 6)},
    {.name = "3DSTATE_CONSTANT_DS", H(0x781a0000, 8, 7), AT4(3, 4, 5, 6)},
    {.name = "3DSTATE_HS", H(0x781b0000, 8, 7)},
    {.name = "3DSTATE_TE", H(0x781c0000, 8, 4)},
    {.name = "3DSTATE_DS", H(0x781d0000, 8, 6)},
    {.name = "3DSTATE_STREAMOUT", H(0x781e0000, 8, 3)},
    {.name = "3DSTATE_SBE", H(0x781f0000, 8, 14)},
    {.name = "3DSTATE_PS", H(0x78200000, 8, 8)},
    {.name = "3DSTATE_VIEWPORT_STATE_POINTERS_SF_CLIP", H(0x78210000, 8, 2)},
    {.name = "3DSTATE_VIEWPORT_STATE_POINTERS_CC", H(0x78230000, 8, 2)},
    {.name = "3DSTATE_BLEND_STATE_POINTERS", H(0x78240000, 8, 2)},
    {.name = "3DSTATE_DEPTH_STENCIL_STATE_POINTERS", H(0x78250000, 8, 2)},
#include "gen/cmds_render_common.def"
    {.name = "3DSTATE_DRAWING_RECTANGLE", H(0x79000000, 8, 4)},
    {.name = "3DSTATE_SAMPLER_PALETTE_LOAD0", H(0x79020000, 8, 0)},
    {.name = "3DSTATE_CHROMA_KEY", H(0x79040000, 8, 4)},
    {.name = "3DSTATE_POLY_STIPPLE_OFFSET", H(0x79060000, 8, 2)},
    {.name = "3DSTATE_POLY_STIPPLE_PATTERN", H(0x79070000, 8, 33)},
    {.name = "3DSTATE_LINE_STIPPLE", H(0x79080000, 8, 3)},
    {.name = "3DSTATE_AA_LINE_PARAMETERS", H(0x790a0000, 8, 3)},
    {.name = "3DSTATE_SAMPLER_PALETTE_LOAD1", H(0x790c0000, 8, 0)},
    {.name = "3DSTATE_MULTISAMPLE", H(0x790d0000, 8, 4)},
    {.name = "3DSTATE_RAST_MULTISAMPLE", H(0x790e0000, 8, 6)},
    {.name = "3DSTATE_MONOFILTER_SIZE", H(0x79110000, 8, 2)},
    {.name = "3DSTATE_PUSH_CONSTANT_ALLOC_VS", H(0x79120000, 8, 2)},
    {.name = "3DSTATE_PUSH_CONSTANT_ALLOC_HS", H(0x79130000, 8, 2)},
    {.name = "3DSTATE_PUSH_CONSTANT_ALLOC_DS", H(0x79140000, 8, 2)},
    {.name = "3DSTATE_PUSH_CONSTANT_ALLOC_GS", H(0x79150000, 8, 2)},
    {.name = "3DSTATE_PUSH_CONSTANT_ALLOC_PS", H(0x79160000, 8, 2)},
    {.name = "3DSTATE_SO_DECL_LIST", H(0x79170000, 9, 0)},
    {.name = "3DSTATE_SO_BUFFER", H(0x79180000, 8, 4), AT2(2, 3)},
    {.name = "3DSTATE_BINDING_TABLE_POOL_ALLOC", H(0x79190000, 8, 3), AT2(1, 2)},
    {.name = "3DSTATE_GATHER_POOL_ALLOC", H(0x791a0000, 8, 3), AT2(1, 2)},
    {.name = "3DSTATE_DX9_CONSTANT_BUFFER_POOL_ALLOC", H(0x791b0000, 8, 0), AT1(1)},
    {.name = "PIPE_CONTROL",
     .header = 0x7a000000,
     .engines = GEN8_M_RCS,
     .len_bits = 8,
     .min = 4,
     .max = 5,
     .kind = CMD_PIPE_CONTROL,
     .flags = CMD_NOTIFY | CMD_POST,
     .addr = {{.dw = 2, .sel_dw = 1, .sel_bit = 24, .bytes = 8, .write = true}}},
    {.name = "3DPRIMITIVE", H(0x7b000000, 8, 7), .flags = CMD_WORK},
};

const struct cmd_table cmds_gen7_render = {rows, sizeof(rows) / sizeof(rows[0])};
