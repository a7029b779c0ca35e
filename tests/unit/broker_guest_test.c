/* SPDX-License-Identifier: MIT */
/*
 * The broker's guests: attach, refusal and roll-back, services and the broker itself starting anew,
 * removal in its order.
 */
#include "tests/unit/broker_fixture.h"

#include "lib/region.h"
#include "services/wire/names.h"
#include "services/wire/timing.h"
#include "services/wire/vreg.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#define MIB (1ull << 20)

static void test_attach(void **state)
{
    const Vgt__AttachReply *reply;
    struct region region;
    struct rig r;

    (void)state;
    rig_start(&r, 0);
    rig_services(&r);
    rig_attach(&r);
    reply = (const Vgt__AttachReply *)r.client.body;
    assert_int_equal(reply->vgpu, 1);
    assert_int_equal(reply->resources->low_base, 32 * MIB);
    assert_int_equal(reply->resources->low_size, 64 * MIB);
    assert_int_equal(reply->resources->high_size, 384 * MIB);
    assert_int_equal(reply->resources->fences, 4);
    assert_non_null(strstr(r.trace, "gtt:fds gtt:add sched:fds sched:add display:fds display:add "
                                    "mmio:fds mmio:add "));
    assert_int_equal(r.mmio.edid_size, 128);
    assert_int_equal(r.mmio.low_base, 32 * MIB);
    assert_false(r.mmio.restart);
    assert_true(rig_module.attached[7]);
    assert_int_equal(r.mmio.fds.count, 17);
    assert_int_equal(wire_region(&r.mmio.fds, WIRE_VREG, WIRE_REGION_VREG, VREG_LAYOUT,
                                 sizeof(struct vreg_file), true, &region),
                     0);
    region_unmap(&region);
    /* What it only reads cannot be written. */
    assert_int_equal(wire_region(&r.mmio.fds, WIRE_TIMING, WIRE_REGION_TIMING, TIMING_LAYOUT,
                                 sizeof(struct timing), true, &region),
                     -EACCES);
    assert_int_equal(wire_region(&r.mmio.fds, WIRE_TIMING, WIRE_REGION_TIMING, TIMING_LAYOUT,
                                 sizeof(struct timing), false, &region),
                     0);
    region_unmap(&region);
    rig_stop(&r);
}

static void expect_error(struct rig *r, int code, const char *text)
{
    rig_until(r, r->client.type);
    assert_int_equal(r->client.type, VGT__TYPE__TYPE_ERROR);
    assert_int_equal(r->client.code, code);
    assert_string_equal(r->client.text, text);
}

static void test_no_room(void **state)
{
    const char *text = "no room for 64 MiB of aperture: 16 MiB are free; domain 3 holds 128 MiB";
    struct rig r;

    (void)state;
    rig_start(&r, 0);
    rig_services(&r);
    r.gtt.refuse = text;
    client_attach(&r, 7, "medium");
    expect_error(&r, ENOSPC, text);
    rig_until(&r, broker_guests(r.broker) == 0);
    assert_false(rig_module.attached[7]);
    assert_int_equal(r.gtt.removes, 0); /* who refused has nothing to remove */
    assert_int_equal(r.sched.adds, 0);
    /* Nothing is left in the way of another try. */
    r.gtt.refuse = NULL;
    rig_attach(&r);
    assert_int_equal(r.client.vgpu, 1);
    rig_stop(&r);
}

static void test_sched_refuses(void **state)
{
    struct rig r;

    (void)state;
    rig_start(&r, 0);
    rig_services(&r);
    r.sched.refuse = "no engine is left";
    client_attach(&r, 7, "small");
    expect_error(&r, ENOSPC, "no engine is left");
    rig_until(&r, broker_guests(r.broker) == 0);
    assert_int_equal(r.gtt.removes, 1);
    assert_int_equal(r.gtt.unseen, WIRE_UNSEEN_SCHED | WIRE_UNSEEN_DISPLAY);
    assert_int_equal(r.sched.removes, 0);
    rig_stop(&r);
}

