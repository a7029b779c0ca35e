/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target for the blitter's commands: any sequence of them, in both encodings, over a few
 * pages, which are mapped all over the GGTT so that most addresses hit one. Beyond "never crashes,
 * always ends": memory that no table maps stays as it was, and an encoding that exists
 * is never counted as skipped. Handlers run on the fuzzer's thread; the engines' own threads sleep.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "softgpu/engine_priv.h"
#include "softgpu/model.h"

#define PAGES  64u  /* of machine memory; the even ones are mapped */
#define PIXELS 8192 /* of one blit: the fuzzer's time is short */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
    struct engines *engines;
    struct engine *e;
    uint8_t *memory;
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

static void make(struct world *w)
{
    struct engines_ops ops = {op_raise, op_read, op_write, NULL};
    int fd = memfd_create("fuzz", 0);
    struct dma *dma = dma_new();

    if (fd < 0 || ftruncate(fd, PAGES * 4096))
        abort();
    w->memory = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (w->memory == MAP_FAILED || dma_add(dma, 0, PAGES * 4096, fd, 0, 3))
        abort();
    w->engines = engines_new(model_find("bdw"), dma, judge_new(), &ops);
    if (!w->engines)
        abort();
    w->e = &w->engines->engine[ENGINE_BCS];
    for (uint32_t i = 0; i < GTT_ENTRIES; i++) {
        if (i % 3)
            engines_gtt_write(w->engines, i * 8, 8, (i * 2 % PAGES) * 4096ull | 1);
    }
}

static struct world *world(void)
{
    static struct world w;

    if (!w.engines)
        make(&w);
    return &w;
}

static int64_t area(uint32_t a, uint32_t b)
{
    int64_t width = (int16_t)b - (int16_t)a, height = (int16_t)(b >> 16) - (int16_t)(a >> 16);

    return width > 0 && height > 0 ? width * height : 0;
}

static bool small(const uint32_t *cmd, uint32_t len)
{
    switch (cmd[0] >> 22 & 127) {
    case 0x01:
    case 0x03:
    case 0x11:
    case 0x24:
        return true;
    case 0x25:
    case 0x26:
    case 0x31:
        return len < 3 || area(cmd[1], cmd[2]) <= PIXELS;
    case 0x40:
    case 0x43:
        return (uint64_t)(cmd[2] >> 16) * (cmd[2] & 0xffff) <= PIXELS;
    default:
        return area(cmd[2], cmd[3]) <= PIXELS;
    }
}

/* Length that fits the opcode, so that the fuzzer need not find it; immediate data varies. */
static uint32_t length(const struct cs_command *c, uint8_t extra)
{
    uint32_t len = c->len_min + (c->len_max > c->len_min ? extra : 0);

    return len < c->len_max ? len : c->len_max;
}

/* One command from the input; bytes taken, 0 at the end. */
static size_t one(struct world *w, const uint8_t *data, size_t size)
{
    uint64_t skipped = atomic_load(&w->engines->blits_skipped);
    uint32_t cmd[CS_CMD_MAX] = {0}, header, len, take;
    const struct cs_command *c;

    if (size < 6)
        return 0;
    memcpy(&header, data, 4);
    header = (header & 0x1fffff00u) | 2u << 29;
    c = cs_blt_command(w->e, header);
    if (!c)
        return 4;
    len = length(c, data[4]);
    cmd[0] = header | (len - 2);
    assert(cs_length(w->e, cmd[0]) == len);
    take = size - 5 < (len - 1) * 4ull ? (uint32_t)(size - 5) : (len - 1) * 4;
    memcpy(cmd + 1, data + 5, take);
    if (small(cmd, len)) {
        enum cs_result r = c->run(w->e, cmd, len);

        assert(r == CS_NEXT || (r == CS_BAD && c->len_max > c->len_min));
        assert((header >> 22 & 127) == 0x59 || atomic_load(&w->engines->blits_skipped) == skipped);
    }
    return 5 + take;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world *w = world();
    size_t n;

    if (!size)
        return 0;
    w->engines->blt_addr_dwords = data[0] & 1 ? 1 : 2;
    reg_set(w->e, R_SWCTRL, data[0] >> 1 & 3);
    engines_mmio_write(w->engines, 0x4a08, 2u << 16 | (data[0] >> 2 & 2));
    memset(&w->e->blt, 0, sizeof(w->e->blt));
    for (uint32_t i = 0; i < PAGES; i++)
        memset(w->memory + i * 4096, i & 1 ? 0xa5 : (int)i, 4096);
    for (data++, size--; (n = one(w, data, size)); data += n, size -= n)
        ;
    for (uint32_t i = 4096; i < PAGES * 4096; i += 8192) {
        for (uint32_t k = 0; k < 4096; k++)
            assert(w->memory[i + k] == 0xa5);
    }
    return 0;
}
