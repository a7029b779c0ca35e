/* SPDX-License-Identifier: MIT */
/*
 * vgt-gtt's host side: entries for sched's pages on its lane, roots it met, and display's slice.
 */
#include "lib/region.h"
#include "services/gtt/service.h"
#include "services/wire/names.h"
#include "services/wire/record.h"
#include "tests/unit/gtt_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define GGTT_ENTRIES  (1u << 20)
#define GGTT_ENTRIES7 (1u << 19)
#define HOST_FIRST    (GGTT_ENTRIES - WIRE_HOST_HIGH / 4096)

struct host {
    struct gpu_fake *fake;
    struct loop *loop;
    struct gtt_service *s;
    struct lane_tx to_gtt;
    struct lane_rx from_gtt;
    uint64_t seq;
};

static void add_lane(struct wire_fds *fds, const char *name)
{
    static const char *const suffix[3] = {"", ".wake", ".room"};

    for (int i = 0; i < 3; i++) {
        snprintf(fds->item[fds->count].name, sizeof(fds->item[0].name), "%s%s", name, suffix[i]);
        fds->item[fds->count].fd = eventfd(0, EFD_NONBLOCK);
        if (i == 0) {
            close(fds->item[fds->count].fd);
            assert_int_equal(
                lane_create(name, LANE_STREAM, 4, SCHED_GTT_LAYOUT, &fds->item[fds->count].fd), 0);
        }
        fds->count++;
    }
}

static int host_setup_on(void **state, enum gpu_gen gen, uint32_t entries)
{
    struct host *h = calloc(1, sizeof(*h));

    h->s = calloc(1, sizeof(*h->s));
    h->fake = gpu_fake_new(gen, entries);
    assert_int_equal(loop_new(&h->loop), 0);
    assert_int_equal(gtt_service_init(h->s, h->loop, NULL, &vmm_fake_ops, rig_workers), 0);
    assert_int_equal(gpu_fake_open(h->fake, GPU_ROW_GTT, &h->s->gpu), 0);
    add_lane(&h->s->fds, WIRE_SCHED_GTT);
    add_lane(&h->s->fds, WIRE_GTT_SCHED);
    assert_int_equal(gtt_service_start(h->s), 0);
    assert_int_equal(wire_producer(&h->s->fds, WIRE_SCHED_GTT, SCHED_GTT_LAYOUT, &h->to_gtt), 0);
    assert_int_equal(wire_consumer(&h->s->fds, WIRE_GTT_SCHED, SCHED_GTT_LAYOUT, &h->from_gtt), 0);
    *state = h;
    return 0;
}

static int host_setup(void **state)
{
    return host_setup_on(state, GPU_GEN8, GGTT_ENTRIES);
}

static int host_setup_7(void **state)
{
    return host_setup_on(state, GPU_GEN7, GGTT_ENTRIES7);
}

static int host_teardown(void **state)
{
    struct host *h = *state;

    lane_producer_detach(&h->to_gtt);
    lane_consumer_detach(&h->from_gtt);
    gtt_service_stop(h->s);
    loop_free(h->loop);
    gpu_fake_free(h->fake);
    free(h->s);
    free(h);
    return 0;
}

static void ask(struct host *h, uint32_t first, uint32_t count, uint64_t dma)
{
    struct sched_gtt m = {.kind = SCHED_GTT_MAP, .first = first, .count = count, .seq = ++h->seq};

    for (uint32_t i = 0; i < count && i < SCHED_GTT_MAP_PAGES; i++)
        m.dma[i] = dma + 4096 * i;
    assert_int_equal(lane_tx_put(&h->to_gtt, &m, sizeof(m)), 0);
}

static bool take(struct host *h, struct gtt_sched *m)
{
    struct lane_slot slot;

    if (lane_rx_next(&h->from_gtt, &slot, NULL))
        return false;
    memcpy(m, &slot, sizeof(*m));
    assert_int_equal(lane_rx_advance(&h->from_gtt), 0);
    return true;
}

static void turn(struct host *h)
{
    assert_int_equal(loop_turn(h->loop, 0), 0);
}

