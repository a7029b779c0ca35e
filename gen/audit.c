/* SPDX-License-Identifier: MIT */
/* The audit's core; see audit.h and audit_priv.h. Pure but for the callbacks, any thread. */
#include "gen/audit_priv.h"

#include <assert.h>
#include <string.h>

enum audit_reason audit_send(struct audit *a, struct audit_patch *p)
{
    p->info = a->cmd.info;
    return a->ops->patch(a->ctx, p) ? AUDIT_PATCH_REFUSED : AUDIT_OK;
}

enum audit_reason audit_put(struct audit *a, uint32_t dw, const uint32_t *words, uint32_t n)
{
    struct audit_patch p = {
        .kind = AUDIT_PATCH_WORDS, .at = a->at + dw, .len = a->cmd.len - dw, .n_words = n};

    assert(n <= AUDIT_PATCH_MAX && dw + n <= a->cmd.len);
    memcpy(p.words, words, n * sizeof(*words));
    return audit_send(a, &p);
}

/* --- registers --- */

const struct cmdreg *audit_reg(const struct audit *a, uint32_t raw)
{
    return raw & ~AUDIT_REG_MASK ? NULL : a->gen->find(a->engine, raw);
}

/* A register written with a value nobody knows yet. */
static enum audit_reason check_reg(const struct audit *a, uint32_t raw, bool write)
{
    const struct cmdreg *r = audit_reg(a, raw);

    if (!r)
        return AUDIT_BAD_REGISTER;
    if (write)
        return cmdregs_may_write(r, NULL) ? AUDIT_OK : AUDIT_BAD_REGISTER;
    return r->access & CMDREG_READ ? AUDIT_OK : AUDIT_BAD_REGISTER;
}

static enum audit_reason load_pdp(struct audit *a, uint32_t dw)
{
    struct audit_patch p = {.kind = AUDIT_PATCH_PDP,
                            .at = a->at + dw + 1,
                            .len = 1,
                            .n_words = 1,
                            .words = {a->dw[dw + 1]},
                            .reg = a->dw[dw]};

    return audit_send(a, &p);
}

enum audit_reason audit_load_nothing(struct audit *a, uint32_t dw)
{
    uint32_t nopid = gen8_engine_base(a->engine) + 0x94;

    return audit_put(a, dw, &nopid, 1);
}

enum audit_reason audit_load(struct audit *a, const struct cmdreg *r, uint32_t dw)
{
    if (r->access & CMDREG_PDP)
        return load_pdp(a, dw);
    if (r->access & CMDREG_BLANK)
        return audit_load_nothing(a, dw);
    return cmdregs_may_write(r, &a->dw[dw + 1]) ? AUDIT_OK : AUDIT_BAD_REGISTER;
}

enum audit_reason audit_loads(struct audit *a, audit_load_fn *load)
{
    if (a->cmd.len % 2 == 0)
        return AUDIT_BAD_LENGTH;
    for (uint32_t i = 1; i < a->cmd.len; i += 2) {
        const struct cmdreg *reg = audit_reg(a, a->dw[i]);
        enum audit_reason r = reg ? load(a, reg, i) : AUDIT_BAD_REGISTER;

        if (r)
            return r;
    }
    return AUDIT_OK;
}

enum audit_reason audit_pipe_control_mmio(struct audit *a, uint32_t dw)
{
    const struct cmdreg *r = audit_reg(a, a->dw[2]);

    return r && cmdregs_may_write(r, &a->dw[dw]) ? AUDIT_OK : AUDIT_BAD_REGISTER;
}

/* --- addresses --- */

enum audit_reason audit_ask(struct audit *a, uint64_t addr, uint64_t len, bool write)
{
    if (addr >> 32 || len > (UINT64_C(1) << 32) - addr)
        return AUDIT_BAD_ADDRESS;
    return a->ops->ggtt(a->ctx, addr, len, write) ? AUDIT_OK : AUDIT_BAD_ADDRESS;
}

uint64_t audit_field(const struct audit *a, const struct cmd_addr *f)
{
    return cmds_address(a->gen->set, a->dw + f->dw);
}

bool audit_field_ggtt(const struct audit *a, const struct cmd_addr *f)
{
    return f->sel_dw != CMD_PPGTT && (a->dw[f->sel_dw] >> f->sel_bit & 1);
}

enum audit_reason audit_plain(struct audit *a)
{
    const struct cmd_info *info = a->cmd.info;
    enum audit_reason r = AUDIT_OK;

    for (unsigned i = 0; i < CMD_REGS && info->reg[i].dw && !r; i++)
        r = check_reg(a, a->dw[info->reg[i].dw], info->reg[i].write);
    for (unsigned i = 0; i < CMD_ADDRS && info->addr[i].dw && !r; i++) {
        const struct cmd_addr *f = &info->addr[i];

        if (audit_field_ggtt(a, f))
            r = audit_ask(a, audit_field(a, f), f->bytes, f->write);
    }
    return r;
}

