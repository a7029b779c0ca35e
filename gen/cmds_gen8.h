/* SPDX-License-Identifier: MIT */
/*
 * The commands of gen8's engines: how long each is, which dwords are addresses or registers and
 * what it means for somebody who audits a buffer. The tables are cmds_gen8_{mi,blt,render,media}.c.
 * Called by services/sched through audit_gen8; constants and pure functions, any thread.
 * Facts: Broadwell PRM vol. 2a (command reference: instructions).
 */
#pragma once

#include "gen/gen8_engine.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a command does that an auditor must know. */
#define CMD_END     (1u << 0) /* ends a batch */
#define CMD_JUMP    (1u << 1) /* goes on at another address */
#define CMD_NOTIFY  (1u << 2) /* raises, or may raise, an interrupt */
#define CMD_POST    (1u << 3) /* may write memory or a register when work before it is done */
#define CMD_PRIV    (1u << 4) /* the engine honours it in privileged buffers only */
#define CMD_REFUSE  (1u << 5) /* never from a guest's privileged buffer */
#define CMD_BLANK   (1u << 6) /* its effect is not the guest's to have: run NOOPs instead */
#define CMD_DISPLAY (1u << 7) /* display would act on it: flip, wait for event, scan lines */
#define CMD_COND    (1u << 8) /* what follows may be skipped, by a predicate or by memory */

#define CMD_MAY_END (1u << 9) /* ends a batch if memory says so */

/* Which rule beyond address and register fields audits the command. */
enum cmd_kind {
    CMD_PLAIN,
    CMD_STORE_DATA,
    CMD_STORE_INDEX,
    CMD_LRI,
    CMD_FLUSH_DW,
    CMD_PIPE_CONTROL,
    CMD_BATCH_START,
    CMD_ATOMIC,
    CMD_CLFLUSH,
};

#define CMD_PPGTT 0xffu /* cmd_addr.sel_dw: no selector, always through the PPGTT */

/* A 48-bit address in two dwords; `sel_bit` of dword `sel_dw` set means GGTT. */
struct cmd_addr {
    uint8_t dw; /* 0: no more fields */
    uint8_t sel_dw;
    uint8_t sel_bit;
    uint8_t bytes; /* touched there; 0: the command's kind says */
    bool write;
};

struct cmd_reg {
    uint8_t dw; /* 0: no more fields */
    bool write;
};

#define CMD_ADDRS 5
#define CMD_REGS  2

struct cmd_info {
    const char *name;
    uint32_t header;  /* value of the identifying bits */
    uint32_t mbz;     /* header bits that must be 0 in a privileged buffer */
    uint8_t engines;  /* GEN8_M_* */
    uint8_t len_bits; /* length field, from bit 0; 0: one dword */
    uint8_t min, max; /* dwords allowed in a privileged buffer; 0: no limit */
    uint8_t kind;     /* enum cmd_kind */
    uint32_t flags;
    struct cmd_addr addr[CMD_ADDRS];
    struct cmd_reg reg[CMD_REGS];
};

struct cmd {
    const struct cmd_info *info; /* NULL after CMDS_UNKNOWN */
    uint32_t len;                /* dwords, from the header; 0 after CMDS_UNKNOWN */
};

/* Positive answers of cmds_gen8_decode(). */
#define CMDS_UNKNOWN   1 /* no such command on this engine */
#define CMDS_TRUNCATED 2 /* longer than the buffer; info and len are valid */

/*
 * Decode the command at dw[0]. n: dwords that may be read, at least 1. Returns 0, CMDS_UNKNOWN
 * or CMDS_TRUNCATED. Reads dw[0] only, once.
 */
int cmds_gen8_decode(enum gen8_engine engine, const uint32_t *dw, size_t n, struct cmd *out);

/* Row `i` of all tables together, NULL behind the last: for tests and listings. */
const struct cmd_info *cmds_gen8_row(size_t i);

/* The 48-bit address in dw[0..1], bits 1:0 cleared. */
static inline uint64_t cmd_address(const uint32_t *dw)
{
    return ((uint64_t)(dw[1] & 0xffff) << 32) | (dw[0] & ~3u);
}

/* Opcodes that other files of gen/ build or compare. */
#define MI_NOOP            0u
#define MI_BB_END          0x05000000u
#define MI_STORE_DATA_GGTT 0x10400000u /* MI_STORE_DATA_IMM, GGTT; length field 0 */
#define MI_LRI             0x11000000u
#define MI_BB_START        0x18800001u /* three dwords, GGTT, first level */
#define MI_BB_2ND_LEVEL    (1u << 22)
#define MI_BB_PREDICATE    (1u << 15)
#define MI_BB_PPGTT        (1u << 8)

/* The tables, each ordered by header so that a lookup is a binary search. */
struct cmd_table {
    const struct cmd_info *rows;
    size_t n;
};
extern const struct cmd_table cmds_gen8_mi, cmds_gen8_blt, cmds_gen8_render, cmds_gen8_vcs,
    cmds_gen8_vecs;