static void host_entries_are_written_then_answered(void **state)
{
    struct host *h = *state;
    struct gtt_sched m;

    ask(h, 7, 5, 0x1000000);
    ask(h, 12, 1, 0x2000000);
    turn(h);
    assert_true(take(h, &m));
    assert_int_equal(m.kind, GTT_SCHED_DONE);
    assert_int_equal(m.error, 0);
    assert_int_equal(m.seq, 2);
    assert_int_equal(gpu_fake_gtt(h->fake, HOST_FIRST + 7), 0x1000001);
    assert_int_equal(gpu_fake_gtt(h->fake, HOST_FIRST + 11), 0x1004001);
    assert_int_equal(gpu_fake_gtt(h->fake, HOST_FIRST + 12), 0x2000001);
    assert_false(take(h, &m));
}

static void nothing_outside_the_host_share(void **state)
{
    struct host *h = *state;
    const struct {
        uint32_t first, count;
        uint64_t dma;
    } bad[] = {{WIRE_HOST_HIGH / 4096, 1, 0x1000},
               {WIRE_HOST_HIGH / 4096 - 1, 2, 0x1000},
               {0, 0, 0x1000},
               {0, 6, 0x1000},
               {UINT32_MAX, 1, 0x1000},
               {3, 1, 0x1800},
               {3, 1, 1ull << 40}};
    struct gtt_sched m;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint64_t before = gpu_fake_gtt(h->fake, HOST_FIRST + 3);

        ask(h, bad[i].first, bad[i].count, bad[i].dma);
        turn(h);
        assert_true(take(h, &m));
        assert_int_equal(m.error, -EINVAL);
        assert_int_equal(m.seq, h->seq);
        assert_int_equal(gpu_fake_gtt(h->fake, HOST_FIRST + 3), before);
    }
}

/* More requests than the answer lane has slots: cumulative answers, none lost at the end. */
static void answers_find_room_later(void **state)
{
    struct host *h = *state;
    struct gtt_sched m = {0};

    for (uint32_t round = 0; round < 12; round++) {
        ask(h, round, 1, 0x1000 * (round + 1));
        turn(h);
    }
    while (take(h, &m))
        turn(h);
    turn(h);
    while (take(h, &m))
        ;
    assert_int_equal(m.seq, 12);
}

static void root_of_an_unknown_guest(void **state)
{
    struct host *h = *state;
    struct sched_gtt root = {.kind = SCHED_GTT_ROOT, .domid = 3, .count = 4, .seq = 1};
    struct gtt_sched m;

    assert_int_equal(lane_tx_put(&h->to_gtt, &root, sizeof(root)), 0);
    turn(h);
    assert_true(take(h, &m));
    assert_int_equal(m.error, -ENOENT);
}

static void guests_never_get_the_host_share(void **state)
{
    struct host *h = *state;
    struct partition_grant g;
    char why[256];

    assert_int_equal(
        partition_take(&h->s->partition, 1, 32 * MIB, 64 * MIB, 4, &g, why, sizeof(why)), 0);
    assert_true(g.range[PARTITION_LOW].base >= WIRE_HOST_LOW);
    assert_int_equal(partition_take(&h->s->partition, 2, 0, 4096 * MIB, 0, &g, why, sizeof(why)),
                     -ENOSPC);
    assert_non_null(strstr(why, "host holds"));
}

/* 2 GiB, and entries of 4 bytes. */
static void host_entries_of_haswell(void **state)
{
    const uint32_t first = GGTT_ENTRIES7 - WIRE_HOST_HIGH / 4096;
    struct host *h = *state;
    struct gtt_sched m;

    ask(h, 0, 1, 0x1000000);
    ask(h, WIRE_HOST_HIGH / 4096 - 1, 1, 0x7100000000);
    turn(h);
    assert_true(take(h, &m));
    assert_int_equal(m.error, 0);
    assert_int_equal(gpu_fake_gtt(h->fake, first), 0x1000001);
    assert_int_equal(gpu_fake_gtt(h->fake, GGTT_ENTRIES7 - 1), 0x711);
    ask(h, 0, 1, 1ull << 39);
    turn(h);
    assert_true(take(h, &m));
    assert_int_equal(m.error, -EINVAL);
}

/* ---- a guest's lane, and workers */

static const struct gpu_ops *under;

