/* SPDX-License-Identifier: MIT */
/*
 * Page directories of one Haswell guest at their edges: what a write to the GGTT changes, the TLB
 * rule step by step, directories that give way, restarts in the middle, nonsense.
 */
#include "tests/unit/gtt7_oracle.h"

#include "services/gtt/dir.h"

#include <errno.h>

static uint64_t count(struct rig *r, enum account_event e)
{
    return r->account.count[e];
}

static void begin(struct rig *r, unsigned directories)
{
    rig_gen = GPU_GEN7;
    rig_directories = directories;
    setup(r, 200);
}

/* A root at `first` whose entry 0 is the table in page 1, which names page 40. */
static void one_root(struct rig *r, uint64_t first)
{
    put_pte(r, 1, 0, E(40));
    put_entry(r, first, E(1));
    ask_root(r, first);
}

static uint64_t empty_table(struct rig *r)
{
    return shadow_scratch(&r->g->shadows, GTT_LEVEL_PTE);
}

static uint64_t names(struct rig *r, unsigned n, unsigned i)
{
    return gen7_pde_decode(directory_entry(r, n, i)).addr;
}

static bool is_free(struct rig *r, unsigned n)
{
    return names(r, n, 0) == r->directories.pages.dma[1] &&
           r->directories.slot[n].state == DIRECTORY_FREE;
}

/* Entries of 4 bytes: cacheability is the guest's, the address ours. */
static void entries_of_the_ggtt(void **state)
{
    struct rig r;

    (void)state;
    begin(&r, 4);
    put_entry(&r, LOW, E(50) | GEN7_PTE_CACHE);
    settle(&r);
    assert_int_equal(gpu_fake_gtt(r.fake, LOW),
                     gen7_pte_replace_addr(E(0) | GEN7_PTE_CACHE, frame(50)));
    put_entry(&r, LOW, E(50) & ~GEN7_PTE_VALID);
    put_entry(&r, LOW + 1, E(50) | 0x10); /* above 4 GiB */
    post(&r, (struct mmio_gtt){.kind = MMIO_GTT_PTE, .pte = {LOW + 2, 1ull << 32 | E(50)}});
    post(&r, (struct mmio_gtt){.kind = MMIO_GTT_PTE, .pte = {LOW - 1, E(50)}});
    settle(&r);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(gen7_pte_decode((uint32_t)gpu_fake_gtt(r.fake, LOW + i)).addr,
                         shadow_scratch_data(&r.g->shadows));
    assert_int_equal(count(&r, ACCOUNT_BAD_GTT), 3);
    pass(&r);
    settle(&r);
    assert_int_equal(gpu_fake_pins(r.fake), 0);
    teardown(&r);
}

static void writes_change_the_directory(void **state)
{
    struct rig r;
    unsigned n;

    (void)state;
    begin(&r, 4);
    one_root(&r, LOW + 16);
    assert_int_equal(root_level(&r, LOW + 16), 2 | GTT_ROOT_FILLING);
    settle(&r);
    assert_int_equal(root_level(&r, LOW + 16), 2);
    n = root_number(&r, LOW + 16);
    assert_int_equal(directory_page(&r, n, 0, 0), frame(40));
    put_pte(&r, 2, 1023, E(41));
    put_entry(&r, LOW + 16 + 511, E(2)); /* the last of it */
    put_entry(&r, LOW + 16 + 512, E(2)); /* and what is no more */
    put_pte(&r, 1, 0, E(42) | GEN7_PTE_CACHE);
    settle(&r);
    assert_int_equal(directory_page(&r, n, 511, 1023), frame(41));
    assert_int_equal(directory_page(&r, n, 0, 0), frame(42));
    /* The guest's own entries name its own frames. */
    assert_int_equal(gen7_pte_decode((uint32_t)gpu_fake_gtt(r.fake, LOW + 16)).addr, frame(1));
    put_entry(&r, LOW + 16, 0);
    settle(&r);
    assert_int_equal(names(&r, n, 0), empty_table(&r));
    assert_false(r.trapped[1]);
    assert_true(gpu_fake_pinned(r.fake, DOMID, 42)); /* engines may still know it */
    pass(&r);
    settle(&r);
    assert_false(gpu_fake_pinned(r.fake, DOMID, 42));
    teardown(&r);
}

