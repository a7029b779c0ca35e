/* SPDX-License-Identifier: MIT */
/*
 * A guest that ended while vgt-gtt was down: what its former process held is taken back without
 * looking at image or memory, as the TLB rule says. And pages that trap for nobody.
 */
#include "tests/unit/gtt_fixture.h"

#define FIRST 16u /* frames its tables name */
#define COUNT 40u

static void work(struct rig *r)
{
    table(r, 1)[0] = (2 << 12) | P;
    table(r, 2)[0] = (3 << 12) | P;
    for (uint64_t i = 0; i < COUNT; i++)
        table(r, 3)[i] = (FIRST + i) << 12 | P;
    post(r, (struct mmio_gtt){.kind = MMIO_GTT_PPGTT_NEW, .level = 3, .pdp = {1 << 12}});
    post(r, (struct mmio_gtt){.kind = MMIO_GTT_PTE, .pte = {MIB / 4096 + 5, 80 << 12 | P}});
    settle(r);
}

/* Turns of the detach; it must not end. */
static void turns(struct rig *r, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        int rc = gtt_guest_detach(r->g, 1000);

        assert_true(rc > 0);
        if (rc == GTT_GUEST_WAITS)
            workers_wait(r->config.workers);
    }
}

static void pins_go_after_the_invalidation(void **state)
{
    struct rig *r = calloc(1, sizeof(*r));

    (void)state;
    setup(r, 20);
    work(r);
    assert_true(gpu_fake_pins(r->fake) > 1);
    r->config.gone = true;
    r->config.vmm = NULL;
    r->config.image = NULL;
    restart(r);
    for (unsigned i = 0; i < GTT_MAP_ROOTS; i++)
        assert_int_equal(r->map->root[i].level, 0);
    turns(r, 50);
    assert_int_equal(gpu_fake_gtt(r->fake, MIB / 4096 + 5) & GEN8_PTE_ADDR,
                     r->gpu->info.scratch_dma);
    assert_true(gpu_fake_pins(r->fake) > 1);
    assert_true(gpu_dma_list(r->gpu, NULL, 0) > 0);
    teardown(r); /* the readers pass: nothing is left */
    free(r);
}

/* A process before ours had the page trap, or we let it go a moment ago: mmio is told each time. */
static void unwanted_traps_are_let_go(void **state)
{
    struct rig *r = calloc(1, sizeof(*r));

    (void)state;
    setup(r, 20);
    work(r);
    settle(r); /* a table that was found while the first was settled need not trap before */
    r->trapped[60] = true;
    post(r, (struct mmio_gtt){.kind = MMIO_GTT_TABLE_WRITE, .write = {60, 8, 8}});
    assert_false(r->trapped[60]);
    assert_true(r->trapped[1] || r->trapped[2]);
    post(r, (struct mmio_gtt){.kind = MMIO_GTT_TABLE_WRITE, .write = {60, 8, 8}});
    assert_int_equal(r->needless, 1);
    post(r, (struct mmio_gtt){.kind = MMIO_GTT_TABLE_WRITE, .write = {2, 8, 8}});
    assert_int_equal(r->needless, 1);
    assert_true(r->trapped[2]);
    post(r, (struct mmio_gtt){.kind = MMIO_GTT_TABLE_WRITE, .write = {60, 4096, 8}});
    assert_int_equal(r->needless, 1);
    settle(r);
    teardown(r);
    free(r);
}

/* A process that died at the beginning of an attach had its scratch pages, and nothing else. */
static void pages_of_a_broken_attach_are_freed(void **state)
{
    struct rig *r = calloc(1, sizeof(*r));
    struct gpu_dma other;

    (void)state;
    setup(r, 20);
    assert_int_equal(gpu_dma_alloc(r->gpu, 1, 77, &other), 0);
    gtt_guest_forget(r->g);
    assert_true(gpu_dma_list(r->gpu, NULL, 0) > 1);
    assert_int_equal(pages_free_left(r->gpu, DOMID + 1), 0);
    assert_true(gpu_dma_list(r->gpu, NULL, 0) > 1);
    assert_int_equal(pages_free_left(r->gpu, DOMID), 0);
    assert_int_equal(gpu_dma_list(r->gpu, NULL, 0), 1);
    assert_int_equal(gpu_dma_free(r->gpu, &other), 0);
    assert_int_equal(gtt_guest_new(&r->config, &r->g), 0);
    settle(r);
    teardown(r);
    free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pins_go_after_the_invalidation),
        cmocka_unit_test(unwanted_traps_are_let_go),
        cmocka_unit_test(pages_of_a_broken_attach_are_freed),
    };

    return run_twice(tests);
}