static void test_display_refuses(void **state)
{
    struct rig r;

    (void)state;
    rig_start(&r, 0);
    rig_services(&r);
    r.display.refuse = "no monitor is left";
    client_attach(&r, 7, "small");
    expect_error(&r, ENOSPC, "no monitor is left");
    rig_until(&r, broker_guests(r.broker) == 0);
    assert_non_null(strstr(r.trace, "display:add sched:stop gtt:remove sched:remove "));
    assert_int_equal(r.display.removes, 0);
    assert_int_equal(r.gtt.unseen, WIRE_UNSEEN_DISPLAY); /* it will acknowledge nothing */
    assert_int_equal(r.sched.unseen, 0);
    assert_false(rig_module.attached[7]);
    rig_stop(&r);
}

static void test_bad_requests(void **state)
{
    struct rig r;

    (void)state;
    rig_start(&r, 0);
    rig_services(&r);
    client_attach(&r, 7, "huge");
    expect_error(&r, EINVAL, "no vGPU type \"huge\"; the types are small, medium and large");
    client_attach(&r, 0, "");
    expect_error(&r, EINVAL, "0 is not a guest's domain id");
    client_attach(&r, 9, ""); /* nobody knows it */
    expect_error(&r, ESRCH, "domain 9 cannot be reached: No such process");
    rig_until(&r, broker_guests(r.broker) == 0);
    rig_attach(&r);
    client_attach(&r, 7, "");
    expect_error(&r, EEXIST, "domain 7 has a vGPU already");
    assert_int_equal(broker_guests(r.broker), 1);
    rig_stop(&r);
}

static void kill_domain(struct rig *r, uint32_t domid)
{
    struct vmm *v;

    (void)r;
    assert_int_equal(vmm_fake_ops.open_control(domid, &v), 0);
    vmm_fake_ops.kill(v, "test");
    vmm_fake_ops.close(v);
}

static void test_time_limit(void **state)
{
    struct rig r;

    (void)state;
    rig_start(&r, 300);
    rig_services(&r);
    r.sched.silent = true;
    client_attach(&r, 7, "");
    rig_until(&r, r.sched.adds);
    expect_error(&r, ETIMEDOUT, "vgt-sched does not answer");
    /* It may know of the guest: it is asked to stop until it answers, and gtt lets go only then. */
    rig_until(&r, r.sched.removes == 3);
    assert_int_equal(r.gtt.removes, 0);
    r.sched.silent = false;
    rig_until(&r, broker_guests(r.broker) == 0);
    assert_int_equal(r.gtt.removes, 1);
    assert_int_equal(r.gtt.unseen, 2);
    rig_stop(&r);
}

/* A service that is away for longer than any step may take still has to let go of the guest. */
static void test_service_away_in_removal(void **state)
{
    uint64_t end;
    struct rig r;

    (void)state;
    rig_start(&r, 0);
    rig_services(&r);
    rig_attach(&r);
    r.broker->limit_ns = 300000000;
    fake_crash(&r.sched);
    kill_domain(&r, 7);
    rig_until(&r, r.mmio.removes == 1);
    for (end = broker_now() + 1500000000; broker_now() < end;)
        rig_turns(&r, 1);
    assert_int_equal(broker_guests(r.broker), 1);
    assert_int_equal(r.gtt.removes, 0);
    r.trace[0] = 0;
    fake_connect(&r.sched);
    rig_until(&r, broker_guests(r.broker) == 0);
    assert_non_null(
        strstr(r.trace, "sched:resume sched:stop display:stop gtt:remove sched:remove "));
    rig_stop(&r);
}

