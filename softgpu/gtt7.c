/* SPDX-License-Identifier: MIT */
/*
 * gtt7.c: see gtt7.h. Entries come from the global table's array and from machine memory; nothing
 * is kept here but in the directory that the caller's struct ppgtt names.
 */
#include "softgpu/gtt7.h"

#include <errno.h>

#define SPACE_END 0x80000000ull /* of a per-process space: 2 GiB */

uint64_t gtt7_entry(uint32_t raw)
{
    return (raw & 0xfffff000u) | (uint64_t)(raw & 0x7f0u) << 28 |
           (raw & 1u ? GTT_PRESENT | GTT_WRITABLE : 0);
}

/* A directory entry has one address bit more, 39 in bit 11, which no address here has set. */
static uint64_t table_of(uint32_t pde)
{
    return GTT_ADDR(gtt7_entry(pde));
}

static uint32_t pde_number(uint64_t addr)
{
    return addr >> 22 & (GTT7_PDES - 1);
}

uint64_t gtt7_pde_place(const struct ppgtt *p, uint64_t addr)
{
    uint32_t first = (uint32_t)p->root[0] >> 16 << 4;

    return (uint64_t)(first + pde_number(addr)) * GTT_PAGE;
}

uint32_t gtt7_pde_now(const struct ppgtt *p, uint64_t addr)
{
    return (uint32_t)gtt_raw(p->gtt, gtt7_pde_place(p, addr));
}

bool gtt7_pde_loaded(const struct ppgtt *p, uint64_t addr)
{
    return p->dclv >> (pde_number(addr) / GTT7_LINE_PDES) & 1;
}

uint32_t gtt7_pde(const struct ppgtt *p, uint64_t addr)
{
    uint32_t n = pde_number(addr), line = n / GTT7_LINE_PDES;
    struct gtt7_directory *d = p->dir;

    if (!d)
        return gtt7_pde_now(p, addr);
    if (d->gen[line] != p->dir_gen) {
        for (uint32_t i = 0; i < GTT7_LINE_PDES; i++) {
            uint64_t at = (uint64_t)(line * GTT7_LINE_PDES + i) << 22;

            d->pde[line * GTT7_LINE_PDES + i] = gtt7_pde_now(p, at);
        }
        d->gen[line] = p->dir_gen;
    }
    return d->pde[n];
}

int gtt7_walk(struct dma *dma, const struct ppgtt *p, uint64_t addr, uint64_t *entry,
              gtt_visit visit, void *opaque)
{
    uint32_t pde, raw;

    if (addr >= SPACE_END || !gtt7_pde_loaded(p, addr))
        return -EFAULT;
    pde = gtt7_pde(p, addr);
    if (!(pde & 1))
        return -EFAULT;
    if (visit)
        visit(opaque, table_of(pde));
    if (dma_read(dma, table_of(pde) + (addr >> 12 & 1023) * sizeof(raw), &raw, sizeof(raw)))
        return -EFAULT;
    *entry = gtt7_entry(raw);
    return raw & 1 ? 0 : -EFAULT;
}

/* The directory's part of it is a step in the global table, like any entry of that. */
void gtt7_trace(struct dma *dma, const struct ppgtt *p, uint64_t addr, struct walk *out)
{
    uint32_t pde, raw = 0;

    out->count = 0;
    if (addr >= SPACE_END || !gtt7_pde_loaded(p, addr))
        return;
    pde = gtt7_pde_now(p, addr);
    out->step[out->count++] =
        (struct walk_step){.index = (uint32_t)(gtt7_pde_place(p, addr) / GTT_PAGE), .entry = pde};
    if (!(pde & 1))
        return;
    if (dma_read(dma, table_of(pde) + (addr >> 12 & 1023) * sizeof(raw), &raw, sizeof(raw)))
        raw = 0;
    out->step[out->count++] =
        (struct walk_step){.table = table_of(pde), .index = addr >> 12 & 1023, .entry = raw};
}

int gtt7_line(struct dma *dma, uint64_t table, uint64_t addr, uint64_t entry[8])
{
    uint32_t raw[8];

    if (dma_read(dma, table + (addr >> 12 & 0x3f8) * sizeof(raw[0]), raw, sizeof(raw)))
        return -EFAULT;
    for (unsigned i = 0; i < 8; i++)
        entry[i] = gtt7_entry(raw[i]);
    return 0;
}
