/* SPDX-License-Identifier: MIT */
/*
 * gpu/soft over a real vgt-softstub and a real softgpu: what gpu.h promises, and what the kernel
 * module's nodes do (tests/native/stub_test.c asks the module the same): rights, memory, pins.
 * Interrupts and engines are in gpu_soft_run_test.c, how processes die in gpu_soft_crash_test.c.
 * One thread.
 */
#include "gpu/node/node.h"
#include "gpu/soft/link.h"
#include "gpu/soft/soft.h"
#include "kmod-stub/access.h"
#include "tests/unit/gpu_soft_rig.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define BCS    0x22000u
#define FRAMES 64u

static int setup(void **state)
{
    struct soft_rig *r = calloc(1, sizeof(*r));

    assert_non_null(r);
    rig_start(r, "bdw", NULL);
    *state = r;
    return 0;
}

static int setup_haswell(void **state)
{
    struct soft_rig *r = calloc(1, sizeof(*r));

    assert_non_null(r);
    rig_start(r, "hsw", NULL);
    *state = r;
    return 0;
}

static int setup_small(void **state)
{
    struct soft_rig *r = calloc(1, sizeof(*r));

    assert_non_null(r);
    rig_start(r, "bdw",
              (const char *[]){"--max-dma-pages", "8", "--max-pins", "4", "--aperture-slice-mb",
                               "1", NULL});
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    rig_stop(*state);
    free(*state);
    return 0;
}

/* ---- nodes */

static void a_node_opens_once(void **state)
{
    struct rig_row a = rig_open_row(*state, GPU_ROW_GTT);
    struct soft_rig *r = *state;
    uint64_t generation = a.g->info.generation;
    int fd, copy;

    assert_int_equal(gpu_soft_connect(r->socket, GPU_ROW_GTT, &fd), -EBUSY);
    copy = dup(a.fd);
    rig_close_row(a);
    assert_int_equal(gpu_soft_connect(r->socket, GPU_ROW_GTT, &fd), -EBUSY);
    close(copy);
    a = rig_open_row(r, GPU_ROW_GTT);
    assert_int_equal(a.g->info.generation, generation + 1);
    close(a.fd); /* the session holds it, as a mapping would */
    assert_int_equal(gpu_soft_connect(r->socket, GPU_ROW_GTT, &fd), -EBUSY);
    gpu_close(a.g);
    a = rig_open_row(r, GPU_ROW_GTT);
    rig_close_row(a);
}

static void facts(void **state)
{
    struct rig_row a = rig_open_row(*state, GPU_ROW_GTT), b = rig_open_row(*state, GPU_ROW_SCHED);
    struct gpu_info info;
    int pipes[2];
    struct gpu *g;

    assert_int_equal(gpu_node_info(a.fd, &info), 0);
    assert_int_equal(info.device, 0x1616);
    assert_int_equal(info.gen, GPU_GEN8);
    assert_int_equal(info.pte_size, 8);
    assert_int_equal(info.ggtt_entries, 1u << 20);
    assert_int_equal(info.aperture_size, 256u << 20);
    assert_int_equal(info.aperture_slice_at, 240u << 20);
    assert_true(info.pv);
    assert_true(info.max_pins != 0);
    assert_int_equal(b.g->info.max_pins, 0);
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(gpu_node_open_fd(pipes[0], &g), -ENOTTY);
    close(pipes[0]);
    close(pipes[1]);
    rig_close_row(a);
    rig_close_row(b);
}

/* Every register word of the table, every row: exactly what the table says, reads and writes. */
static void the_table_is_kept(void **state)
{
    struct rig_row o[GPU_ROWS];
    const struct vgt_access_range *ranges;
    struct vgt_access_dev dev = {8, 0};
    unsigned count;

    ranges = vgt_access_table(&count);
    for (unsigned row = 0; row < GPU_ROWS; row++)
        o[row] = rig_open_row(*state, row);
    for (unsigned i = 0; i < count; i++) {
        uint32_t at = ranges[i].first & ~3u;

        for (unsigned row = 0; row < GPU_ROWS; row++) {
            unsigned may = vgt_access(&dev, row, at, 4);
            uint32_t v;

            assert_int_equal(gpu_read32(o[row].g, at, &v), may & VGT_ACCESS_READ ? 0 : -EACCES);
            if (!(may & VGT_ACCESS_WRITE)) {
                assert_int_equal(gpu_write32(o[row].g, at, 0), -EACCES);
                assert_int_equal(gpu_rmw32(o[row].g, at, 0, 0, NULL), -EACCES);
            }
        }
    }
    for (unsigned row = 0; row < GPU_ROWS; row++)
        rig_close_row(o[row]);
}

