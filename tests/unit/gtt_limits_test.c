/* SPDX-License-Identifier: MIT */
/*
 * One guest's graphics memory at its edges: the TLB rule step by step, hostile tables and entries,
 * limits, and the lane with a crash in the middle.
 */
#include "tests/unit/gtt_fixture.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define ENTRY(gfn) ((uint64_t)(gfn) << 12 | P)

static void pte(struct rig *r, uint64_t index, uint64_t value)
{
    r->image->pte[index] = value;
    post(r, (struct mmio_gtt){.kind = MMIO_GTT_PTE, .pte = {index, value}});
}

static void root4(struct rig *r, enum mmio_gtt_kind kind, uint64_t gfn)
{
    post(r, (struct mmio_gtt){.kind = kind, .level = 4, .pdp = {gfn << 12}});
}

static uint64_t count(struct rig *r, enum account_event e)
{
    return r->account.count[e];
}

static bool pinned(struct rig *r, uint64_t gfn)
{
    settle(r);
    return gpu_fake_pinned(r->fake, DOMID, gfn);
}

static void pin_waits_for_every_reader(void **state)
{
    struct gtt_inval display = {0};
    struct rig r;

    (void)state;
    setup(&r, 100);
    r.config.inval[1] = &display;
    restart(&r);
    settle(&r);
    pte(&r, 256, ENTRY(50));
    assert_true(pinned(&r, 50));
    pte(&r, 256, 0);
    assert_true(pinned(&r, 50));
    r.inval.done_seq = display.done_seq = r.map->clear_seq - 1;
    assert_true(pinned(&r, 50));
    r.inval.done_seq = r.map->clear_seq;
    assert_true(pinned(&r, 50)); /* display has not */
    display.done_seq = r.map->clear_seq + 7;
    assert_true(pinned(&r, 50)); /* more than was published proves nothing */
    pte(&r, 257, ENTRY(50));     /* taken again while it waits */
    display.done_seq = r.map->clear_seq;
    pass(&r);
    assert_true(pinned(&r, 50));
    pte(&r, 257, ENTRY(51));
    assert_true(pinned(&r, 50));
    display.done_seq = r.map->clear_seq;
    pass(&r);
    assert_false(pinned(&r, 50));
    assert_true(pinned(&r, 51));
    r.g->tlb.inval[1] = NULL; /* display stopped scanning out */
    teardown(&r);
}

/* Cleared, named again and cleared again, all before the first clear is passed. */
static void second_clear_counts(void **state)
{
    struct rig r;
    uint64_t first;

    (void)state;
    setup(&r, 100);
    pte(&r, 256, ENTRY(50));
    settle(&r);
    pte(&r, 256, 0);
    settle(&r);
    first = r.map->clear_seq;
    pte(&r, 256, ENTRY(50));
    settle(&r);
    pte(&r, 256, 0);
    settle(&r);
    assert_true(r.map->clear_seq > first);
    r.inval.done_seq = first;
    assert_true(pinned(&r, 50));
    pass(&r);
    assert_false(pinned(&r, 50));
    teardown(&r);
}

/* A table is not settled before mmio says that its page is protected. */
static void epoch_waits_for_protection(void **state)
{
    struct rig r;

    (void)state;
    setup(&r, 100);
    r.config.confirmed = true;
    restart(&r);
    settle(&r);
    root4(&r, MMIO_GTT_PPGTT_NEW, 1);
    assert_int_equal(gtt_guest_settle(r.g, 10000), GTT_GUEST_MORE);
    assert_int_equal(r.confirms, 1);
    assert_true(r.map->epoch < r.epoch);
    table(&r, 1)[3] = ENTRY(9); /* not trapped yet */
    assert_int_equal(gtt_guest_settle(r.g, 10000), GTT_GUEST_MORE);
    assert_int_equal(shadow_count(&r.g->shadows), 1);
    settle(&r);
    assert_int_equal(shadow_count(&r.g->shadows), 2);
    teardown(&r);
}

static void table_write(struct rig *r, uint64_t gfn, unsigned i, uint64_t value)
{
    table(r, gfn)[i] = value;
    if (r->trapped[gfn])
        post(r, (struct mmio_gtt){.kind = MMIO_GTT_TABLE_WRITE, .write = {gfn, i * 8, 8}});
}

