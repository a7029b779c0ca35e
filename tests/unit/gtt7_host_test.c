/* SPDX-License-Identifier: MIT */
/*
 * The host's share of a Haswell GPU's graphics memory: what is left for guests, the directory that
 * is empty for ever, and what a new process makes of the entries it finds.
 */
#include "gen/gen7_pte.h"
#include "services/gtt/service.h"
#include "tests/unit/gtt_fixture.h"

#include <errno.h>

#define ENTRIES_2G (1u << 19)

struct host {
    struct gpu_fake *fake;
    struct gtt_service *s;
};

static int host_setup(void **state)
{
    struct host *h = calloc(1, sizeof(*h));

    h->s = calloc(1, sizeof(*h->s));
    h->fake = gpu_fake_new(GPU_GEN7, ENTRIES_2G);
    assert_int_equal(gpu_fake_open(h->fake, GPU_ROW_GTT, &h->s->gpu), 0);
    assert_int_equal(gtt_host_claim(h->s), 0);
    *state = h;
    return 0;
}

static int host_teardown(void **state)
{
    struct host *h = *state;

    directories_free(&h->s->directories);
    gpu_close(h->s->gpu);
    gpu_fake_free(h->fake);
    free(h->s);
    free(h);
    return 0;
}

/* What is left for guests: the aperture without its first MiB and display's slice, and what is
 * above it without the last 192 MiB. */
static void partitions_of_haswell(void **state)
{
    struct host *h = *state;
    struct partition *p = &h->s->partition;
    struct partition_grant g;
    uint64_t largest;
    char why[256];

    assert_int_equal(partition_room(p, PARTITION_LOW, &largest), 239 * MIB);
    assert_int_equal(largest, 239 * MIB);
    assert_int_equal(partition_room(p, PARTITION_HIGH, &largest), (2048 - 256 - 192) * MIB);
    assert_int_equal(largest, 1600 * MIB);
    assert_int_equal(partition_take(p, 1, 0, 1601 * MIB, 0, &g, why, sizeof(why)), -ENOSPC);
    assert_non_null(strstr(why, "host holds 192 MiB"));
    for (uint32_t domid = 1; domid <= 3; domid++)
        assert_int_equal(partition_take(p, domid, 64 * MIB, 448 * MIB, 4, &g, why, sizeof(why)), 0);
    assert_true(g.range[PARTITION_HIGH].base + g.range[PARTITION_HIGH].size <=
                directories_entry(&h->s->directories, 0) * 4096);
    assert_int_equal(directories_entry(&h->s->directories, DIRECTORIES),
                     ENTRIES_2G - WIRE_HOST_HIGH / 4096);
}

/* All of it leads to one table, and that to one page. */
static void first_directory_is_empty(void **state)
{
    struct host *h = *state;
    uint32_t first = (uint32_t)directories_entry(&h->s->directories, 0);
    const struct gpu_dma *pages = &h->s->directories.pages;

    for (uint32_t i = 0; i < DIRECTORY_ENTRIES; i++)
        assert_int_equal(gen7_pde_decode((uint32_t)gpu_fake_gtt(h->fake, first + i)).addr,
                         pages->dma[1]);
    for (uint32_t i = 0; i < GEN7_PT_ENTRIES; i++)
        assert_int_equal(gen7_pte_decode(((uint32_t *)pages->map)[1024 + i]).addr, pages->dma[0]);
    assert_int_equal(gpu_fake_gtt(h->fake, first + DIRECTORY_ENTRIES), 0);
}

static void haswell_too_small(void **state)
{
    struct directories d;
    struct gpu_fake *fake = gpu_fake_new(GPU_GEN7, (WIRE_HOST_HIGH + WIRE_HOST_DIRECTORIES) / 4096);
    struct gpu *gpu;

    (void)state;
    assert_int_equal(gpu_fake_open(fake, GPU_ROW_GTT, &gpu), 0);
    assert_int_equal(directories_init(&d, gpu), -EINVAL);
    directories_free(&d);
    gpu_close(gpu);
    gpu_fake_free(fake);
}

/* A process that comes after another has the same pages, and takes what it finds in use to be. */
static void next_process_looks(void **state)
{
    struct host *h = *state;
    struct directories *d = &h->s->directories;
    uint64_t table = d->pages.dma[1], scratch = h->s->gpu->info.scratch_dma;
    int rc;

    assert_int_equal(directories_write(d, 5, 0, 0x123000), 0);
    assert_int_equal(directories_write(d, 6, 0, table), 0);
    assert_int_equal(directories_write(d, 6, 1, 0x123000), 0); /* on its way to be used */
    assert_int_equal(directories_write(d, 7, 0, scratch), 0);  /* as the kernel module leaves it */
    directories_free(d);
    assert_int_equal(directories_init(d, h->s->gpu), 0);
    assert_int_equal(d->pages.dma[1], table);
    assert_int_equal(gpu_dma_list(h->s->gpu, NULL, 0), 1);
    for (unsigned n = 1; n < DIRECTORIES; n++)
        assert_int_equal(d->slot[n].state, n == 5 ? DIRECTORY_FOREIGN : DIRECTORY_FREE);
    assert_null(directories_release(d, 5, &rc));
    assert_int_equal(rc, 0);
    assert_int_equal(d->slot[5].state, DIRECTORY_FREE);
}

static void numbers(void **state)
{
    struct host *h = *state;
    const struct directories *d = &h->s->directories;

    for (unsigned n = 1; n < DIRECTORIES; n++)
        assert_int_equal(directories_number(d, directories_entry(d, n)), n);
    assert_int_equal(directories_number(d, directories_entry(d, 0)), 0);
    assert_int_equal(directories_number(d, directories_entry(d, 3) + 16), 0);
    assert_int_equal(directories_number(d, directories_entry(d, DIRECTORIES)), 0);
    assert_int_equal(directories_number(d, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(partitions_of_haswell, host_setup, host_teardown),
        cmocka_unit_test_setup_teardown(first_directory_is_empty, host_setup, host_teardown),
        cmocka_unit_test_setup_teardown(next_process_looks, host_setup, host_teardown),
        cmocka_unit_test_setup_teardown(numbers, host_setup, host_teardown),
        cmocka_unit_test(haswell_too_small),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
