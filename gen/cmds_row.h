/* SPDX-License-Identifier: MIT */
/*
 * The words that rows of commands are written with. For cmds_gen7_*.c and cmds_gen8_*.c alone,
 * whose tables say with cmds.h what a column means; macros only.
 */
#pragma once

#include "gen/cmds.h"

/* An MI command's opcode; bits of a length field, and the fewest and most dwords. */
#define ROP(op)                .header = (uint32_t)(op) << 23
#define LEN(bits, least, most) .len_bits = (bits), .min = (least), .max = (most)
#define ONE                    .min = 1, .max = 1

#define RCS     .engines = GEN8_M_RCS
#define RCS_BCS .engines = GEN8_M_RCS | GEN8_M_BCS

/* Addresses read or written at dword `d`, `n` bytes, in the GGTT if bit `b` of dword `s` says so.
 */
#define RD(d, s, b, n)                                                                             \
    {                                                                                              \
        .dw = (d), .sel_dw = (s), .sel_bit = (b), .bytes = (n)                                     \
    }
#define WR(d, s, b, n)                                                                             \
    {                                                                                              \
        .dw = (d), .sel_dw = (s), .sel_bit = (b), .bytes = (n), .write = true                      \
    }

/* Addresses that always go through the PPGTT, by their dwords. */
#define A(d)                                                                                       \
    {                                                                                              \
        .dw = (d), .sel_dw = CMD_PPGTT                                                             \
    }
#define AT1(a)             .addr = {A(a)}
#define AT2(a, b)          .addr = {A(a), A(b)}
#define AT3(a, b, c)       .addr = {A(a), A(b), A(c)}
#define AT4(a, b, c, d)    .addr = {A(a), A(b), A(c), A(d)}
#define AT5(a, b, c, d, e) .addr = {A(a), A(b), A(c), A(d), A(e)}

/* Acts on what all guests share. */
#define NOT_OURS (CMD_BLANK | CMD_PRIV)
#define SCREEN   .flags = NOT_OURS | CMD_DISPLAY