/* A root in page 1 that leads to one last-level table, page 4; and that one's shadow. */
static void one_leaf(struct rig *r)
{
    for (uint64_t gfn = 1; gfn < 4; gfn++)
        table(r, gfn)[0] = ENTRY(gfn + 1);
    root4(r, MMIO_GTT_PPGTT_NEW, 1);
}

static uint64_t *leaf_shadow(struct rig *r)
{
    uint64_t *at = gpu_fake_dma_page(r->fake, r->map->root[0].shadow[0]);

    for (unsigned level = 0; level < 3; level++)
        at = gpu_fake_dma_page(r->fake, at[0] & GEN8_PTE_ADDR);
    return at;
}

/* Only a last-level table, after some writes, and once until the guest submits: what it wrote
 * untrapped is in the shadow then. */
static void written_often_goes_untrapped(void **state)
{
    struct rig r;
    uint64_t *at;

    (void)state;
    setup(&r, 100);
    one_leaf(&r);
    settle(&r);
    assert_true(r.trapped[3]);
    assert_false(r.trapped[4]); /* a new one */
    settle(&r);
    assert_true(r.trapped[4]);
    for (unsigned i = 0; i < SHADOW_LIFT_AFTER + 2; i++)
        table_write(&r, 3, 1 + i, 0);
    assert_int_equal(r.lifts, 0);
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(r.lifts, i >= SHADOW_LIFT_AFTER);
        table_write(&r, 4, i, ENTRY(20 + i));
    }
    assert_false(r.trapped[4]);
    settle(&r);
    assert_true(r.trapped[4]);
    at = leaf_shadow(&r);
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(at[i] & GEN8_PTE_ADDR, frame(20 + i));
    for (unsigned i = 0; i < SHADOW_LIFT_AFTER; i++)
        table_write(&r, 4, i, 0);
    assert_int_equal(r.lifts, 2);
    teardown(&r);
}

/* Its last-level table was read before mmio had room to be asked, and written since. */
static void asked_late_is_read_again(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 16; n++) { /* mmio may let it trap at once: see protect() */
        struct rig r;

        setup(&r, 100);
        r.config.confirmed = true;
        restart(&r);
        settle(&r);
        r.refuse_all = true;
        one_leaf(&r);
        for (unsigned turn = 0; turn < 20; turn++)
            if (gtt_guest_settle(r.g, 10000) == GTT_GUEST_WAITS)
                workers_wait(r.config.workers);
        assert_true(r.map->epoch < r.epoch);
        table(&r, 4)[7] = ENTRY(9);
        r.refuse_all = false;
        settle(&r);
        assert_int_equal(leaf_shadow(&r)[7] & GEN8_PTE_ADDR, frame(9));
        teardown(&r);
    }
}

/* Read again, but nothing has changed: no frame is looked up. */
static void table_without_news_is_no_work(void **state)
{
    struct rig r;
    uint64_t jobs;

    (void)state;
    setup(&r, 100);
    for (unsigned i = 0; i < 40; i++)
        table(&r, 4)[3 * i] = ENTRY(20 + i);
    one_leaf(&r);
    settle(&r);
    settle(&r);
    jobs = r.g->pins.fetch_jobs;
    assert_int_equal(jobs > 0, rig_workers > 0);
    post(&r, (struct mmio_gtt){.kind = MMIO_GTT_TABLE_WRITE, .write = {4, 0, 4096}});
    assert_int_equal(gtt_guest_settle(r.g, 1), 0);
    assert_int_equal(r.g->pins.fetch_jobs, jobs);
    table(&r, 4)[511] = ENTRY(9);
    post(&r, (struct mmio_gtt){.kind = MMIO_GTT_TABLE_WRITE, .write = {4, 0, 4096}});
    settle(&r);
    assert_int_equal(r.g->pins.fetch_jobs > jobs, rig_workers > 0);
    teardown(&r);
}

static void table_page_waits_too(void **state)
{
    struct rig r;
    uint64_t old;

    (void)state;
    setup(&r, 100);
    root4(&r, MMIO_GTT_PPGTT_NEW, 1);
    settle(&r);
    old = r.map->root[0].shadow[0];
    root4(&r, MMIO_GTT_PPGTT_GONE, 1);
    settle(&r);
    assert_int_equal(r.map->root[0].level, 0);
    for (uint64_t gfn = 0; gfn < 90; gfn++)
        root4(&r, MMIO_GTT_PPGTT_NEW, gfn);
    settle(&r);
    for (unsigned i = 0; i < 90; i++)
        assert_int_not_equal(r.map->root[i].shadow[0], old);
    teardown(&r);
}