/* Who says that he never had the guest is not asked again, and gtt does not wait for him. */
static void test_unknown(void **state)
{
    struct rig r;

    (void)state;
    rig_start(&r, 0);
    rig_services(&r);
    rig_attach(&r);
    r.sched.unknown = true;
    kill_domain(&r, 7);
    rig_until(&r, broker_guests(r.broker) == 0);
    assert_int_equal(r.sched.removes, 1);
    assert_int_equal(r.gtt.unseen, 1);
    rig_stop(&r);
}

static void test_service_missing(void **state)
{
    struct rig r;

    (void)state;
    rig_start(&r, 300);
    fake_connect(&r.gtt);
    client_attach(&r, 7, "");
    expect_error(&r, EAGAIN, "vgt-sched is not running");
    rig_until(&r, broker_guests(r.broker) == 0);
    rig_stop(&r);
}

static void test_crash_in_attach(void **state)
{
    struct rig r;

    (void)state;
    rig_start(&r, 0);
    rig_services(&r);
    r.sched.crash_on_add = true;
    client_attach(&r, 7, "");
    rig_until(&r, !r.sched.chan);
    rig_turns(&r, 10);
    fake_connect(&r.sched);
    rig_until(&r, r.display.adds == 1);
    assert_int_equal(r.sched.adds, 2);
    assert_false(r.sched.restart);
    rig_turns(&r, 5);
    r.mmio.crash_on_add = true;
    fake_connect(&r.mmio);
    rig_until(&r, !r.mmio.chan);
    fake_connect(&r.mmio);
    rig_until(&r, r.client.type == VGT__TYPE__TYPE_ATTACH_REPLY);
    assert_int_equal(r.mmio.adds, 2);
    rig_stop(&r);
}

static void test_restart_service(void **state)
{
    struct fake *fakes[4];
    struct rig r;

    (void)state;
    rig_start(&r, 0);
    rig_services(&r);
    rig_attach(&r);
    fakes[0] = &r.gtt, fakes[1] = &r.sched, fakes[2] = &r.display, fakes[3] = &r.mmio;
    for (int i = 0; i < 4; i++) {
        unsigned own = fakes[i]->own.count, fds = fakes[i]->fds.count;

        wire_fds_close(&fakes[i]->own);
        wire_fds_close(&fakes[i]->fds);
        fake_crash(fakes[i]);
        fake_connect(fakes[i]); /* before its death is noticed */
        rig_until(&r, fakes[i]->adds == 2);
        assert_true(fakes[i]->restart);
        assert_int_equal(fakes[i]->low_base, 32 * MIB);
        assert_int_equal(fakes[i]->own.count, own);
        assert_int_equal(fakes[i]->fds.count, fds);
    }
    rig_stop(&r);
}

static void detach(struct rig *r, uint32_t domid)
{
    Vgt__DetachRequest request = VGT__DETACH_REQUEST__INIT;

    request.domid = domid;
    client_send(r, VGT__TYPE__TYPE_DETACH, &request.base);
    rig_until(r, r->client.type);
}

static const char in_order[] = "mmio:remove sched:stop display:stop gtt:remove sched:remove "
                               "display:remove ";

static void test_detach(void **state)
{
    struct rig r;

    (void)state;
    rig_start(&r, 0);
    rig_services(&r);
    rig_attach(&r);
    detach(&r, 8);
    expect_error(&r, ENOENT, "no vGPU for domain 8; vgtctl list shows them");
    rig_module.busy = 2;
    detach(&r, 7);
    assert_int_equal(r.client.type, VGT__TYPE__TYPE_DETACH_REPLY);
    assert_non_null(strstr(r.trace, in_order));
    assert_int_equal(r.gtt.unseen, 0);
    assert_int_equal(rig_module.busy, 0);
    assert_false(rig_module.attached[7]);
    assert_int_equal(broker_guests(r.broker), 0);
    rig_stop(&r);
}

static void test_domain_gone(void **state)
{
    struct rig r;

    (void)state;
    rig_start(&r, 0);
    rig_services(&r);
    rig_attach(&r);
    kill_domain(&r, 7);
    rig_until(&r, broker_guests(r.broker) == 0);
    assert_non_null(strstr(r.trace, in_order));
    rig_stop(&r);
}