static void registers(void **state)
{
    struct rig_row s = rig_open_row(*state, GPU_ROW_SCHED),
                   d = rig_open_row(*state, GPU_ROW_DISPLAY);
    int64_t limit = rig_now_ms() + RIG_DEADLINE_MS;
    uint32_t v = 0;

    assert_int_equal(gpu_write_masked(s.g, 0xa188, 1, 1), 0);
    while (!(v & 1)) {
        assert_int_equal(gpu_read32(s.g, 0x130044, &v), 0);
        assert_true(rig_now_ms() < limit);
    }
    assert_int_equal(gpu_write32(s.g, BCS + 0x80, 0x5000), 0);
    assert_int_equal(gpu_read32(s.g, BCS + 0x80, &v), 0);
    assert_int_equal(v, 0x5000);
    assert_int_equal(gpu_write32(s.g, 0x40e0, 0x1234567), 0);
    assert_int_equal(gpu_rmw32(s.g, 0x40e0, 0xff, 0x89, &v), 0);
    assert_int_equal(v, 0x1234567);
    assert_int_equal(gpu_read32(s.g, 0x40e0, &v), 0);
    assert_int_equal(v, 0x1234589);
    assert_int_equal(gpu_read32(s.g, 0x9120, &v), 0);
    assert_true(v != 0);
    assert_int_equal(gpu_write32(s.g, 0x9120, 0), -EACCES);
    assert_int_equal(gpu_write32(s.g, 0x130040, 0), -EACCES);
    assert_int_equal(gpu_write32(d.g, 0xa188, 0), -EACCES);
    assert_int_equal(gpu_write32(d.g, 0x941c, 1), -EACCES);
    assert_int_equal(gpu_write32(d.g, 0x43200, 0), -EACCES);
    assert_int_equal(gpu_write32(s.g, 0x4430c, 1), -EACCES);
    assert_int_equal(gpu_read32(d.g, 0x130040, &v), 0);
    assert_int_equal(gpu_read32(s.g, 0xfffffffc, &v), -EINVAL);
    assert_int_equal(gpu_write(s.g, 0x2081, 4, 1), -EINVAL);
    assert_int_equal(gpu_write(s.g, 0x2080, 2, 1), -EINVAL);
    rig_close_row(s);
    rig_close_row(d);
}

/* Haswell: 32-bit entries, its own banks, the aperture after them. */
static void haswell(void **state)
{
    struct rig_row g = rig_open_row(*state, GPU_ROW_GTT), d = rig_open_row(*state, GPU_ROW_DISPLAY);
    uint32_t last = g.g->info.ggtt_entries - 1, imr, ier;
    uint64_t e = 0;

    assert_int_equal(g.g->info.gen, GPU_GEN7);
    assert_int_equal(g.g->info.pte_size, 4);
    assert_int_equal(gpu_gtt_read(g.g, last, &e), 0);
    assert_int_equal(e, g.g->info.scratch_dma | 1);
    assert_int_equal(gpu_gtt_write(g.g, last, 1ull << 32), -EINVAL);
    assert_int_equal(gpu_gtt_write(g.g, last, 0x12345701), 0);
    assert_int_equal(gpu_gtt_flush(g.g), 0);
    assert_int_equal(gpu_gtt_read(g.g, last, &e), 0);
    assert_int_equal(e, 0x12345701);
    assert_int_equal(gpu_irq_set(d.g, GPU_IRQ_PIPE_A, 0, 1), -EACCES);
    assert_int_equal(gpu_irq_get(d.g, GPU_IRQ_DE, &imr, &ier), 0);
    assert_int_equal(ier, 0);
    rig_close_row(g);
    rig_close_row(d);
}

