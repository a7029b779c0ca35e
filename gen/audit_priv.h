/* SPDX-License-Identifier: MIT */
/*
 * The audit's core, audit.c, as audit_gen7.c and audit_gen8.c use it: the walk over a buffer, and
 * the rules that are the same on both generations. Nobody else includes this. Pure but for the
 * caller's callbacks; any thread.
 */
#pragma once

#include "gen/audit.h"
#include "gen/cmdregs.h"

#define AUDIT_HWS_SIZE 4096u
#define AUDIT_REG_MASK 0x7ffffcu /* what of a dword names a register */

/* Bits of MI_FLUSH_DW (dword 0; dword 1 for the GGTT) and PIPE_CONTROL (dword 1). */
#define STORE_INDEX         (1u << 21) /* of MI_STORE_DATA_INDEX, too */
#define POST_SYNC(dw)       ((dw) >> 14 & 3)
#define PIPE_CONTROL_MMIO   (1u << 23)
#define PIPE_CONTROL_GGTT   (1u << 24)
#define PIPE_CONTROL_GLOBAL (1u << 19) /* resets snapshot counters that all guests share */
#define FLUSH_DW_PROTECTED  (1u << 22)
#define FLUSH_DW_GGTT       (1u << 2)

struct audit;

/* A generation: its commands, registers and the rule for each kind of command. */
struct audit_gen {
    const struct cmd_set *set;
    const struct cmdreg *(*find)(enum gen8_engine engine, uint32_t reg);
    enum audit_reason (*on_kind[CMD_KINDS])(struct audit *a);
};

struct audit {
    const struct audit_gen *gen;
    enum gen8_engine engine;
    enum audit_where where;
    const uint32_t *dw; /* the command at hand */
    uint32_t at;
    struct cmd cmd;
    uint64_t hws; /* gen8 only */
    const struct audit_ops *ops;
    void *ctx;
    bool done; /* what follows is not executed */
};

/* Audit dw[0..n) with what *a has been given; audit_gen8() says the rest. */
int audit_run(struct audit *a, const uint32_t *dw, size_t n, struct audit_verdict *v);

/* What rules are made of. */
enum audit_reason audit_send(struct audit *a, struct audit_patch *p);
/* Put words[0..n) at dword `dw` of the command at hand. */
enum audit_reason audit_put(struct audit *a, uint32_t dw, const uint32_t *words, uint32_t n);
enum audit_reason audit_ask(struct audit *a, uint64_t addr, uint64_t len, bool write);
/* The rule for a register as a command names it, or NULL: not to be touched. */
const struct cmdreg *audit_reg(const struct audit *a, uint32_t raw);
/* Each register and value of an MI_LOAD_REGISTER_IMM, at dword `dw` of the command; *r is the rule
 * for the register. */
typedef enum audit_reason audit_load_fn(struct audit *a, const struct cmdreg *r, uint32_t dw);
enum audit_reason audit_loads(struct audit *a, audit_load_fn *load);
/* Such a load as it is judged on both, and one that shall have no effect. */
audit_load_fn audit_load;
enum audit_reason audit_load_nothing(struct audit *a, uint32_t dw);
/* Is the address in the GGTT? And what it is. */
bool audit_field_ggtt(const struct audit *a, const struct cmd_addr *f);
uint64_t audit_field(const struct audit *a, const struct cmd_addr *f);

/* Rules that are the same on both. */
enum audit_reason audit_plain(struct audit *a);
enum audit_reason audit_store_data(struct audit *a);
/* MI_CLFLUSH: a page as a whole for each dword from `first` on, which say the lines. */
enum audit_reason audit_clflush(struct audit *a, uint32_t first);
/* A PIPE_CONTROL that writes dword `dw` to a register. */
enum audit_reason audit_pipe_control_mmio(struct audit *a, uint32_t dw);
