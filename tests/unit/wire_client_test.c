/* SPDX-License-Identifier: MIT */
/*
 * A service's end of the wiring against a broker in the same loop: descriptors and requests in any
 * order over one or two channels, a broker that goes and comes back, what cuts it off.
 */
#include "lib/lane.h"
#include "lib/region.h"
#include "services/wire/names.h"
#include "tests/unit/wire_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
/* cmocka wants the four above first */
#include <cmocka.h>

static void test_device(void **state)
{
    (void)state;
    start(false);
    send_wire(0, 0);
    until(&w->devices, 1);
    expect_fds();
    send_wire(0, 0); /* what a broker that came back would do */
    settle();
    assert_int_equal(w->devices, 1);
}

/* A service that cannot use its device ends. */
static void test_device_refused(void **state)
{
    (void)state;
    start(false);
    w->device_result = -ENODEV;
    send_wire(0, 0);
    assert_int_equal(loop_run(w->loop), -ENODEV);
}

static void add_guest(uint32_t domid, uint64_t generation)
{
    int ready = w->ready;
    uint32_t id;

    send_wire(domid, generation);
    id = send_add(domid, generation);
    until(&w->ready, ready + 1);
    assert_int_equal(w->last_id, id);
}

static void test_guest(void **state)
{
    uint32_t id;

    (void)state;
    start(false);
    add_guest(7, 1);
    assert_int_equal(w->adds, 1);
    assert_int_equal(w->add_domid, 7);
    expect_fds();
    id = send_remove(7, false);
    until(&w->removed, 1);
    assert_int_equal(w->last_id, id);
    assert_int_equal(w->final, false);
    id = send_add(7, 2); /* not gone yet */
    until(&w->errors, 1);
    assert_int_equal(w->last_code, EEXIST);
    assert_int_equal(w->unseen, 0);
    w->send_unseen = 2;
    send_remove(7, true);
    until(&w->removed, 2);
    assert_int_equal(w->unseen, 2);
    assert_int_equal(w->removes_at_unseen, 1);
    assert_int_equal(w->final, true);
    add_guest(7, 2);
    assert_int_equal(w->adds, 2);
}

static void test_add_before_wire(void **state)
{
    uint32_t id;

    (void)state;
    start(true);
    id = send_add(7, 1);
    settle();
    assert_int_equal(w->adds, 0);
    send_wire(7, 1);
    until(&w->ready, 1);
    assert_int_equal(w->last_id, id);
    expect_fds();
    add_guest(8, 2);
    assert_int_equal(w->adds, 2);
}

/* Descriptors of an attach that was given up come when the next one has been asked for. */
static void test_late_wire(void **state)
{
    uint32_t id;

    (void)state;
    start(true);
    id = send_add(7, 5);
    until(&w->hellos, 2);
    settle();
    send_wire(7, 4);
    settle();
    assert_int_equal(w->adds, 0);
    send_wire(7, 5);
    until(&w->ready, 1);
    assert_int_equal(w->last_id, id);
    expect_fds();
}

/* An attach that was never completed makes way for the next, and its request is answered. */
static void test_newer_attach(void **state)
{
    uint32_t old;

    (void)state;
    start(true);
    send_wire(6, 3); /* for nobody, ever: freed in the end */
    old = send_add(7, 4);
    settle();
    send_wire(7, 5);
    until(&w->errors, 1);
    assert_int_equal(w->last_id, old);
    assert_int_equal(w->last_code, ECANCELED);
    old = send_add(7, 4);
    until(&w->errors, 2);
    assert_int_equal(w->last_id, old);
    assert_int_equal(w->last_code, ESTALE);
    send_add(7, 5);
    until(&w->ready, 1);
    expect_fds();
}

static void test_remove_unknown(void **state)
{
    uint32_t id;

    (void)state;
    start(false);
    id = send_remove(9, true);
    until(&w->removed, 1);
    assert_int_equal(w->last_id, id);
    assert_int_equal(w->removes, 0);
    assert_int_equal(w->unknown, 0); /* what is on the device nobody knows yet */
    send_wire(0, 0);
    send_remove(9, true);
    until(&w->removed, 2);
    assert_int_equal(w->unknown, 1);
    send_wire(7, 1); /* whose GuestAdd was never sent */
    send_remove(7, true);
    until(&w->removed, 3);
    assert_int_equal(w->unknown, 2);
    assert_int_equal(w->removes, 0);
    add_guest(7, 2);
}

/* Over two channels a removal may overtake the descriptors. "Removed" before the guest was taken up
 * would leave behind what the process before this one held of it. */
