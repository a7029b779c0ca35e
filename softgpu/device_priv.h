/* SPDX-License-Identifier: MIT */
/*
 * device_priv.h: the device as device.c (which makes it) and device_bar.c (which carries out the
 * client's accesses) know it, and nobody else. The loop's thread.
 */
#pragma once
#include "softgpu/device.h"
#include "softgpu/pci.h"
#include "softgpu/vfu.h"

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

/* For struct vfu_ops; opaque is the device. */
int device_region_read(void *opaque, unsigned region, uint64_t offset, void *buf, uint32_t len);
int device_region_write(void *opaque, unsigned region, uint64_t offset, const void *buf,
                        uint32_t len);
