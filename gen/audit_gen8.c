/* SPDX-License-Identifier: MIT */
/* Audit of privileged command buffers; see audit_gen8.h. Pure but for the callbacks. */
#include "gen/audit_gen8.h"

#include "gen/cmdregs_gen8.h"

#include <assert.h>
#include <string.h>

#define HWS_SIZE            4096u
#define STORE_INDEX         (1u << 21) /* MI_FLUSH_DW dw0, PIPE_CONTROL dw1, MI_STORE_DATA_INDEX */
#define POST_SYNC(dw)       ((dw) >> 14 & 3)
#define PIPE_CONTROL_MMIO   (1u << 23)
#define PIPE_CONTROL_GGTT   (1u << 24)
#define PIPE_CONTROL_GLOBAL (1u << 19) /* resets snapshot counters that all guests share */
#define FLUSH_DW_PROTECTED  (1u << 22)
#define FLUSH_DW_GGTT       (1u << 2)
#define REG_MASK            0x7ffffcu

struct audit {
    enum gen8_engine engine;
    enum audit_where where;
    const uint32_t *dw; /* the command at hand */
    uint32_t at;
    struct cmd cmd;
    uint64_t hws;
    const struct audit_ops *ops;
    void *ctx;
    bool done; /* what follows is not executed */
};

static enum audit_reason send_patch(struct audit *a, struct audit_patch *p)
{
    p->info = a->cmd.info;
    return a->ops->patch(a->ctx, p) ? AUDIT_PATCH_REFUSED : AUDIT_OK;
}

static enum audit_reason put_words(struct audit *a, uint32_t dw, const uint32_t *words, uint32_t n)
{
    struct audit_patch p = {
        .kind = AUDIT_PATCH_WORDS, .at = a->at + dw, .len = a->cmd.len - dw, .n_words = n};

    assert(n <= AUDIT_PATCH_MAX && dw + n <= a->cmd.len);
    memcpy(p.words, words, n * sizeof(*words));
    return send_patch(a, &p);
}

/* --- registers --- */

/* A register written with a value nobody knows yet. */
static enum audit_reason check_reg(struct audit *a, uint32_t raw, bool write)
{
    const struct cmdreg *r = raw & ~REG_MASK ? NULL : cmdregs_gen8_find(a->engine, raw);

    if (!r)
        return AUDIT_BAD_REGISTER;
    if (write)
        return cmdregs_gen8_may_write(r, NULL) ? AUDIT_OK : AUDIT_BAD_REGISTER;
    return r->access & CMDREG_READ ? AUDIT_OK : AUDIT_BAD_REGISTER;
}

static enum audit_reason load_pdp(struct audit *a, uint32_t dw, uint32_t reg)
{
    struct audit_patch p = {.kind = AUDIT_PATCH_PDP,
                            .at = a->at + dw + 1,
                            .len = 1,
                            .n_words = 1,
                            .words = {a->dw[dw + 1]},
                            .reg = reg};

    return send_patch(a, &p);
}

/* One register and value of an MI_LOAD_REGISTER_IMM, at dword `dw` of the command. */
static enum audit_reason load_imm(struct audit *a, uint32_t dw)
{
    uint32_t reg = a->dw[dw];
    const struct cmdreg *r = reg & ~REG_MASK ? NULL : cmdregs_gen8_find(a->engine, reg);
    uint32_t nopid = gen8_engine_base(a->engine) + 0x94;

    if (!r)
        return AUDIT_BAD_REGISTER;
    if (r->access & CMDREG_PDP)
        return load_pdp(a, dw, reg);
    if (r->access & CMDREG_BLANK)
        return put_words(a, dw, &nopid, 1);
    return cmdregs_gen8_may_write(r, &a->dw[dw + 1]) ? AUDIT_OK : AUDIT_BAD_REGISTER;
}

static enum audit_reason on_lri(struct audit *a)
{
    if (a->cmd.len % 2 == 0)
        return AUDIT_BAD_LENGTH;
    for (uint32_t i = 1; i < a->cmd.len; i += 2) {
        enum audit_reason r = load_imm(a, i);

        if (r)
            return r;
    }
    return AUDIT_OK;
}

/* --- addresses --- */

static enum audit_reason check_ggtt(struct audit *a, uint64_t addr, uint64_t len, bool write)
{
    if (addr >> 32 || len > (UINT64_C(1) << 32) - addr)
        return AUDIT_BAD_ADDRESS;
    return a->ops->ggtt(a->ctx, addr, len, write) ? AUDIT_OK : AUDIT_BAD_ADDRESS;
}

