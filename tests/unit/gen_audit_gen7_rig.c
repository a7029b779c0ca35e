/* SPDX-License-Identifier: MIT */
/* See gen_audit_gen7_rig.h. */
#include "tests/unit/gen_audit_gen7_rig.h"

#include <stdlib.h>
#include <string.h>

struct audit_patch patches[64];
unsigned n_patches;
bool refuse_patches;
unsigned n_asked;
struct asked asked;

static bool ggtt(void *ctx, uint64_t addr, uint64_t len, bool write)
{
    (void)ctx;
    n_asked++;
    asked.addr = addr;
    asked.len = len;
    asked.write = write;
    return addr >= OWN && addr <= OWN_END && len <= OWN_END - addr;
}

static int patch(void *ctx, const struct audit_patch *p)
{
    (void)ctx;
    assert_true(n_patches < 64);
    assert_non_null(p->info);
    patches[n_patches++] = *p;
    return refuse_patches;
}

static const struct audit_ops ops = {.ggtt = ggtt, .patch = patch};

struct audit_verdict run(enum gen8_engine e, enum audit_where where, const uint32_t *dw, size_t n)
{
    /* An exact copy on the heap, so that a read beyond it is seen. */
    uint32_t *copy = malloc(n ? n * 4 : 1);
    struct audit_verdict v;
    int refused;

    memcpy(copy, dw, n * 4);
    n_patches = n_asked = 0;
    memset(&asked, 0, sizeof(asked));
    refused = audit_gen7(e, where, copy, n, &ops, NULL, &v);
    assert_int_equal(refused, v.reason != AUDIT_OK);
    free(copy);
    return v;
}
