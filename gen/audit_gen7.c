/* SPDX-License-Identifier: MIT */
/* Audit of gen7.5's command buffers; see audit_gen7.h. Pure but for the callbacks. */
#include "gen/audit_gen7.h"

#include "gen/audit_priv.h"
#include "gen/cmdregs_gen7.h"
#include "gen/ctx_gen7.h"

#include <assert.h>

#define REPORT_BYTES 256u /* of the longest format of MI_REPORT_PERF_COUNT */
#define ALL_ONES     0xffffffffu

/* --- registers --- */

static enum audit_reason load_ones(struct audit *a, uint32_t dw)
{
    static const uint32_t ones = ALL_ONES;

    return a->dw[dw + 1] == ones ? AUDIT_OK : audit_put(a, dw + 1, &ones, 1);
}

/* Old drivers signal by loads: the value is kept from the register, and told. */
static enum audit_reason load_mailbox(struct audit *a, uint32_t dw)
{
    struct audit_patch p = {
        .kind = AUDIT_PATCH_SEMAPHORE,
        .at = a->at + dw,
        .n_words = 3,
        .words = {MI_SEMAPHORE_MBOX | MI_MBOX_UPDATE | MI_MBOX_REGISTER, a->dw[dw + 1], a->dw[dw]}};
    enum audit_reason r;

    if (a->where != AUDIT_RING)
        return AUDIT_BAD_REGISTER;
    r = audit_load_nothing(a, dw);
    return r ? r : audit_send(a, &p);
}

static enum audit_reason load_imm(struct audit *a, const struct cmdreg *r, uint32_t dw)
{
    if (r->access & CMDREG_ONES)
        return load_ones(a, dw);
    if (r->access & CMDREG_MAILBOX)
        return load_mailbox(a, dw);
    return audit_load(a, r, dw);
}

static enum audit_reason on_lri(struct audit *a)
{
    return audit_loads(a, load_imm);
}

/* --- memory --- */

static enum audit_reason in_page(uint32_t offset, uint32_t bytes)
{
    return offset <= AUDIT_HWS_SIZE - bytes ? AUDIT_OK : AUDIT_BAD_INDEX;
}

/* A quadword at an address or, by index, in the status page. */
static enum audit_reason post_sync(struct audit *a, uint32_t address, bool index, bool ggtt)
{
    if (index)
        return in_page(address & ~7u, 8);
    return ggtt ? audit_ask(a, address & ~7u, 8, true) : AUDIT_OK;
}

static enum audit_reason on_store_index(struct audit *a)
{
    return in_page(a->dw[1] & ~3u, (a->cmd.len - 2) * 4);
}

static enum audit_reason on_flush_dw(struct audit *a)
{
    if (a->dw[0] & FLUSH_DW_PROTECTED)
        return AUDIT_BAD_HEADER;
    if (!POST_SYNC(a->dw[0]))
        return AUDIT_OK;
    return post_sync(a, a->dw[1], a->dw[0] & STORE_INDEX, a->dw[1] & FLUSH_DW_GGTT);
}

static enum audit_reason on_pipe_control(struct audit *a)
{
    if (a->dw[1] & PIPE_CONTROL_GLOBAL)
        return AUDIT_BAD_HEADER;
    if (a->dw[1] & PIPE_CONTROL_MMIO)
        return audit_pipe_control_mmio(a, 3);
    if (!POST_SYNC(a->dw[1]))
        return AUDIT_OK;
    return post_sync(a, a->dw[2], a->dw[1] & STORE_INDEX, a->dw[1] & PIPE_CONTROL_GGTT);
}

/* Whether dword 2 is one of those that say lines or an address' upper half is not certain, so a
 * page is asked for each dword that may be one. */
static enum audit_reason on_clflush(struct audit *a)
{
    return audit_clflush(a, 2);
}

/* In the PPGTT, batches without privilege may have it as well: nothing is won by refusing it. */
static enum audit_reason on_perf_report(struct audit *a)
{
    const struct cmd_addr *f = &a->cmd.info->addr[0];

    if (!audit_field_ggtt(a, f))
        return AUDIT_OK;
    return audit_ask(a, audit_field(a, f) & ~UINT64_C(63), REPORT_BYTES, true);
}

static enum audit_reason on_vfe_state(struct audit *a)
{
    return a->dw[2] & MEDIA_VFE_MMIO ? AUDIT_BAD_HEADER : AUDIT_OK;
}

/* --- contexts and semaphores --- */

static enum audit_reason on_set_context(struct audit *a)
{
    struct audit_patch p = {
        .kind = AUDIT_PATCH_CONTEXT, .at = a->at + 1, .len = 1, .n_words = 1, .words = {a->dw[1]}};
    struct ctx_gen7_ref ref;
    enum audit_reason r;

