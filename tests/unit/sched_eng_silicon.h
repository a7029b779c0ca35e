/* SPDX-License-Identifier: MIT */
/*
 * sched_eng_silicon.h: the execution half of softgpu as the GPU seam of a test, and guests' memory
 * in the same machine memory: real contexts on engines that really run. The engines' threads run
 * beside the test's; all functions are the test thread's.
 */
#pragma once
#include "gpu/gpu.h"
#include "softgpu/dma.h"
#include "softgpu/engine.h"
#include "softgpu/judge.h"
#include "vmm/vmm.h"

#include <pthread.h>
#include <stdatomic.h>

#define SILICON_MEMORY (24u << 20)
#define SILICON_BLOCKS 8u

struct silicon {
    struct gpu gpu; /* first: row sched */
    struct dma *dma;
    struct judge *judge;
    struct engines *engines;
    uint8_t *memory;
    uint64_t next_page;
    _Atomic uint32_t raised[ENGINE_COUNT];
    pthread_mutex_t irq_lock;
    int irq_fd; /* ours: the module keeps its own reference; -1: none */
    struct {
        uint64_t at, tag;
        uint32_t count;
    } block[SILICON_BLOCKS]; /* pages of the row; they outlive who asked for them */
    uint32_t blocks;
    void (*on_access)(void *ctx); /* before and after each access to a register; may be NULL */
    uint32_t reg[0x200000 / 4];   /* of the rest of the device */
};

/* Guest memory is machine memory: frame numbers are the same. */
extern const struct vmm_ops silicon_vmm;

void silicon_setup(struct silicon *s); /* a Broadwell */
void silicon_setup_hsw(struct silicon *s);
void silicon_teardown(struct silicon *s);
/* n pages in a row, zeroed; machine address. */
uint64_t silicon_pages(struct silicon *s, unsigned n);
void *silicon_at(struct silicon *s, uint64_t machine);
void silicon_ggtt(struct silicon *s, uint32_t gma, uint64_t machine);
/* The clock, in nanoseconds: the engines know no other. */
uint64_t silicon_now(void);
/* The machine memory silicon_vmm shows; one at a time. */
void silicon_share(struct silicon *s);
