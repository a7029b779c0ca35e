/* SPDX-License-Identifier: MIT */
/* Render contexts of gen7.5; see ctx_gen7.h. Pure functions, any thread. */
#include "gen/ctx_gen7.h"

#include "gen/cmdregs_gen7.h"
#include "gen/cmds_gen7.h"

#include <assert.h>
#include <string.h>

#define REF_RESTORE_INHIBIT (1u << 0)
#define REF_FORCE_RESTORE   (1u << 1)
#define REF_EXT_RESTORE     (1u << 2)
#define REF_EXT_SAVE        (1u << 3)
#define REF_MUST_BE_1       (1u << 8)
#define REF_KNOWN           0xfffff10fu
#define CCID_VALID          (1u << 0)

/* --- the image --- */

static enum ctx_gen7_reason loads(const uint32_t *lri, const struct cmd *c)
{
    if (c->len % 2 == 0 || (lri[0] & c->info->mbz))
        return CTX_GEN7_BAD_COMMAND;
    for (uint32_t i = 1; i < c->len; i += 2) {
        const struct cmdreg *r = cmdregs_gen7_find(GEN8_RCS, lri[i]);

        if (!r || !(r->access & CMDREG_IMAGE))
            return CTX_GEN7_BAD_REGISTER;
    }
    return CTX_GEN7_OK;
}

/* State commands are those of the 3D and media pipes that can reach the PPGTT only. */
static enum ctx_gen7_reason state(const uint32_t *dw, const struct cmd *c)
{
    const struct cmd_info *info = c->info;

    if (info->header >> 29 != 3 || (info->flags & (CMD_REFUSE | CMD_POST | CMD_NOTIFY | CMD_WORK)))
        return CTX_GEN7_BAD_COMMAND;
    if (c->len < info->min || (info->max && c->len > info->max) || (dw[0] & info->mbz))
        return CTX_GEN7_BAD_COMMAND;
    if (info->kind == CMD_VFE_STATE && (dw[2] & MEDIA_VFE_MMIO))
        return CTX_GEN7_BAD_OPTION;
    return CTX_GEN7_OK;
}

static enum ctx_gen7_reason one(const uint32_t *dw, size_t left, uint32_t *len)
{
    struct cmd c;

    *len = 1;
    if (dw[0] == MI_NOOP) /* most of an image */
        return CTX_GEN7_OK;
    if (cmds_decode(&cmds_gen7, GEN8_RCS, dw, left, &c))
        return CTX_GEN7_BAD_COMMAND;
    *len = c.len;
    if (c.info->flags & CMD_END)
        return CTX_GEN7_OK;
    return c.info->kind == CMD_LRI ? loads(dw, &c) : state(dw, &c);
}

int ctx_gen7_audit(const uint32_t *image, size_t n, struct ctx_gen7_verdict *v)
{
    uint32_t len;

    *v = (struct ctx_gen7_verdict){.reason = CTX_GEN7_OK};
    if (n != CTX_GEN7_DWORDS)
        v->reason = CTX_GEN7_BAD_SIZE;
    while (!v->reason && v->at < n) {
        v->reason = one(image + v->at, n - v->at, &len);
        if (!v->reason)
            v->at += len;
    }
    return v->reason != CTX_GEN7_OK;
}

/* One list for the registers of a rule. */
static uint32_t clear_list(uint32_t *image, uint32_t at, const struct cmdreg *r)
{
    image[at++] = MI_LRI | (2 * ((r->end - r->start) / 4) - 1);
    for (uint32_t reg = r->start; reg < r->end; reg += 4) {
        image[at++] = reg;
        image[at++] = r->access & CMDREG_MASKED ? 0xffff0000u : 0;
    }
    return at;
}

void ctx_gen7_init(uint32_t *image)
{
    uint32_t at = 1, streamer = CTX_GEN7_STREAMER;
    const struct cmdreg *r;

    memset(image, 0, CTX_GEN7_DWORDS * sizeof(*image));
    for (size_t i = 0; (r = cmdregs_gen7_row(i)); i++) {
        if (!(r->access & CMDREG_IMAGE))
            continue;
        assert(!r->relative);
        if (r->access & CMDREG_STREAMER)
            streamer = clear_list(image, streamer, r);
        else
            at = clear_list(image, at, r);
    }
    assert(at <= CTX_GEN7_STREAMER);
    image[streamer] = MI_BB_END;
}

const char *ctx_gen7_reason_text(enum ctx_gen7_reason reason)
{
    static const char *const text[] = {
        [CTX_GEN7_OK] = "ok",
        [CTX_GEN7_BAD_SIZE] = "not an image",
        [CTX_GEN7_BAD_COMMAND] = "command that no image has",
        [CTX_GEN7_BAD_REGISTER] = "register that no image has",
        [CTX_GEN7_BAD_OPTION] = "forbidden option bits",
    };

    return reason < sizeof(text) / sizeof(text[0]) ? text[reason] : "?";
}

/* --- which image --- */

bool ctx_gen7_ref_decode(uint32_t dw, struct ctx_gen7_ref *ref)
{
    *ref = (struct ctx_gen7_ref){
        .gma = dw & ~4095u,
        .restore_inhibit = dw & REF_RESTORE_INHIBIT,
        .force_restore = dw & REF_FORCE_RESTORE,
        .ext_restore = dw & REF_EXT_RESTORE,
        .ext_save = dw & REF_EXT_SAVE,
    };
    return !(dw & ~REF_KNOWN);
}

uint32_t ctx_gen7_ref_encode(const struct ctx_gen7_ref *ref)
{
    assert(!(ref->gma & 4095));
    return ref->gma | REF_MUST_BE_1 | (ref->restore_inhibit ? REF_RESTORE_INHIBIT : 0) |
           (ref->force_restore ? REF_FORCE_RESTORE : 0) | (ref->ext_restore ? REF_EXT_RESTORE : 0) |
           (ref->ext_save ? REF_EXT_SAVE : 0);
}

bool ctx_gen7_ccid_decode(uint32_t ccid, struct ctx_gen7_ref *ref)
{
    *ref = (struct ctx_gen7_ref){0};
    if (!(ccid & CCID_VALID))
        return false;
    ref->gma = ccid & ~4095u;
    ref->ext_restore = ccid & REF_EXT_RESTORE;
    ref->ext_save = ccid & REF_EXT_SAVE;
    return true;
}

uint32_t ctx_gen7_ccid_encode(const struct ctx_gen7_ref *ref)
{
    assert(!(ref->gma & 4095));
    return ref->gma | CCID_VALID | (ref->ext_restore ? REF_EXT_RESTORE : 0) |
           (ref->ext_save ? REF_EXT_SAVE : 0);
}