static uint64_t field_addr(const struct audit *a, const struct cmd_addr *f)
{
    return cmd_address(a->dw + f->dw);
}

static bool field_ggtt(const struct audit *a, const struct cmd_addr *f)
{
    return f->sel_dw != CMD_PPGTT && (a->dw[f->sel_dw] >> f->sel_bit & 1);
}

static enum audit_reason on_plain(struct audit *a)
{
    const struct cmd_info *info = a->cmd.info;
    enum audit_reason r = AUDIT_OK;

    for (unsigned i = 0; i < CMD_REGS && info->reg[i].dw && !r; i++)
        r = check_reg(a, a->dw[info->reg[i].dw], info->reg[i].write);
    for (unsigned i = 0; i < CMD_ADDRS && info->addr[i].dw && !r; i++) {
        const struct cmd_addr *f = &info->addr[i];

        if (field_ggtt(a, f))
            r = check_ggtt(a, field_addr(a, f), f->bytes, f->write);
    }
    return r;
}

static enum audit_reason on_store_data(struct audit *a)
{
    const struct cmd_addr *f = &a->cmd.info->addr[0];

    if (!field_ggtt(a, f))
        return AUDIT_OK;
    return check_ggtt(a, field_addr(a, f), (uint64_t)(a->cmd.len - 3) * 4, true);
}

/* Operand sizes 4, 8, 16 bytes; bits 20:19. */
static enum audit_reason on_atomic(struct audit *a)
{
    const struct cmd_addr *f = &a->cmd.info->addr[0];
    uint32_t size = a->dw[0] >> 19 & 3;
    bool inline_data = a->dw[0] >> 18 & 1;

    if (size == 3 || a->cmd.len != (inline_data ? 11 : 3))
        return AUDIT_BAD_LENGTH;
    if (!field_ggtt(a, f))
        return AUDIT_OK;
    return check_ggtt(a, field_addr(a, f), UINT64_C(4) << size, true);
}

/* Dwords 3.. say which cache lines of the page; the page as a whole is asked for. */
static enum audit_reason on_clflush(struct audit *a)
{
    const struct cmd_addr *f = &a->cmd.info->addr[0];

    if (!field_ggtt(a, f))
        return AUDIT_OK;
    return check_ggtt(a, field_addr(a, f) & ~UINT64_C(4095), (uint64_t)(a->cmd.len - 3) * 4096,
                      false);
}

/* --- the status page --- */

/* Index into the status page, moved to the guest's own; a dword that fits a command. */
static enum audit_reason hws_address(const struct audit *a, uint32_t offset, uint32_t bytes,
                                     uint32_t *out)
{
    if (offset > HWS_SIZE - bytes)
        return AUDIT_BAD_INDEX;
    if ((a->hws & 4095) || a->hws >> 32)
        return AUDIT_BAD_ADDRESS;
    *out = (uint32_t)a->hws + offset;
    return AUDIT_OK;
}

/*
 * Post-sync writes by index: with the GGTT bit into the global status page, which is not the
 * guest's, so the index becomes an address. Without it into the context's own page: in bounds is
 * enough. `control` is the dword that holds the index bit, `low` the one that holds the address.
 */
static enum audit_reason post_sync_index(struct audit *a, uint32_t control, uint32_t low,
                                         uint32_t flags, bool ggtt)
{
    uint32_t words[4], addr;
    enum audit_reason r;

    memcpy(words, a->dw, sizeof(words));
    r = hws_address(a, words[low] & 0xfffffff8, 8, &addr);
    if (r || !ggtt)
        return r;
    r = check_ggtt(a, addr, 8, true);
    if (r)
        return r;
    words[control] &= ~STORE_INDEX;
    words[low] = addr | flags;
    words[low + 1] = 0;
    return put_words(a, 0, words, low + 2);
}

static enum audit_reason on_flush_dw(struct audit *a)
{
    bool ggtt = a->dw[1] & FLUSH_DW_GGTT;

    if (a->dw[0] & FLUSH_DW_PROTECTED)
        return AUDIT_BAD_HEADER;
    if (!POST_SYNC(a->dw[0]))
        return AUDIT_OK;
    if (a->dw[0] & STORE_INDEX)
        return post_sync_index(a, 0, 1, FLUSH_DW_GGTT, ggtt);
    return ggtt ? check_ggtt(a, cmd_address(a->dw + 1) & ~UINT64_C(7), 8, true) : AUDIT_OK;
}