/* 512 entries at each of four levels, all pointing to one page. */
static void page_that_is_its_own_table(void **state)
{
    struct rig r;

    (void)state;
    setup(&r, 100);
    for (unsigned i = 0; i < 512; i++)
        table(&r, 7)[i] = ENTRY(7);
    root4(&r, MMIO_GTT_PPGTT_NEW, 7);
    assert_int_equal(gtt_guest_settle(r.g, 100), GTT_GUEST_MORE);
    assert_true(r.map->epoch < r.epoch);
    settle(&r);
    assert_int_equal(shadow_count(&r.g->shadows), 4);
    assert_int_equal(gpu_fake_pins(r.fake), 1);
    memset(table(&r, 7), 0, 4096);
    post(&r, (struct mmio_gtt){.kind = MMIO_GTT_TABLE_WRITE, .write = {7, 0, 4096}});
    settle(&r);
    assert_int_equal(shadow_count(&r.g->shadows), 1);
    teardown(&r);
}

static void tree_beyond_the_limit(void **state)
{
    struct rig r;
    uint64_t *page;

    (void)state;
    setup(&r, 10);
    for (unsigned i = 0; i < 40; i++)
        table(&r, 1)[i] = ENTRY(2 + i);
    root4(&r, MMIO_GTT_PPGTT_NEW, 1);
    settle(&r);
    assert_int_equal(shadow_count(&r.g->shadows), 10);
    assert_int_equal(count(&r, ACCOUNT_NO_RESOURCE), 31);
    page = gpu_fake_dma_page(r.fake, r.map->root[0].shadow[0]);
    assert_int_equal(page[30] & GEN8_PTE_ADDR, shadow_scratch(&r.g->shadows, GTT_LEVEL_PDPE));
    assert_int_not_equal(page[8] & GEN8_PTE_ADDR, shadow_scratch(&r.g->shadows, GTT_LEVEL_PDPE));
    teardown(&r);
}

static void more_roots_than_slots(void **state)
{
    struct rig r;

    (void)state;
    setup(&r, 100);
    for (uint64_t i = 0; i < GTT_MAP_ROOTS + 5; i++)
        post(&r, (struct mmio_gtt){.kind = MMIO_GTT_PPGTT_NEW,
                                   .level = 3,
                                   .pdp = {(i % 32 + 1) << 12, (i / 32 + 1) << 12}});
    settle(&r);
    assert_int_equal(count(&r, ACCOUNT_NO_RESOURCE), 5);
    assert_int_equal(r.g->ppgtt.count, GTT_MAP_ROOTS);
    post(&r, (struct mmio_gtt){.kind = MMIO_GTT_RESET});
    settle(&r);
    assert_int_equal(shadow_count(&r.g->shadows), 0);
    teardown(&r);
}

static void nonsense_is_counted(void **state)
{
    struct rig r;

    (void)state;
    setup(&r, 100);
    root4(&r, MMIO_GTT_PPGTT_NEW, 1);
    settle(&r);
    post(&r, (struct mmio_gtt){.kind = MMIO_GTT_TABLE_WRITE, .write = {1, 4096, 8}});
    post(&r, (struct mmio_gtt){.kind = MMIO_GTT_TABLE_WRITE, .write = {1, 8, UINT32_MAX}});
    post(&r, (struct mmio_gtt){.kind = MMIO_GTT_TABLE_WRITE, .write = {1, 8, 0}});
    post(&r, (struct mmio_gtt){.kind = MMIO_GTT_PPGTT_NEW, .level = 5});
    post(&r, (struct mmio_gtt){.kind = MMIO_GTT_PPGTT_NEW, .level = 4, .pdp = {1ull << 45}});
    assert_int_equal(count(&r, ACCOUNT_BAD_PPGTT), 5);
    post(&r, (struct mmio_gtt){.kind = 99});
    post(&r, (struct mmio_gtt){.kind = MMIO_GTT_PTE, .pte = {UINT64_MAX, ENTRY(1)}});
    assert_int_equal(count(&r, ACCOUNT_BAD_GTT), 2);
    gpu_fake_fail(r.fake, ENOMEM, 1);
    pte(&r, 260, ENTRY(3));
    assert_int_equal(count(&r, ACCOUNT_NO_RESOURCE), 1);
    assert_int_equal(gpu_fake_gtt(r.fake, 260), shadow_scratch_data(&r.g->shadows) | 1);
    settle(&r);
    teardown(&r);
}

