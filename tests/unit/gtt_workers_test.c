/* SPDX-License-Identifier: MIT */
/*
 * Workers that pin frames ahead: few calls, nothing lost and nothing kept whatever the guest does
 * meanwhile: changes its tables, reaches its limit, leaves; and whatever becomes of the service.
 * The seam's pin call is wrapped here: counted, and held at a gate or made slow.
 */
#include "tests/unit/gtt_fixture.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#define ENTRY(gfn) ((uint64_t)(gfn) << 12 | P)
#define MORE_PAGES 2048u /* frames without memory behind them: named, never read */

static const struct gpu_ops *under;
static struct gpu_ops wrapped;
static _Atomic unsigned calls, frames, at_gate, slow_us;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER; /* held: pin calls of workers wait */
static pthread_t loop_thread;

static int pin(struct gpu *g, uint16_t domid, const uint64_t *gfns, uint32_t count, uint64_t *dma)
{
    if (!pthread_equal(pthread_self(), loop_thread)) {
        at_gate++;
        pthread_mutex_lock(&gate);
        pthread_mutex_unlock(&gate);
        at_gate--;
        usleep(slow_us);
    }
    calls++;
    frames += count;
    return under->pin(g, domid, gfns, count, dma);
}

static void wrap(struct rig *r)
{
    if (r->gpu->ops == &wrapped)
        return;
    under = r->gpu->ops;
    wrapped = *under;
    wrapped.pin = pin;
    r->gpu->ops = &wrapped;
    calls = frames = 0;
}

static void start(struct rig *r, uint64_t max_pins)
{
    loop_thread = pthread_self();
    setup(r, 200);
    for (uint64_t gfn = PAGES; gfn < MORE_PAGES; gfn++)
        gpu_fake_add_frame(r->fake, DOMID, gfn, gfn << 12);
    r->config.max_pins = max_pins;
    restart(r);
    settle(r);
    wrap(r);
}

/* A 3-level root at page 1 whose table number i is page 2 + i. */
static void tables(struct rig *r, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        table(r, 1)[i] = ENTRY(2 + i);
    post(r, (struct mmio_gtt){.kind = MMIO_GTT_PPGTT_NEW, .level = 3, .pdp = {1 << 12}});
}

/* Table i names 512 frames in a row. */
static void name_row(struct rig *r, unsigned i, uint64_t first)
{
    for (unsigned k = 0; k < 512; k++)
        table(r, 2 + i)[k] = ENTRY(first + k);
}

static void refill(struct rig *r, uint64_t gfn)
{
    post(r, (struct mmio_gtt){.kind = MMIO_GTT_TABLE_WRITE, .write = {gfn, 0, 4095}});
}

/* Entry k of table i as the GPU sees it. */
static uint64_t shadow(struct rig *r, unsigned i, unsigned k)
{
    uint64_t *pd = gpu_fake_dma_page(r->fake, r->map->root[0].shadow[0]);
    uint64_t *pt = gpu_fake_dma_page(r->fake, pd[i]);

    return pt[k] & GEN8_PTE_ADDR;
}

static void wait_at_gate(unsigned count)
{
    while (at_gate != count)
        usleep(100);
}

static void frames_come_in_few_calls(void **state)
{
    struct rig r;

    (void)state;
    start(&r, 5000);
    for (unsigned i = 0; i < 3; i++)
        name_row(&r, i, 100 + 500 * i); /* neighbours share twelve */
    tables(&r, 3);
    settle(&r);
    for (unsigned i = 0; i < 3; i++)
        for (unsigned k = 0; k < 512; k++)
            assert_int_equal(shadow(&r, i, k), (100 + 500ull * i + k) << 12);
    assert_int_equal(gpu_fake_pins(r.fake), 1512);
    assert_int_equal(r.g->pins.held, 1512);
    print_message("# %u frames in %u calls\n", frames, calls);
    assert_int_equal(calls, rig_workers ? 3 : 1512);
    assert_int_equal(r.g->pins.fetch_jobs, rig_workers ? 3 : 0);
    teardown(&r);
}

