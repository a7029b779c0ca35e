/* SPDX-License-Identifier: MIT */
/*
 * vGPU types and explicit sizes: what arrives at each service, what is refused and how, what
 * vgtctl types says, and how many more of each fit into what is free.
 */
#include "tests/unit/broker_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#define MIB (1ull << 20)

static void test_explicit(void **state)
{
    Vgt__AttachRequest request = VGT__ATTACH_REQUEST__INIT;
    struct rig r;

    (void)state;
    rig_start(&r, 0);
    rig_services(&r);
    request.type = (char *)"small";
    request.low_mb = 24;
    request.high_mb = 100;
    request.fences = 2;
    request.weight = 3;
    request.monitor = (char *)"1280x800@75";
    rig_attach_as(&r, &request);
    assert_int_equal(r.gtt.wanted.low_size, 24 * MIB);
    assert_int_equal(r.gtt.wanted.high_size, 100 * MIB);
    assert_int_equal(r.gtt.wanted.fences, 2);
    assert_int_equal(r.sched.weight, 3);
    assert_int_equal(r.display.monitor.width, 1280);
    assert_int_equal(r.display.monitor.height, 800);
    assert_int_equal(r.display.monitor.refresh, 75);
    assert_int_equal(r.mmio.monitor.refresh, 0); /* it gets what display makes of it, an EDID */
    /* Who takes the guest up again is told the same. */
    fake_crash(&r.display);
    fake_connect(&r.display);
    rig_until(&r, r.display.adds == 2);
    assert_int_equal(r.display.monitor.width, 1280);
    rig_stop(&r);
}

static void test_types_alone(void **state)
{
    struct rig r;

    (void)state;
    rig_start(&r, 0);
    rig_services(&r);
    rig_attach(&r);
    assert_int_equal(r.gtt.wanted.low_size, 64 * MIB); /* medium */
    assert_int_equal(r.sched.weight, 1);
    assert_int_equal(r.display.monitor.refresh, 0); /* display's own choice */
    rig_stop(&r);
}

static void refused(struct rig *r, const Vgt__AttachRequest *request, const char *text)
{
    client_send(r, VGT__TYPE__TYPE_ATTACH, &request->base);
    rig_until(r, r->client.type);
    assert_int_equal(r->client.type, VGT__TYPE__TYPE_ERROR);
    assert_int_equal(r->client.code, EINVAL);
    assert_string_equal(r->client.text, text);
}

static void test_refused(void **state)
{
    Vgt__AttachRequest plain = VGT__ATTACH_REQUEST__INIT, request;
    struct rig r;

    (void)state;
    rig_start(&r, 0);
    rig_services(&r);
    plain.domid = 7;
    request = plain;
    request.low_mb = 4097;
    refused(&r, &request, "low_mb=4097 is too much; at most 4096");
    request = plain;
    request.fences = 33;
    refused(&r, &request, "fences=33 is too much; at most 32");
    request = plain;
    request.weight = 101;
    refused(&r, &request, "weight=101 is too much; at most 100");
    request = plain;
    request.monitor = (char *)"wide\n";
    refused(&r, &request,
            "monitor=wide? is no mode of a monitor; write WxH or WxH@HZ, as 1280x800@60: W a "
            "multiple of 8, 24 to 120 Hz");
    assert_int_equal(broker_guests(r.broker), 0);
    rig_stop(&r);
}

/* Without vgt-gtt's word nothing is known of what is free. */
static void test_request(void **state)
{
    Vgt__TypesRequest request = VGT__TYPES_REQUEST__INIT;
    const Vgt__TypesReply *reply;
    struct rig r;

    (void)state;
    rig_start(&r, 0);
    client_send(&r, VGT__TYPE__TYPE_TYPES, &request.base);
    rig_until(&r, r.client.type);
    assert_int_equal(r.client.type, VGT__TYPE__TYPE_TYPES_REPLY);
    reply = (const Vgt__TypesReply *)r.client.body;
    assert_null(reply->gpu);
    assert_int_equal(reply->n_types, VGPU_TYPES);
    assert_string_equal(reply->types[0]->name, "small");
    assert_string_equal(reply->types[2]->name, "large");
    assert_false(reply->types[0]->usual);
    assert_true(reply->types[1]->usual);
    assert_int_equal(reply->types[1]->low_mb, 64);
    rig_stop(&r);
}

static void test_fit(void **state)
{
    uint64_t low[] = {15 * MIB, 130 * MIB, 80 * MIB}, high[] = {1792 * MIB};
    uint32_t fences[] = {3, 27};
    Vgt__Gpu gpu = VGT__GPU__INIT;
    Vgt__VgpuType type;

    (void)state;
    gpu.low_pieces = low;
    gpu.n_low_pieces = 3;
    gpu.high_pieces = high;
    gpu.n_high_pieces = 1;
    gpu.fence_pieces = fences;
    gpu.n_fence_pieces = 2;
    assert_true(vgpu_describe(0, &gpu, &type));
    assert_int_equal(type.fit, 6); /* by its fences: none in 3, six in 27; 13 by memory */
    assert_true(vgpu_describe(1, &gpu, &type));
    assert_int_equal(type.fit, 3); /* two in 130 MiB, one in 80 */
    assert_true(vgpu_describe(2, &gpu, &type));
    assert_int_equal(type.fit, 1);
    gpu.n_high_pieces = 0;
    assert_true(vgpu_describe(0, &gpu, &type));
    assert_int_equal(type.fit, 0);
    assert_false(vgpu_describe(3, &gpu, &type));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_explicit), cmocka_unit_test(test_types_alone),
        cmocka_unit_test(test_refused),  cmocka_unit_test(test_request),
        cmocka_unit_test(test_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
