/* SPDX-License-Identifier: MIT */
/*
 * engine.c: registers of the virtual engines that are the same in Haswell and Broadwell: the
 * device-wide reset, masked mode registers, time stamps. Called by dispatch.c. Register facts:
 * Haswell and Broadwell PRM vol. 2c.
 */
#include "services/mmio/priv.h"

#include "lib/crash.h"

#define GDRST 0x941cu

uint32_t mmio_engine_of(uint32_t offset)
{
    uint32_t engine = 0;

    while (engine < GEN8_ENGINES && gen8_engine_base(engine) != (offset & ~0xfffu))
        engine++;
    return engine;
}

static int masked_write(struct mmio *m, const struct mmio_write *w)
{
    *mmio_reg(m, w->offset) = mmio_masked(*mmio_reg(m, w->offset), w);
    return 0;
}

static int read_only(struct mmio *m, const struct mmio_write *w)
{
    (void)w;
    mmio_fault(m, MMIO_FAULT_READ_ONLY);
    return 0;
}

/* 80 ns per tick, 36 bits, low dword first. */
static uint32_t timestamp_read(struct mmio *m, uint32_t offset)
{
    uint64_t ticks = m->s.now_ns() / 80;

    return offset & 4 ? ticks >> 32 & 0xf : ticks;
}

/* Bit 0 means all of them; no guest has an engine its GPU lacks. */
static uint32_t reset_mask(const struct mmio *m, uint32_t value)
{
    static const struct {
        uint32_t bit, engines;
    } domain[] = {
        {1u << 0, GEN8_M_ALL}, {1u << 1, GEN8_M_RCS},  {1u << 2, GEN8_M(GEN8_VCS)},
        {1u << 3, GEN8_M_BCS}, {1u << 4, GEN8_M_VECS}, {1u << 7, GEN8_M(GEN8_VCS2)},
    };
    uint32_t mask = 0;

    for (size_t i = 0; i < sizeof domain / sizeof domain[0]; i++)
        if (value & domain[i].bit)
            mask |= domain[i].engines;
    return mask & m->s.vgpu.engines;
}

static uint32_t zero_read(struct mmio *m, uint32_t offset)
{
    (void)m;
    (void)offset;
    return 0;
}

/* The register reads 0 at once: to the guest the reset is over, sched orders the rest. */
static int gdrst_write(struct mmio *m, const struct mmio_write *w)
{
    uint32_t mask = reset_mask(m, w->value & w->mask);
    int rc;

    mmio_undo(m, &m->vreg->submit, sizeof m->vreg->submit);
    rc = mask ? mmio_post_engine_reset(m, mask) : 0;
    if (rc)
        return rc;
    crash_point("mmio.reset.posted");
    for (uint32_t engine = 0; engine < GEN8_ENGINES; engine++)
        if (mask & GEN8_M(engine))
            m->model->reset_engine(m, engine);
    return 0;
}

const struct mmio_handler mmio_masked_handler = {"masked", NULL, masked_write};
const struct mmio_handler mmio_ro_handler = {"read only", NULL, read_only};
const struct mmio_handler mmio_timestamp_handler = {"timestamp", timestamp_read, read_only};
static const struct mmio_handler gdrst_handler = {"GDRST", zero_read, gdrst_write};

static void attach(struct mmio *m)
{
    static const struct mmio_regs regs[] = {
        {0x2088, 1, &mmio_masked_handler}, {0x2090, 1, &mmio_masked_handler},
        {0x20dc, 1, &mmio_masked_handler}, {0x20e4, 1, &mmio_masked_handler},
        {0x2120, 2, &mmio_masked_handler}, {0x2470, 1, &mmio_masked_handler},
        {0x4030, 1, &mmio_masked_handler}, {0x7000, 3, &mmio_masked_handler},
        {0x7010, 3, &mmio_masked_handler}, {0xe100, 1, &mmio_masked_handler},
        {0xe180, 3, &mmio_masked_handler}, {0xe4f4, 1, &mmio_masked_handler},
        {GDRST, 1, &gdrst_handler},
    };

    mmio_register(m, regs, sizeof regs / sizeof regs[0]);
}

const struct mmio_part mmio_part_engine = {attach, NULL};
