/* SPDX-License-Identifier: MIT */
/*
 * softgpu_ring_rig.c: see softgpu_ring_rig.h. The order of registers is that of a driver which
 * brings up an engine: status page, ring, directory, PPGTT, head and tail, control.
 */
#include "tests/unit/softgpu_ring_rig.h"

#define IDLE     (1u << 9)
#define PD_LINES 0xffffffffu

static const uint32_t status_pages[RING_ENGINES] = {
    [ENGINE_RCS] = 0x4080, [ENGINE_BCS] = 0x4280, [ENGINE_VCS] = 0x4180, [ENGINE_VECS] = 0x4380};

void ring_rig_engine(struct rig *r, enum engine_id id)
{
    r->hwsp[id] = rig_page(r);
    engines_mmio_write(r->engines, status_pages[id], rig_ggtt_map(r, 0, r->hwsp[id]));
    engines_mmio_write(r->engines, rig_base(id) + 0xa8, 0);
}

uint32_t ring_rig_read(struct rig *r, const struct rig_ctx *c, uint32_t offset)
{
    return engines_mmio_read(r->engines, rig_base(c->engine) + offset);
}

void ring_rig_write(struct rig *r, const struct rig_ctx *c, uint32_t offset, uint32_t v)
{
    engines_mmio_write(r->engines, rig_base(c->engine) + offset, v);
}

void ring_rig_directory(struct rig *r, struct rig_ctx *c)
{
    c->directory = r->next_directory;
    r->next_directory += 512;
}

uint32_t ring_rig_base(const struct rig_ctx *c)
{
    return c->directory / 16 << 16;
}

void ring_rig_restart(struct rig *r, struct rig_ctx *c)
{
    c->tail = 0;
    ring_rig_write(r, c, 0x3c, 0);
    ring_rig_write(r, c, 0xa8, 0);
    ring_rig_write(r, c, 0x38, c->ring_ggtt);
    ring_rig_write(r, c, 0x220, PD_LINES);
    ring_rig_write(r, c, 0x228, ring_rig_base(c));
    ring_rig_write(r, c, 0x29c, 0x02000200);
    if (c->engine == ENGINE_RCS)
        ring_rig_write(r, c, 0x29c, 0x20002000); /* TLBs are invalidated when software says so */
    ring_rig_write(r, c, 0x34, 0);
    ring_rig_write(r, c, 0x30, 0);
    ring_rig_write(r, c, 0x3c, 1);
    ring_rig_write(r, c, 0x9c, 0x01000000);
}

void ring_rig_context(struct rig *r, struct rig_ctx *c, enum engine_id id)
{
    *c = (struct rig_ctx){.engine = id};
    c->ring = rig_page(r);
    c->ring_ggtt = rig_ggtt_map(r, 0, c->ring);
    ring_rig_directory(r, c);
    engines_ggtt_flush(r->engines);
    ring_rig_restart(r, c);
}

uint32_t ring_rig_pde(const struct rig_ctx *c, uint64_t addr)
{
    return (c->directory + (uint32_t)(addr >> 22)) * 4;
}

uint64_t ring_rig_pte(struct rig *r, const struct rig_ctx *c, uint64_t addr)
{
    uint64_t table = engines_gtt_read(r->engines, ring_rig_pde(c, addr), 4) & 0xfffff000u;

    return table + (addr >> 12 & 1023) * 4;
}

/* New entries of the directory are flushed as a driver would. */
void ring_rig_map(struct rig *r, struct rig_ctx *c, uint64_t addr, uint32_t pte)
{
    assert_true(addr < 0x80000000u);
    if (!(engines_gtt_read(r->engines, ring_rig_pde(c, addr), 4) & 1)) {
        engines_gtt_write(r->engines, ring_rig_pde(c, addr), 4, rig_page(r) | 1);
        engines_ggtt_flush(r->engines);
        ring_rig_write(r, c, 0xc0, 0x02000200); /* and the directory is loaded anew */
    }
    rig_w32(r, ring_rig_pte(r, c, addr), pte);
}

void ring_rig_go(struct rig *r, struct rig_ctx *c)
{
    ring_rig_write(r, c, 0x30, c->tail);
}

void ring_rig_done(struct rig *r, struct rig_ctx *c)
{
    uint32_t base = rig_base(c->engine);

    assert_true(rig_wait_reg(r, base + 0x34, 0x1fffff, c->tail));
    assert_true(rig_wait_reg(r, base + 0x9c, IDLE, IDLE));
}
