/* SPDX-License-Identifier: MIT */
/*
 * device.h: the whole GPU put together: configuration space, BARs, register file with all of its
 * modules, machine memory, engines and judge. Everything here is called by the one thread that
 * runs the loop; engine threads come in only through struct engines_ops.
 */
#pragma once
#include <stdint.h>

#include "softgpu/tile.h"

struct device;
struct dma;
struct engines;
struct faults;
struct irq;
struct judge;
struct model;
struct pcode;
struct regs;
struct screen;
struct trace;
struct vfu_ops;

/* The chip m, which must outlive it (model.h). NULL when out of memory. */
struct device *device_new(const struct model *m);
struct device *device_free(struct device *d);

/* Where accesses, commands and interrupts are noted (trace.h); before the first client. */
void device_set_trace(struct device *d, struct trace *t);
struct trace *device_trace(struct device *d); /* NULL: nowhere */
/* The machine's memory, and with it how tiled surfaces are swizzled (fence.h). NONE at first. */
void device_set_swizzle(struct device *d, enum tile_swizzle s);

/* What the transport calls, with the device as opaque; the sizes of the regions are its model's. */
const struct vfu_ops *device_vfu_ops(const struct device *d);
/* A client comes: memory and eventfds of the one before are forgotten, everything is reset. Until
 * then they stay, so that a screenshot of a machine that ended is possible. */
void device_attach(struct device *d);

/* CLOCK_MONOTONIC in ns of the next timed event (UINT64_MAX: none), and doing what is due. */
uint64_t device_deadline(struct device *d);
void device_tick(struct device *d);

struct device_counts {
    uint64_t mmio_reads, mmio_writes; /* dwords of BAR0's register half, by the client */
    uint64_t gtt_reads, gtt_writes;   /* accesses to BAR0's GTT half */
    uint64_t aperture_reads, aperture_writes;
    uint64_t config_reads, config_writes;
    uint64_t memory_losses; /* dma_losses() */
};
void device_get_counts(const struct device *d, struct device_counts *out);

struct engines *device_engines(struct device *d);
struct judge *device_judge(struct device *d);
struct screen *device_screen(struct device *d);
struct regs *device_regs(struct device *d);
struct irq *device_irq(struct device *d);
struct pcode *device_pcode(struct device *d);
struct faults *device_faults(struct device *d);
