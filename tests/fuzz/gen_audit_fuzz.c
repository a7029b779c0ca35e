/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target for command decoding and the audit of privileged buffers. Beyond "no read outside,
 * always ends": a buffer that passed, with its patches carried out, passes again without any patch
 * that would still move the status page, and no address outside the partition was let through.
 */
#include "gen/audit_gen8.h"
#include "tests/fuzz/audit_twice.h"

#define HWS 0x08001000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int audit(struct twice *t, const struct audit_ops *ops, struct audit_verdict *v)
{
    return audit_gen8(t->engine, t->where, t->dw, t->n, HWS, ops, t, v);
}

static void check(const struct audit_patch *p)
{
    (void)p;
}

static void apply(struct twice *t, const struct audit_patch *p)
{
    audit_apply(t->dw, t->n, p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct twice_kind gen8 = {GEN8_ENGINES, 4, audit, check, apply};

    twice_run(&gen8, data, size);
    return 0;
}
