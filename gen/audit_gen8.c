/* SPDX-License-Identifier: MIT */
/* Audit of gen8's privileged command buffers; see audit_gen8.h. Pure but for the callbacks. */
#include "gen/audit_gen8.h"

#include "gen/audit_priv.h"
#include "gen/cmdregs_gen8.h"

#include <assert.h>
#include <string.h>

static enum audit_reason on_lri(struct audit *a)
{
    return audit_loads(a, audit_load);
}

/* Operand sizes 4, 8, 16 bytes; bits 20:19. */
static enum audit_reason on_atomic(struct audit *a)
{
    const struct cmd_addr *f = &a->cmd.info->addr[0];
    uint32_t size = a->dw[0] >> 19 & 3;
    bool inline_data = a->dw[0] >> 18 & 1;

    if (size == 3 || a->cmd.len != (inline_data ? 11 : 3))
        return AUDIT_BAD_LENGTH;
    if (!audit_field_ggtt(a, f))
        return AUDIT_OK;
    return audit_ask(a, audit_field(a, f), UINT64_C(4) << size, true);
}

static enum audit_reason on_clflush(struct audit *a)
{
    return audit_clflush(a, 3);
}

/* --- the status page --- */

/* Index into the status page, moved to the guest's own; a dword that fits a command. */
static enum audit_reason hws_address(const struct audit *a, uint32_t offset, uint32_t bytes,
                                     uint32_t *out)
{
    if (offset > AUDIT_HWS_SIZE - bytes)
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
    r = audit_ask(a, addr, 8, true);
    if (r)
        return r;
    words[control] &= ~STORE_INDEX;
    words[low] = addr | flags;
    words[low + 1] = 0;
    return audit_put(a, 0, words, low + 2);
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
    return ggtt ? audit_ask(a, cmd_address(a->dw + 1) & ~UINT64_C(7), 8, true) : AUDIT_OK;
}

static enum audit_reason on_pipe_control(struct audit *a)
{
    bool ggtt = a->dw[1] & PIPE_CONTROL_GGTT;

    if (a->dw[1] & PIPE_CONTROL_GLOBAL)
        return AUDIT_BAD_HEADER;
    if (a->dw[1] & PIPE_CONTROL_MMIO)
        return audit_pipe_control_mmio(a, 4);
    if (!POST_SYNC(a->dw[1]))
        return AUDIT_OK;
    if (a->dw[1] & STORE_INDEX)
        return post_sync_index(a, 1, 2, 0, ggtt);
    return ggtt ? audit_ask(a, cmd_address(a->dw + 2) & ~UINT64_C(7), 8, true) : AUDIT_OK;
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
    r = audit_ask(a, addr, data * 4, true);
    if (r)
        return r;
    if (data == 2)
        p.words[0] |= STORE_INDEX; /* same bit: a quadword */
    p.words[1] = addr;
    memcpy(p.words + 3, a->dw + 2, data * 4);
    p.words[3 + data] = MI_BB_END;
    return audit_send(a, &p);
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
    r = audit_ask(a, p.addr, 4, false);
    return r ? r : audit_send(a, &p);
}

static const struct audit_gen gen8 = {
    .set = &cmds_gen8,
    .find = cmdregs_gen8_find,
    .on_kind = {[CMD_PLAIN] = audit_plain,
                [CMD_STORE_DATA] = audit_store_data,
                [CMD_STORE_INDEX] = on_store_index,
                [CMD_LRI] = on_lri,
                [CMD_FLUSH_DW] = on_flush_dw,
                [CMD_PIPE_CONTROL] = on_pipe_control,
                [CMD_BATCH_START] = on_batch_start,
                [CMD_ATOMIC] = on_atomic,
                [CMD_CLFLUSH] = on_clflush},
};

int audit_gen8(enum gen8_engine engine, enum audit_where where, const uint32_t *dw, size_t n,
               uint64_t hws, const struct audit_ops *ops, void *ctx, struct audit_verdict *v)
{
    struct audit a = {
        .gen = &gen8, .engine = engine, .where = where, .hws = hws, .ops = ops, .ctx = ctx};

    assert(engine < GEN8_ENGINES);
    return audit_run(&a, dw, n, v);
}
