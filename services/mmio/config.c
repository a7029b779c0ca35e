/* SPDX-License-Identifier: MIT */
/*
 * config.c: PCI config space of the virtual 00:02.0: what is read-only, how BARs size and move, and
 * which guest-physical ranges are trapped in consequence. Called by dispatch.c and at start. Field
 * layout: PCI 3.0, and Haswell and Broadwell PRM vol. 2c for GGC (0x50), BSM (0x5c), MSAC (0x60),
 * ASLS (0xfc).
 */
#include <errno.h>
#include <string.h>

#include "services/mmio/priv.h"

#include "lib/crash.h"

#define COMMAND_MEMORY 0x2u
#define MSI_ENABLE     0x10000u
#define OPREGION_SIZE  0x2000u
#define MIB(n)         ((uint64_t)(n) << 20)

enum {
    CFG_COMMAND = 0x04,
    CFG_BAR0 = 0x10,
    CFG_BAR2 = 0x18,
    CFG_BAR4 = 0x20,
    CFG_LINE = 0x3c,
    CFG_GGC = 0x50,
    CFG_MSAC = 0x60,
    CFG_MSI = 0x90,
    CFG_PM = 0xd0,
    CFG_ASLS = 0xfc,
};

static uint32_t get(const struct mmio *m, uint32_t at)
{
    uint32_t value;

    memcpy(&value, m->vreg->cfg + at, 4);
    return value;
}

static void put(struct mmio *m, uint32_t at, uint32_t value)
{
    memcpy(m->vreg->cfg + at, &value, 4);
}

/* Which bits of the dword at a guest may change; the others keep their value. */
static uint32_t writable(const struct mmio *m, uint32_t at)
{
    switch (at) {
    case CFG_COMMAND:
        return 0x0407; /* I/O, memory, bus master, INTx disable */
    case CFG_BAR0:
        return ~(m->model->bar0_size - 1);
    case CFG_BAR2:
        return ~(uint32_t)(m->s.vgpu.aperture - 1);
    case CFG_BAR4:
        return 0xffc0;
    case CFG_LINE:
        return 0xff;
    case CFG_MSI:
        return MSI_ENABLE; /* one vector: multiple-message enable stays 0 */
    case CFG_MSI + 4:
        return ~3u;
    case CFG_MSI + 8:
        return 0xffff;
    case CFG_PM + 4:
        return 3; /* power state: remembered, without effect */
    case CFG_BAR0 + 4:
    case CFG_BAR2 + 4:
    case CFG_ASLS:
        return ~0u;
    }
    return 0;
}

void mmio_config_reset(struct mmio *m)
{
    const struct mmio_vgpu *g = &m->s.vgpu;

    memset(m->vreg->cfg, 0, VREG_CFG_BYTES);
    put(m, 0x00, (uint32_t)g->device << 16 | 0x8086);
    put(m, CFG_COMMAND, 0x00100000); /* has capabilities */
    put(m, 0x08, 0x03000000u | g->revision);
    put(m, CFG_BAR0, 0x4);    /* memory, 64 bits */
    put(m, CFG_BAR2, 0xc);    /* memory, 64 bits, prefetchable */
    put(m, CFG_BAR4, 0x1);    /* I/O */
    put(m, 0x2c, 0x20108086); /* subsystem */
    put(m, 0x34, CFG_MSI);
    put(m, CFG_LINE, 0x100); /* pin A */
    put(m, CFG_GGC, m->model->ggc);
    put(m, CFG_MSAC, (g->aperture / MIB(128) - 1) << m->model->msac_shift & m->model->msac_mask);
    put(m, CFG_MSI, CFG_PM << 8 | 0x05);
    put(m, CFG_PM, 0x00220001);
}

uint64_t mmio_config_read(const struct mmio *m, uint32_t at, uint32_t len)
{
    uint64_t value = 0;

    if (at >= VREG_CFG_BYTES || len > VREG_CFG_BYTES - at || len > 8)
        return ~0ull;
    memcpy(&value, m->vreg->cfg + at, len);
    return value;
}

bool mmio_config_msi(const struct mmio *m, uint64_t *addr, uint32_t *data)
{
    *addr = get(m, CFG_MSI + 4);
    *data = get(m, CFG_MSI + 8) & 0xffff;
    return get(m, CFG_MSI) & MSI_ENABLE;
}

/* Base of the 64-bit BAR at; 0 while memory decoding is off or the guest is asking for its size
 * (all ones: where that would be a place below 4 GiB, the firmware is). */
static uint64_t bar(const struct mmio *m, uint32_t at)
{
    uint32_t low = get(m, at) & writable(m, at), high = get(m, at + 4);

    if (!(get(m, CFG_COMMAND) & COMMAND_MEMORY) || high == ~0u)
        return 0;
    return low == writable(m, at) && !high ? 0 : (uint64_t)high << 32 | low;
}

