/* SPDX-License-Identifier: MIT */
/*
 * MI commands of gen7.5, ordered by opcode. Data for cmds_gen7.c; constants, any thread. A row
 * names a selector bit where the command can choose the GGTT: rings and privileged batches may
 * then reach everything, so audit_gen7 checks the address.
 */
#include "gen/cmds_gen7.h"
#include "gen/cmds_row.h"

#define HSW (GEN8_M_RCS | GEN8_M_BCS | GEN8_M(GEN8_VCS) | GEN8_M_VECS)
#define ALL .engines = HSW
/* Six or eight bits of length, as one reads it: the other two are zero. */
#define SIX_OR_8 .mbz = 0xc0

static const struct cmd_info rows[] = {
    {.name = "MI_NOOP", ROP(0x00), ALL, ONE},
    {.name = "MI_SET_PREDICATE", ROP(0x01), RCS, ONE, .flags = CMD_COND},
    {.name = "MI_USER_INTERRUPT", ROP(0x02), ALL, ONE, .flags = CMD_NOTIFY},
    {.name = "MI_WAIT_FOR_EVENT", ROP(0x03), RCS_BCS, ONE, SCREEN},
    /* Nothing unless MI_MODE enables it, and nobody does: so it may as well be nothing. One of its
     * options resets counters that all share. */
    {.name = "MI_FLUSH", ROP(0x04), ALL, ONE, .flags = CMD_BLANK},
    {.name = "MI_ARB_CHECK", ROP(0x05), ALL, ONE},
    {.name = "MI_RS_CONTROL", ROP(0x06), RCS, ONE},
    /* Tells a position in a ring that is not the guest's. */
    {.name = "MI_REPORT_HEAD", ROP(0x07), ALL, ONE, .flags = NOT_OURS},
    /* Drivers want it around MI_SET_CONTEXT. It keeps off another ring's work, and there is only
     * one ring; the scheduler's own commands turn arbitration on again. */
    {.name = "MI_ARB_ON_OFF", ROP(0x08), ALL, ONE, .flags = CMD_PRIV},
    {.name = "MI_URB_ATOMIC_ALLOC", ROP(0x09), RCS, ONE},
    {.name = "MI_BATCH_BUFFER_END", ROP(0x0a), ALL, ONE, .flags = CMD_END},
    /* Holds back the flush that goes with a fence or an entry of the GGTT, of everybody's. */
    {.name = "MI_SUSPEND_FLUSH", ROP(0x0b), ALL, ONE, .flags = NOT_OURS},
    {.name = "MI_PREDICATE", ROP(0x0c), RCS, ONE, .flags = CMD_COND},
    {.name = "MI_TOPOLOGY_FILTER", ROP(0x0d), RCS, ONE},
    /* Protected content's session, which belongs to nobody here. */
    {.name = "MI_SET_APPID", ROP(0x0e), ALL, ONE, .flags = NOT_OURS},
    {.name = "MI_RS_CONTEXT", ROP(0x0f), RCS, ONE},
    {.name = "MI_LOAD_SCAN_LINES_INCL", ROP(0x12), RCS_BCS, LEN(6, 2, 2), SIX_OR_8, SCREEN},
    {.name = "MI_LOAD_SCAN_LINES_EXCL", ROP(0x13), RCS_BCS, LEN(6, 2, 2), SIX_OR_8, SCREEN},
    {.name = "MI_DISPLAY_FLIP", ROP(0x14), RCS_BCS, LEN(8, 3, 4), SCREEN},
    {.name = "MI_SEMAPHORE_MBOX",
     ROP(0x16),
     ALL,
     LEN(8, 3, 3),
     .kind = CMD_SEMAPHORE_MBOX,
     .flags = CMD_COND,
     .addr = {WR(2, 0, 22, 4)}},
    {.name = "MI_SET_CONTEXT",
     ROP(0x18),
     RCS,
     LEN(8, 2, 2),
     .kind = CMD_SET_CONTEXT,
     .flags = CMD_PRIV},
    {.name = "MI_URB_CLEAR", ROP(0x19), RCS, LEN(8, 2, 2)},
    {.name = "MI_MATH", ROP(0x1a), RCS, LEN(6, 2, 0), SIX_OR_8},
    /* The length has six bits, eight or ten, as one reads it and by the engine. */
    {.name = "MI_STORE_DATA_IMM",
     ROP(0x20),
     ALL,
     LEN(6, 4, 5),
     .mbz = 0x3c0,
     .kind = CMD_STORE_DATA,
     .addr = {WR(2, 0, 22, 0)}},
    {.name = "MI_STORE_DATA_INDEX",
     ROP(0x21),
     ALL,
     LEN(8, 3, 4),
     .kind = CMD_STORE_INDEX,
     .flags = CMD_PRIV},
    /* Bits 11:8 disable bytes: a partial write has not the value that was checked. */
    {.name = "MI_LOAD_REGISTER_IMM",
     ROP(0x22),
     ALL,
     LEN(8, 3, 0),
     .kind = CMD_LRI,
     .mbz = 0x007fef00},
    {.name = "MI_UPDATE_GTT", ROP(0x23), ALL, LEN(6, 0, 0), .flags = CMD_REFUSE | CMD_PRIV},
    {.name = "MI_STORE_REGISTER_MEM",
     ROP(0x24),
     ALL,
     LEN(8, 3, 3),
     .addr = {WR(2, 0, 22, 4)},
     .reg = {{.dw = 1}}},
    {.name = "MI_FLUSH_DW",
     ROP(0x26),
     .engines = HSW & ~GEN8_M_RCS,
     LEN(6, 3, 4),
     .kind = CMD_FLUSH_DW,
     .flags = CMD_NOTIFY | CMD_POST,
     .addr = {WR(1, 1, 2, 8)}},
    {.name = "MI_CLFLUSH",
     ROP(0x27),
     RCS,
     LEN(10, 3, 0),
     .kind = CMD_CLFLUSH,
     .addr = {RD(1, 0, 22, 0)}},
    {.name = "MI_REPORT_PERF_COUNT",
     ROP(0x28),
     RCS,
     LEN(6, 3, 3),
     SIX_OR_8,
     .kind = CMD_PERF_REPORT,
     .addr = {WR(1, 1, 0, 0)}},
    {.name = "MI_LOAD_REGISTER_MEM",
     ROP(0x29),
     ALL,
     LEN(8, 3, 3),
     .addr = {RD(2, 0, 22, 4)},
     .reg = {{.dw = 1, .write = true}}},
    {.name = "MI_LOAD_REGISTER_REG",
     ROP(0x2a),
     RCS,
     LEN(8, 3, 3),
     .reg = {{.dw = 1}, {.dw = 2, .write = true}}},
    /* The next three have no documented selector; nothing needs them. */
    {.name = "MI_RS_STORE_DATA_IMM", ROP(0x2b), RCS, LEN(8, 4, 4), .flags = CMD_REFUSE},
    {.name = "MI_LOAD_URB_MEM", ROP(0x2c), RCS, LEN(8, 3, 3), .flags = CMD_REFUSE},
    {.name = "MI_STORE_URB_MEM", ROP(0x2d), RCS, LEN(8, 3, 3), .flags = CMD_REFUSE},
    /* Bit 16 would add a register to the address; the rest is reserved. */
    {.name = "MI_BATCH_BUFFER_START",
     ROP(0x31),
     ALL,
     LEN(8, 2, 2),
     .kind = CMD_BATCH_START,
     .flags = CMD_JUMP,
     .mbz = 0x003f5a00},
    {.name = "MI_CONDITIONAL_BATCH_BUFFER_END",
     ROP(0x36),
     ALL,
     LEN(8, 3, 3),
     .flags = CMD_COND | CMD_MAY_END,
     .addr = {RD(2, 0, 22, 8)}},
};

const struct cmd_table cmds_gen7_mi = {rows, sizeof(rows) / sizeof(rows[0])};
