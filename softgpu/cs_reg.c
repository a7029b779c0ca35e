/* SPDX-License-Identifier: MIT */
/*
 * cs_reg.c: register accesses made by commands: the engine's own block directly, everything else
 * through the device; and which registers a non-privileged batch may touch. Engine's thread, no
 * lock held.
 */
#include "softgpu/cs.h"
#include "softgpu/engine_kind.h"
#include "softgpu/engine_priv.h"
#include "softgpu/engine_trace.h"

#define REGS_END 0x200000u /* the register half of BAR0; commands can name 8 MiB */

static bool in_ranges(const struct cs_reg_range *r, uint32_t addr)
{
    while (r->first && (addr < r->first || addr > r->last))
        r++;
    return r->first;
}

/* May a batch without privilege write it? What a generation's hardware allows, and what software
 * added in the slots of FORCE_TO_NONPRIV. */
static bool user_reg(struct engine *e, uint32_t addr)
{
    const struct engine_kind *k = e->owner->kind;

    if (in_ranges(k->user_regs, addr) ||
        (e->owner->count > ENGINE_VCS2 && in_ranges(k->user_regs_vcs2, addr)))
        return true;
    for (unsigned i = 0; i < k->nonpriv_slots; i++) {
        uint32_t slot = reg_get(e, R_FORCE_TO_NONPRIV + 4 * i);

        /* A slot at its reset value names NOPID, which is harmless. */
        if (slot && (slot & 0x3fffffcu) == addr)
            return true;
    }
    return false;
}

/* Clocks may be read by anyone. */
static bool user_readable(struct engine *e, uint32_t addr)
{
    return e->owner->kind->reads_free || user_reg(e, addr) || addr == e->base + R_TIMESTAMP ||
           addr == e->base + R_TIMESTAMP_UDW || addr == e->base + R_CTX_TIMESTAMP;
}

void cs_reg_write_raw(struct engine *e, uint32_t addr, uint32_t value)
{
    addr &= 0x7ffffcu;
    if (addr - e->base < ENGINE_REGS_SIZE)
        engine_reg_write(e, addr - e->base, value);
    else if (engines_owns(e->owner, addr))
        engines_mmio_write(e->owner, addr, value);
    else if (addr < REGS_END)
        e->owner->ops.mmio_write(e->owner->ops.opaque, addr, value);
}

uint32_t cs_reg_read_raw(struct engine *e, uint32_t addr)
{
    addr &= 0x7ffffcu;
    if (addr - e->base < ENGINE_REGS_SIZE)
        return engine_reg_read(e, addr - e->base);
    if (engines_owns(e->owner, addr))
        return engines_mmio_read(e->owner, addr);
    return addr < REGS_END ? e->owner->ops.mmio_read(e->owner->ops.opaque, addr) : 0;
}

bool cs_reg_write(struct engine *e, uint32_t addr, uint32_t value)
{
    bool denied = !cs_privileged(e) && !user_reg(e, addr & 0x7ffffcu);

    engine_trace_reg(e, TRACE_REG_WRITE, addr & 0x7ffffcu, value, denied);
    if (denied)
        return false;
    cs_reg_write_raw(e, addr, value);
    return true;
}

bool cs_reg_read(struct engine *e, uint32_t addr, uint32_t *value)
{
    addr &= 0x7ffffcu;
    if (!cs_privileged(e) && !user_readable(e, addr)) {
        engine_trace_reg(e, TRACE_REG_READ, addr, 0, true);
        return false;
    }
    *value = cs_reg_read_raw(e, addr);
    engine_trace_reg(e, TRACE_REG_READ, addr, *value, false);
    return true;
}