/* ---- the GTT and memory */

static void gtt(void **state)
{
    struct rig_row g = rig_open_row(*state, GPU_ROW_GTT), s = rig_open_row(*state, GPU_ROW_SCHED);
    uint32_t last = g.g->info.ggtt_entries - 1;
    uint64_t e = 0;

    assert_int_equal(gpu_gtt_read(g.g, last, &e), 0);
    assert_int_equal(e, g.g->info.scratch_dma | 1);
    assert_int_equal(gpu_gtt_write(g.g, last, 0x12345001), 0);
    assert_int_equal(gpu_gtt_flush(g.g), 0);
    assert_int_equal(gpu_gtt_read(g.g, last, &e), 0);
    assert_int_equal(e, 0x12345001);
    assert_int_equal(gpu_gtt_write(g.g, last + 1, 1), -EINVAL);
    assert_int_equal(gpu_gtt_write(s.g, 0, 1), -EACCES);
    assert_int_equal(gpu_gtt_read(s.g, 0, &e), -EACCES);
    assert_int_equal(gpu_gtt_flush(s.g), -EACCES);
    assert_int_equal(gpu_write(g.g, 0x100000, 8, 0x0000200000001003), 0);
    rig_close_row(g);
    g = rig_open_row(*state, GPU_ROW_GTT);
    assert_int_equal(gpu_gtt_read(g.g, last, &e), 0);
    assert_int_equal(e, g.g->info.scratch_dma | 1);
    rig_close_row(g);
    rig_close_row(s);
}

/* Runs of entries travel together; each is there, and the last write of one counts. */
static void gtt_runs(void **state)
{
    const struct {
        uint32_t first, count;
        uint64_t value;
    } runs[] = {{100, 1500, 0x1000}, {50, 60, 0x2000},  {1598, 4, 0x3000}, {100, 1, 0x4000},
                {99, 1, 0x5000},     {5000, 3, 0x6000}, {4999, 1, 0x7000}};
    struct rig_row g = rig_open_row(*state, GPU_ROW_GTT);
    uint64_t want[6000], e;

    for (uint32_t i = 0; i < 6000; i++)
        want[i] = g.g->info.scratch_dma | 1;
    for (unsigned k = 0; k < sizeof(runs) / sizeof(runs[0]); k++) {
        for (uint32_t i = runs[k].first; i < runs[k].first + runs[k].count; i++) {
            want[i] = runs[k].value + ((uint64_t)i << 16) + 1;
            assert_int_equal(gpu_gtt_write(g.g, i, want[i]), 0);
        }
    }
    assert_int_equal(gpu_gtt_flush(g.g), 0);
    for (uint32_t i = 0; i < 6000; i++) {
        assert_int_equal(gpu_gtt_read(g.g, i, &e), 0);
        assert_int_equal(e, want[i]);
    }
    rig_close_row(g);
}

/* What the GPU sees at a bus address: the entry in the aperture's slice, read through it. */
static uint32_t word_at(struct rig_row g, struct rig_row d, uint64_t dma)
{
    uint32_t at = d.g->info.aperture_slice_at, value;
    void *map;

    assert_int_equal(gpu_gtt_write(g.g, at / GPU_PAGE_SIZE, dma | 1), 0);
    assert_int_equal(gpu_gtt_flush(g.g), 0);
    assert_int_equal(gpu_aperture_map(d.g, at, GPU_PAGE_SIZE, &map), 0);
    value = *(volatile uint32_t *)map;
    gpu_aperture_unmap(d.g, map, GPU_PAGE_SIZE);
    return value;
}

