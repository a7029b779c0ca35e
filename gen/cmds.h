/* SPDX-License-Identifier: MIT */
/*
 * Commands of an engine as an auditor sees them: how long each is, which dwords are addresses or
 * registers and what it means. The shapes and the lookup; the tables are those of a generation,
 * cmds_gen7.h and cmds_gen8.h. Used by all of gen/ that reads commands, and by services/sched;
 * constants and pure functions, any thread.
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

#define CMD_MAY_END (1u << 9)  /* ends a batch if memory says so */
#define CMD_WORK    (1u << 10) /* starts threads or draws: it is no state (gen7's rows only) */

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
    CMD_SET_CONTEXT, /* gen7 only, as all that follow */
    CMD_SEMAPHORE_MBOX,
    CMD_PERF_REPORT,
    CMD_VFE_STATE,
    CMD_KINDS,
};

#define CMD_PPGTT 0xffu /* cmd_addr.sel_dw: no selector, always through the PPGTT */

/* An address, of as many dwords as its set says; `sel_bit` of dword `sel_dw` set means GGTT. */
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

/* Positive answers of a decode function. */
#define CMDS_UNKNOWN   1 /* no such command on this engine */
#define CMDS_TRUNCATED 2 /* longer than the buffer; info and len are valid */

/* Rows ordered by header. */
struct cmd_table {
    const struct cmd_info *rows;
    size_t n;
};

/* Where in the tables an engine's commands are: number + 1 of a row, by the bits that identify a
 * command; 0: none. An audit looks up each command, and the tables are too long for a search. */
struct cmd_index {
    uint8_t mi[GEN8_ENGINES][1u << 6];
    uint8_t own[GEN8_ENGINES][1u << 13];
};

/* All commands of a generation. */
struct cmd_set {
    const struct cmd_table *mi;
    const struct cmd_table *engine[GEN8_ENGINES]; /* those other than MI; NULL: no such engine */
    uint8_t addr_dwords;                          /* of an address: 1 or 2 */
    struct cmd_index *index; /* filled once by cmds_make_index(), before main() */
};

void cmds_make_index(const struct cmd_set *set);

/* Bits 31:29 of a header are a type, which says how many more identify the command: MI 31:23, 2D
 * 31:22, 3D and media 31:16. */
#define CMDS_MI 0u
#define CMDS_2D 2u
#define CMDS_3D 3u

static inline uint32_t cmds_shift(uint32_t type)
{
    return type == CMDS_MI ? 23 : type == CMDS_2D ? 22 : 16;
}

static inline uint32_t cmds_key(uint32_t header)
{
    return (header & 0x1fffffff) >> cmds_shift(header >> 29);
}

/* Types share the index: the row must be of this very command. */
static inline const struct cmd_info *cmds_find(const struct cmd_set *set, enum gen8_engine engine,
                                               uint32_t header)
{
    uint32_t type = header >> 29;
    const struct cmd_table *t = type == CMDS_MI ? set->mi : set->engine[engine];
    const uint8_t *slots = type == CMDS_MI ? set->index->mi[engine] : set->index->own[engine];
    unsigned slot =
        type == CMDS_MI || type == CMDS_2D || type == CMDS_3D ? slots[cmds_key(header)] : 0;

    if (!slot || (t->rows[slot - 1].header ^ header) >> cmds_shift(type))
        return NULL;
    return &t->rows[slot - 1];
}

/*
 * Decode the command at dw[0] for an engine the set has. n: dwords that may be read, at least 1.
 * Returns 0, CMDS_UNKNOWN or CMDS_TRUNCATED. Reads dw[0] only, once.
 */
static inline int cmds_decode(const struct cmd_set *set, enum gen8_engine engine,
                              const uint32_t *dw, size_t n, struct cmd *out)
{
    uint32_t header = dw[0];

    out->len = 0;
    out->info = cmds_find(set, engine, header);
    if (!out->info)
        return CMDS_UNKNOWN;
    out->len = 1;
    if (out->info->len_bits)
        out->len = (header & ((1u << out->info->len_bits) - 1)) + 2;
    return out->len > n ? CMDS_TRUNCATED : 0;
}

/* Row `i` of all tables of a set together, NULL behind the last: for tests and listings. */
const struct cmd_info *cmds_row(const struct cmd_set *set, size_t i);

/* The address at dw[0], in bytes, bits 1:0 cleared; bits above 47 do not count. */
static inline uint64_t cmds_address(const struct cmd_set *set, const uint32_t *dw)
{
    uint64_t high = set->addr_dwords == 2 ? dw[1] & 0xffff : 0;

    return high << 32 | (dw[0] & ~3u);
}

/* Is nothing behind this command executed, if it stands in a batch? The audit's own rule. */
bool cmds_ends_batch(const struct cmd *cmd, uint32_t header);

/* Opcodes that other files build or compare, the same on both generations. */
#define MI_NOOP         0u
#define MI_BB_END       0x05000000u
#define MI_LRI          0x11000000u
#define MI_BB_2ND_LEVEL (1u << 22)
#define MI_BB_PREDICATE (1u << 15)
#define MI_BB_PPGTT     (1u << 8)
