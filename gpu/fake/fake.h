/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * A GPU in memory for unit tests: storage registers with hooks, a log of every access in order,
 * a GGTT, DMA-able pages, pins from a table of frames, interrupts raised by the test. The fake is
 * the device; a row opened on it is what a service gets, and closing and opening the row again is a
 * service's restart (pages and pins stay, as behind the fd). Access rights are the module's own
 * table, so a service that strays from its row fails here as it would on /dev/vgt.
 *
 * Used by tests only. One thread owns it; pin calls may come from others at the same time, as
 * gpu.h promises, the functions of this header may not.
 */
#include "gpu/gpu.h"

struct gpu_fake;

enum gpu_fake_kind {
    GPU_FAKE_READ,      /* offset, width, value read */
    GPU_FAKE_WRITE,     /* offset, width, value */
    GPU_FAKE_RMW,       /* offset, width 4, value written */
    GPU_FAKE_GTT_WRITE, /* offset = index, value = entry */
    GPU_FAKE_GTT_FLUSH,
    GPU_FAKE_IRQ_SET, /* offset = bank, value = ier << 32 | imr */
    GPU_FAKE_PIN,     /* offset = domid, value = gfn; one record per gfn newly pinned */
    GPU_FAKE_UNPIN    /* the same, per gfn released */
};

struct gpu_fake_access {
    uint8_t kind; /* enum gpu_fake_kind */
    uint8_t row;  /* enum gpu_row */
    uint8_t width;
    uint32_t offset;
    uint64_t value;
};

/* *value comes in as stored and may be changed before the caller sees it. */
typedef void gpu_fake_read_hook(void *ctx, struct gpu_fake *f, uint32_t offset, uint64_t *value);

/* Called before the store; *value may be changed (a self-clearing bit, a masked register).
 * Other registers may be set with gpu_fake_set. */
typedef void gpu_fake_write_hook(void *ctx, struct gpu_fake *f, uint32_t offset, uint64_t *value);

/* A device of the generation with info.ggtt_entries entries; all registers 0. Free after every row
 * is closed. NULL when out of memory. */
struct gpu_fake *gpu_fake_new(enum gpu_gen gen, uint32_t ggtt_entries);
void gpu_fake_free(struct gpu_fake *f);

/* Opens a row. -EBUSY while it is open already, -ENOMEM. The caller gpu_close()s it. */
int gpu_fake_open(struct gpu_fake *f, enum gpu_row row, struct gpu **g);

/* Register storage without access checks, hooks or log. offset < 2 MiB, multiple of 4. */
uint32_t gpu_fake_get(const struct gpu_fake *f, uint32_t offset);
void gpu_fake_set(struct gpu_fake *f, uint32_t offset, uint32_t value);

/* The registers that behave as masked writes (upper half selects): storage keeps the low half. */
int gpu_fake_set_masked(struct gpu_fake *f, uint32_t offset);

/* Hooks for registers first..last (inclusive). Later hooks see the value earlier ones left.
 * -ENOSPC past 64 hooks. */
int gpu_fake_on_read(struct gpu_fake *f, uint32_t first, uint32_t last, gpu_fake_read_hook *fn,
                     void *ctx);
int gpu_fake_on_write(struct gpu_fake *f, uint32_t first, uint32_t last, gpu_fake_write_hook *fn,
                      void *ctx);

/* The log since the start or the last clear; *count gets its length. Valid until the next access.*/
const struct gpu_fake_access *gpu_fake_log(const struct gpu_fake *f, size_t *count);
void gpu_fake_log_clear(struct gpu_fake *f);

/* GGTT entry without log; index < ggtt_entries. */
uint64_t gpu_fake_gtt(const struct gpu_fake *f, uint32_t index);

/* The device's memory: the page a DMA address lies in, if it is one of a row's pages (4096 bytes);
 * NULL otherwise. Lets a test play the GPU's side. */
void *gpu_fake_dma_page(struct gpu_fake *f, uint64_t dma);

/* Guest frames a pin can find. attach: as the broker does. add_frame: domid's gfn has bus address
 * dma (page-aligned) from now on; again with another dma moves it. remove_frame: RAM no longer. */
int gpu_fake_attach(struct gpu_fake *f, uint16_t domid);
int gpu_fake_add_frame(struct gpu_fake *f, uint16_t domid, uint64_t gfn, uint64_t dma);
int gpu_fake_remove_frame(struct gpu_fake *f, uint16_t domid, uint64_t gfn);

/* Pins held now, over all domains; and whether one is. */
size_t gpu_fake_pins(const struct gpu_fake *f);
bool gpu_fake_pinned(const struct gpu_fake *f, uint16_t domid, uint64_t gfn);

/* Raises bits in a bank: those unmasked in IMR and enabled in IER become pending for its row and
 * signal its eventfd. Returns the bits delivered. A bank the generation lacks delivers none. */
uint32_t gpu_fake_raise(struct gpu_fake *f, enum gpu_irq_bank bank, uint32_t bits);

/* The next count calls of dma_alloc or pin fail with -err (resource exhaustion in tests). */
void gpu_fake_fail(struct gpu_fake *f, int err, unsigned count);