static int slow_pin(struct gpu *g, uint16_t domid, const uint64_t *gfns, uint32_t n, uint64_t *dma)
{
    usleep(n > 1 ? 5000 : 0);
    return under->pin(g, domid, gfns, n, dma);
}

/* The rig's guest as one of the service's, with a lane of its own. */
static struct gtt_member *join(struct host *h, struct rig *r, struct lane_tx *tx)
{
    struct gtt_member *m = &h->s->member[0];
    int fd, wake = eventfd(0, EFD_NONBLOCK), room = eventfd(0, EFD_NONBLOCK);

    assert_int_equal(lane_create(WIRE_MMIO_GTT, LANE_STREAM, 64, MMIO_GTT_LAYOUT, &fd), 0);
    assert_int_equal(lane_producer_attach(tx, fd, MMIO_GTT_LAYOUT, wake, room), 0);
    *m = (struct gtt_member){.service = h->s, .used = true, .domid = DOMID, .guest = r->g};
    assert_int_equal(lane_consumer_attach(&m->from_mmio, fd, MMIO_GTT_LAYOUT, wake, room), 0);
    account_init(&m->account, DOMID, "guest", NULL);
    close(fd);
    return m;
}

static void part(struct gtt_member *m, struct lane_tx *tx)
{
    int wake = m->from_mmio.wake_fd, room = m->from_mmio.room_fd;

    lane_consumer_detach(&m->from_mmio);
    lane_producer_detach(tx);
    m->used = false;
    close(wake);
    close(room);
}

/* While workers pin, the loop sleeps; each job that comes back is a turn. */
static void jobs_that_come_back_wake_the_guest(void **state)
{
    struct mmio_gtt msg = {.kind = MMIO_GTT_PPGTT_NEW, .level = 3, .pdp = {1 << 12}, .epoch = 1};
    struct host *h = *state;
    struct gpu_ops ops;
    struct lane_tx tx;
    struct rig *r = calloc(1, sizeof(*r));
    struct gtt_member *m;
    int turns = 0;

    setup(r, 20);
    under = r->gpu->ops;
    ops = *under;
    ops.pin = slow_pin;
    r->config.workers = h->s->workers;
    restart(r);
    settle(r);
    r->gpu->ops = &ops;
    m = join(h, r, &tx);
    for (uint64_t i = 0; i < 10; i++) {
        table(r, 1)[i] = ((2 + i) << 12) | P;
        for (uint64_t k = 0; k < 8; k++)
            table(r, 2 + i)[k] = ((16 + 8 * i + k) << 12) | P;
    }
    assert_int_equal(lane_tx_put(&tx, &msg, sizeof(msg)), 0);
    for (loop_trigger(h->s->turn); r->map->epoch < 1; turns++)
        assert_int_equal(loop_turn(h->loop, 1000), 0);
    assert_true(turns < 40);
    assert_int_equal(r->g->pins.fetch_jobs, rig_workers ? 10 : 0);
    assert_int_equal(gpu_fake_pins(r->fake), 80);
    part(m, &tx);
    teardown(r);
    free(r);
}

static void record_counts_every_kind_of_event(void **state)
{
    struct wire_record *r = calloc(1, sizeof(*r));
    struct account a;

    (void)state;
    account_init(&a, 9, "guest", &(struct log){.fd = -1});
    account_event(&a, ACCOUNT_BAD_GTT, NULL);
    account_event(&a, ACCOUNT_BAD_GTT, NULL);
    wire_record_begin(r, 9);
    wire_record_account(r, &a);
    wire_record_count(r, "pins", 7);
    wire_record_time(r, "rcs", 5999);
    assert_int_equal(r->stats.domid, 9);
    assert_int_equal(r->stats.n_counters, ACCOUNT_EVENTS + 1);
    assert_string_equal(r->stats.counters[ACCOUNT_BAD_GTT]->name, "bad_gtt");
    assert_int_equal(r->stats.counters[ACCOUNT_BAD_GTT]->value, 2);
    assert_string_equal(r->stats.counters[ACCOUNT_EVENTS]->name, "pins");
    assert_int_equal(r->stats.n_gpu_time, 1);
    assert_int_equal(r->stats.gpu_time[0]->time_us, 5);
    free(r);
}

/* ---- the slice */

