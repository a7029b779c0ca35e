/* SPDX-License-Identifier: MIT */
/*
 * pvinfo.c: the PVINFO page (gen/pvinfo.h): what the guest is told of its partition, and its
 * notices about page tables. Called by dispatch.c; any width, single bytes too. The page itself
 * lives in the vreg file like any register.
 */
#include <string.h>

#include "gen/pvinfo.h"
#include "services/mmio/priv.h"

#define GUEST_PART offsetof(struct pvinfo, driver_major)

static struct pvinfo *page(struct mmio *m)
{
    return (struct pvinfo *)mmio_reg(m, PVINFO_BASE);
}

static int post_roots(struct mmio *m, bool create, uint32_t level)
{
    const struct pvinfo *p = page(m);
    uint64_t pdp[4] = {0};

    if (!m->model->notices) {
        mmio_fault(m, MMIO_FAULT_NOTIFY);
        return 0;
    }
    for (unsigned i = 0; i < (level == 4 ? 1 : 4); i++)
        pdp[i] = (uint64_t)p->pdp[i].hi << 32 | p->pdp[i].lo;
    return mmio_post_ppgtt(m, create, level, pdp);
}

static int notify(struct mmio *m, uint32_t what)
{
    switch (what) {
    case PVINFO_PPGTT_L3_CREATE:
    case PVINFO_PPGTT_L3_DESTROY:
        return post_roots(m, what == PVINFO_PPGTT_L3_CREATE, 3);
    case PVINFO_PPGTT_L4_CREATE:
    case PVINFO_PPGTT_L4_DESTROY:
        return post_roots(m, what == PVINFO_PPGTT_L4_CREATE, 4);
    case PVINFO_DISPLAY_REFRESH:
    case PVINFO_CURSOR_SHAPE:
    case PVINFO_CONTEXT_CREATE: /* sched takes contexts as they are submitted */
    case PVINFO_CONTEXT_DESTROY:
        return 0;
    }
    mmio_fault(m, MMIO_FAULT_NOTIFY);
    return 0;
}

static int pvinfo_write(struct mmio *m, const struct mmio_write *w)
{
    uint32_t at = w->offset - PVINFO_BASE;
    int rc = 0;

    if (at < GUEST_PART) {
        mmio_fault(m, MMIO_FAULT_READ_ONLY);
        return 0;
    }
    if (at == offsetof(struct pvinfo, g2v_notify))
        rc = notify(m, w->value & w->mask);
    if (!rc)
        *mmio_reg(m, w->offset) = w->value;
    return rc;
}

static const struct mmio_handler pvinfo_handler = {"PVINFO", NULL, pvinfo_write};

static void attach(struct mmio *m)
{
    static const struct mmio_regs regs[] = {{PVINFO_BASE, PVINFO_SIZE / 4, &pvinfo_handler}};

    mmio_register(m, regs, 1);
}

static void reset(struct mmio *m)
{
    const struct mmio_vgpu *g = &m->s.vgpu;

    *page(m) = (struct pvinfo){
        .magic = PVINFO_MAGIC,
        .version_major = PVINFO_VERSION_MAJOR,
        .version_minor = PVINFO_VERSION_MINOR,
        .vgt_id = g->vgt_id,
        .caps = g->caps,
        .low_base = g->low_base,
        .low_size = g->low_size,
        .high_base = g->high_base,
        .high_size = g->high_size,
        .fences = g->fences,
    };
}

const struct mmio_part mmio_part_pvinfo = {attach, reset};
