/* SPDX-License-Identifier: MIT */
/*
 * fence.c: the guest's fence registers, 64 bits each at 0x100000. It has as many as PVINFO says;
 * gtt maps them to physical ones. Called by dispatch.c. i915 writes the low half as 0, then the
 * high half, then the low half with the valid bit: only then is the whole of use.
 */
#include "services/mmio/priv.h"

#define FENCE_BASE 0x100000u
#define FENCES     32u

static int fence_write(struct mmio *m, const struct mmio_write *w)
{
    uint32_t index = (w->offset - FENCE_BASE) / 8, base = FENCE_BASE + 8 * index;
    uint32_t low = *mmio_reg(m, base), high = *mmio_reg(m, base + 4);
    int rc;

    if (index >= m->s.vgpu.fences)
        return 0;
    if (w->offset == base)
        low = w->value;
    else
        high = w->value;
    rc = mmio_post_fence(m, index, (uint64_t)high << 32 | low);
    if (!rc)
        *mmio_reg(m, w->offset) = w->value;
    return rc;
}

static const struct mmio_handler fence_handler = {"fence", NULL, fence_write};

static void attach(struct mmio *m)
{
    static const struct mmio_regs regs[] = {{FENCE_BASE, 2 * FENCES, &fence_handler}};

    mmio_register(m, regs, 1);
}

static void reset(struct mmio *m)
{
    for (uint32_t i = 0; i < 2 * FENCES; i++)
        *mmio_reg(m, FENCE_BASE + 4 * i) = 0;
}

const struct mmio_part mmio_part_fence = {attach, reset};
