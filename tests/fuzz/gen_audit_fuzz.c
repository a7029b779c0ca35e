/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target for command decoding and the audit of privileged buffers. Beyond "no read outside,
 * always ends": a buffer that passed, with its patches carried out, passes again without any patch
 * that would still move the status page, and no address outside the partition was let through.
 */
#include "gen/audit_gen8.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define OWN     0x08000000u
#define OWN_END 0x0c000000u
#define HWS     0x08001000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
    uint32_t *dw;
    size_t n;
    uint32_t last;       /* dword index of the last patch: they come in order */
    unsigned again;      /* patches that must not come twice */
    bool apply, outside; /* outside: an address was refused */
};

static bool ggtt(void *ctx, uint64_t addr, uint64_t len, bool write)
{
    struct run *r = ctx;

    (void)write;
    if (addr >= OWN && addr < OWN_END && len && len <= OWN_END - addr)
        return true;
    r->outside = true;
    return false;
}

static int patch(void *ctx, const struct audit_patch *p)
{
    struct run *r = ctx;

    assert(p->at >= r->last && p->at + p->len <= r->n && p->n_words <= AUDIT_PATCH_MAX);
    r->last = p->at;
    if (p->kind == AUDIT_PATCH_WORDS || p->kind == AUDIT_PATCH_BLANK) {
        r->again++;
        if (r->apply) /* the command at hand was read already */
            audit_apply(r->dw, r->n, p);
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct audit_ops ops = {.ggtt = ggtt, .patch = patch};
    struct run r = {.apply = true};
    struct audit_verdict v;
    enum gen8_engine engine;
    enum audit_where where;

    if (size < 1 || size > 65536)
        return 0;
    engine = (enum gen8_engine)(data[0] % GEN8_ENGINES);
    where = (enum audit_where)(data[0] / GEN8_ENGINES % 4);
    r.n = (size - 1) / 4;
    r.dw = malloc(r.n ? r.n * 4 : 1);
    assert(r.dw);
    memcpy(r.dw, data + 1, r.n * 4);
    if (!audit_gen8(engine, where, r.dw, r.n, HWS, &ops, &r, &v)) {
        assert(!r.outside && v.at <= r.n);
        r.apply = false;
        r.again = r.last = 0;
        assert(!audit_gen8(engine, where, r.dw, r.n, HWS, &ops, &r, &v));
        assert(!r.again && !r.outside);
    } else {
        assert(v.reason != AUDIT_BAD_ADDRESS || r.outside || v.at < r.n);
    }
    free(r.dw);
    return 0;
}
