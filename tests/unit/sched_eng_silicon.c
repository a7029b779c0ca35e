/* SPDX-License-Identifier: MIT */
/*
 * sched_eng_silicon.c: see sched_eng_silicon.h.
 */
#include "tests/unit/sched_eng_silicon.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "softgpu/model.h"

#define PAGE 4096u

uint64_t silicon_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- the GPU seam */

static struct silicon *of(struct gpu *g)
{
    return (struct silicon *)g;
}

static void access_point(const struct silicon *s)
{
    if (s->on_access)
        s->on_access(NULL);
}

static int reg_read(struct gpu *g, uint32_t offset, unsigned width, uint64_t *value)
{
    assert_int_equal(width, 4);
    access_point(of(g));
    if (engines_owns(of(g)->engines, offset))
        *value = engines_mmio_read(of(g)->engines, offset);
    else
        *value = of(g)->reg[offset / 4];
    return 0;
}

/* Forcewake is acknowledged, TLB registers read 0 when done. */
static int reg_write(struct gpu *g, uint32_t offset, unsigned width, uint64_t value)
{
    struct silicon *s = of(g);

    assert_int_equal(width, 4);
    access_point(s);
    if (engines_owns(s->engines, offset))
        engines_mmio_write(s->engines, offset, (uint32_t)value);
    else
        s->reg[offset / 4] = (uint32_t)value;
    if (offset == 0xa188)
        s->reg[0x130044 / 4] = value & 1;
    access_point(s);
    return 0;
}

static int reg_rmw(struct gpu *g, uint32_t offset, uint32_t clear, uint32_t set, uint32_t *old)
{
    uint64_t v;

    reg_read(g, offset, 4, &v);
    if (old)
        *old = (uint32_t)v;
    return reg_write(g, offset, 4, ((uint32_t)v & ~clear) | set);
}

static int dma_attach(struct gpu *g, uint32_t handle, struct gpu_dma *block)
{
    struct silicon *s = of(g);
    uint64_t at = s->block[handle - 1].at;
    uint32_t count = s->block[handle - 1].count;

    *block = (struct gpu_dma){.handle = handle,
                              .count = count,
                              .tag = s->block[handle - 1].tag,
                              .map = silicon_at(s, at),
                              .dma = calloc(count, sizeof *block->dma)};
    for (uint32_t i = 0; i < count; i++)
        block->dma[i] = at + i * PAGE;
    return 0;
}

static int dma_alloc(struct gpu *g, uint32_t count, uint64_t tag, struct gpu_dma *block)
{
    struct silicon *s = of(g);

    assert_true(s->blocks < SILICON_BLOCKS);
    s->block[s->blocks].at = silicon_pages(s, count);
    s->block[s->blocks].tag = tag;
    s->block[s->blocks].count = count;
    return dma_attach(g, ++s->blocks, block);
}

static void dma_detach(struct gpu *g, struct gpu_dma *block)
{
    (void)g;
    free(block->dma);
}

static int dma_list(struct gpu *g, struct gpu_dma_entry *entries, uint32_t max)
{
    struct silicon *s = of(g);

    for (uint32_t i = 0; i < s->blocks && i < max; i++)
        entries[i] = (struct gpu_dma_entry){i + 1, s->block[i].count, s->block[i].tag};
    return (int)s->blocks;
}

/* As the module: a reference of its own; at once if something is pending already. */
static int irq_eventfd(struct gpu *g, int fd)
{
    struct silicon *s = of(g);
    int own = dup(fd);

    assert_true(own >= 0);
    pthread_mutex_lock(&s->irq_lock);
    if (s->irq_fd >= 0)
        close(s->irq_fd);
    s->irq_fd = own;
    pthread_mutex_unlock(&s->irq_lock);
    return eventfd_write(own, 1) ? -errno : 0;
}

static int irq_set(struct gpu *g, enum gpu_irq_bank bank, uint32_t imr, uint32_t ier)
{
    (void)g;
    (void)bank;
    return imr == ~ier ? 0 : -EINVAL;
}

static int irq_pending(struct gpu *g, uint32_t pending[GPU_IRQ_BANKS])
{
    struct silicon *s = of(g);

    memset(pending, 0, GPU_IRQ_BANKS * sizeof *pending);
    if (s->gpu.info.gen == 7) {
        pending[GPU_IRQ_GT0] = atomic_exchange(&s->raised[ENGINE_RCS], 0) |
                               atomic_exchange(&s->raised[ENGINE_VCS], 0) << 12 |
                               atomic_exchange(&s->raised[ENGINE_BCS], 0) << 22;
        pending[GPU_IRQ_GT2] = atomic_exchange(&s->raised[ENGINE_VECS], 0) << 10;
        return 1;
    }
    pending[GPU_IRQ_GT0] = atomic_exchange(&s->raised[ENGINE_RCS], 0) |
                           atomic_exchange(&s->raised[ENGINE_BCS], 0) << 16;
    pending[GPU_IRQ_GT1] = atomic_exchange(&s->raised[ENGINE_VCS], 0);
    pending[GPU_IRQ_GT3] = atomic_exchange(&s->raised[ENGINE_VECS], 0);
    return 1;
}