static void pages(void **state)
{
    struct rig_row g = rig_open_row(*state, GPU_ROW_GTT), s = rig_open_row(*state, GPU_ROW_SCHED),
                   d = rig_open_row(*state, GPU_ROW_DISPLAY);
    static const uint8_t zero[GPU_PAGE_SIZE];
    struct gpu_dma_entry list[4];
    struct gpu_dma a, b, c;
    uint64_t was;

    assert_int_equal(gpu_dma_alloc(s.g, 600, 42, &a), 0);
    for (uint32_t i = 0; i < a.count; i++) {
        uint32_t *page = (uint32_t *)((uint8_t *)a.map + (size_t)i * GPU_PAGE_SIZE);

        assert_true(a.dma[i] != 0 && a.dma[i] % GPU_PAGE_SIZE == 0 && a.dma[i] >> 39 == 0);
        assert_memory_equal(page, zero, GPU_PAGE_SIZE);
        *page = 0x1000 + i;
    }
    assert_true(a.dma[599] != a.dma[0] + 599ull * GPU_PAGE_SIZE);
    assert_int_equal(word_at(g, d, a.dma[0]), 0x1000);
    assert_int_equal(word_at(g, d, a.dma[299]), 0x1000 + 299);
    assert_int_equal(word_at(g, d, a.dma[300]), 0x1000 + 300);
    assert_int_equal(word_at(g, d, a.dma[599]), 0x1000 + 599);
    assert_int_equal(gpu_dma_alloc(s.g, 0, 0, &b), -EINVAL);
    assert_int_equal(gpu_dma_alloc(s.g, VGT_DMA_MAX_COUNT + 1, 0, &b), -EINVAL);
    assert_int_equal(gpu_dma_list(s.g, list, 4), 1);
    assert_int_equal(list[0].tag, 42);
    assert_int_equal(list[0].count, 600);
    assert_int_equal(gpu_dma_list(d.g, list, 4), 0);
    assert_int_equal(gpu_dma_attach(d.g, a.handle, &b), -ENOENT);
    assert_int_equal(gpu_dma_attach(s.g, a.handle, &b), 0);
    assert_int_equal(*(uint32_t *)b.map, 0x1000);
    assert_int_equal(b.dma[599], a.dma[599]);
    assert_int_equal(b.tag, 42);
    gpu_dma_detach(s.g, &b);
    assert_int_equal(gpu_dma_alloc(s.g, 1, 0, &b), 0);
    assert_int_equal(gpu_dma_list(s.g, NULL, 0), 2);
    assert_int_equal(gpu_dma_alloc(d.g, 2, 0, &c), 0);
    assert_int_equal(gpu_dma_free(d.g, &c), -EACCES);
    was = a.dma[0];
    assert_int_equal(gpu_dma_free(s.g, &a), 0);
    assert_int_equal(gpu_dma_free(s.g, &b), 0);
    assert_int_equal(gpu_dma_list(s.g, NULL, 0), 0);
    assert_int_equal(word_at(g, d, was), 0); /* the GPU no longer finds it */
    gpu_dma_detach(d.g, &c);
    rig_close_row(g);
    rig_close_row(s);
    rig_close_row(d);
}

/* A closed row's pages stay while row gtt is open, whose entries may name them. */
static void pages_of_a_closed_row(void **state)
{
    struct rig_row g = rig_open_row(*state, GPU_ROW_GTT), s = rig_open_row(*state, GPU_ROW_SCHED),
                   d = rig_open_row(*state, GPU_ROW_DISPLAY);
    struct gpu_dma b;
    char status[1024];
    uint64_t dma;

    assert_int_equal(gpu_dma_alloc(s.g, 3, 0, &b), 0);
    *(uint32_t *)b.map = 0xfeed;
    dma = b.dma[0];
    gpu_dma_detach(s.g, &b);
    rig_close_row(s);
    s = rig_open_row(*state, GPU_ROW_SCHED);
    assert_int_equal(gpu_dma_list(s.g, NULL, 0), 0);
    assert_int_equal(word_at(g, d, dma), 0xfeed);
    rig_ctl(*state, -1, status, sizeof(status), "status");
    assert_int_equal(rig_number(status, "limbo"), 1);
    rig_close_row(g);
    g = rig_open_row(*state, GPU_ROW_GTT);
    assert_int_equal(word_at(g, d, dma), 0);
    rig_ctl(*state, -1, status, sizeof(status), "status");
    assert_int_equal(rig_number(status, "limbo"), 0);
    rig_close_row(g);
    rig_close_row(s);
    rig_close_row(d);
}

