/* SPDX-License-Identifier: MIT */
/*
 * device.c: puts the GPU together, resets it, and hands memory and interrupts of the client on to
 * the modules they belong to; its accesses to the regions are device_bar.c's. Called by the loop's
 * thread; engine threads come in through the engines_ops below.
 */
#include "softgpu/device_priv.h"

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
#include <time.h>

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
        .region_read = device_region_read,
        .region_write = device_region_write,
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
    out->memory_losses = dma_losses(d->dma);
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
