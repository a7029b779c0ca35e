/* SPDX-License-Identifier: MIT */
/*
 * The broker's doors: what is merged for vgtctl, what is handed on, the aperture, and peers that
 * break the rules.
 */
#include "tests/unit/broker_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#define MIB (1ull << 20)

static uint64_t counter(const Vgt__Guest *g, const char *name)
{
    for (size_t i = 0; i < g->n_counters; i++)
        if (!strcmp(g->counters[i]->name, name))
            return g->counters[i]->value;
    return 0;
}

static void test_status(void **state)
{
    Vgt__StatusRequest request = VGT__STATUS_REQUEST__INIT;
    uint64_t began = (uint64_t)time(NULL);
    const Vgt__StatusReply *reply;
    struct rig r;

    (void)state;
    rig_start(&r, 0);
    rig_services(&r);
    rig_attach(&r);
    fake_crash(&r.display);
    fake_connect(&r.display);
    rig_until(&r, r.display.adds == 2);
    client_send(&r, VGT__TYPE__TYPE_STATUS, &request.base);
    rig_until(&r, r.client.type == VGT__TYPE__TYPE_STATUS_REPLY);
    reply = (const Vgt__StatusReply *)r.client.body;
    assert_int_equal(reply->n_services, 5);
    assert_string_equal(reply->services[3]->name, "vgt-display");
    assert_int_equal(reply->services[3]->restarts, 1);
    assert_true(reply->services[3]->recovered_s >= began);
    assert_true(reply->services[3]->recovery_ms < 10000);
    assert_int_equal(reply->services[3]->replayed, 3);
    assert_int_equal(reply->services[1]->restarts, 0);
    assert_int_equal(reply->services[1]->recovered_s, 0);
    assert_string_equal(reply->services[4]->name, "vgt-mmio@7");
    assert_string_equal(reply->services[4]->state, "running");
    assert_int_equal(reply->services[0]->restarts, 0);
    assert_int_equal(reply->n_guests, 1);
    assert_string_equal(reply->guests[0]->state, "running");
    assert_true(reply->guests[0]->foreground);
    assert_int_equal(reply->guests[0]->batches, 9);
    assert_int_equal(reply->guests[0]->hangs, 6);
    assert_int_equal(reply->guests[0]->throttled_ms, 700);
    assert_string_equal(reply->guests[0]->gpu_time[0]->engine, "bcs");
    assert_int_equal(counter(reply->guests[0], "sched.things"), 5);
    assert_int_equal(counter(reply->guests[0], "mmio.things"), 5);
    assert_int_equal(reply->guests[0]->quarantined_inputs, 3);
    assert_int_equal(reply->guests[0]->n_quarantined, 0);
    assert_int_equal(reply->gpu->low_total, 256 * MIB);
    assert_string_equal(reply->gpu->name, ""); /* of no family */
    rig_stop(&r);
}

static void test_gpu_names(void **state)
{
    static const struct {
        uint32_t id;
        const char *name;
    } gpus[] = {
        {0x0412, "Haswell GT2"},
        {0x0402, "Haswell GT1"},
        {0x0a26, "Haswell GT3 ULT"},
        {0x0d22, "Haswell GT3"},
        {0x1616, "Broadwell GT2 ULT"},
        {0x1622, "Broadwell GT3"},
        {0x162b, "Broadwell GT3 ULT"},
        {0x1612, "Broadwell GT2"},
        {0x1912, ""},
        {0, ""},
    };
    char name[DEVICE_NAME_SIZE];

    (void)state;
    for (unsigned i = 0; i < sizeof(gpus) / sizeof(gpus[0]); i++)
        assert_string_equal(device_name(gpus[i].id, name), gpus[i].name);
}

/* Services that outlived the broker did not restart; the broker did. */
static void test_broker_restart(void **state)
{
    Vgt__StatusRequest request = VGT__STATUS_REQUEST__INIT;
    const Vgt__StatusReply *reply;
    struct rig r;

    (void)state;
    rig_start(&r, 0);
    rig_services(&r);
    rig_attach(&r);
    rig_restart_broker(&r);
    rig_services(&r);
    fake_connect(&r.mmio);
    rig_until(&r, r.broker->guest[0]->mmio.up);
    client_send(&r, VGT__TYPE__TYPE_STATUS, &request.base);
    rig_until(&r, r.client.type == VGT__TYPE__TYPE_STATUS_REPLY);
    reply = (const Vgt__StatusReply *)r.client.body;
    assert_int_equal(reply->n_services, 5);
    assert_int_equal(reply->services[0]->restarts, 1);
    assert_true(reply->services[0]->recovered_s > 0);
    for (unsigned i = 1; i < 5; i++) {
        assert_int_equal(reply->services[i]->restarts, 0);
        assert_int_equal(reply->services[i]->recovered_s, 0);
    }
    rig_stop(&r);
    free(r.config.kept);
}