static void aperture(void **state)
{
    struct rig_row d = rig_open_row(*state, GPU_ROW_DISPLAY),
                   s = rig_open_row(*state, GPU_ROW_SCHED);
    uint64_t at = d.g->info.aperture_slice_at;
    size_t size = d.g->info.aperture_slice;
    void *p;

    assert_int_equal(gpu_aperture_map(d.g, at, size, &p), 0);
    gpu_aperture_unmap(d.g, p, size);
    assert_int_equal(gpu_aperture_map(d.g, at - 4096, 4096, &p), -EACCES);
    assert_int_equal(gpu_aperture_map(d.g, at + 4096, size, &p), -EACCES);
    assert_int_equal(gpu_aperture_map(d.g, at + 1, 4096, &p), -EINVAL);
    assert_int_equal(gpu_aperture_map(s.g, at, 4096, &p), -EACCES);
    rig_close_row(d);
    rig_close_row(s);
}

/* ---- guests */

static void pins_are_a_set(void **state)
{
    struct rig_row g = rig_open_row(*state, GPU_ROW_GTT), d = rig_open_row(*state, GPU_ROW_DISPLAY);
    int broker = rig_node(*state, GPU_ROWS), memory = rig_guest_memory(FRAMES);
    const uint64_t gfns[] = {9, 5}, bad[] = {5, FRAMES}, far = 1ull << 40;
    unsigned long long base;
    struct gpu_pin list[4];
    uint64_t dma[2];
    char answer[1024];

    rig_ctl(*state, memory, answer, sizeof(answer), "memory 3");
    close(memory);
    base = rig_number(answer, "base");
    assert_int_equal(gpu_pin(g.g, 3, gfns, 2, dma), -EACCES);
    assert_int_equal(gpu_node_attach(broker, 3), 0);
    assert_int_equal(gpu_node_attach(broker, 0), -EINVAL);
    assert_int_equal(gpu_node_attach(broker, 0x7ff0), -EINVAL);
    assert_int_equal(gpu_pin(d.g, 3, gfns, 2, dma), -EACCES);
    assert_int_equal(gpu_pin(g.g, 3, bad, 2, dma), -ENXIO);
    assert_int_equal(gpu_pin(g.g, 3, &far, 1, dma), -EINVAL);
    assert_int_equal(gpu_pin_list(g.g, 3, UINT64_MAX, list, 4), 0);
    assert_int_equal(gpu_pin(g.g, 3, gfns, 2, dma), 0);
    assert_int_equal(dma[0], base + 9 * GPU_PAGE_SIZE);
    assert_int_equal(dma[1], base + 5 * GPU_PAGE_SIZE);
    assert_int_equal(word_at(g, d, dma[0]), 0x7009);
    assert_int_equal(gpu_pin(g.g, 3, gfns, 2, dma), 0);
    assert_int_equal(gpu_pin_list(g.g, 3, UINT64_MAX, list, 4), 2);
    assert_int_equal(list[0].gfn, 5);
    assert_int_equal(list[0].dma, dma[1]);
    assert_int_equal(gpu_pin_list(g.g, 3, 5, list, 4), 1);
    assert_int_equal(list[0].gfn, 9);
    assert_int_equal(gpu_unpin(g.g, 3, &gfns[1], 1), 1);
    assert_int_equal(gpu_unpin(g.g, 3, &gfns[1], 1), 0);
    assert_int_equal(gpu_node_detach(broker, 3), -EBUSY);
    assert_int_equal(gpu_pin(g.g, 3, &gfns[1], 1, dma), -EACCES);
    assert_int_equal(gpu_node_attach(broker, 3), 0);
    assert_int_equal(gpu_pin(g.g, 3, &gfns[1], 1, dma), 0);
    assert_int_equal(gpu_unpin_domain(g.g, 3), 2);
    assert_int_equal(gpu_pin(g.g, 3, gfns, 1, dma), -EACCES);
    assert_int_equal(gpu_unpin_domain(g.g, 3), 0);
    assert_int_equal(gpu_node_attach(broker, 3), 0);
    assert_int_equal(gpu_node_detach(broker, 3), 0);
    assert_int_equal(gpu_node_detach(broker, 3), -ENOENT);
    rig_ctl(*state, -1, answer, sizeof(answer), "forget 3");
    assert_string_equal(answer, "{\"ok\":true}");
    close(broker);
    rig_close_row(g);
    rig_close_row(d);
}