/* Frames that are no RAM in between: counted once each, all others are there. */
static void bad_frames_are_left_out(void **state)
{
    struct rig r;

    (void)state;
    start(&r, 5000);
    name_row(&r, 0, 100);
    table(&r, 2)[7] = ENTRY(70000);
    table(&r, 2)[300] = ENTRY(80000);
    table(&r, 2)[301] = 1ull << 45 | P;
    table(&r, 2)[302] = 0;
    tables(&r, 1);
    settle(&r);
    assert_int_equal(gpu_fake_pins(r.fake), 508);
    assert_int_equal(r.account.count[ACCOUNT_BAD_PPGTT], 3);
    assert_int_equal(shadow(&r, 0, 8), 108ull << 12);
    assert_int_equal(shadow(&r, 0, 300), shadow_scratch_data(&r.g->shadows));
    assert_true(!rig_workers || calls < 60);
    teardown(&r);
}

static void no_worker_for_few(void **state)
{
    struct rig r;

    (void)state;
    start(&r, 5000);
    table(&r, 2)[5] = ENTRY(100);
    tables(&r, 1);
    settle(&r);
    assert_int_equal(r.g->pins.fetch_jobs, 0);
    assert_int_equal(shadow(&r, 0, 5), 100ull << 12);
    teardown(&r);
}

/* The guest changes the table while a worker pins what it said before. */
static void table_changes_meanwhile(void **state)
{
    struct rig r;

    (void)state;
    start(&r, 5000);
    name_row(&r, 0, 100);
    tables(&r, 1);
    pthread_mutex_lock(&gate);
    assert_int_equal(gtt_guest_settle(r.g, 10000), GTT_GUEST_WAITS);
    wait_at_gate(1);
    for (unsigned k = 0; k < 512; k++)
        table(&r, 2)[k] = k < 400 ? 0 : ENTRY(1000 + k);
    refill(&r, 2);
    post(&r, (struct mmio_gtt){.kind = MMIO_GTT_PTE, .pte = {256, ENTRY(100)}});
    assert_int_equal(gtt_guest_settle(r.g, 10000), GTT_GUEST_WAITS);
    assert_true(r.map->epoch < r.epoch);
    pthread_mutex_unlock(&gate);
    settle(&r);
    assert_int_equal(shadow(&r, 0, 511), 1511ull << 12);
    assert_int_equal(shadow(&r, 0, 5), shadow_scratch_data(&r.g->shadows));
    pass(&r);
    settle(&r);
    assert_int_equal(gpu_fake_pins(r.fake), 113);
    assert_int_equal(r.g->pins.held, 113);
    assert_true(gpu_fake_pinned(r.fake, DOMID, 100)); /* the GGTT names it */
    teardown(&r);
}

/* While a worker may pin a frame, the loop does not unpin it behind its back. */
static void nothing_is_unpinned_under_a_worker(void **state)
{
    struct rig r;

    (void)state;
    start(&r, 5000);
    name_row(&r, 0, 100);
    post(&r, (struct mmio_gtt){.kind = MMIO_GTT_PTE, .pte = {256, ENTRY(90)}});
    settle(&r);
    post(&r, (struct mmio_gtt){.kind = MMIO_GTT_PTE, .pte = {256, 0}});
    settle(&r);
    tables(&r, 1);
    pthread_mutex_lock(&gate);
    assert_int_equal(gtt_guest_settle(r.g, 10000), GTT_GUEST_WAITS);
    pass(&r);
    pins_reap(&r.g->pins);
    assert_true(gpu_fake_pinned(r.fake, DOMID, 90));
    pthread_mutex_unlock(&gate);
    settle(&r);
    pins_reap(&r.g->pins);
    assert_false(gpu_fake_pinned(r.fake, DOMID, 90));
    teardown(&r);
}

static int no_protect(void *ctx, uint64_t gfn, enum shadow_trap how)
{
    (void)ctx;
    (void)gfn;
    (void)how;
    return 0;
}

