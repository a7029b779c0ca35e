/* SPDX-License-Identifier: MIT */
/*
 * device.c: puts the GPU together and routes accesses: BAR0's register half to the engines or the
 * register file, its GTT half and the aperture to the engines, I/O to the same registers by index
 * and data. Called by the loop's thread; engine threads come in through the engines_ops below.
 */
#include "softgpu/device.h"

#include "softgpu/device_trace.h"
#include "softgpu/dma.h"
#include "softgpu/engine.h"
#include "softgpu/fault.h"
#include "softgpu/fence.h"
#include "softgpu/forcewake.h"
#include "softgpu/irq.h"
#include "softgpu/judge.h"
#include "softgpu/model.h"
#include "softgpu/pci.h"
#include "softgpu/power.h"
#include "softgpu/regs.h"
#include "softgpu/screen.h"
#include "softgpu/vfu.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BAR0 = 0, BAR2 = 2, BAR4 = 4 };

struct device {
    const struct model *model;
    struct vfu_ops ops;
    struct pci pci;
    struct regs *regs;
    struct irq *irq;
    struct screen *screen;
    struct pcode *pcode;
    struct sbi *sbi;
    struct dma *dma;
    struct judge *judge;
    struct engines *engines;
    struct faults *faults;
    struct forcewake *forcewake;
    struct fences *fences;
    uint32_t io_index;
    struct device_counts counts;
    struct trace *trace; /* NULL: no log is written */
};