static void nothing(struct gpu *g)
{
    (void)g;
}

static const struct gpu_ops ops = {
    .close = nothing,
    .read = reg_read,
    .write = reg_write,
    .rmw = reg_rmw,
    .dma_alloc = dma_alloc,
    .dma_attach = dma_attach,
    .dma_detach = dma_detach,
    .dma_list = dma_list,
    .irq_eventfd = irq_eventfd,
    .irq_set = irq_set,
    .irq_pending = irq_pending,
};

/* ---- the device */

static void op_raise(void *opaque, enum engine_id id, uint32_t bits)
{
    struct silicon *s = opaque;

    atomic_fetch_or(&s->raised[id], bits);
    pthread_mutex_lock(&s->irq_lock);
    if (s->irq_fd >= 0)
        eventfd_write(s->irq_fd, 1);
    pthread_mutex_unlock(&s->irq_lock);
}

static uint32_t op_read(void *opaque, uint32_t offset)
{
    (void)opaque;
    (void)offset;
    return 0;
}

static void op_write(void *opaque, uint32_t offset, uint32_t value)
{
    (void)opaque;
    (void)offset;
    (void)value;
}

static void setup(struct silicon *s, uint8_t gen, const char *model)
{
    const struct engines_ops engine_ops = {op_raise, op_read, op_write, s};
    int fd = memfd_create("machine", MFD_CLOEXEC);

    memset(s, 0, sizeof *s);
    assert_int_equal(ftruncate(fd, SILICON_MEMORY), 0);
    s->memory = mmap(NULL, SILICON_MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(s->memory, MAP_FAILED);
    s->gpu.ops = &ops;
    s->irq_fd = -1;
    pthread_mutex_init(&s->irq_lock, NULL);
    s->gpu.info = (struct gpu_info){.gen = gen,
                                    .row = GPU_ROW_SCHED,
                                    .ggtt_entries = 1u << (12 + gen),
                                    .max_dma_pages = 1u << 16};
    s->dma = dma_new();
    s->judge = judge_new();
    assert_int_equal(dma_add(s->dma, 0, SILICON_MEMORY, fd, 0, 3), 0);
    s->engines = engines_new(model_find(model), s->dma, s->judge, &engine_ops);
    assert_non_null(s->engines);
    s->next_page = PAGE;
}

void silicon_setup(struct silicon *s)
{
    setup(s, 8, "bdw");
}

void silicon_setup_hsw(struct silicon *s)
{
    setup(s, 7, "hsw");
}

void silicon_teardown(struct silicon *s)
{
    engines_free(s->engines);
    judge_free(s->judge);
    dma_free(s->dma);
    munmap(s->memory, SILICON_MEMORY);
    if (s->irq_fd >= 0)
        close(s->irq_fd);
}

uint64_t silicon_pages(struct silicon *s, unsigned n)
{
    uint64_t at = s->next_page;

    s->next_page += (uint64_t)n * PAGE;
    assert_true(s->next_page <= SILICON_MEMORY);
    return at;
}

void *silicon_at(struct silicon *s, uint64_t machine)
{
    return s->memory + machine;
}

void silicon_ggtt(struct silicon *s, uint32_t gma, uint64_t machine)
{
    unsigned bytes = s->gpu.info.gen == 7 ? 4 : 8;

    engines_gtt_write(s->engines, gma / PAGE * bytes, bytes, machine | 1);
}

/* ---- the hypervisor seam */

static struct silicon *shared;

void silicon_share(struct silicon *s)
{
    shared = s;
}

static void *map(struct vmm *v, const uint64_t *gfns, size_t nr, bool writable)
{
    (void)v;
    (void)writable;
    assert_int_equal(nr, 1);
    return *gfns < SILICON_MEMORY / PAGE ? silicon_at(shared, *gfns * PAGE) : NULL;
}

static void unmap(struct vmm *v, void *addr, size_t nr)
{
    (void)v;
    (void)addr;
    (void)nr;
}

static int open_memory(uint32_t domid, struct vmm **out)
{
    *out = (struct vmm *)(uintptr_t)domid;
    return 0;
}

static void close_memory(struct vmm *v)
{
    (void)v;
}

const struct vmm_ops silicon_vmm = {
    .open_memory = open_memory, .close = close_memory, .map = map, .unmap = unmap};