/* By vgt-gtt, vgt-sched if it has answered, and vgt-mmio. */
static void check_quarantined(const Vgt__Guest *g, bool sched)
{
    const Vgt__Quarantined *last = g->quarantined[1 + sched];

    assert_int_equal(g->quarantined_inputs, 2 + sched);
    assert_int_equal(g->n_quarantined, 2 + sched);
    assert_string_equal(g->quarantined[0]->service, "gtt");
    assert_string_equal(g->quarantined[0]->kind, "vgt-gtt");
    assert_string_equal(g->quarantined[1]->service, sched ? "sched" : "mmio");
    assert_string_equal(last->service, "mmio");
    assert_string_equal(last->kind, "vgt-mmio");
    assert_int_equal(last->deaths, 2);
    assert_int_equal(last->input.len, 4);
    assert_memory_equal(last->input.data, "\1\2\3", 4);
}

static void test_show(void **state)
{
    Vgt__ShowRequest request = VGT__SHOW_REQUEST__INIT;
    struct rig r;

    (void)state;
    rig_start(&r, 0);
    rig_services(&r);
    rig_attach(&r);
    request.domid = 8;
    client_send(&r, VGT__TYPE__TYPE_SHOW, &request.base);
    rig_until(&r, r.client.type);
    assert_int_equal(r.client.code, ENOENT);
    assert_string_equal(r.client.text, "no vGPU for domain 8; vgtctl list shows them");
    request.domid = 7;
    client_send(&r, VGT__TYPE__TYPE_SHOW, &request.base);
    rig_until(&r, r.client.type == VGT__TYPE__TYPE_SHOW_REPLY);
    check_quarantined(((Vgt__ShowReply *)r.client.body)->guest, true);
    /* A service that does not answer is only missing. */
    r.sched.silent = true;
    client_send(&r, VGT__TYPE__TYPE_SHOW, &request.base);
    rig_until(&r, r.client.type);
    assert_int_equal(r.client.type, VGT__TYPE__TYPE_SHOW_REPLY);
    assert_int_equal(counter(((Vgt__ShowReply *)r.client.body)->guest, "gtt.things"), 5);
    assert_int_equal(counter(((Vgt__ShowReply *)r.client.body)->guest, "sched.things"), 0);
    check_quarantined(((Vgt__ShowReply *)r.client.body)->guest, false);
    rig_stop(&r);
}

static void test_screenshot(void **state)
{
    Vgt__ScreenshotRequest request = VGT__SCREENSHOT_REQUEST__INIT;
    struct rig r;

    (void)state;
    rig_start(&r, 0);
    client_send(&r, VGT__TYPE__TYPE_SCREENSHOT, &request.base);
    rig_until(&r, r.client.type);
    assert_string_equal(r.client.text, "vgt-display is not running");
    rig_services(&r);
    client_send(&r, VGT__TYPE__TYPE_SCREENSHOT, &request.base);
    rig_until(&r, r.client.bytes == SHOT_PIECES * SHOT_PIECE);
    assert_null(r.broker->relays);
    rig_stop(&r);
}

/* A client that does not read holds up nobody; what its channel cannot queue waits in the broker.
 */
static void test_slow_client(void **state)
{
    Vgt__ScreenshotRequest request = VGT__SCREENSHOT_REQUEST__INIT;
    struct loop *slow;
    struct rig r;

    (void)state;
    rig_start(&r, 0);
    rig_services(&r);
    chan_close(r.client.chan);
    assert_int_equal(loop_new(&slow), 0);
    client_connect(&r, slow);
    for (int i = 0; i < 3; i++) {
        client_send(&r, VGT__TYPE__TYPE_SCREENSHOT, &request.base);
        loop_turn(slow, 0);
        r.trace[0] = 0;
        rig_until(&r, strstr(r.trace, "display:shot "));
        rig_until(&r, !r.broker->relays);
    }
    assert_true(r.broker->peers->held > 0);
    for (int i = 0; i < 5000 && r.client.count < 3 * SHOT_PIECES; i++) {
        loop_turn(slow, 1);
        loop_turn(r.loop, 1);
    }
    assert_int_equal(r.client.bytes, 3ull * SHOT_PIECES * SHOT_PIECE);
    chan_close(r.client.chan);
    r.client.chan = NULL;
    loop_free(slow);
    rig_stop(&r);
}

static void test_slice(void **state)
{
    Vgt__SliceRequest request = VGT__SLICE_REQUEST__INIT;
    struct rig r;

    (void)state;
    rig_start(&r, 0);
    rig_services(&r);
    fake_send(&r.display, VGT__TYPE__TYPE_SLICE, 77, &request.base);
    rig_until(&r, r.display.replies == 1);
    assert_non_null(strstr(r.trace, "gtt:slice "));
    /* Nobody else has one. */
    fake_send(&r.sched, VGT__TYPE__TYPE_SLICE, 78, &request.base);
    rig_until(&r, r.sched.cut == 1);
    rig_stop(&r);
}

