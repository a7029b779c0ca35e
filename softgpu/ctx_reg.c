/* SPDX-License-Identifier: MIT */
/*
 * ctx_reg.c: see ctx_reg.h. The list is that of the registers outside the ring's block which
 * Broadwell saves with a context and user batches may write.
 */
#include "softgpu/ctx_reg.h"

#include <assert.h>

#include "softgpu/engine_priv.h"

static const struct {
    uint16_t first, last;
    bool masked;
} ranges[] = {
    {0x5200, 0x521c, false}, /* SO_NUM_PRIMS_WRITTEN 0 to 3 */
    {0x5240, 0x525c, false}, /* SO_PRIM_STORAGE_NEEDED 0 to 3 */
    {0x5280, 0x528c, false}, /* SO_WRITE_OFFSET 0 to 3 */
    {0x7000, 0x7008, true},  /* CACHE_MODE_0, CACHE_MODE_1, GT_MODE */
    {0x7034, 0x7034, false}, /* L3CNTLREG */
    {0xe400, 0xe404, false}, /* TD_CTL, TD_CTL2 */
};

/* Number of the register among all of them, or -1. */
static int find(uint32_t offset, bool *masked)
{
    unsigned before = 0;

    for (unsigned i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        if (offset >= ranges[i].first && offset <= ranges[i].last) {
            *masked = ranges[i].masked;
            return (int)(before + (offset - ranges[i].first) / 4);
        }
        before += (ranges[i].last - ranges[i].first) / 4u + 1;
    }
    assert(before == CTX_REG_COUNT);
    return -1;
}

bool ctx_reg_owns(uint32_t offset)
{
    bool masked;

    return offset >= ranges[0].first && find(offset, &masked) >= 0;
}

bool ctx_reg_masked(uint32_t offset)
{
    bool masked = false;

    return find(offset, &masked) >= 0 && masked;
}

uint32_t ctx_reg_read(struct engines *es, uint32_t offset)
{
    bool masked;
    int n = find(offset, &masked);

    assert(n >= 0);
    return atomic_load_explicit(&es->ctx_reg[n], memory_order_relaxed);
}

void ctx_reg_write(struct engines *es, uint32_t offset, uint32_t value)
{
    bool masked;
    int n = find(offset, &masked);

    assert(n >= 0);
    if (masked)
        value = (ctx_reg_read(es, offset) & ~(value >> 16)) | (value & value >> 16);
    atomic_store_explicit(&es->ctx_reg[n], value, memory_order_relaxed);
}

void ctx_reg_reset(struct engines *es)
{
    for (unsigned i = 0; i < CTX_REG_COUNT; i++)
        atomic_store_explicit(&es->ctx_reg[i], 0, memory_order_relaxed);
}
