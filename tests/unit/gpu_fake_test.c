/* SPDX-License-Identifier: MIT */
/*
 * The fake GPU behaves as gpu.h promises: rights per row, log order, hooks, restart of a service,
 * pins, interrupts. Run by the unit test target; one thread.
 */
#include "gpu/fake/fake.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#define ENTRIES 4096

static int setup(void **state)
{
    *state = gpu_fake_new(GPU_GEN8, ENTRIES);
    return *state != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    gpu_fake_free(*state);
    return 0;
}

static struct gpu *open_row(struct gpu_fake *f, enum gpu_row row)
{
    struct gpu *g = NULL;

    assert_int_equal(gpu_fake_open(f, row, &g), 0);
    return g;
}

static void a_row_opens_once(void **state)
{
    struct gpu *g = open_row(*state, GPU_ROW_GTT), *again;

    assert_int_equal(gpu_fake_open(*state, GPU_ROW_GTT, &again), -EBUSY);
    gpu_close(g);
    g = open_row(*state, GPU_ROW_GTT);
    assert_int_equal(g->info.generation, 2);
    gpu_close(g);
}

static void registers_and_log(void **state)
{
    struct gpu *g = open_row(*state, GPU_ROW_SCHED);
    const struct gpu_fake_access *log;
    uint32_t v = 1;
    size_t n;

    assert_int_equal(gpu_write32(g, 0x2080, 0x1000), 0);
    assert_int_equal(gpu_read32(g, 0x2080, &v), 0);
    assert_int_equal(v, 0x1000);
    assert_int_equal(gpu_rmw32(g, 0x9424, 0xff, 0x5, &v), 0);
    assert_int_equal(v, 0);
    assert_int_equal(gpu_write32(g, 0x70008, 1), -EACCES);
    assert_int_equal(gpu_write32(g, 0x130044, 1), -EACCES);
    assert_int_equal(gpu_write(g, 0x2081, 4, 1), -EINVAL);
    assert_int_equal(gpu_write(g, 0x2080, 2, 1), -EINVAL);
    log = gpu_fake_log(*state, &n);
    assert_int_equal(n, 3);
    assert_int_equal(log[0].kind, GPU_FAKE_WRITE);
    assert_int_equal(log[1].kind, GPU_FAKE_READ);
    assert_int_equal(log[2].kind, GPU_FAKE_RMW);
    assert_int_equal(log[2].value, 5);
    gpu_close(g);
}

static void ack_follows(void *ctx, struct gpu_fake *f, uint32_t offset, uint64_t *value)
{
    (void)ctx;
    (void)offset;
    gpu_fake_set(f, 0x130044, (uint32_t)*value & 0xffff);
}

static void counts(void *ctx, struct gpu_fake *f, uint32_t offset, uint64_t *value)
{
    uint32_t *n = ctx;

    (void)f;
    (void)offset;
    *value = ++*n;
}

static void hooks_play_the_hardware(void **state)
{
    struct gpu *g = open_row(*state, GPU_ROW_SCHED);
    uint32_t v, n = 6;

    assert_int_equal(gpu_fake_set_masked(*state, 0xa188), 0);
    assert_int_equal(gpu_fake_on_write(*state, 0xa188, 0xa188, ack_follows, NULL), 0);
    assert_int_equal(gpu_write_masked(g, 0xa188, 1, 1), 0);
    assert_int_equal(gpu_read32(g, 0x130044, &v), 0);
    assert_int_equal(v, 1);
    assert_int_equal(gpu_write_masked(g, 0xa188, 2, 2), 0);
    assert_int_equal(gpu_read32(g, 0xa188, &v), 0);
    assert_int_equal(v, 3);
    assert_int_equal(gpu_fake_on_read(*state, 0x2358, 0x2358, counts, &n), 0);
    assert_int_equal(gpu_read32(g, 0x2358, &v), 0);
    assert_int_equal(v, 7);
    gpu_close(g);
}

static void gtt_is_rows_gtt_only(void **state)
{
    struct gpu *gtt = open_row(*state, GPU_ROW_GTT), *sched = open_row(*state, GPU_ROW_SCHED);
    uint64_t e;

    assert_int_equal(gpu_gtt_write(gtt, ENTRIES - 1, 0x123456789001), 0);
    assert_int_equal(gpu_gtt_flush(gtt), 0);
    assert_int_equal(gpu_gtt_read(gtt, ENTRIES - 1, &e), 0);
    assert_int_equal(e, 0x123456789001);
    assert_int_equal(gpu_gtt_write(gtt, ENTRIES, 1), -EINVAL);
    assert_int_equal(gpu_gtt_write(sched, 0, 1), -EACCES);
    assert_int_equal(gpu_gtt_flush(sched), -EACCES);
    gpu_close(gtt);
    gpu_close(sched);
}

static void pages_outlive_the_process(void **state)
{
    struct gpu *g = open_row(*state, GPU_ROW_SCHED);
    struct gpu_dma_entry list[2];
    struct gpu_dma block;

    assert_int_equal(gpu_dma_alloc(g, 3, 77, &block), 0);
    assert_true(block.dma[1] != block.dma[0] + GPU_PAGE_SIZE);
    memset((uint8_t *)block.map + GPU_PAGE_SIZE, 0x5a, GPU_PAGE_SIZE);
    assert_int_equal(*(uint8_t *)gpu_fake_dma_page(*state, block.dma[1]), 0x5a);
    gpu_dma_detach(g, &block);
    gpu_close(g);
    g = open_row(*state, GPU_ROW_SCHED);
    assert_int_equal(gpu_dma_list(g, list, 2), 1);
    assert_int_equal(list[0].tag, 77);
    assert_int_equal(gpu_dma_attach(g, list[0].handle, &block), 0);
    assert_int_equal(((uint8_t *)block.map)[GPU_PAGE_SIZE], 0x5a);
    assert_int_equal(gpu_dma_free(g, &block), 0);
    assert_int_equal(gpu_dma_list(g, list, 2), 0);
    assert_int_equal(gpu_dma_alloc(g, 0, 0, &block), -EINVAL);
    gpu_fake_fail(*state, ENOMEM, 1);
    assert_int_equal(gpu_dma_alloc(g, 1, 0, &block), -ENOMEM);
    gpu_close(g);
}

