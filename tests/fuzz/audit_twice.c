/* SPDX-License-Identifier: MIT */
/* audit_twice.c: see audit_twice.h. */
#include "tests/fuzz/audit_twice.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static bool ggtt(void *ctx, uint64_t addr, uint64_t len, bool write)
{
    struct twice *t = ctx;

    (void)write;
    if (addr >= TWICE_OWN && addr < TWICE_OWN_END && len && len <= TWICE_OWN_END - addr)
        return true;
    t->outside = true;
    return false;
}

static int patch(void *ctx, const struct audit_patch *p)
{
    struct twice *t = ctx;

    assert(p->at >= t->last && p->at + p->len <= t->n && p->n_words <= AUDIT_PATCH_MAX);
    t->kind->check(p);
    t->last = p->at;
    if (p->kind == AUDIT_PATCH_WORDS || p->kind == AUDIT_PATCH_BLANK ||
        p->kind == AUDIT_PATCH_SEMAPHORE)
        t->again++;
    if (t->first)
        t->kind->apply(t, p);
    return 0;
}

static void audit(struct twice *t)
{
    static const struct audit_ops ops = {.ggtt = ggtt, .patch = patch};
    struct audit_verdict v;

    if (!t->kind->audit(t, &ops, &v)) {
        assert(!t->outside && v.at <= t->n);
        t->first = false;
        t->again = t->last = 0;
        assert(!t->kind->audit(t, &ops, &v));
        assert(!t->again && !t->outside);
    } else {
        assert(v.reason != AUDIT_BAD_ADDRESS || t->outside || v.at < t->n);
    }
}

void twice_run(const struct twice_kind *kind, const uint8_t *data, size_t size)
{
    struct twice t = {.kind = kind, .first = true};

    if (size < 1 || size > 65536)
        return;
    t.engine = (enum gen8_engine)(data[0] % kind->engines);
    t.where = (enum audit_where)(data[0] / kind->engines % kind->places);
    t.n = (size - 1) / 4;
    t.dw = malloc(t.n ? t.n * 4 : 1);
    assert(t.dw);
    memcpy(t.dw, data + 1, t.n * 4);
    audit(&t);
    free(t.dw);
}