static void bad_entries_are_empty(void **state)
{
    static const uint32_t bad[] = {E(1) | GEN7_PDE_64K, E(1) | GEN7_PDE_BEYOND, E(PAGES + 5),
                                   E(1) | 0x20};
    struct rig r;
    unsigned n;

    (void)state;
    begin(&r, 4);
    for (unsigned i = 0; i < 4; i++)
        put_entry(&r, LOW + i, bad[i]);
    ask_root(&r, LOW);
    settle(&r);
    n = root_number(&r, LOW);
    assert_int_equal(count(&r, ACCOUNT_BAD_PPGTT), 4);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(names(&r, n, i), empty_table(&r));
        put_entry(&r, LOW + i, E(1));
        put_entry(&r, LOW + i, bad[i]);
    }
    settle(&r);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(names(&r, n, i), empty_table(&r));
    assert_int_equal(count(&r, ACCOUNT_BAD_PPGTT), 8);
    assert_int_equal(shadow_count(&r.g->shadows), 0);
    teardown(&r);
}

static void roots_that_cannot_be(void **state)
{
    const uint64_t bad[] = {LOW + 8,    LOW - 16, LOW + PIECE - 496,     HIGH + PIECE,
                            1ull << 40, 0,        ENTRIES7 - 16384 - 512};
    struct rig r;

    (void)state;
    begin(&r, 4);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ask_root(&r, bad[i]);
    post(&r, (struct mmio_gtt){.kind = MMIO_GTT_PPGTT_NEW, .level = 4, .pdp = {1 << 12}});
    post(&r, (struct mmio_gtt){.kind = MMIO_GTT_PPGTT_NEW, .level = 3, .pdp = {1 << 12}});
    settle(&r);
    assert_int_equal(count(&r, ACCOUNT_BAD_PPGTT), 9);
    assert_int_equal(r.g->ppgtt.count, 0);
    ask_root(&r, LOW + PIECE - 512);
    settle(&r);
    assert_int_equal(root_level(&r, LOW + PIECE - 512), 2);
    teardown(&r);
}

/* What the guest lets go leads to scratch at once, and is nobody's until the clear is passed. */
static void gone_waits_for_the_clear(void **state)
{
    struct rig r;
    unsigned n;

    (void)state;
    begin(&r, 4);
    one_root(&r, LOW);
    settle(&r);
    pass(&r);
    n = root_number(&r, LOW);
    post(&r, (struct mmio_gtt){.kind = MMIO_GTT_RESET});
    settle(&r);
    assert_int_equal(root_level(&r, LOW), 0);
    assert_int_equal(names(&r, n, 0), empty_table(&r));
    assert_int_equal(shadow_count(&r.g->shadows), 0);
    ask_root(&r, LOW);
    settle(&r);
    assert_int_not_equal(root_number(&r, LOW), n);
    assert_false(is_free(&r, n));
    pass(&r);
    settle(&r);
    assert_true(is_free(&r, n));
    teardown(&r);
}

/* Who gives way to another root goes on until no engine is in it. */
static void evicted_goes_on(void **state)
{
    struct rig r;

    (void)state;
    begin(&r, 1);
    one_root(&r, LOW);
    settle(&r);
    pass(&r);
    put_entry(&r, HIGH, E(2));
    put_pte(&r, 2, 5, E(45));
    ask_root(&r, HIGH);
    settle(&r);
    assert_int_equal(r.map->epoch, r.epoch); /* which does not wait */
    assert_int_equal(root_level(&r, LOW), 0);
    assert_int_equal(root_level(&r, HIGH), 2 | GTT_ROOT_FILLING);
    assert_int_equal(directory_page(&r, 1, 0, 0), frame(40));
    put_pte(&r, 1, 0, E(41));
    put_pte(&r, 3, 7, E(42));
    put_entry(&r, LOW + 9, E(3));
    settle(&r);
    assert_int_equal(directory_page(&r, 1, 0, 0), frame(41));
    assert_int_equal(directory_page(&r, 1, 9, 7), frame(42));
    ask_root(&r, LOW); /* in vain: the other was first, and sched has to see it */
    r.directories.hold_ns = UINT64_MAX;
    calm(&r);
    assert_int_equal(root_level(&r, LOW), 2 | GTT_ROOT_FILLING);
    assert_int_equal(root_level(&r, HIGH), 2);
    assert_int_equal(directory_page(&r, 1, 0, 5), frame(45));
    assert_int_equal(names(&r, 1, 9), empty_table(&r));
    r.directories.hold_ns = 0;
    calm(&r);
    assert_int_equal(root_number(&r, LOW), 1);
    assert_int_equal(root_level(&r, LOW), 2);
    assert_int_equal(directory_page(&r, 1, 9, 7), frame(42));
    teardown(&r);
}

