/* SPDX-License-Identifier: MIT */
/*
 * The commands of gen8's engines. The tables are cmds_gen8_{mi,blt,render,media}.c, the shapes
 * cmds.h. Called by services/sched through audit_gen8; constants and pure functions, any thread.
 * Facts: Broadwell PRM vol. 2a (command reference: instructions).
 */
#pragma once

#include "gen/cmds.h"

extern const struct cmd_set cmds_gen8;

/* cmds_decode() and cmds_row() of that set. */
int cmds_gen8_decode(enum gen8_engine engine, const uint32_t *dw, size_t n, struct cmd *out);
const struct cmd_info *cmds_gen8_row(size_t i);

/* The 48-bit address in dw[0..1], bits 1:0 cleared. */
static inline uint64_t cmd_address(const uint32_t *dw)
{
    return cmds_address(&cmds_gen8, dw);
}

/* Opcodes that other files build. */
#define MI_STORE_DATA_GGTT 0x10400000u /* MI_STORE_DATA_IMM, GGTT; length field 0 */
#define MI_BB_START        0x18800001u /* three dwords, GGTT, first level */

extern const struct cmd_table cmds_gen8_mi, cmds_gen8_blt, cmds_gen8_render, cmds_gen8_vcs,
    cmds_gen8_vecs;