static void pins_are_a_set(void **state)
{
    struct gpu *g = open_row(*state, GPU_ROW_GTT);
    const uint64_t gfns[] = {9, 5}, bad[] = {5, 6};
    struct gpu_pin list[4];
    uint64_t dma[2];

    assert_int_equal(gpu_fake_add_frame(*state, 3, 5, 0x5000), 0);
    assert_int_equal(gpu_fake_add_frame(*state, 3, 9, 0x9000), 0);
    assert_int_equal(gpu_pin(g, 3, gfns, 2, dma), -EACCES);
    assert_int_equal(gpu_fake_attach(*state, 3), 0);
    assert_int_equal(gpu_pin(g, 3, bad, 2, dma), -ENXIO);
    assert_int_equal(gpu_fake_pins(*state), 0);
    assert_int_equal(gpu_pin(g, 3, gfns, 2, dma), 0);
    assert_int_equal(dma[0], 0x9000);
    assert_int_equal(gpu_pin(g, 3, gfns, 2, dma), 0);
    assert_int_equal(gpu_fake_pins(*state), 2);
    assert_int_equal(gpu_fake_add_frame(*state, 3, 5, 0x7000), 0);
    assert_int_equal(gpu_pin(g, 3, &gfns[1], 1, dma), 0);
    assert_int_equal(dma[0], 0x5000);
    assert_int_equal(gpu_pin_list(g, 3, UINT64_MAX, list, 4), 2);
    assert_int_equal(list[0].gfn, 5);
    assert_int_equal(gpu_pin_list(g, 3, 5, list, 4), 1);
    assert_int_equal(gpu_unpin(g, 3, &gfns[1], 1), 1);
    assert_int_equal(gpu_unpin(g, 3, &gfns[1], 1), 0);
    assert_int_equal(gpu_pin(g, 3, &gfns[1], 1, dma), 0);
    assert_int_equal(dma[0], 0x7000);
    assert_int_equal(gpu_unpin_domain(g, 3), 2);
    assert_int_equal(gpu_pin(g, 3, gfns, 1, dma), -EACCES);
    gpu_close(g);
}

static void interrupts_reach_their_row(void **state)
{
    struct gpu *sched = open_row(*state, GPU_ROW_SCHED), *disp = open_row(*state, GPU_ROW_DISPLAY);
    uint32_t pending[GPU_IRQ_BANKS];
    int fd = eventfd(0, EFD_NONBLOCK);
    uint64_t n;

    assert_int_equal(gpu_irq_eventfd(sched, fd), 0);
    assert_int_equal(gpu_fake_raise(*state, GPU_IRQ_GT0, 1), 0);
    assert_int_equal(gpu_irq_set(disp, GPU_IRQ_GT0, 0, 1), -EACCES);
    assert_int_equal(gpu_irq_set(sched, GPU_IRQ_DE, 0, 1), -EACCES);
    assert_int_equal(gpu_irq_set(sched, GPU_IRQ_GT0, ~0x101u, 0x101), 0);
    assert_int_equal(gpu_fake_raise(*state, GPU_IRQ_GT0, 0x3), 1);
    assert_int_equal(read(fd, &n, sizeof(n)), sizeof(n));
    assert_int_equal(gpu_irq_pending(disp, pending), 0);
    assert_int_equal(gpu_irq_pending(sched, pending), 1);
    assert_int_equal(pending[GPU_IRQ_GT0], 1);
    assert_int_equal(gpu_irq_pending(sched, pending), 0);
    assert_int_equal(read(fd, &n, sizeof(n)), -1);
    close(fd);
    gpu_close(sched);
    gpu_close(disp);
}

static void only_display_has_a_slice(void **state)
{
    struct gpu *disp = open_row(*state, GPU_ROW_DISPLAY), *gtt = open_row(*state, GPU_ROW_GTT);
    uint32_t at = disp->info.aperture_slice_at, size = disp->info.aperture_slice;
    void *p;

    assert_int_equal(gpu_aperture_map(disp, at, size, &p), 0);
    memset(p, 1, size);
    gpu_aperture_unmap(disp, p, size);
    assert_int_equal(gpu_aperture_map(disp, at - 4096, 4096, &p), -EACCES);
    assert_int_equal(gpu_aperture_map(disp, (uint64_t)at + 4096, size, &p), -EACCES);
    assert_int_equal(gpu_aperture_map(disp, (uint64_t)at + 1, 4096, &p), -EINVAL);
    assert_int_equal(gpu_aperture_map(gtt, at, 4096, &p), -EACCES);
    gpu_close(disp);
    gpu_close(gtt);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_row_opens_once),           T(registers_and_log),         T(hooks_play_the_hardware),
        T(gtt_is_rows_gtt_only),       T(pages_outlive_the_process), T(pins_are_a_set),
        T(interrupts_reach_their_row), T(only_display_has_a_slice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