/* The one that was not asked for the longest. */
static void oldest_gives_way(void **state)
{
    struct rig r;

    (void)state;
    begin(&r, 3);
    for (unsigned i = 0; i < 3; i++)
        ask_root(&r, LOW + 16 * i);
    calm(&r);
    ask_root(&r, LOW); /* still wanted */
    ask_root(&r, HIGH);
    calm(&r);
    assert_int_equal(root_level(&r, LOW), 2);
    assert_int_equal(root_level(&r, LOW + 16), 0);
    assert_int_equal(root_level(&r, LOW + 32), 2);
    assert_int_equal(root_level(&r, HIGH), 2);
    teardown(&r);
}

/* A root that goes while it waits leaves the place to the next. */
static void heir_that_goes(void **state)
{
    struct rig r;

    (void)state;
    begin(&r, 1);
    ask_root(&r, LOW);
    settle(&r);
    ask_root(&r, HIGH);
    settle(&r);
    ask_root(&r, HIGH + 16);
    settle(&r);
    post(&r, (struct mmio_gtt){.kind = MMIO_GTT_PPGTT_GONE, .level = 2, .pdp = {HIGH}});
    settle(&r);
    assert_int_equal(root_level(&r, HIGH), 0);
    pass(&r);
    settle(&r);
    assert_int_equal(root_number(&r, HIGH + 16), 1);
    assert_int_equal(root_level(&r, HIGH + 16), 2);
    post(&r, (struct mmio_gtt){.kind = MMIO_GTT_RESET});
    teardown(&r);
}

/* After a restart a directory stays where it is, and names the tables of the process before until
 * the new ones are filled. */
static void restart_keeps_directories(void **state)
{
    struct rig r;
    uint32_t old;
    uint64_t page;
    unsigned n;

    (void)state;
    begin(&r, 4);
    ask_root(&r, HIGH);
    one_root(&r, LOW);
    settle(&r);
    pass(&r);
    n = root_number(&r, LOW);
    old = directory_entry(&r, n, 0);
    page = names(&r, n, 0);
    for (int crash = 0; crash < 2; crash++) {
        restart(&r);
        assert_int_equal(r.map->epoch, r.epoch);
        for (int turn = 0; turn < 3; turn++) {
            assert_int_equal(root_level(&r, LOW), 2 | GTT_ROOT_FILLING);
            assert_int_equal(root_number(&r, LOW), n);
            assert_int_equal(directory_entry(&r, n, 0), old);
            assert_int_equal(gtt_guest_settle(r.g, 100), GTT_GUEST_MORE);
        }
    }
    settle(&r);
    assert_int_equal(root_level(&r, LOW), 2);
    assert_int_equal(root_number(&r, LOW), n);
    assert_int_not_equal(names(&r, n, 0), page);
    assert_int_equal(directory_page(&r, n, 0, 0), frame(40));
    assert_non_null(gpu_fake_dma_page(r.fake, page)); /* an engine may walk it still */
    pass(&r);
    settle(&r);
    assert_null(gpu_fake_dma_page(r.fake, page));
    teardown(&r);
}

/* A directory that was leaving when the service died is nobody's until the clear is passed. */
static void leaving_survives_a_crash(void **state)
{
    struct rig r;

    (void)state;
    begin(&r, 1);
    one_root(&r, LOW);
    settle(&r);
    pass(&r);
    ask_root(&r, HIGH);
    settle(&r);
    restart(&r);
    settle(&r);
    assert_int_equal(root_level(&r, LOW), 0);
    assert_int_equal(root_level(&r, HIGH), 2 | GTT_ROOT_FILLING);
    assert_int_equal(directory_page(&r, 1, 0, 0), frame(40));
    assert_true(gpu_fake_pinned(r.fake, DOMID, 40));
    pass(&r);
    settle(&r);
    assert_int_equal(root_level(&r, HIGH), 2);
    assert_int_equal(root_number(&r, HIGH), 1);
    calm(&r);
    assert_false(gpu_fake_pinned(r.fake, DOMID, 40));
    teardown(&r);
}

static void gone_guest_gives_directories_back(void **state)
{
    struct rig r;

    (void)state;
    begin(&r, 3);
    one_root(&r, LOW);
    ask_root(&r, HIGH);
    settle(&r);
    pass(&r);
    r.config.gone = true;
    r.config.vmm = NULL;
    r.config.image = NULL;
    restart(&r);
    assert_int_equal(root_level(&r, LOW), 0);
    for (int i = 0; i < 50; i++)
        assert_int_equal(gtt_guest_detach(r.g, 1000), GTT_GUEST_MORE);
    assert_int_equal(r.directories.slot[1].state, DIRECTORY_TAKEN);
    assert_int_equal(directory_page(&r, root_number(&r, LOW) ? 0 : 1, 0, 0), frame(40));
    assert_true(gpu_fake_pinned(r.fake, DOMID, 40));
    teardown(&r); /* the readers pass: nothing is left */
}