static int rig_setup(void **state)
{
    *state = calloc(1, sizeof(struct rig));
    setup(*state, 20);
    ((struct rig *)*state)->gpu->info.aperture_slice_at = 12 * MIB; /* the rig's GTT is small */
    return 0;
}

static int rig_setup_7(void **state)
{
    rig_gen = GPU_GEN7;
    return rig_setup(state);
}

static int rig_teardown(void **state)
{
    teardown(*state);
    free(*state);
    rig_gen = GPU_GEN8;
    return 0;
}

static uint64_t slice_dma(struct rig *r, uint32_t page)
{
    uint32_t at = r->gpu->info.aperture_slice_at / 4096 + page;

    return gtt_format_of(rig_gen)->ggtt(gpu_fake_gtt(r->fake, at)).gfn * 4096;
}

static void slice_holds_what_it_shows(void **state)
{
    struct rig *r = *state;
    struct gtt_slice s = {0};

    post(r, (struct mmio_gtt){.kind = MMIO_GTT_PTE, .pte = {256, (40 << 12) + 1}});
    post(r, (struct mmio_gtt){.kind = MMIO_GTT_PTE, .pte = {257, (41 << 12) + 1}});
    settle(r);
    assert_int_equal(gtt_slice_show(&s, r->g, 256, 3), 0);
    assert_int_equal(slice_dma(r, 0), frame(40));
    assert_int_equal(slice_dma(r, 1), frame(41));
    assert_int_equal(slice_dma(r, 2), r->gpu->info.scratch_dma);
    /* The guest takes its entry back: the frame stays as long as the slice shows it. */
    post(r, (struct mmio_gtt){.kind = MMIO_GTT_PTE, .pte = {256, 0}});
    settle(r);
    pass(r);
    settle(r);
    assert_true(gpu_fake_pinned(r->fake, DOMID, 40));
    assert_int_equal(gtt_slice_clear(&s), 0);
    assert_int_equal(slice_dma(r, 0), r->gpu->info.scratch_dma);
    settle(r);
    assert_true(gpu_fake_pinned(r->fake, DOMID, 40)); /* engines may still know it */
    pass(r);
    settle(r);
    assert_false(gpu_fake_pinned(r->fake, DOMID, 40));
    assert_true(gpu_fake_pinned(r->fake, DOMID, 41));
}

/* As the loop would, with nobody publishing an invalidation. */
static int detach_alone(struct rig *r)
{
    int rc = 1;

    for (int turn = 0; rc > 0 && turn < 100; turn++) {
        rc = gtt_guest_detach(r->g, 1000);
        if (rc == GTT_GUEST_WAITS)
            workers_wait(r->config.workers);
    }
    return rc;
}

static void who_never_had_the_guest_is_not_waited_for(void **state)
{
    struct gtt_service *s = calloc(1, sizeof(*s));
    struct rig *r = *state;

    s->member[0] = (struct gtt_member){.used = true, .domid = DOMID, .guest = r->g};
    post(r, (struct mmio_gtt){.kind = MMIO_GTT_PTE, .pte = {256, (40 << 12) + 1}});
    settle(r);
    assert_true(detach_alone(r) > 0);
    gtt_wire_ops.unseen(s, DOMID + 1, WIRE_UNSEEN_SCHED);
    gtt_wire_ops.unseen(s, DOMID, WIRE_UNSEEN_DISPLAY);
    assert_true(detach_alone(r) > 0);
    assert_int_equal(gpu_fake_pins(r->fake), 1);
    gtt_wire_ops.unseen(s, DOMID, WIRE_UNSEEN_SCHED);
    assert_int_equal(detach_alone(r), 0);
    assert_int_equal(gpu_fake_pins(r->fake), 0);
    assert_int_equal(gtt_guest_new(&r->config, &r->g), 0); /* the teardown wants one */
    free(s);
}

static void add_region(struct wire_fds *fds, const char *name, uint32_t type, uint32_t layout,
                       const void *data, size_t size)
{
    int *fd = &fds->item[fds->count].fd;
    struct region region;

    snprintf(fds->item[fds->count++].name, sizeof(fds->item[0].name), "%s", name);
    assert_int_equal(region_create(name, type, layout, size, fd), 0);
    assert_int_equal(region_map(*fd, type, layout, size, true, &region), 0);
    memcpy(region.data, data, size);
    region_unmap(&region);
}