static uint64_t monotonic(void *opaque)
{
    struct timespec ts;

    (void)opaque;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void on_raise(void *opaque, enum engine_id engine, uint32_t events)
{
    struct device *d = opaque;

    irq_engine(d->irq, engine, events);
}

static uint32_t on_mmio_read(void *opaque, uint32_t offset)
{
    struct device *d = opaque;

    return offset < REGS_SIZE ? regs_read(d->regs, offset & ~3u) : 0;
}

static void on_mmio_write(void *opaque, uint32_t offset, uint32_t value)
{
    struct device *d = opaque;

    if (offset < REGS_SIZE)
        regs_write(d->regs, offset & ~3u, value);
}

static void on_awake(void *opaque)
{
    struct device *d = opaque;

    if (d->engines)
        engines_awoken(d->engines);
}

static int fetch(void *opaque, uint64_t addr, void *buf, uint32_t len)
{
    struct device *d = opaque;

    return engines_ggtt_read(d->engines, addr, buf, len);
}

static int make_display(struct device *d)
{
    d->irq = irq_new(d->regs, d->model);
    d->screen = d->irq ? screen_new(d->regs, d->irq, monotonic, fetch, d) : NULL;
    d->pcode = pcode_new(d->regs, d->model);
    d->sbi = sbi_new(d->regs);
    d->forcewake = forcewake_new(d->regs, d->faults, on_awake, d);
    if (!d->screen || !d->pcode || !d->sbi || !d->forcewake || power_add(d->regs, d->model) ||
        regs_add_plain(d->regs, d->model))
        return -ENOMEM;
    return 0;
}

static struct vfu_ops vfu_ops(const struct model *m);

struct device *device_new(const struct model *m)
{
    struct device *d = calloc(1, sizeof(*d));
    struct engines_ops ops = {
        .raise = on_raise, .mmio_read = on_mmio_read, .mmio_write = on_mmio_write, .opaque = d};

    if (!d)
        return NULL;
    d->model = m;
    d->ops = vfu_ops(m);
    pci_reset(&d->pci, d->model);
    d->regs = regs_new();
    d->dma = dma_new();
    d->judge = judge_new();
    d->faults = faults_new();
    if (!d->faults || !d->regs || !d->dma || !d->judge || make_display(d))
        return device_free(d);
    d->engines = engines_new(m, d->dma, d->judge, &ops);
    if (d->engines)
        d->fences = fences_new(d->regs, d->engines, judge_offences(d->judge));
    if (!d->fences)
        return device_free(d);
    engines_set_faults(d->engines, d->faults);
    screen_reset(d->screen);
    return d;
}

struct device *device_free(struct device *d)
{
    if (!d)
        return NULL;
    if (d->screen)
        screen_end_exports(d->screen); /* they read through the engines' GTT */
    if (d->engines)
        engines_free(d->engines);
    fences_free(d->fences);
    screen_free(d->screen);
    pcode_free(d->pcode);
    sbi_free(d->sbi);
    irq_free(d->irq);
    forcewake_free(d->forcewake);
    faults_free(d->faults);
    regs_free(d->regs);
    if (d->judge)
        judge_free(d->judge);
    dma_free(d->dma);
    free(d);
    return NULL;
}

static void reset(void *opaque)
{
    struct device *d = opaque;

    device_trace_reset(d->trace);
    engines_reset(d->engines);
    pci_reset(&d->pci, d->model);
    d->io_index = 0;
    screen_stop(d->screen);
    regs_reset(d->regs);
    fences_reset(d->fences);
    irq_reset(d->irq);
    irq_disable_intx(d->irq, false);
    screen_reset(d->screen);
    sbi_reset(d->sbi);
}

void device_set_trace(struct device *d, struct trace *t)
{
    d->trace = t;
    irq_set_trace(d->irq, t);
    engines_set_trace(d->engines, t);
}

void device_set_swizzle(struct device *d, enum tile_swizzle s)
{
    fences_set_swizzle(d->fences, s);
    engines_set_swizzle(d->engines, s ? s : TILE_SWIZZLE_9_10);
}

struct trace *device_trace(struct device *d)
{
    return d->trace;
}

void device_attach(struct device *d)
{
    irq_set_eventfd(d->irq, IRQ_INTX, -1);
    irq_set_eventfd(d->irq, IRQ_MSI, -1);
    reset(d);
    dma_remove_all(d->dma);
}

/* --- registers --- */

static uint32_t reg_read(struct device *d, uint32_t offset)
{
    d->counts.mmio_reads++;
    if (engines_owns(offset))
        return engines_mmio_read(d->engines, offset);
    return regs_read(d->regs, offset);
}

static void reg_write(struct device *d, uint32_t offset, uint32_t value)
{
    d->counts.mmio_writes++;
    if (engines_owns(offset))
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

static int region_read(void *opaque, unsigned region, uint64_t offset, void *buf, uint32_t len)
{
    struct device *d = opaque;
    int ret = any_read(d, region, offset, buf, len);

    if (d->trace && !ret)
        device_trace_access(d->trace, place(d), false, region, offset, buf, len);
    return ret;
}

static int region_write(void *opaque, unsigned region, uint64_t offset, const void *buf,
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

static int dma_map(void *opaque, uint64_t iova, uint64_t size, int fd, uint64_t offset,
                   unsigned prot)
{
    struct device *d = opaque;

    return dma_add(d->dma, iova, size, fd, offset, prot);
}

static int dma_unmap(void *opaque, uint64_t iova, uint64_t size)
{
    struct device *d = opaque;

    return dma_remove(d->dma, iova, size);
}

static void dma_unmap_all(void *opaque)
{
    struct device *d = opaque;

    dma_remove_all(d->dma);
}

static void irq_eventfd(void *opaque, unsigned index, int fd)
{
    struct device *d = opaque;

    irq_set_eventfd(d->irq, index == 0 ? IRQ_INTX : IRQ_MSI, fd);
}

static void irq_mask(void *opaque, unsigned index, bool masked)
{
    struct device *d = opaque;

    if (index == 0)
        irq_mask_intx(d->irq, masked);
}

static void irq_trigger(void *opaque, unsigned index)
{
    struct device *d = opaque;

    irq_test(d->irq, index == 0 ? IRQ_INTX : IRQ_MSI);
}

static struct vfu_ops vfu_ops(const struct model *m)
{
    return (struct vfu_ops){
        .dma_map = dma_map,
        .dma_unmap = dma_unmap,
        .dma_unmap_all = dma_unmap_all,
        .region_read = region_read,
        .region_write = region_write,
        .irq_eventfd = irq_eventfd,
        .irq_mask = irq_mask,
        .irq_trigger = irq_trigger,
        .reset = reset,
        .region_size = {[BAR0] = m->bar0_size,
                        [BAR2] = PCI_BAR2_SIZE,
                        [BAR4] = PCI_BAR4_SIZE,
                        [VFU_REGION_CFG] = PCI_CONFIG_SIZE},
        .irq_count = {1, 1},
    };
}

const struct vfu_ops *device_vfu_ops(const struct device *d)
{
    return &d->ops;
}

uint64_t device_deadline(struct device *d)
{
    return screen_deadline(d->screen);
}

void device_tick(struct device *d)
{
    screen_tick(d->screen);
}

void device_get_counts(const struct device *d, struct device_counts *out)
{
    *out = d->counts;
}

struct engines *device_engines(struct device *d)
{
    return d->engines;
}

struct screen *device_screen(struct device *d)
{
    return d->screen;
}

struct judge *device_judge(struct device *d)
{
    return d->judge;
}

struct regs *device_regs(struct device *d)
{
    return d->regs;
}

struct irq *device_irq(struct device *d)
{
    return d->irq;
}

struct pcode *device_pcode(struct device *d)
{
    return d->pcode;
}

struct faults *device_faults(struct device *d)
{
    return d->faults;
}