/* A place Xen refuses is the guest's mistake: nothing is trapped, and it reads nothing there. */
static int trap(struct mmio *m, uint64_t base, uint64_t len, bool on)
{
    int rc = base && len ? m->s.ops->trap(m->s.vmm, base, len, on) : 0;

    if (on && (rc == -EEXIST || rc == -EINVAL || rc == -ENOSPC)) {
        mmio_fault(m, MMIO_FAULT_RANGE);
        return 0;
    }
    return rc;
}

/* The entries of one piece of the GGTT. */
static int trap_entries(struct mmio *m, uint64_t base, uint64_t from, uint64_t size, bool on)
{
    uint64_t first = from / 4096, n = size / 4096, each = m->model->entry_size;

    return trap(m, base + m->model->gtt_base + first * each, n * each, on);
}

/*
 * Registers, and the entries that are the guest's. The others are nobody's to write: Xen, where
 * nothing traps, drops what is written and reads all ones, in a hundredth of the time. A Haswell's
 * driver clears all 524,288 when it starts.
 */
static int trap_bar0(struct mmio *m, uint64_t base, bool on)
{
    const struct mmio_vgpu *g = &m->s.vgpu;
    int rc;

    if (!base)
        return 0;
    rc = trap(m, base, m->model->gtt_base, on);
    rc = rc ? rc : trap_entries(m, base, g->low_base, g->low_size, on);
    rc = rc ? rc : trap_entries(m, base, g->high_base, g->high_size, on);
    /* A process of an older build trapped it all, in one range: this goes with the others. */
    return rc || on ? rc : trap(m, base, m->model->bar0_size, false);
}

/* In all that moves: what is noted is trapped. A process that dies between the two calls leaves the
 * old place noted; the write of the guest is done again, and to trap anew what traps is harmless.
 */
static int move_bar0(struct mmio *m)
{
    uint64_t want = bar(m, CFG_BAR0);
    int rc;

    if (want == m->vreg->bar0)
        return 0;
    rc = trap_bar0(m, m->vreg->bar0, false);
    if (rc)
        return rc;
    crash_point("mmio.bar0.moving");
    rc = trap_bar0(m, want, true);
    crash_point("mmio.bar0.trapped");
    if (!rc)
        m->vreg->bar0 = want;
    return rc;
}

/* What of the aperture is not this guest's: below its part and above it. */
static int trap_aperture(struct mmio *m, uint64_t base, bool on)
{
    const struct mmio_vgpu *g = &m->s.vgpu;
    uint64_t end = (uint64_t)g->low_base + g->low_size;
    int rc;

    if (!base)
        return 0;
    rc = trap(m, base, g->low_base, on);
    return rc ? rc : trap(m, base + end, g->aperture - end, on);
}

/* Unmap, then map: the hook answers only when the old place is gone and the new one is there. */
static int move_bar2(struct mmio *m)
{
    uint64_t want = bar(m, CFG_BAR2);
    int rc;

    if (want == m->vreg->bar2)
        return 0;
    rc = trap_aperture(m, m->vreg->bar2, false);
    crash_point("mmio.bar2.moving");
    if (!rc && m->s.aperture)
        rc = m->s.aperture(m->s.aperture_ctx, want);
    if (rc)
        return rc;
    crash_point("mmio.bar2.shown");
    rc = trap_aperture(m, want, true);
    crash_point("mmio.bar2.trapped");
    if (!rc)
        m->vreg->bar2 = want;
    return rc;
}

/* hvmloader writes the address of a hole it left for the OpRegion; nothing else is behind it. */
static int move_opregion(struct mmio *m)
{
    uint64_t want = get(m, CFG_ASLS) & ~0xfffu;
    int rc;

    if (want == m->vreg->opregion)
        return 0;
    rc = trap(m, m->vreg->opregion, OPREGION_SIZE, false);
    if (rc)
        return rc;
    rc = trap(m, want, OPREGION_SIZE, true);
    if (!rc)
        m->vreg->opregion = want;
    return rc;
}

int mmio_config_apply(struct mmio *m)
{
    int rc = move_bar0(m);

    if (!rc)
        rc = move_bar2(m);
    return rc ? rc : move_opregion(m);
}

/* Storing the same bytes twice is harmless, so a write that must wait, or was cut short by a crash,
 * is simply done again. */
int mmio_config_write(struct mmio *m, uint32_t at, uint32_t len, uint64_t value)
{
    if (at >= VREG_CFG_BYTES || len > VREG_CFG_BYTES - at || len > 8)
        return 0;
    for (uint32_t i = at; i < at + len; i++, value >>= 8) {
        uint8_t mask = writable(m, i & ~3u) >> (8 * (i & 3));

        m->vreg->cfg[i] = (m->vreg->cfg[i] & ~mask) | ((uint8_t)value & mask);
    }
    return mmio_config_apply(m);
}
