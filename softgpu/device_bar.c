/* SPDX-License-Identifier: MIT */
/*
 * device_bar.c: the client's accesses to the regions: BAR0's register half goes to the engines or
 * the register file, its GTT half to the engines, the aperture through the fences, I/O to the same
 * registers by index and data, configuration space to pci.c. Each is counted and, when a log is
 * written, noted. Called by the transport on the loop's thread.
 */
#include "softgpu/device_priv.h"

#include "softgpu/device_trace.h"
#include "softgpu/engine.h"
#include "softgpu/fence.h"
#include "softgpu/irq.h"
#include "softgpu/model.h"
#include "softgpu/regs.h"

#include <errno.h>
#include <string.h>

/* --- registers --- */

static uint32_t reg_read(struct device *d, uint32_t offset)
{
    d->counts.mmio_reads++;
    if (engines_owns(d->engines, offset))
        return engines_mmio_read(d->engines, offset);
    return regs_read(d->regs, offset);
}

static void reg_write(struct device *d, uint32_t offset, uint32_t value)
{
    d->counts.mmio_writes++;
    if (engines_owns(d->engines, offset))
        engines_mmio_write(d->engines, offset, value);
    else
        regs_write(d->regs, offset, value);
}

/* One naturally aligned access of 1, 2, 4 or 8 bytes to the register half. */
static uint64_t mmio_read(struct device *d, uint32_t offset, unsigned len)
{
    uint64_t v;

    if (offset >= REGS_SIZE)
        return 0;
    if (len == 8) {
        v = reg_read(d, offset);
        return v | (uint64_t)reg_read(d, offset + 4) << 32;
    }
    return reg_read(d, offset & ~3u) >> 8 * (offset & 3);
}

static void mmio_write(struct device *d, uint32_t offset, unsigned len, uint64_t value)
{
    if (offset >= REGS_SIZE)
        return;
    if (len == 8) {
        reg_write(d, offset, (uint32_t)value);
        reg_write(d, offset + 4, (uint32_t)(value >> 32));
    } else if (len == 4) {
        reg_write(d, offset, (uint32_t)value);
    } else { /* the bytes beside it keep their value */
        unsigned shift = 8 * (offset & 3);
        uint32_t mask = (len == 2 ? 0xffffu : 0xffu) << shift;
        uint32_t old = reg_read(d, offset & ~3u);

        reg_write(d, offset & ~3u, (old & ~mask) | ((uint32_t)value << shift & mask));
    }
}

static uint64_t bar0_read(struct device *d, uint32_t offset, unsigned len)
{
    if (offset < d->model->gtt_start)
        return mmio_read(d, offset, len);
    d->counts.gtt_reads++;
    return engines_gtt_read(d->engines, offset - d->model->gtt_start, len);
}

static void bar0_write(struct device *d, uint32_t offset, unsigned len, uint64_t value)
{
    if (offset < d->model->gtt_start) {
        mmio_write(d, offset, len, value);
        return;
    }
    d->counts.gtt_writes++;
    engines_gtt_write(d->engines, offset - d->model->gtt_start, len, value);
}

/* Two registers, repeated: the index of a BAR0 dword and its data. */
static uint64_t bar4_read(struct device *d, uint32_t offset, unsigned len)
{
    uint32_t v = offset & 4 ? (uint32_t)bar0_read(d, d->io_index, 4) : d->io_index;

    (void)len;
    return v >> 8 * (offset & 3);
}

static void bar4_write(struct device *d, uint32_t offset, unsigned len, uint64_t value)
{
    if (len < 4)
        return; /* the pair is dword only */
    if (offset & 4)
        bar0_write(d, d->io_index, 4, (uint32_t)value);
    else
        d->io_index = (uint32_t)value & (d->model->bar0_size - 1) & ~3u;
}

/* --- regions --- */

/* The largest naturally aligned access at offset that fits into len. */
static unsigned piece(uint64_t offset, uint32_t len, unsigned most)
{
    unsigned n = most;

    while (n > len || offset & (n - 1))
        n /= 2;
    return n;
}

static int bar_read(struct device *d, unsigned region, uint64_t offset, uint8_t *buf, uint32_t len)
{
    while (len) {
        unsigned n = piece(offset, len, region == BAR0 ? 8 : 4);
        uint64_t v =
            region == BAR0 ? bar0_read(d, (uint32_t)offset, n) : bar4_read(d, (uint32_t)offset, n);

        memcpy(buf, &v, n);
        buf += n;
        offset += n;
        len -= n;
    }
    return 0;
}

static int bar_write(struct device *d, unsigned region, uint64_t offset, const uint8_t *buf,
                     uint32_t len)
{
    while (len) {
        unsigned n = piece(offset, len, region == BAR0 ? 8 : 4);
        uint64_t v = 0;

        memcpy(&v, buf, n);
        if (region == BAR0)
            bar0_write(d, (uint32_t)offset, n, v);
        else
            bar4_write(d, (uint32_t)offset, n, v);
        buf += n;
        offset += n;
        len -= n;
    }
    return 0;
}

static int config_read(struct device *d, uint64_t offset, void *buf, uint32_t len)
{
    d->counts.config_reads++;
    pci_show_intx(&d->pci, irq_pending(d->irq));
    pci_read(&d->pci, (uint32_t)offset, buf, len);
    return 0;
}

static int config_write(struct device *d, uint64_t offset, const void *buf, uint32_t len)
{
    d->counts.config_writes++;
    pci_write(&d->pci, (uint32_t)offset, buf, len);
    irq_disable_intx(d->irq, pci_intx_disabled(&d->pci));
    return 0;
}

static int any_read(struct device *d, unsigned region, uint64_t offset, void *buf, uint32_t len)
{
    switch (region) {
    case BAR0:
    case BAR4:
        return bar_read(d, region, offset, buf, len);
    case BAR2:
        d->counts.aperture_reads++;
        fences_read(d->fences, offset, buf, len);
        return 0;
    case VFU_REGION_CFG:
        return config_read(d, offset, buf, len);
    default:
        return -EINVAL;
    }
}

static struct device_trace_place place(const struct device *d)
{
    return (struct device_trace_place){d->model->gtt_start, d->io_index};
}

int device_region_read(void *opaque, unsigned region, uint64_t offset, void *buf, uint32_t len)
{
    struct device *d = opaque;
    int ret = any_read(d, region, offset, buf, len);

    if (d->trace && !ret)
        device_trace_access(d->trace, place(d), false, region, offset, buf, len);
    return ret;
}

int device_region_write(void *opaque, unsigned region, uint64_t offset, const void *buf,
                        uint32_t len)
{
    struct device *d = opaque;

    if (d->trace)
        device_trace_access(d->trace, place(d), true, region, offset, buf, len);
    switch (region) {
    case BAR0:
    case BAR4:
        return bar_write(d, region, offset, buf, len);
    case BAR2:
        d->counts.aperture_writes++;
        fences_write(d->fences, offset, buf, len);
        return 0;
    case VFU_REGION_CFG:
        return config_write(d, offset, buf, len);
    default:
        return -EINVAL;
    }
}
