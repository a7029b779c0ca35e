/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target for decoding and the audit of Haswell's command buffers. Beyond "no read outside,
 * always ends": a buffer that passed, with its patches carried out, passes again without any patch
 * that would still change it, and no address outside the partition was let through.
 */
#include "gen/audit_gen7.h"
#include "gen/ctx_gen7.h"
#include "tests/fuzz/audit_twice.h"

#include <assert.h>

#define SHADOW 0x0a000000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int audit(struct twice *t, const struct audit_ops *ops, struct audit_verdict *v)
{
    return audit_gen7(t->engine, t->where, t->dw, t->n, ops, t, v);
}

static void check(const struct audit_patch *p)
{
    assert(p->kind != AUDIT_PATCH_TRAMPOLINE);
    assert(p->kind != AUDIT_PATCH_WORDS || p->n_words <= p->len);
}

/* As a scheduler does: the image and the batch are copies. The command was read already. */
static void apply(struct twice *t, const struct audit_patch *p)
{
    struct ctx_gen7_ref ref;

    audit_apply(t->dw, t->n, p);
    if (p->kind == AUDIT_PATCH_CONTEXT) {
        assert(ctx_gen7_ref_decode(p->words[0], &ref) && p->len == 1);
        ref.gma = SHADOW;
        t->dw[p->at] = ctx_gen7_ref_encode(&ref);
    } else if (p->kind == AUDIT_PATCH_BATCH) {
        assert(p->len == 2 && !(p->words[0] & MI_BB_PPGTT));
        t->dw[p->at] = p->words[0];
        t->dw[p->at + 1] = SHADOW;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct twice_kind gen7 = {GEN8_VCS2, AUDIT_INDIRECT_CTX, audit, check, apply};

    twice_run(&gen7, data, size);
    return 0;
}
