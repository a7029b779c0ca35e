/* SPDX-License-Identifier: MIT */
/*
 * softgpu_ctx_rig.c: see softgpu_ctx_rig.h.
 */
#include "tests/unit/softgpu_ctx_rig.h"

#include <string.h>

void batch_add(struct batch *b, const uint32_t *dw, unsigned n)
{
    assert_true(b->n + n <= sizeof(b->dw) / 4);
    memcpy(b->dw + b->n, dw, n * 4);
    b->n += n;
}

static void map_pages(struct rig *r, struct rig_ctx *c, uint32_t addr, unsigned n, uint64_t *page)
{
    for (unsigned i = 0; i < n; i++) {
        uint64_t p = rig_map_new(r, c, addr + i * 4096);

        if (page)
            page[i] = p;
    }
}

void ctx_make(struct rig *r, struct ctx *x, enum engine_id id)
{
    rig_context(r, &x->c, id, 4);
    map_pages(r, &x->c, BATCH, 8, x->batch);
    map_pages(r, &x->c, DATA, 2, x->data);
}

void ctx_load(struct rig *r, struct ctx *x, struct batch *b)
{
    ADD(b, MI_BBE);
    for (unsigned i = 0; i < b->n; i++)
        rig_w32(r, x->batch[i / 1024] + i % 1024 * 4, b->dw[i]);
}

void ctx_run(struct rig *r, struct ctx *x, struct batch *b)
{
    ctx_load(r, x, b);
    RIG_RUN(r, &x->c, MI_BBS(BATCH));
}

int ctx_setup(void **state)
{
    static struct rig r;

    rig_setup(&r);
    *state = &r;
    return 0;
}

int ctx_teardown(void **state)
{
    rig_teardown(*state);
    return 0;
}