/* A guest that gives memory back or dies: what is pinned stays where it is until the last pin. */
static void memory_goes_with_the_last_pin(void **state)
{
    struct rig_row g = rig_open_row(*state, GPU_ROW_GTT), d = rig_open_row(*state, GPU_ROW_DISPLAY);
    int broker = rig_node(*state, GPU_ROWS), memory = rig_guest_memory(FRAMES);
    const uint64_t gfn = 7, other = 8;
    uint64_t dma, x;
    char answer[1024];

    rig_ctl(*state, memory, answer, sizeof(answer), "memory 900");
    assert_int_equal(gpu_node_attach(broker, 900), 0);
    assert_int_equal(gpu_pin(g.g, 900, &gfn, 1, &dma), 0);
    rig_ctl(*state, -1, answer, sizeof(answer), "hole 900 7 2");
    assert_string_equal(answer, "{\"ok\":true}");
    assert_int_equal(gpu_pin(g.g, 900, &gfn, 1, &x), 0);
    assert_int_equal(x, dma);
    assert_int_equal(gpu_pin(g.g, 900, &other, 1, &x), -ENXIO);
    rig_ctl(*state, -1, answer, sizeof(answer), "fill 900 8 1");
    assert_int_equal(gpu_pin(g.g, 900, &other, 1, &x), 0);
    assert_int_equal(gpu_unpin(g.g, 900, &other, 1), 1);
    rig_await_frames(*state, 900, FRAMES); /* the pin keeps it the guest's */
    rig_ctl(*state, -1, answer, sizeof(answer), "hole 900 8 3");
    rig_await_frames(*state, 900, FRAMES - 3);
    rig_ctl(*state, -1, answer, sizeof(answer), "fill 900 7 4");
    assert_int_equal(gpu_pin(g.g, 900, &other, 1, &x), 0);
    rig_ctl(*state, -1, answer, sizeof(answer), "hole 900 8 1");
    rig_await_frames(*state, 900, FRAMES);
    assert_int_equal(gpu_unpin(g.g, 900, &other, 1), 1);
    rig_await_frames(*state, 900, FRAMES - 1);
    rig_ctl(*state, -1, answer, sizeof(answer), "forget 900");
    assert_int_equal(word_at(g, d, dma), 0x7007);
    assert_int_equal(gpu_pin(g.g, 900, &other, 1, &x), -ENXIO);
    rig_ctl(*state, memory, answer, sizeof(answer), "memory 900");
    assert_string_equal(answer, "{\"ok\":false,\"error\":\"File exists\"}");
    assert_int_equal(gpu_unpin_domain(g.g, 900), 1);
    assert_int_equal(word_at(g, d, dma), 0);
    rig_ctl(*state, -1, answer, sizeof(answer), "status");
    assert_non_null(strstr(answer, "\"domains\":[]"));
    close(memory);
    close(broker);
    rig_close_row(g);
    rig_close_row(d);
}

static void the_judge_knows_whose(void **state)
{
    struct rig_row g = rig_open_row(*state, GPU_ROW_GTT), s = rig_open_row(*state, GPU_ROW_SCHED);
    const unsigned own = 0x7ff1; /* JUDGE_DOM_STUB */
    int memory = rig_guest_memory(FRAMES);
    struct gpu_dma b, many[100];
    char answer[8192];

    rig_await_frames(*state, own, 1);
    assert_int_equal(gpu_dma_alloc(s.g, 600, 0, &b), 0);
    rig_await_frames(*state, own, 601);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(gpu_dma_alloc(g.g, 2, 0, &many[i]), 0);
    rig_await_frames(*state, own, 801);
    rig_ctl(*state, memory, answer, sizeof(answer), "memory 12");
    rig_await_frames(*state, 12, FRAMES);
    rig_ctl(*state, -1, answer, sizeof(answer), "frames");
    assert_non_null(strstr(answer, "[[4096,1,0],"));
    assert_non_null(strstr(answer, ",64,12]")); /* FRAMES of domain 12 */
    rig_ctl(*state, -1, answer, sizeof(answer), "forget 12");
    rig_await_frames(*state, 12, 0);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(gpu_dma_free(g.g, &many[i]), 0);
    assert_int_equal(gpu_dma_free(s.g, &b), 0);
    rig_await_frames(*state, own, 1);
    close(memory);
    rig_close_row(g);
    rig_close_row(s);
}