static void test_removal_overtakes(void **state)
{
    uint32_t id;

    (void)state;
    start(true);
    send_wire(0, 0);
    until(&w->devices, 1);
    send_add(7, 1);
    id = send_remove_unseen(7, false, 2);
    settle();
    assert_int_equal(w->removed, 0);
    send_wire(7, 1);
    until(&w->removed, 1);
    assert_int_equal(w->last_id, id);
    assert_int_equal(w->adds, 1);
    assert_int_equal(w->removes, 1);
    assert_int_equal(w->unseen, 2);
    assert_int_equal(w->unknown, 0);
    send_remove(7, true);
    until(&w->removed, 2);
    /* Refused meanwhile: then it was never here. */
    w->refuse = true;
    send_add(7, 2);
    send_remove(7, false);
    settle();
    send_wire(7, 2);
    until(&w->removed, 3);
    assert_int_equal(w->unknown, 1);
    assert_int_equal(w->removes, 2);
}

/* The guest goes between the two halves that a broker which came back sends of it. */
static void test_forgotten_between(void **state)
{
    (void)state;
    start(true);
    add_guest(7, 1);
    send_wire(7, 1);
    settle();
    wire_forget(w->client, 7);
    send_add(7, 1);
    until(&w->adds, 2);
    expect_fds();
    send_remove(7, true);
    until(&w->removed, 1);
    assert_int_equal(w->removes, 1);
}

/* What was granted is in the answer that was lost, not in the request that comes again. */
static void test_answer_again(void **state)
{
    (void)state;
    start(false);
    w->edid = "own";
    add_guest(7, 1);
    send_wire(7, 1);
    send_add(7, 1);
    until(&w->ready, 2);
    assert_string_equal(w->last_edid, "own");
    assert_int_equal(w->adds, 1);
}

/* The descriptors are the service's even if it forgets the guest before it returns. */
static void test_refused_guest(void **state)
{
    (void)state;
    start(false);
    w->refuse = true;
    send_wire(7, 1);
    send_add(7, 1);
    until(&w->errors, 1);
    assert_int_equal(w->last_code, ENOMEM);
    expect_fds();
    w->refuse = false;
    add_guest(7, 2);
}

static void test_full(void **state)
{
    (void)state;
    start(false);
    for (uint32_t i = 1; i <= WIRE_MAX_GUESTS; i++)
        add_guest(i, i);
    send_wire(1000, 1000);
    send_add(1000, 1000);
    until(&w->errors, 1);
    assert_int_equal(w->last_code, ENOSPC);
    send_remove(3, true);
    until(&w->removed, 1);
    add_guest(1001, 1001);
}

static void test_stats_and_requests(void **state)
{
    Vgt__StatsRequest ask = VGT__STATS_REQUEST__INIT;
    Vgt__SliceRequest slice = VGT__SLICE_REQUEST__INIT;
    Vgt__LaneBroken broken = VGT__LANE_BROKEN__INIT;
    Vgt__Error error = VGT__ERROR__INIT;
    uint32_t id;

    (void)state;
    start(true);
    id = request(VGT__TYPE__TYPE_STATS, &ask.base);
    until(&w->stats_replies, 1);
    assert_int_equal(w->last_id, id);
    id = request(VGT__TYPE__TYPE_SLICE, &slice.base);
    until(&w->others, 1);
    assert_int_equal(w->other_id, id);
    id = wire_request(w->client, VGT__TYPE__TYPE_LANE_BROKEN, &broken.base);
    assert_int_not_equal(id, 0);
    until(&w->notices, 1);
    assert_int_equal(w->last_request, id);
    assert_int_equal(chan_send(control(), VGT__TYPE__TYPE_ERROR, id, &error.base, NULL, 0), 0);
    until(&w->others, 2); /* a request's error is its answer */
    assert_int_equal(w->other_id, id);
}

/* Anything the service has not declared cuts the broker off; it connects again. */
static void test_unknown_message(void **state)
{
    Vgt__StatusRequest status = VGT__STATUS_REQUEST__INIT;

    (void)state;
    start(true);
    request(VGT__TYPE__TYPE_STATUS, &status.base);
    until(&w->closed, 2);
    until(&w->hellos, 4);
    add_guest(7, 1);
}

/* Names that do not fit the descriptors are no reason to part. */
static void test_odd_wire(void **state)
{
    char *names[] = {(char *)"a", (char *)"a name that is longer than any there is"};
    int fds[2] = {eventfd(0, EFD_CLOEXEC), eventfd(0, EFD_CLOEXEC)};
    Vgt__Wire wire = VGT__WIRE__INIT;

    (void)state;
    start(false);
    wire.domid = 7;
    wire.generation = 1;
    wire.n_fd_names = 2;
    wire.fd_names = names;
    for (unsigned n = 0; n < 3; n++)
        assert_int_equal(
            chan_send(w->chan[SOCKET], VGT__TYPE__TYPE_WIRE, n + 1, &wire.base, fds, n), 0);
    settle();
    assert_int_equal(w->closed, 0);
    add_guest(7, 1);
    close(fds[0]);
    close(fds[1]);
}

