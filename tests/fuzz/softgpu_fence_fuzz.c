/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target for fences: any fence registers in any order, and CPU accesses of any size through
 * the aperture between them, over some pages that part of the GGTT names. Every byte that is read
 * is the one the reference (softgpu_fence_ref.h) says, and memory that no table maps stays as it
 * was. The fuzzer's thread; the engines' own threads sleep.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "softgpu/dma.h"
#include "softgpu/engine.h"
#include "softgpu/fence.h"
#include "softgpu/judge.h"
#include "softgpu/model.h"
#include "softgpu/offence.h"
#include "softgpu/regs.h"
#include "tests/unit/softgpu_fence_ref.h"

#define PAGES   64u /* of machine memory; the even ones are mapped */
#define MAPPED  48u /* GGTT pages from 0; every eighth has no entry */
#define LONGEST 6000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
    struct regs *regs;
    struct engines *engines;
    struct fences *fences;
    struct fence_ref ref;
    uint8_t *memory;
    uint8_t model[PAGES * 4096];
};

struct input {
    const uint8_t *data;
    size_t left;
};

static void op_raise(void *opaque, enum engine_id id, uint32_t bits)
{
    (void)opaque, (void)id, (void)bits;
}

static uint32_t op_read(void *opaque, uint32_t offset)
{
    (void)opaque, (void)offset;
    return 0;
}

static void op_write(void *opaque, uint32_t offset, uint32_t value)
{
    (void)opaque, (void)offset, (void)value;
}

/* Machine page behind a GGTT page, PAGES when there is none. */
static uint32_t behind(uint64_t page)
{
    return page < MAPPED && page % 8 != 5 ? (uint32_t)page * 22 % PAGES : PAGES;
}

static void make(struct world *w)
{
    struct engines_ops ops = {op_raise, op_read, op_write, NULL};
    int fd = memfd_create("fuzz", 0);
    struct dma *dma = dma_new();
    struct judge *judge = judge_new();

    if (fd < 0 || ftruncate(fd, PAGES * 4096))
        abort();
    w->memory = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (w->memory == MAP_FAILED || dma_add(dma, 0, PAGES * 4096, fd, 0, 3))
        abort();
    w->engines = engines_new(model_find("bdw"), dma, judge, &ops);
    w->regs = regs_new();
    w->fences = fences_new(w->regs, w->engines, judge_offences(judge));
    if (!w->fences)
        abort();
    for (uint32_t i = 0; i < MAPPED; i++) {
        if (behind(i) < PAGES)
            engines_gtt_write(w->engines, i * 8, 8, behind(i) * 4096ull | 1);
    }
}

static struct world *world(void)
{
    static struct world *w;

    if (!w) {
        w = calloc(1, sizeof(*w));
        if (!w)
            abort();
        make(w);
    }
    return w;
}

static uint32_t take(struct input *in, unsigned bytes)
{
    uint32_t v = 0;

    while (bytes-- && in->left) {
        v = v << 8 | *in->data++;
        in->left--;
    }
    return v;
}

/* Pages near the mapped ones mostly, so that most accesses hit. */
static uint32_t page_of(struct input *in)
{
    uint32_t v = take(in, 1);

    return v < 0xf0 ? v % (MAPPED + 4) : v << 12 | take(in, 2);
}

static void write_register(struct world *w, struct input *in)
{
    uint32_t n = take(in, 1) % 64, v = page_of(in) << 12;

    v |= n & 1 ? take(in, 2) & 0xfff : take(in, 1) & 3;
    regs_write(w->regs, 0x100000 + 4 * n, v);
    w->ref.reg[n] = v;
}

static void set_swizzle(struct world *w, struct input *in)
{
    static const uint32_t x[] = {0x600, 0x200, 0x600, 0xa00, 0xe00};
    static const uint32_t y[] = {0x200, 0x200, 0x200, 0xa00, 0xa00};
    uint32_t mode = take(in, 1) % 5, on = take(in, 1) & 1;

    fences_set_swizzle(w->fences, (enum tile_swizzle)mode);
    regs_write(w->regs, 0x101000, on);
    w->ref.swizzle_x = on ? x[mode] : 0;
    w->ref.swizzle_y = on ? y[mode] : 0;
}

/* The modelled byte behind an aperture address, NULL when there is none. */
static uint8_t *byte_of(struct world *w, uint64_t addr)
{
    uint64_t to = fence_ref_address(&w->ref, addr);
    uint32_t page = behind(to / 4096);

    return page < PAGES ? &w->model[page * 4096 + to % 4096] : NULL;
}

static void access_aperture(struct world *w, struct input *in, bool write)
{
    uint64_t addr = (uint64_t)page_of(in) * 4096 + take(in, 2) % 4096;
    uint32_t len = take(in, 2);
    uint8_t buf[LONGEST];

    len = len & 0x8000 ? 1 + len % LONGEST : 1 + len % 16;
    memset(buf, (int)take(in, 1), len);
    if (!write) {
        fences_read(w->fences, addr, buf, len);
    } else {
        for (uint32_t i = 0; i < len; i++)
            buf[i] = (uint8_t)(buf[i] + i);
        fences_write(w->fences, addr, buf, len);
    }
    for (uint32_t i = 0; i < len; i++) {
        uint8_t *b = byte_of(w, addr + i);

        if (write && b)
            *b = buf[i];
        assert(write || buf[i] == (b ? *b : 0));
    }
}

static void begin(struct world *w)
{
    regs_reset(w->regs);
    fences_set_swizzle(w->fences, TILE_SWIZZLE_NONE);
    memset(&w->ref, 0, sizeof(w->ref));
    for (uint32_t i = 0; i < PAGES; i++)
        memset(w->model + i * 4096, i & 1 ? 0xa5 : (int)i, 4096);
    memcpy(w->memory, w->model, sizeof(w->model));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world *w = world();
    struct input in = {data, size};

    begin(w);
    for (unsigned i = 0; in.left && i < 256; i++) {
        uint32_t what = take(&in, 1) % 8;

        if (what < 4)
            write_register(w, &in);
        else if (what == 4)
            set_swizzle(w, &in);
        else
            access_aperture(w, &in, what & 1);
    }
    assert(!memcmp(w->memory, w->model, sizeof(w->model)));
    return 0;
}