static void limits(void **state)
{
    struct rig_row g = rig_open_row(*state, GPU_ROW_GTT), s = rig_open_row(*state, GPU_ROW_SCHED);
    int broker = rig_node(*state, GPU_ROWS), memory = rig_guest_memory(FRAMES);
    const uint64_t gfns[] = {0, 1, 2, 3, 4}, twice[] = {3, 3};
    struct gpu_dma a, b;
    uint64_t dma[5];
    char answer[256];

    assert_int_equal(g.g->info.max_pins, 4);
    assert_int_equal(g.g->info.max_dma_pages, 8);
    assert_int_equal(g.g->info.aperture_slice, 1u << 20);
    assert_int_equal(gpu_dma_alloc(s.g, 9, 0, &a), -ENOSPC);
    assert_int_equal(gpu_dma_alloc(s.g, 5, 0, &a), 0);
    assert_int_equal(gpu_dma_alloc(s.g, 4, 0, &b), -ENOSPC);
    assert_int_equal(gpu_dma_alloc(g.g, 8, 0, &b), 0);
    assert_int_equal(gpu_dma_free(g.g, &b), 0);
    assert_int_equal(gpu_dma_free(s.g, &a), 0);
    rig_ctl(*state, memory, answer, sizeof(answer), "memory 1");
    assert_int_equal(gpu_node_attach(broker, 1), 0);
    assert_int_equal(gpu_pin(g.g, 1, gfns, 5, dma), -ENOSPC);
    assert_int_equal(gpu_pin(g.g, 1, gfns, 3, dma), 0);
    assert_int_equal(gpu_pin(g.g, 1, twice, 2, dma), -ENOSPC);
    assert_int_equal(gpu_pin(g.g, 1, gfns, 4, dma), 0);
    assert_int_equal(gpu_pin(g.g, 1, twice, 2, dma), 0);
    assert_int_equal(dma[0], dma[1]);
    /* The broker's last close bars further pins and leaves those that are held. */
    close(broker);
    broker = rig_node(*state, GPU_ROWS);
    assert_int_equal(gpu_pin(g.g, 1, gfns, 1, dma), -EACCES);
    assert_int_equal(gpu_unpin(g.g, 1, gfns, 5), 4);
    close(broker);
    close(memory);
    rig_close_row(g);
    rig_close_row(s);
}

int main(void)
{
    const struct CMUnitTest broadwell[] = {
        cmocka_unit_test(a_node_opens_once),
        cmocka_unit_test(facts),
        cmocka_unit_test(the_table_is_kept),
        cmocka_unit_test(registers),
        cmocka_unit_test(gtt),
        cmocka_unit_test(gtt_runs),
        cmocka_unit_test(pages),
        cmocka_unit_test(pages_of_a_closed_row),
        cmocka_unit_test(aperture),
        cmocka_unit_test(pins_are_a_set),
        cmocka_unit_test(memory_goes_with_the_last_pin),
        cmocka_unit_test(the_judge_knows_whose),
    };
    const struct CMUnitTest hsw[] = {cmocka_unit_test(haswell), cmocka_unit_test(gtt_runs)};
    const struct CMUnitTest small[] = {cmocka_unit_test(limits)};
    int failed = cmocka_run_group_tests(broadwell, setup, teardown);

    failed += cmocka_run_group_tests(hsw, setup_haswell, teardown);
    return failed + cmocka_run_group_tests(small, setup_small, teardown);
}