/* A page that is a table of the directory and names itself, 1024 times and twice over. */
static void page_that_is_its_own_table(void **state)
{
    struct rig r;

    (void)state;
    begin(&r, 3);
    for (unsigned i = 0; i < 1024; i++)
        put_pte(&r, 7, i, E(7));
    for (unsigned i = 0; i < 512; i++)
        put_entry(&r, LOW + i, E(7));
    settle(&r);
    ask_root(&r, LOW);
    ask_root(&r, LOW + 16);
    assert_int_equal(gtt_guest_settle(r.g, 100), GTT_GUEST_MORE);
    assert_true(r.map->epoch < r.epoch);
    settle(&r);
    assert_int_equal(shadow_count(&r.g->shadows), 1);
    assert_int_equal(gpu_fake_pins(r.fake), 1);
    assert_int_equal(directory_page(&r, root_number(&r, LOW), 511, 1023), frame(7));
    teardown(&r);
}

static void tables_beyond_the_limit(void **state)
{
    struct rig r;
    unsigned n;

    (void)state;
    rig_gen = GPU_GEN7;
    rig_directories = 2;
    setup(&r, 10);
    for (unsigned i = 0; i < 40; i++)
        put_entry(&r, LOW + i, E(2 + i));
    ask_root(&r, LOW);
    settle(&r);
    n = root_number(&r, LOW);
    assert_int_equal(shadow_count(&r.g->shadows), 10);
    assert_int_equal(count(&r, ACCOUNT_NO_RESOURCE), 30);
    assert_int_equal(names(&r, n, 30), empty_table(&r));
    assert_int_not_equal(names(&r, n, 9), empty_table(&r));
    teardown(&r);
}

static void no_guest_without_directories(void **state)
{
    struct gtt_guest *g;
    struct rig r;

    (void)state;
    begin(&r, 2);
    r.config.directories = NULL;
    r.config.domid = 9;
    assert_int_equal(gtt_guest_new(&r.config, &g), -ENOTSUP);
    assert_int_equal(gpu_dma_list(r.gpu, NULL, 0), 2);
    r.config.domid = DOMID;
    r.config.directories = &r.directories;
    teardown(&r);
}

/* Frames of a whole table of 1024 in two calls. */
static void workers_pin_ahead(void **state)
{
    struct rig r;

    (void)state;
    begin(&r, 2);
    for (uint64_t gfn = PAGES; gfn < 2000; gfn++)
        gpu_fake_add_frame(r.fake, DOMID, gfn, gfn << 12);
    r.config.max_pins = 3000;
    restart(&r);
    for (unsigned i = 0; i < 1024; i++)
        put_pte(&r, 2, i, E(i == 700 ? 70000 : 100 + i));
    put_entry(&r, LOW, E(2));
    ask_root(&r, LOW);
    settle(&r);
    assert_int_equal(directory_page(&r, root_number(&r, LOW), 0, 1023), 1123ull << 12);
    assert_int_equal(gpu_fake_pins(r.fake), 1 + 1023);
    assert_int_equal(count(&r, ACCOUNT_BAD_PPGTT), 1);
    assert_int_equal(r.g->pins.fetch_jobs, rig_workers ? 1 : 0);
    assert_int_equal(r.g->pins.fetch_pins, rig_workers ? 1023 : 0);
    assert_true(r.g->pins.fetch_calls < 30);
    teardown(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_of_the_ggtt),
        cmocka_unit_test(writes_change_the_directory),
        cmocka_unit_test(bad_entries_are_empty),
        cmocka_unit_test(roots_that_cannot_be),
        cmocka_unit_test(gone_waits_for_the_clear),
        cmocka_unit_test(evicted_goes_on),
        cmocka_unit_test(oldest_gives_way),
        cmocka_unit_test(heir_that_goes),
        cmocka_unit_test(restart_keeps_directories),
        cmocka_unit_test(leaving_survives_a_crash),
        cmocka_unit_test(gone_guest_gives_directories_back),
        cmocka_unit_test(page_that_is_its_own_table),
        cmocka_unit_test(tables_beyond_the_limit),
        cmocka_unit_test(no_guest_without_directories),
        cmocka_unit_test(workers_pin_ahead),
    };

    return run_twice(tests);
}