static enum audit_reason pipe_control_mmio(struct audit *a)
{
    uint32_t reg = a->dw[2];
    const struct cmdreg *r = reg & ~REG_MASK ? NULL : cmdregs_gen8_find(a->engine, reg);

    return r && cmdregs_gen8_may_write(r, &a->dw[4]) ? AUDIT_OK : AUDIT_BAD_REGISTER;
}

static enum audit_reason on_pipe_control(struct audit *a)
{
    bool ggtt = a->dw[1] & PIPE_CONTROL_GGTT;

    if (a->dw[1] & PIPE_CONTROL_GLOBAL)
        return AUDIT_BAD_HEADER;
    if (a->dw[1] & PIPE_CONTROL_MMIO)
        return pipe_control_mmio(a);
    if (!POST_SYNC(a->dw[1]))
        return AUDIT_OK;
    if (a->dw[1] & STORE_INDEX)
        return post_sync_index(a, 1, 2, 0, ggtt);
    return ggtt ? check_ggtt(a, cmd_address(a->dw + 2) & ~UINT64_C(7), 8, true) : AUDIT_OK;
}

/*
 * The explicit store is a dword longer than the indexed one, so it moves into a small batch of
 * its own; a batch start is three dwords and fits.
 */
static enum audit_reason on_store_index(struct audit *a)
{
    uint32_t data = a->cmd.len - 2, addr;
    enum audit_reason r = hws_address(a, a->dw[1] & 0xfffffffc, data * 4, &addr);
    struct audit_patch p = {.kind = AUDIT_PATCH_TRAMPOLINE,
                            .at = a->at,
                            .len = a->cmd.len,
                            .n_words = data + 4,
                            .second_level = a->where == AUDIT_BATCH,
                            .words = {MI_STORE_DATA_GGTT | (data + 1)}};

    if (r || (a->dw[0] & STORE_INDEX)) /* the context's own status page: in bounds is enough */
        return r;
    if (a->where == AUDIT_BATCH_2ND || a->where == AUDIT_INDIRECT_CTX)
        return AUDIT_FORBIDDEN; /* there is no third level to put it in */
    r = check_ggtt(a, addr, data * 4, true);
    if (r)
        return r;
    if (data == 2)
        p.words[0] |= STORE_INDEX; /* same bit: a quadword */
    p.words[1] = addr;
    memcpy(p.words + 3, a->dw + 2, data * 4);
    p.words[3 + data] = MI_BB_END;
    return send_patch(a, &p);
}

/* --- jumps --- */

static enum audit_reason on_batch_start(struct audit *a)
{
    bool second = a->dw[0] & MI_BB_2ND_LEVEL;
    struct audit_patch p = {.kind = AUDIT_PATCH_BATCH,
                            .at = a->at,
                            .len = a->cmd.len,
                            .addr = cmd_address(a->dw + 1),
                            .second_level = second};
    enum audit_reason r;

    if (a->where == AUDIT_INDIRECT_CTX || (second && a->where != AUDIT_BATCH))
        return AUDIT_BAD_JUMP;
    if (a->dw[0] & MI_BB_PPGTT) /* unprivileged: the hardware guards it, but only the ring may */
        return a->where == AUDIT_RING ? AUDIT_OK : AUDIT_BAD_JUMP;
    /* A first-level start in a batch does not come back, unless it may not happen at all. */
    if (a->where != AUDIT_RING && !second && !(a->dw[0] & MI_BB_PREDICATE))
        a->done = true;
    r = check_ggtt(a, p.addr, 4, false);
    return r ? r : send_patch(a, &p);
}

static enum audit_reason on_end(struct audit *a)
{
    if (a->where == AUDIT_RING || a->where == AUDIT_INDIRECT_CTX)
        return AUDIT_UNEXPECTED_END;
    a->done = true;
    return AUDIT_OK;
}

static enum audit_reason on_blank(struct audit *a)
{
    struct audit_patch p = {.kind = AUDIT_PATCH_BLANK, .at = a->at, .len = a->cmd.len};

    p.n_words = a->cmd.len < AUDIT_PATCH_MAX ? a->cmd.len : AUDIT_PATCH_MAX;
    memcpy(p.words, a->dw, p.n_words * sizeof(uint32_t)); /* what the guest asked for */
    return send_patch(a, &p);
}

/* --- one command, one buffer --- */