/* A second guest of the same service: another domain, its own map, the first one's tables. */
static struct gtt_guest *second(struct rig *r, struct gtt_map *map)
{
    struct gtt_guest_config c = r->config;
    struct gtt_guest *g;

    c.domid = DOMID + 1;
    c.map = map;
    c.inval[0] = NULL; /* no reader: nothing waits for one */
    c.protect = no_protect;
    c.grant = (struct partition_grant){DOMID + 1, {{2 * MIB, MIB}, {9 * MIB, MIB}, {6, 2}}};
    gpu_fake_attach(r->fake, c.domid);
    for (uint64_t gfn = 0; gfn < MORE_PAGES; gfn++)
        gpu_fake_add_frame(r->fake, c.domid, gfn, (MORE_PAGES + gfn) << 12);
    assert_int_equal(gtt_guest_new(&c, &g), 0);
    assert_int_equal(gtt_guest_settle(g, 1000), 0);
    return g;
}

/* Nobody waits for a guest that leaves except its own jobs; their late result finds nobody. */
static void late_result_for_a_guest_that_left(void **state)
{
    struct mmio_gtt root = {.kind = MMIO_GTT_PPGTT_NEW, .level = 3, .pdp = {1 << 12}, .epoch = 1};
    struct gtt_map *map = calloc(1, sizeof(*map));
    struct gtt_guest *g;
    struct rig r;
    int rc;

    (void)state;
    start(&r, 5000);
    g = second(&r, map);
    for (unsigned i = 0; i < 6; i++)
        name_row(&r, i, 100 + i * 32);
    pthread_mutex_lock(&gate);
    tables(&r, 6);
    assert_int_equal(gtt_guest_settle(r.g, 100000), GTT_GUEST_WAITS);
    assert_int_equal(r.g->pins.fetches, FETCH_MAX);
    wait_at_gate(2);
    assert_int_equal(gtt_guest_apply(g, &root), 0);
    assert_int_equal(gtt_guest_settle(g, 100000), GTT_GUEST_WAITS);
    while ((rc = gtt_guest_detach(g, 1000)) == GTT_GUEST_MORE)
        ;
    assert_int_equal(rc, 0); /* its jobs were not begun */
    for (int turns = 0; turns < 100; turns++) {
        pass(&r);
        assert_true(gtt_guest_detach(r.g, 1000) > 0);
    }
    assert_int_equal(r.g->pins.fetches, 2);
    pthread_mutex_unlock(&gate);
    teardown(&r);
    free(map);
}

/* The service is killed, or stops, with jobs outstanding. */
static void crash_with_jobs_outstanding(void **state)
{
    struct rig r;

    (void)state;
    start(&r, 5000);
    for (unsigned i = 0; i < 6; i++)
        name_row(&r, i, 100 + i * 32);
    tables(&r, 6);
    slow_us = 5000;
    assert_int_equal(gtt_guest_settle(r.g, 100000), GTT_GUEST_WAITS);
    restart(&r);
    assert_true(r.g->pins.held == gpu_fake_pins(r.fake));
    slow_us = 0;
    settle(&r);
    assert_int_equal(shadow(&r, 5, 511), (100ull + 5 * 32 + 511) << 12);
    assert_int_equal(gpu_fake_pins(r.fake), 512 + 5 * 32);
    teardown(&r);
}

static void limit_holds(void **state)
{
    struct rig r;

    (void)state;
    start(&r, 700);
    for (unsigned i = 0; i < 3; i++)
        name_row(&r, i, 100 + i * 512);
    tables(&r, 3);
    settle(&r);
    assert_int_equal(gpu_fake_pins(r.fake), 700);
    assert_int_equal(r.g->pins.held, 700);
    assert_int_equal(r.account.count[ACCOUNT_NO_RESOURCE], 1536 - 700);
    for (unsigned k = 0; k < 1024; k++)
        table(&r, 2 + k / 512)[k % 512] = 0;
    refill(&r, 2);
    refill(&r, 3);
    settle(&r);
    pass(&r);
    settle(&r);
    refill(&r, 4);
    settle(&r);
    assert_int_equal(gpu_fake_pins(r.fake), 512);
    assert_int_equal(shadow(&r, 2, 511), (100ull + 1535) << 12);
    teardown(&r);
}

