/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The fake device's insides, shared by its two halves: fake.c (registers, GGTT, interrupts) and
 * memory.c (DMA-able pages, pins). Nobody else includes it.
 */
#include "gpu/fake/fake.h"
#include "kmod-stub/access.h"

#include <pthread.h>

#define FAKE_HOOKS      64
#define FAKE_BLOCKS     256
#define FAKE_DOMAINS    32
#define FAKE_DMA_BASE   0x100000000ull
#define FAKE_DMA_LIMIT  65536u
#define FAKE_PIN_LIMIT  (1u << 20)
#define FAKE_SLICE      (16u << 20)
#define FAKE_APERTURE   (256u << 20)
#define FAKE_SCRATCH_AT (FAKE_DMA_BASE - GPU_PAGE_SIZE)

struct fake_hook {
    uint32_t first, last;
    gpu_fake_read_hook *read;
    gpu_fake_write_hook *write;
    void *ctx;
};

struct fake_block {
    uint32_t count; /* 0: free slot; handle = slot + 1 */
    uint8_t row;
    uint64_t tag;
    uint64_t dma; /* of the last page; earlier pages lie above it */
    uint8_t *mem;
};

struct fake_frame {
    uint16_t domid;
    bool ram, pinned;
    uint64_t gfn, dma, pinned_dma;
};

struct fake_row {
    struct gpu gpu; /* first: what the service holds */
    struct gpu_fake *dev;
    bool open;
    int eventfd;
    uint64_t generation;
    uint32_t pending[GPU_IRQ_BANKS];
};

struct gpu_fake {
    struct vgt_access_dev access;
    struct fake_row rows[GPU_ROWS];
    uint32_t regs[VGT_REGS_SIZE / 4];
    uint8_t masked[VGT_REGS_SIZE / 4 / 8];
    struct fake_hook hooks[FAKE_HOOKS];
    unsigned nhooks;
    pthread_mutex_t lock; /* recursive; of the log, the pins and the failures to come */
    struct gpu_fake_access *log;
    size_t nlog, log_room;
    uint64_t *gtt;
    uint32_t ggtt_entries;
    uint8_t *aperture; /* the slice's storage */
    struct fake_block blocks[FAKE_BLOCKS];
    uint64_t next_dma;
    uint16_t domains[FAKE_DOMAINS];
    unsigned ndomains;
    struct fake_frame *frames;
    size_t nframes, frames_room;
    int fail_err;
    unsigned fail_count;
};

void fake_log(struct gpu_fake *f, uint8_t row, uint8_t kind, uint32_t offset, uint8_t width,
              uint64_t value);
int fake_take_failure(struct gpu_fake *f);
struct gpu_fake *fake_of(struct gpu *g);

int fake_dma_alloc(struct gpu *g, uint32_t count, uint64_t tag, struct gpu_dma *block);
int fake_dma_attach(struct gpu *g, uint32_t handle, struct gpu_dma *block);
void fake_dma_detach(struct gpu *g, struct gpu_dma *block);
int fake_dma_free(struct gpu *g, struct gpu_dma *block);
int fake_dma_list(struct gpu *g, struct gpu_dma_entry *entries, uint32_t max);
int fake_pin(struct gpu *g, uint16_t domid, const uint64_t *gfns, uint32_t count, uint64_t *dma);
int fake_unpin(struct gpu *g, uint16_t domid, const uint64_t *gfns, uint32_t count);
int fake_unpin_domain(struct gpu *g, uint16_t domid);
int fake_pin_list(struct gpu *g, uint16_t domid, uint64_t after, struct gpu_pin *pins,
                  uint32_t max);