static void ask_aperture(struct rig *r, uint32_t domid, uint64_t at)
{
    Vgt__ApertureRequest request = VGT__APERTURE_REQUEST__INIT;

    request.domid = domid;
    request.at = at;
    fake_send(&r->mmio, VGT__TYPE__TYPE_APERTURE, 5, &request.base);
}

static void test_aperture(void **state)
{
    const struct fake_map *map;
    struct rig r;

    (void)state;
    rig_start(&r, 0);
    rig_services(&r);
    rig_attach(&r);
    ask_aperture(&r, 7, 0xc0000000);
    rig_until(&r, r.mmio.replies == 1);
    assert_int_equal(fake_maps(r.guest[0], &map), 1);
    assert_int_equal(map[0].gfn, (0xc0000000 + 32 * MIB) >> 12);
    assert_int_equal(map[0].mfn, (0xe0000000 + 32 * MIB) >> 12);
    assert_int_equal(map[0].nr, 64 * MIB >> 12);
    ask_aperture(&r, 7, 0xd0000000);
    rig_until(&r, r.mmio.replies == 2);
    assert_int_equal(fake_maps(r.guest[0], &map), 1);
    assert_int_equal(map[0].gfn, (0xd0000000 + 32 * MIB) >> 12);
    ask_aperture(&r, 7, 0xd0000800);
    rig_until(&r, r.mmio.error[0]);
    ask_aperture(&r, 7, 0);
    rig_until(&r, r.mmio.replies == 3);
    assert_int_equal(fake_maps(r.guest[0], &map), 0);
    /* The other domain stays untouched. */
    ask_aperture(&r, 8, 0xc0000000);
    rig_until(&r, r.mmio.cut == 1);
    assert_int_equal(fake_maps(r.guest[1], &map), 0);
    assert_int_equal(broker_guests(r.broker), 1);
    rig_stop(&r);
}

static void test_rule_breakers(void **state)
{
    struct fake stranger;
    Vgt__Hello hello = VGT__HELLO__INIT;
    Vgt__StatsReply stats = VGT__STATS_REPLY__INIT;
    Vgt__StatusRequest status = VGT__STATUS_REQUEST__INIT;
    struct rig r;

    (void)state;
    rig_start(&r, 0);
    rig_services(&r);
    /* A message that has no business on this channel. */
    fake_send(&r.sched, VGT__TYPE__TYPE_STATUS, 1, &status.base);
    rig_until(&r, r.sched.cut == 1);
    /* A second Hello. */
    hello.version = 1;
    hello.role = (char *)"vgt-gtt";
    fake_send(&r.gtt, VGT__TYPE__TYPE_HELLO, 9, &hello.base);
    rig_until(&r, r.gtt.cut == 1);
    /* A reply to what was never asked does nothing. */
    fake_send(&r.display, VGT__TYPE__TYPE_STATS_REPLY, 4711, &stats.base);
    rig_turns(&r, 20);
    assert_int_equal(r.display.cut, 0);
    /* No such service; vgt-mmio of a domain without vGPU; another version. */
    stranger = (struct fake){.rig = &r, .name = "stranger", .role = "vgt-other"};
    fake_connect(&stranger);
    rig_until(&r, stranger.cut == 1);
    assert_string_equal(stranger.error, "no such service, or no vGPU for its domain");
    r.mmio.domid = 8;
    fake_connect(&r.mmio);
    rig_until(&r, r.mmio.cut == 1);
    rig_stop(&r);
}

/* Only so many requests of one peer wait at another service; and a process that connects and says
 * nothing is cut off after a while. */
static void test_patience(void **state)
{
    Vgt__SliceRequest request = VGT__SLICE_REQUEST__INIT;
    struct fake quiet_one;
    struct rig r;

    (void)state;
    rig_start(&r, 3000);
    rig_services(&r);
    quiet_one = (struct fake){.rig = &r, .name = "quiet", .mute = true};
    fake_connect(&quiet_one);
    r.gtt.silent = true;
    for (unsigned i = 0; i < 32; i++)
        fake_send(&r.display, VGT__TYPE__TYPE_SLICE, i, &request.base);
    rig_turns(&r, 50);
    assert_string_equal(r.display.error, "");
    fake_send(&r.display, VGT__TYPE__TYPE_SLICE, 77, &request.base);
    rig_until(&r, r.display.error[0]);
    assert_string_equal(r.display.error, "too many requests are unanswered");
    assert_int_equal(r.display.cut, 0);
    assert_int_equal(quiet_one.cut, 0);
    rig_until(&r, quiet_one.cut == 1);
    rig_stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gpu_names),      cmocka_unit_test(test_status),
        cmocka_unit_test(test_broker_restart), cmocka_unit_test(test_show),
        cmocka_unit_test(test_screenshot),     cmocka_unit_test(test_slice),
        cmocka_unit_test(test_slow_client),    cmocka_unit_test(test_aperture),
        cmocka_unit_test(test_rule_breakers),  cmocka_unit_test(test_patience),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