/* The device has no more: the worker gives up, the fill counts. */
static void device_refuses(void **state)
{
    struct rig r;

    (void)state;
    start(&r, 5000);
    name_row(&r, 0, 100);
    tables(&r, 1);
    assert_int_equal(gtt_guest_settle(r.g, 10), GTT_GUEST_MORE); /* the upper level */
    gpu_fake_fail(r.fake, ENOSPC, 600);
    settle(&r);
    gpu_fake_fail(r.fake, 0, 0);
    assert_int_equal(r.account.count[ACCOUNT_NO_RESOURCE], 512);
    assert_int_equal(r.g->pins.held, 0);
    refill(&r, 2);
    settle(&r);
    assert_int_equal(r.g->pins.held, 512);
    teardown(&r);
}

static void random_tables(struct rig *r)
{
    unsigned i = (unsigned)rand() % 8, base = 100 + (unsigned)rand() % 1400, n = 1 + rand() % 512;

    for (unsigned k = 0; k < n; k++)
        table(r, 2 + i)[k] = rand() % 50 ? ENTRY(base + k) : (uint64_t)rand() << 12;
    refill(r, 2 + i);
    if (rand() % 10 == 0)
        post(r, (struct mmio_gtt){.kind = rand() % 2 ? MMIO_GTT_PPGTT_GONE : MMIO_GTT_PPGTT_NEW,
                                  .level = 3,
                                  .pdp = {1 << 12}});
}

/* Changes at every moment, limits reached, crashes; then the guest leaves in the middle of it. */
static void stress(void **state)
{
    uint64_t pins = 0, jobs = 0, done = 0;
    struct rig r;

    (void)state;
    slow_us = 50;
    for (unsigned seed = 0; seed < 12; seed++) {
        srand(seed);
        start(&r, seed % 3 ? 3000 : 600);
        tables(&r, 8);
        for (int i = 0; i < 60; i++) {
            random_tables(&r);
            assert_true(gtt_guest_settle(r.g, (uint64_t)rand() % 3000) >= 0);
            if (r.workers && rand() % 2)
                workers_collect(r.workers);
            if (rand() % 8 == 0)
                settle(&r);
            if (rand() % 3 == 0)
                pass(&r);
            assert_true(r.g->pins.held <= r.config.max_pins);
            if (rand() % 40)
                continue;
            restart(&r);
            wrap(&r);
        }
        jobs += r.g->pins.fetch_jobs;
        pins += r.g->pins.fetch_pins;
        done += r.g->pins.fetch_calls;
        teardown(&r);
    }
    slow_us = 0;
    print_message("# %llu jobs, %llu frames, %llu calls\n", (unsigned long long)jobs,
                  (unsigned long long)pins, (unsigned long long)done);
    assert_int_equal(jobs > 0, rig_workers > 0);
}

int main(void)
{
    const struct CMUnitTest in_loop[] = {
        cmocka_unit_test(frames_come_in_few_calls),
        cmocka_unit_test(bad_frames_are_left_out),
        cmocka_unit_test(limit_holds),
        cmocka_unit_test(device_refuses),
        cmocka_unit_test(stress),
    };
    const struct CMUnitTest with_workers[] = {
        cmocka_unit_test(frames_come_in_few_calls),
        cmocka_unit_test(bad_frames_are_left_out),
        cmocka_unit_test(no_worker_for_few),
        cmocka_unit_test(table_changes_meanwhile),
        cmocka_unit_test(nothing_is_unpinned_under_a_worker),
        cmocka_unit_test(late_result_for_a_guest_that_left),
        cmocka_unit_test(crash_with_jobs_outstanding),
        cmocka_unit_test(limit_holds),
        cmocka_unit_test(device_refuses),
        cmocka_unit_test(stress),
    };

    return cmocka_run_group_tests(in_loop, set_workers_0, unset_workers) +
           cmocka_run_group_tests(with_workers, set_workers_2, unset_workers);
}