static void fence(struct rig *r, uint64_t n, uint64_t first, uint64_t last)
{
    uint64_t value = last << 44 | 3ull << 32 | first << 12 | 1;

    post(r, (struct mmio_gtt){.kind = MMIO_GTT_FENCE, .pte = {n, value}});
}

static void fences_stay_inside(void **state)
{
    const uint32_t at = 0x100000 + 8 * (4 + 1);
    struct rig r;

    (void)state;
    setup(&r, 100);
    fence(&r, 1, 256, 511);
    assert_int_equal(gpu_fake_get(r.fake, at), 256 << 12 | 1);
    assert_int_equal(gpu_fake_get(r.fake, at + 4), 511u << 12 | 3);
    fence(&r, 1, 256, 512);
    assert_int_equal(gpu_fake_get(r.fake, at), 0);
    fence(&r, 1, 255, 300);
    fence(&r, 1, 300, 299);
    fence(&r, 2, 256, 257);
    assert_int_equal(gpu_fake_get(r.fake, at), 0);
    assert_int_equal(gpu_fake_get(r.fake, at + 8), 0);
    assert_int_equal(count(&r, ACCOUNT_BAD_GTT), 4);
    settle(&r);
    teardown(&r);
}

static void attach_without_memory(void **state)
{
    struct gtt_guest *g = NULL;
    struct rig r;

    (void)state;
    setup(&r, 100);
    teardown(&r);
    setup(&r, 100);
    r.config.domid = 9; /* nothing of the first guest's is taken over */
    gpu_fake_fail(r.fake, ENOMEM, 1);
    assert_int_equal(gtt_guest_new(&r.config, &g), -ENOSPC);
    r.config.grant.range[PARTITION_HIGH].size = 64 * MIB;
    assert_int_equal(gtt_guest_new(&r.config, &g), -EINVAL);
    assert_int_equal(gpu_dma_list(r.gpu, NULL, 0), 1);
    teardown(&r);
}

/* Crashes while the map was written: of a whole record, and of one not complete. */
static void torn_map(void **state)
{
    struct rig r;
    uint64_t old;

    (void)state;
    setup(&r, 100);
    root4(&r, MMIO_GTT_PPGTT_NEW, 1);
    root4(&r, MMIO_GTT_PPGTT_NEW, 2);
    settle(&r);
    old = r.map->root[0].shadow[0];
    r.map->root[0].seq++;
    r.map->root[1].seq++;
    r.map->root[1].level = 0;
    restart(&r);
    settle(&r);
    assert_int_equal(r.map->root[0].seq & 1, 0);
    assert_int_equal(r.map->root[0].level, 4);
    assert_int_equal(r.map->root[0].guest[0], 1 << 12);
    assert_int_not_equal(r.map->root[0].shadow[0], old);
    assert_non_null(gpu_fake_dma_page(r.fake, old)); /* an engine may walk it still */
    assert_int_equal(r.map->root[1].seq & 1, 0);
    assert_int_equal(r.map->root[1].guest[0], 0);
    pass(&r);
    settle(&r);
    assert_null(gpu_fake_dma_page(r.fake, old));
    teardown(&r);
}

/* After a restart the tables are empty at first, and the epoch that submissions wait for was
 * published long ago: nobody may find the root before they are filled. */
static void root_waits_for_its_tables(void **state)
{
    struct rig r;

    (void)state;
    setup(&r, 100);
    table(&r, 1)[0] = ENTRY(2);
    root4(&r, MMIO_GTT_PPGTT_NEW, 1);
    assert_int_equal(r.map->root[0].level, 4 | GTT_ROOT_FILLING);
    settle(&r);
    assert_int_equal(r.map->root[0].level, 4);
    assert_int_equal(r.map->epoch, r.epoch);
    restart(&r);
    assert_int_equal(r.map->epoch, r.epoch);
    assert_int_equal(r.map->root[0].level, 4 | GTT_ROOT_FILLING);
    assert_int_equal(gtt_guest_settle(r.g, 1), GTT_GUEST_MORE);
    assert_int_equal(r.map->root[0].level, 4 | GTT_ROOT_FILLING);
    restart(&r); /* in the middle of it */
    assert_int_equal(r.map->root[0].level, 4 | GTT_ROOT_FILLING);
    settle(&r);
    assert_int_equal(r.map->root[0].level, 4);
    assert_true(r.map->root[0].shadow[0] != 0);
    teardown(&r);
}