/* Header, address and one more dword or its upper half; then the data. */
enum audit_reason audit_store_data(struct audit *a)
{
    const struct cmd_addr *f = &a->cmd.info->addr[0];

    if (!audit_field_ggtt(a, f))
        return AUDIT_OK;
    return audit_ask(a, audit_field(a, f), (uint64_t)(a->cmd.len - 3) * 4, true);
}

enum audit_reason audit_clflush(struct audit *a, uint32_t first)
{
    const struct cmd_addr *f = &a->cmd.info->addr[0];

    if (!audit_field_ggtt(a, f))
        return AUDIT_OK;
    return audit_ask(a, audit_field(a, f) & ~UINT64_C(4095), (uint64_t)(a->cmd.len - first) * 4096,
                     false);
}

/* --- one command, one buffer --- */

static bool needs_end(enum audit_where where)
{
    return where == AUDIT_BATCH || where == AUDIT_BATCH_2ND;
}

static enum audit_reason on_end(struct audit *a)
{
    if (!needs_end(a->where))
        return AUDIT_UNEXPECTED_END;
    a->done = true;
    return AUDIT_OK;
}

static enum audit_reason on_blank(struct audit *a)
{
    struct audit_patch p = {.kind = AUDIT_PATCH_BLANK, .at = a->at, .len = a->cmd.len};

    p.n_words = a->cmd.len < AUDIT_PATCH_MAX ? a->cmd.len : AUDIT_PATCH_MAX;
    memcpy(p.words, a->dw, p.n_words * sizeof(uint32_t)); /* what the guest asked for */
    return audit_send(a, &p);
}

static enum audit_reason one_command(struct audit *a)
{
    const struct cmd_info *info = a->cmd.info;
    uint32_t special = info->flags & (CMD_REFUSE | CMD_BLANK | CMD_END | CMD_MAY_END);

    if (special & CMD_REFUSE)
        return AUDIT_FORBIDDEN;
    if (a->cmd.len < info->min || (info->max && a->cmd.len > info->max))
        return AUDIT_BAD_LENGTH;
    if (a->dw[0] & info->mbz)
        return AUDIT_BAD_HEADER;
    if (special & CMD_BLANK)
        return on_blank(a);
    if (special & CMD_END)
        return on_end(a);
    if (special && !needs_end(a->where))
        return AUDIT_UNEXPECTED_END;
    return a->gen->on_kind[info->kind](a);
}

static enum audit_reason announced(struct audit *a)
{
    enum audit_reason reason;

    if (!a->ops->begin)
        return one_command(a);
    reason = a->ops->begin(a->ctx, a->dw, a->cmd.len) ? AUDIT_REFUSED : one_command(a);
    if (a->ops->end)
        a->ops->end(a->ctx);
    return reason;
}

static enum audit_reason next(struct audit *a, const uint32_t *dw, size_t n)
{
    int err = cmds_decode(a->gen->set, a->engine, dw + a->at, n - a->at, &a->cmd);

    a->dw = dw + a->at;
    if (!err)
        return announced(a);
    if (err == CMDS_UNKNOWN)
        return AUDIT_UNKNOWN_COMMAND;
    return a->cmd.info->flags & CMD_REFUSE ? AUDIT_FORBIDDEN : AUDIT_TRUNCATED;
}

/* A third of what drivers put into rings is MI_NOOP, of which nothing has to be asked. */
int audit_run(struct audit *a, const uint32_t *dw, size_t n, struct audit_verdict *v)
{
    assert(n < UINT32_MAX / 4);
    *v = (struct audit_verdict){AUDIT_OK, 0, 0};
    while (a->at < n && !a->done) {
        if (dw[a->at] == MI_NOOP) {
            a->at++;
            continue;
        }
        v->reason = next(a, dw, n);
        if (v->reason) {
            v->at = a->at;
            v->header = a->dw[0];
            return 1;
        }
        a->at += a->cmd.len;
    }
    v->at = a->at;
    if (needs_end(a->where) && !a->done)
        v->reason = AUDIT_NO_END;
    return v->reason != AUDIT_OK;
}

void audit_apply(uint32_t *dw, size_t n, const struct audit_patch *p)
{
    if (p->kind == AUDIT_PATCH_WORDS) {
        assert(p->at <= n && p->n_words <= n - p->at);
        memcpy(dw + p->at, p->words, p->n_words * sizeof(*dw));
    } else if (p->kind == AUDIT_PATCH_BLANK || p->kind == AUDIT_PATCH_SEMAPHORE) {
        assert(p->at <= n && p->len <= n - p->at);
        memset(dw + p->at, 0, p->len * sizeof(*dw));
    }
}

const char *audit_reason_text(enum audit_reason reason)
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