static void test_gtt_dies_in_removal(void **state)
{
    struct rig r;

    (void)state;
    rig_start(&r, 0);
    rig_services(&r);
    rig_attach(&r);
    r.gtt.silent = true;
    kill_domain(&r, 7);
    rig_until(&r, r.gtt.removes == 1);
    fake_crash(&r.gtt);
    rig_turns(&r, 10);
    r.gtt.silent = false;
    fake_connect(&r.gtt);
    rig_until(&r, broker_guests(r.broker) == 0);
    assert_non_null(strstr(r.trace, "gtt:remove gtt:own gtt:fds gtt:resume gtt:remove "));
    rig_stop(&r);
}

/* A guest reboots: the new domain is not refused what the old one still holds. */
static void test_reboot(void **state)
{
    struct rig r;

    (void)state;
    rig_start(&r, 0);
    rig_services(&r);
    rig_attach(&r);
    r.gtt.silent = true;
    kill_domain(&r, 7);
    rig_until(&r, r.gtt.removes == 1);
    client_attach(&r, 8, "");
    rig_turns(&r, 50);
    assert_int_equal(r.gtt.adds, 1);
    r.gtt.silent = false;
    fake_crash(&r.gtt);
    fake_connect(&r.gtt);
    rig_until(&r, r.display.adds == 2);
    assert_non_null(strstr(r.trace, "display:remove gtt:fds gtt:add "));
    rig_stop(&r);
}

static void test_asker_leaves(void **state)
{
    struct rig r;

    (void)state;
    rig_start(&r, 0);
    rig_services(&r);
    client_attach(&r, 7, "");
    rig_until(&r, r.display.adds == 1);
    chan_close(r.client.chan);
    r.client.chan = NULL;
    rig_until(&r, broker_guests(r.broker) == 0);
    assert_int_equal(r.display.removes, 2);
    rig_stop(&r);
}

static void test_restart_broker(void **state)
{
    uint64_t generation;
    struct rig r;

    (void)state;
    rig_start(&r, 0);
    rig_services(&r);
    rig_attach(&r);
    client_attach(&r, 8, ""); /* half attached when the broker dies */
    rig_until(&r, r.display.adds == 2);
    generation = r.broker->state->generation;
    rig_restart_broker(&r);
    assert_int_equal(broker_guests(r.broker), 2);
    r.trace[0] = 0;
    rig_services(&r);
    fake_connect(&r.mmio);
    rig_until(&r, broker_guests(r.broker) == 1);
    assert_non_null(strstr(r.trace, "display:stop gtt:remove sched:remove display:remove "));
    rig_until(&r, r.mmio.adds == 2 && r.mmio.restart);
    assert_int_equal(r.mmio.low_base, 32 * MIB);
    assert_int_equal(r.mmio.fds.count, 17);
    assert_int_equal(r.broker->guest[0]->s->vgpu, 1);
    assert_int_equal(r.broker->state->generation, generation);
    detach(&r, 7);
    assert_int_equal(r.client.type, VGT__TYPE__TYPE_DETACH_REPLY);
    rig_stop(&r);
    free(r.config.kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attach),          cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_sched_refuses),   cmocka_unit_test(test_display_refuses),
        cmocka_unit_test(test_bad_requests),    cmocka_unit_test(test_time_limit),
        cmocka_unit_test(test_service_missing), cmocka_unit_test(test_service_away_in_removal),
        cmocka_unit_test(test_unknown),         cmocka_unit_test(test_crash_in_attach),
        cmocka_unit_test(test_restart_service), cmocka_unit_test(test_detach),
        cmocka_unit_test(test_domain_gone),     cmocka_unit_test(test_gtt_dies_in_removal),
        cmocka_unit_test(test_asker_leaves),    cmocka_unit_test(test_reboot),
        cmocka_unit_test(test_restart_broker),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