    if (a->where != AUDIT_RING)
        return AUDIT_FORBIDDEN;
    if (!ctx_gen7_ref_decode(a->dw[1], &ref))
        return AUDIT_BAD_HEADER;
    r = audit_ask(a, ref.gma, CTX_GEN7_PAGES * 4096, true);
    return r ? r : audit_send(a, &p);
}

static enum audit_reason on_semaphore(struct audit *a)
{
    const struct cmd_addr *f = &a->cmd.info->addr[0];
    struct audit_patch p = {.kind = AUDIT_PATCH_SEMAPHORE,
                            .at = a->at,
                            .len = a->cmd.len,
                            .n_words = 3,
                            .words = {a->dw[0], a->dw[1], a->dw[2]}};

    if (a->dw[0] & MI_MBOX_REGISTER)
        return a->where == AUDIT_RING ? audit_send(a, &p) : AUDIT_FORBIDDEN;
    if (!audit_field_ggtt(a, f))
        return AUDIT_OK;
    return audit_ask(a, audit_field(a, f), 4, a->dw[0] & MI_MBOX_UPDATE);
}

/* --- jumps --- */

/* Only the render engine knows more of a batch than where it is. */
static bool start_bits(const struct audit *a)
{
    static const uint32_t render =
        MI_BB_2ND_LEVEL | MI_BB_PREDICATE | MI_BB_UNPRIVILEGED | MI_BB_STREAMER;

    return a->engine == GEN8_RCS || !(a->dw[0] & render);
}

static bool unprivileged(const struct audit *a)
{
    return a->dw[0] & (a->engine == GEN8_RCS ? MI_BB_UNPRIVILEGED : MI_BB_PPGTT);
}

static enum audit_reason copy_batch(struct audit *a)
{
    bool ppgtt = a->dw[0] & MI_BB_PPGTT;
    struct audit_patch p = {.kind = AUDIT_PATCH_BATCH,
                            .at = a->at,
                            .len = a->cmd.len,
                            .n_words = 1,
                            .words = {a->dw[0] & ~MI_BB_PPGTT},
                            .addr = a->dw[1] & ~3u,
                            .space = ppgtt ? AUDIT_PPGTT : AUDIT_GGTT,
                            .second_level = a->dw[0] & MI_BB_2ND_LEVEL};
    enum audit_reason r = ppgtt ? AUDIT_OK : audit_ask(a, p.addr, 4, false);

    return r ? r : audit_send(a, &p);
}

/*
 * What is not privileged and in the PPGTT hardware guards, but only from the ring: whether a batch
 * that another one starts can have less privilege than that is not certain.
 */
static enum audit_reason on_batch_start(struct audit *a)
{
    bool second = a->dw[0] & MI_BB_2ND_LEVEL, ring = a->where == AUDIT_RING;

    if (!start_bits(a))
        return AUDIT_BAD_HEADER;
    if (second && a->where != AUDIT_BATCH)
        return AUDIT_BAD_JUMP;
    if (unprivileged(a) && (a->dw[0] & MI_BB_PPGTT))
        return ring ? AUDIT_OK : AUDIT_BAD_JUMP;
    if (!ring && cmds_ends_batch(&a->cmd, a->dw[0]))
        a->done = true;
    return copy_batch(a);
}

static const struct audit_gen gen7 = {
    .set = &cmds_gen7,
    .find = cmdregs_gen7_find,
    .on_kind = {[CMD_PLAIN] = audit_plain,
                [CMD_STORE_DATA] = audit_store_data,
                [CMD_STORE_INDEX] = on_store_index,
                [CMD_LRI] = on_lri,
                [CMD_FLUSH_DW] = on_flush_dw,
                [CMD_PIPE_CONTROL] = on_pipe_control,
                [CMD_BATCH_START] = on_batch_start,
                [CMD_CLFLUSH] = on_clflush,
                [CMD_SET_CONTEXT] = on_set_context,
                [CMD_SEMAPHORE_MBOX] = on_semaphore,
                [CMD_PERF_REPORT] = on_perf_report,
                [CMD_VFE_STATE] = on_vfe_state},
};

int audit_gen7(enum gen8_engine engine, enum audit_where where, const uint32_t *dw, size_t n,
               const struct audit_ops *ops, void *ctx, struct audit_verdict *v)
{
    struct audit a = {.gen = &gen7, .engine = engine, .where = where, .ops = ops, .ctx = ctx};

    assert(engine < GEN8_VCS2 && where != AUDIT_INDIRECT_CTX);
    return audit_run(&a, dw, n, v);
}