static void lane_survives_a_crash(void **state)
{
    struct mmio_gtt m = {.kind = MMIO_GTT_PPGTT_NEW, .level = 4, .pdp = {1 << 12}};
    int fd, wake = eventfd(0, EFD_NONBLOCK), room = eventfd(0, EFD_NONBLOCK), rc, turns = 0;
    struct lane_tx tx;
    struct lane_rx rx;
    struct rig r;

    (void)state;
    setup(&r, 100);
    assert_int_equal(lane_create("gtt", LANE_STREAM, 256, MMIO_GTT_LAYOUT, &fd), 0);
    assert_int_equal(lane_producer_attach(&tx, fd, MMIO_GTT_LAYOUT, wake, room), 0);
    assert_int_equal(lane_consumer_attach(&rx, fd, MMIO_GTT_LAYOUT, wake, room), 0);
    table(&r, 1)[0] = ENTRY(2);
    m.epoch = 1;
    assert_int_equal(lane_tx_put(&tx, &m, sizeof m), 0);
    for (uint64_t i = 2; i <= 100; i++) {
        m = (struct mmio_gtt){.kind = MMIO_GTT_PTE, .epoch = i, .pte = {256 + i, ENTRY(i % 8)}};
        r.image->pte[256 + i] = m.pte.value;
        assert_int_equal(lane_tx_put(&tx, &m, sizeof m), 0);
    }
    assert_int_equal(gtt_guest_consume(r.g, &rx, 10), GTT_GUEST_MORE);
    assert_int_equal(r.map->epoch, 0);
    assert_int_equal(r.map->root[0].level, 4 | GTT_ROOT_FILLING);
    lane_consumer_detach(&rx);
    restart(&r);
    assert_int_equal(lane_consumer_attach(&rx, fd, MMIO_GTT_LAYOUT, wake, room), 0);
    while ((rc = gtt_guest_consume(r.g, &rx, 100)) == GTT_GUEST_MORE)
        assert_true(turns++ < 1000);
    assert_int_equal(rc, 0);
    assert_int_equal(r.map->epoch, 100);
    assert_int_equal(r.map->root[0].level, 4);
    assert_int_equal(r.map->root[1].level, 0);
    assert_int_equal(shadow_count(&r.g->shadows), 2);
    for (uint32_t i = 2; i <= 100; i++)
        assert_int_equal(gpu_fake_gtt(r.fake, 256 + i), frame(i % 8) | P);
    lane_consumer_detach(&rx);
    assert_int_equal(lane_consumer_attach(&rx, fd, MMIO_GTT_LAYOUT, wake, room), 0);
    assert_int_equal(gtt_guest_consume(r.g, &rx, 100), 0); /* nothing comes twice */
    lane_consumer_detach(&rx);
    lane_producer_detach(&tx);
    close(fd);
    close(wake);
    close(room);
    teardown(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pin_waits_for_every_reader),
        cmocka_unit_test(second_clear_counts),
        cmocka_unit_test(epoch_waits_for_protection),
        cmocka_unit_test(written_often_goes_untrapped),
        cmocka_unit_test(asked_late_is_read_again),
        cmocka_unit_test(table_without_news_is_no_work),
        cmocka_unit_test(table_page_waits_too),
        cmocka_unit_test(page_that_is_its_own_table),
        cmocka_unit_test(tree_beyond_the_limit),
        cmocka_unit_test(more_roots_than_slots),
        cmocka_unit_test(nonsense_is_counted),
        cmocka_unit_test(fences_stay_inside),
        cmocka_unit_test(attach_without_memory),
        cmocka_unit_test(torn_map),
        cmocka_unit_test(root_waits_for_its_tables),
        cmocka_unit_test(lane_survives_a_crash),
    };

    return run_twice(tests);
}