/* The process before ours pinned for it, and we could not take it up. */
static void refused_member(struct gtt_service *s, struct rig *r)
{
    struct gtt_member *m = &s->member[0];

    *m = (struct gtt_member){.service = s, .used = true, .domid = DOMID, .grant = r->config.grant};
    account_init(&m->account, DOMID, "guest", NULL);
    add_region(&m->fds, WIRE_GTT_MAP, WIRE_REGION_GTT_MAP, GTT_MAP_LAYOUT, r->map, sizeof(*r->map));
    add_region(&m->fds, WIRE_INVAL_SCHED, WIRE_REGION_INVAL, GTT_INVAL_LAYOUT, &r->inval,
               sizeof(r->inval));
    s->gpu = r->gpu;
}

static void nor_for_a_guest_that_was_refused(void **state)
{
    static const struct log quiet = {.fd = -1, .level = -1};
    static const struct wire_config nobody = {
        .role = "vgt-gtt", .socket = "unix:/nowhere", .ops = &gtt_wire_ops, .log = &quiet};
    struct gtt_service *s = calloc(1, sizeof(*s));
    struct rig *r = *state;
    struct loop *loop;

    post(r, (struct mmio_gtt){.kind = MMIO_GTT_PTE, .pte = {256, (40 << 12) + 1}});
    settle(r);
    restart(r);
    gtt_guest_forget(r->g);
    assert_int_equal(loop_new(&loop), 0);
    assert_int_equal(gtt_service_init(s, loop, &quiet, &vmm_fake_ops, 0), 0);
    assert_int_equal(wire_client_new(loop, NULL, &nobody, s, &s->client), 0);
    refused_member(s, r);
    gtt_wire_ops.unseen(s, DOMID, WIRE_UNSEEN_SCHED | WIRE_UNSEEN_DISPLAY);
    gtt_wire_ops.guest_stale(s, DOMID, true, 1);
    for (int i = 0; s->member[0].used && i < 1000; i++)
        gtt_service_turn(s);
    assert_false(s->member[0].used);
    assert_int_equal(gpu_fake_pins(r->fake), 0);
    s->gpu = NULL; /* the rig's */
    wire_client_free(s->client);
    gtt_service_stop(s);
    loop_free(loop);
    free(s);
    assert_int_equal(gtt_guest_new(&r->config, &r->g), 0); /* the teardown wants one */
}

static void slice_stays_inside_the_partition(void **state)
{
    struct rig *r = *state;
    struct gtt_slice s = {0};

    assert_int_equal(gtt_slice_show(&s, r->g, 255, 2), -EINVAL);
    assert_int_equal(gtt_slice_show(&s, r->g, 511, 2), -EINVAL);
    assert_int_equal(gtt_slice_show(&s, r->g, 256, UINT32_MAX), -EINVAL);
    assert_int_equal(gtt_slice_show(&s, r->g, UINT32_MAX, 1), -EINVAL);
    assert_null(s.guest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(host_entries_are_written_then_answered, host_setup,
                                        host_teardown),
        cmocka_unit_test_setup_teardown(nothing_outside_the_host_share, host_setup, host_teardown),
        cmocka_unit_test_setup_teardown(answers_find_room_later, host_setup, host_teardown),
        cmocka_unit_test_setup_teardown(root_of_an_unknown_guest, host_setup, host_teardown),
        cmocka_unit_test_setup_teardown(guests_never_get_the_host_share, host_setup, host_teardown),
        cmocka_unit_test_setup_teardown(host_entries_of_haswell, host_setup_7, host_teardown),
        cmocka_unit_test_setup_teardown(jobs_that_come_back_wake_the_guest, host_setup,
                                        host_teardown),
        cmocka_unit_test(record_counts_every_kind_of_event),
        cmocka_unit_test_setup_teardown(slice_holds_what_it_shows, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(slice_holds_what_it_shows, rig_setup_7, rig_teardown),
        cmocka_unit_test_setup_teardown(slice_stays_inside_the_partition, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(who_never_had_the_guest_is_not_waited_for, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(nor_for_a_guest_that_was_refused, rig_setup, rig_teardown),
    };

    return run_twice(tests);
}
