/* SPDX-License-Identifier: MIT */
/*
 * driver.h: a small driver of a gen8 virtual GPU, on the accesses of vcpu.h: what i915 does to one
 * to bring it up, to map memory in both graphics address spaces and to hear of completions. It
 * drives the blitter alone. One thread: that of its vCPU. Errors are those of vcpu.h, and -ENODEV:
 * not the device it should be; -ENOSPC: the guest is too small.
 */
#pragma once
#include "tests/rig/vcpu.h"

#define DRIVER_BAR0       0xf0000000u
#define DRIVER_BAR2       0x80000000u
#define DRIVER_BCS        0x22000u
#define DRIVER_FRMCOUNT_A 0x70040u
#define DRIVER_PT_SIZE    512u /* pages mapped by the one last-level table */

struct driver {
    struct rig_guest *g;
    uint16_t vcpu;
    uint64_t frames; /* handed out so far */
    uint32_t low_base, low_size;
    uint32_t next_gma; /* pages of the partition handed out */
    uint64_t pml4, pt; /* frames */
    uint64_t hwsp;     /* frame of the blitter's status page */
    uint32_t hwsp_gma;
    unsigned csb_read; /* the last status entry seen */
    uint64_t interrupts, odd_interrupts;
    int failed; /* the first access that failed: everything after it does nothing */
};

/* Config space, BARs, PVINFO, interrupts, the PPGTT and its notice. */
int driver_init(struct driver *d, struct rig_guest *g, uint16_t vcpu);

uint32_t driver_r32(struct driver *d, uint32_t offset);
void driver_w32(struct driver *d, uint32_t offset, uint32_t value);
/* To guest memory, trapped or not. */
void driver_poke(struct driver *d, uint64_t gpa, unsigned size, uint64_t value);

/* A frame not used before, scattered over the guest's memory; ~0 when there is none. */
uint64_t driver_frame(struct driver *d);
/* GGTT addresses of the partition for n pages in a row; entries still to be set. 0: none left. */
uint32_t driver_gma(struct driver *d, uint32_t pages);
void driver_ggtt(struct driver *d, uint32_t gma, uint64_t gfn);
/* Page slot of the PPGTT's first 2 MiB; gfn ~0: nothing there. */
void driver_ppgtt(struct driver *d, unsigned slot, uint64_t gfn);

/* Pipe A at 1024x768 with a plane of one colour, over aliases of a few frames. 0 or d->failed. */
int driver_screen(struct driver *d);

/* The blitter as after power-on: what it ran or was to run is gone. */
void driver_reset(struct driver *d);
/* Two contexts (the second may be 0) to the blitter's submission port. */
void driver_submit(struct driver *d, uint64_t first, uint64_t second);
/* Wait up to most_ms for an interrupt and serve it. 1: there was one. */
int driver_interrupt(struct driver *d, unsigned most_ms);
/* The next context status entry: true and its two dwords. */
bool driver_csb(struct driver *d, uint32_t *status, uint32_t *id);