static enum audit_reason (*const on_kind[])(struct audit *a) = {
    [CMD_PLAIN] = on_plain,
    [CMD_STORE_DATA] = on_store_data,
    [CMD_STORE_INDEX] = on_store_index,
    [CMD_LRI] = on_lri,
    [CMD_FLUSH_DW] = on_flush_dw,
    [CMD_PIPE_CONTROL] = on_pipe_control,
    [CMD_BATCH_START] = on_batch_start,
    [CMD_ATOMIC] = on_atomic,
    [CMD_CLFLUSH] = on_clflush,
};

static bool needs_end(enum audit_where where)
{
    return where == AUDIT_BATCH || where == AUDIT_BATCH_2ND;
}

static enum audit_reason one_command(struct audit *a)
{
    const struct cmd_info *info = a->cmd.info;

    if (info->flags & CMD_REFUSE)
        return AUDIT_FORBIDDEN;
    if (a->cmd.len < info->min || (info->max && a->cmd.len > info->max))
        return AUDIT_BAD_LENGTH;
    if (a->dw[0] & info->mbz)
        return AUDIT_BAD_HEADER;
    if (info->flags & CMD_BLANK)
        return on_blank(a);
    if (info->flags & CMD_END)
        return on_end(a);
    if ((info->flags & CMD_MAY_END) && !needs_end(a->where))
        return AUDIT_UNEXPECTED_END;
    return on_kind[info->kind](a);
}

static enum audit_reason announced(struct audit *a)
{
    enum audit_reason reason;

    if (!a->ops->begin)
        return one_command(a);
    reason = a->ops->begin(a->ctx, a->dw, a->cmd.len) ? AUDIT_REFUSED : one_command(a);
    a->ops->end(a->ctx);
    return reason;
}

int audit_gen8(enum gen8_engine engine, enum audit_where where, const uint32_t *dw, size_t n,
               uint64_t hws, const struct audit_ops *ops, void *ctx, struct audit_verdict *v)
{
    struct audit a = {.engine = engine, .where = where, .hws = hws, .ops = ops, .ctx = ctx};

    assert(engine < GEN8_ENGINES && n < UINT32_MAX / 4);
    *v = (struct audit_verdict){AUDIT_OK, 0, 0};
    while (a.at < n && !a.done) {
        int err = cmds_gen8_decode(engine, dw + a.at, n - a.at, &a.cmd);

        a.dw = dw + a.at;
        v->at = a.at;
        v->header = a.dw[0];
        if (err == CMDS_UNKNOWN)
            v->reason = AUDIT_UNKNOWN_COMMAND;
        else if (err == CMDS_TRUNCATED)
            v->reason = a.cmd.info->flags & CMD_REFUSE ? AUDIT_FORBIDDEN : AUDIT_TRUNCATED;
        else
            v->reason = announced(&a);
        if (v->reason)
            return 1;
        a.at += a.cmd.len;
    }
    v->at = a.at;
    if (needs_end(where) && !a.done)
        v->reason = AUDIT_NO_END;
    return v->reason != AUDIT_OK;
}

void audit_gen8_apply(uint32_t *dw, size_t n, const struct audit_patch *p)
{
    if (p->kind == AUDIT_PATCH_WORDS) {
        assert(p->at <= n && p->n_words <= n - p->at);
        memcpy(dw + p->at, p->words, p->n_words * sizeof(*dw));
    } else if (p->kind == AUDIT_PATCH_BLANK) {
        assert(p->at <= n && p->len <= n - p->at);
        memset(dw + p->at, 0, p->len * sizeof(*dw));
    }
}

const char *audit_gen8_reason(enum audit_reason reason)
{
    static const char *const text[] = {
        [AUDIT_OK] = "ok",
        [AUDIT_UNKNOWN_COMMAND] = "unknown command",
        [AUDIT_TRUNCATED] = "command runs over the end",
        [AUDIT_FORBIDDEN] = "forbidden command",
        [AUDIT_BAD_LENGTH] = "wrong command length",
        [AUDIT_BAD_HEADER] = "forbidden option bits",
        [AUDIT_BAD_ADDRESS] = "address outside the partition",
        [AUDIT_BAD_REGISTER] = "register not allowed",
        [AUDIT_BAD_INDEX] = "index outside the status page",
        [AUDIT_BAD_JUMP] = "batch start not allowed here",
        [AUDIT_NO_END] = "batch without an end",
        [AUDIT_UNEXPECTED_END] = "batch end outside a batch",
        [AUDIT_PATCH_REFUSED] = "could not be rewritten",
        [AUDIT_REFUSED] = "refused unseen",
    };

    return reason < sizeof(text) / sizeof(text[0]) && text[reason] ? text[reason] : "?";
}