static void test_no_broker_yet(void **state)
{
    Vgt__LaneBroken broken = VGT__LANE_BROKEN__INIT;

    (void)state;
    assert_int_equal(wire_client_new(w->loop, NULL, &w->config, w, &w->client), 0);
    assert_int_equal(wire_request(w->client, VGT__TYPE__TYPE_LANE_BROKEN, &broken.base), 0);
    settle();
    broker_up();
    until(&w->hellos, 1);
    add_guest(7, 1);
}

static void test_broker_returns(void **state)
{
    uint32_t id, old;

    (void)state;
    start(true);
    send_wire(0, 0);
    until(&w->devices, 1);
    w->edid = "edid";
    add_guest(7, 1);
    w->later = true;
    send_wire(8, 2);
    send_add(8, 2);
    until(&w->adds, 2);
    old = w->add_id;
    send_add(9, 3); /* its descriptors never come */
    settle();
    broker_down();
    settle();
    answer_add(8, old); /* nobody hears it */
    broker_up();
    until(&w->hellos, 4);
    /* Known guests are not attached again, and are answered for; half guests start anew. */
    send_wire(0, 0);
    send_wire(7, 1);
    id = send_add(7, 1);
    until(&w->ready, 2);
    assert_int_equal(w->last_id, id);
    assert_string_equal(w->last_edid, "edid");
    send_wire(9, 3);
    settle();
    assert_int_equal(w->adds, 2);
    send_add(9, 3);
    until(&w->adds, 3);
    assert_int_equal(w->devices, 1);
    assert_int_equal(w->errors, 0);
}

/* One channel lost is both lost: the broker that is gone from one is gone. */
static void test_half_lost(void **state)
{
    (void)state;
    start(true);
    chan_close(w->chan[CONTROL]);
    w->chan[CONTROL] = NULL;
    until(&w->closed, 1);
    until(&w->hellos, 4);
    add_guest(7, 1);
}

static void name_fd(unsigned i, const char *name, int fd)
{
    snprintf(w->fds.item[i].name, sizeof(w->fds.item[i].name), "%s", name);
    w->fds.item[i].fd = fd;
    w->fds.count = i + 1;
}

static void test_regions_and_lanes(void **state)
{
    struct region region;
    struct lane_tx tx;
    struct lane_rx rx;
    struct lane_slot slot;
    int fd;

    (void)state;
    assert_int_equal(region_create("t", WIRE_REGION_VREG, 3, 4096, &fd), 0);
    name_fd(0, WIRE_VREG, fd);
    assert_int_equal(wire_region(&w->fds, WIRE_VREG, WIRE_REGION_VREG, 3, 4096, true, &region), 0);
    region_unmap(&region);
    assert_int_equal(wire_region(&w->fds, WIRE_VREG, WIRE_REGION_VGGTT, 3, 4096, true, &region),
                     -EBADMSG);
    assert_int_equal(wire_region(&w->fds, WIRE_TIMING, WIRE_REGION_TIMING, 3, 4096, true, &region),
                     -ENOENT);
    assert_int_equal(lane_create("t", LANE_STREAM, 16, 1, &fd), 0);
    name_fd(1, WIRE_MMIO_GTT, fd);
    name_fd(2, WIRE_MMIO_GTT ".wake", eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    assert_int_equal(wire_producer(&w->fds, WIRE_MMIO_GTT, 1, &tx), -ENOENT);
    name_fd(3, WIRE_MMIO_GTT ".room", eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    assert_int_equal(wire_producer(&w->fds, WIRE_MMIO_GTT, 1, &tx), 0);
    assert_int_equal(wire_consumer(&w->fds, WIRE_MMIO_GTT, 1, &rx), 0);
    assert_int_equal(lane_tx_put(&tx, "hello", 6), 0);
    assert_int_equal(lane_rx_next(&rx, &slot, NULL), 0);
    assert_string_equal((const char *)&slot, "hello");
    lane_producer_detach(&tx);
    lane_consumer_detach(&rx);
}

#define T(name) cmocka_unit_test_setup_teardown(name, make_world, end_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_device),
        T(test_device_refused),
        T(test_guest),
        T(test_add_before_wire),
        T(test_late_wire),
        T(test_newer_attach),
        T(test_remove_unknown),
        T(test_removal_overtakes),
        T(test_forgotten_between),
        T(test_answer_again),
        T(test_refused_guest),
        T(test_full),
        T(test_stats_and_requests),
        T(test_unknown_message),
        T(test_odd_wire),
        T(test_no_broker_yet),
        T(test_broker_returns),
        T(test_half_lost),
        T(test_regions_and_lanes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
