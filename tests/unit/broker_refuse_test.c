/* SPDX-License-Identifier: MIT */
/*
 * The broker with services that refuse: a guest, everything, or the messages; that are away when a
 * guest ends; with regions and a state page of another build.
 */
#include "lib/region.h"
#include "services/broker/priv.h"
#include "services/wire/gtt_map.h"
#include "services/wire/names.h"
#include "tests/unit/broker_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* cmocka wants the four above first */
#include <cmocka.h>

static struct guest *first(struct rig *r)
{
    return guest_find(r->broker, 7);
}

static const Vgt__StatusReply *status(struct rig *r)
{
    Vgt__StatusRequest request = VGT__STATUS_REQUEST__INIT;

    client_send(r, VGT__TYPE__TYPE_STATUS, &request.base);
    rig_until(r, r->client.type);
    assert_int_equal(r->client.type, VGT__TYPE__TYPE_STATUS_REPLY);
    return (const Vgt__StatusReply *)r->client.body;
}

static const char *service_state(struct rig *r, const char *name)
{
    const Vgt__StatusReply *reply = status(r);

    for (size_t i = 0; i < reply->n_services; i++)
        if (!strcmp(reply->services[i]->name, name))
            return reply->services[i]->state;
    return "none";
}

static const char *guest_state(struct rig *r)
{
    const Vgt__StatusReply *reply = status(r);

    return reply->n_guests ? reply->guests[0]->state : "none";
}

static void begin(struct rig *r)
{
    rig_start(r, 0);
    rig_services(r);
    rig_attach(r);
}

static void end_domain(uint32_t domid)
{
    struct vmm *v;

    assert_int_equal(vmm_fake_ops.open_control(domid, &v), 0);
    vmm_fake_ops.kill(v, "test");
    vmm_fake_ops.close(v);
}

static void again(struct rig *r, struct fake *f)
{
    unsigned adds = f->adds;

    fake_crash(f);
    rig_turns(r, 5);
    fake_connect(f);
    rig_until(r, f->adds == adds + 1);
    rig_turns(r, 5);
}

/* vgt-gtt is away for longer than any step may take: it is told all the same when it is back. */
static void test_removal_waits_for_gtt(void **state)
{
    struct rig r;

    (void)state;
    begin(&r);
    r.broker->limit_ns = 50000000;
    fake_crash(&r.gtt);
    rig_turns(&r, 5);
    end_domain(7);
    rig_until(&r, first(&r)->told);
    assert_true(rig_module.attached[7]);
    r.broker->limit_ns = STEP_NS;
    fake_connect(&r.gtt);
    rig_until(&r, broker_guests(r.broker) == 0);
    assert_non_null(strstr(r.trace, "gtt:own gtt:fds gtt:resume gtt:remove sched:remove"));
    assert_false(rig_module.attached[7]);
    rig_stop(&r);
}

/* vgt-gtt died in the middle of an attach, and the attach is given up before it is back. */
static void test_broken_attach(void **state)
{
    struct rig r;

    (void)state;
    rig_start(&r, 0);
    rig_services(&r);
    r.gtt.crash_on_add = true;
    client_attach(&r, 7, "");
    rig_until(&r, r.gtt.adds == 1 && !r.gtt.chan);
    end_domain(7);
    rig_until(&r, r.client.type);
    assert_int_equal(r.client.type, VGT__TYPE__TYPE_ERROR);
    assert_int_equal(broker_guests(r.broker), 1);
    fake_connect(&r.gtt);
    rig_until(&r, broker_guests(r.broker) == 0);
    assert_int_equal(r.gtt.adds, 1);
    assert_int_equal(r.gtt.removes, 1);
    rig_stop(&r);
}

static void test_gtt_refuses_removal(void **state)
{
    struct rig r;

    (void)state;
    begin(&r);
    r.gtt.refuse_remove = "not now";
    end_domain(7);
    rig_until(&r, r.gtt.removes == 1);
    rig_turns(&r, 50);
    assert_int_equal(r.gtt.removes, 1); /* not asked over and over */
    assert_true(first(&r)->told);
    assert_true(first(&r)->s->held & (1u << ROLE_GTT));
    r.gtt.refuse_remove = NULL;
    first(&r)->not_before = 0;
    rig_until(&r, broker_guests(r.broker) == 0);
    assert_int_equal(r.gtt.removes, 2);
    rig_stop(&r);
}

/* For want of something: the guest is asked for again until it works. */
static void test_guest_is_retried(void **state)
{
    struct rig r;

    (void)state;
    begin(&r);
    r.sched.refuse = "vgt-sched cannot map region vggtt: Cannot allocate memory";
    r.sched.refuse_code = ENOMEM;
    again(&r, &r.sched);
    assert_string_equal(guest_state(&r),
                        "refused: vgt-sched cannot map region vggtt: Cannot allocate memory");
    assert_string_equal(service_state(&r, "vgt-sched"), "running");
    r.sched.refuse = NULL;
    rig_turns(&r, 5);
    assert_int_equal(r.sched.adds, 2);
    first(&r)->retry = 0;
    rig_until(&r, r.sched.adds == 3);
    rig_turns(&r, 5);
    assert_string_equal(guest_state(&r), "running");
    rig_stop(&r);
}

/* For good: nobody asks again before the service is another process. */
static void test_guest_is_refused(void **state)
{
    struct rig r;

    (void)state;
    begin(&r);
    r.gtt.refuse = "region gtt_map has layout 3";
    r.gtt.refuse_code = EPROTONOSUPPORT;
    again(&r, &r.gtt);
    first(&r)->retry = 0;
    rig_turns(&r, 200);
    assert_int_equal(r.gtt.adds, 2);
    assert_string_equal(guest_state(&r), "refused: region gtt_map has layout 3");
    assert_string_equal(service_state(&r, "vgt-gtt"), "running");
    r.gtt.refuse = NULL;
    again(&r, &r.gtt);
    assert_string_equal(guest_state(&r), "running");
    rig_stop(&r);
}

static void test_service_refuses(void **state)
{
    Vgt__Refused refused = VGT__REFUSED__INIT;
    struct rig r;

    (void)state;
    begin(&r);
    refused.text = (char *)"region journal has\nlayout 3";
    fake_send(&r.sched, VGT__TYPE__TYPE_REFUSED, 99, &refused.base);
    rig_turns(&r, 5);
    assert_string_equal(service_state(&r, "vgt-sched"), "refused: region journal has?layout 3");
    assert_string_equal(service_state(&r, "vgt-gtt"), "running");
    again(&r, &r.sched);
    assert_string_equal(service_state(&r, "vgt-sched"), "running");
    rig_stop(&r);
}

static void test_other_messages(void **state)
{
    static const char text[] = "vgt-gtt speaks version 2 of the messages, vgt-broker version 1: "
                               "install both from one version of vgt and restart both";
    struct rig r;

    (void)state;
    begin(&r);
    fake_crash(&r.gtt);
    r.gtt.version = 2;
    fake_connect(&r.gtt);
    rig_until(&r, r.gtt.cut == 1);
    assert_string_equal(r.gtt.error, text);
    assert_memory_equal(service_state(&r, "vgt-gtt"), "refused: ", 9);
    assert_string_equal(service_state(&r, "vgt-gtt") + 9, text);
    assert_string_equal(guest_state(&r), "running");
    r.gtt.version = 1;
    fake_connect(&r.gtt);
    rig_until(&r, r.gtt.adds == 2);
    rig_turns(&r, 5);
    assert_string_equal(service_state(&r, "vgt-gtt"), "running");
    rig_stop(&r);
}

/* ---- what another build left */

static void expect_broker_refused(struct rig *r, const char *text)
{
    struct chan *chan = NULL;

    rig_restart_broker(r);
    assert_non_null(strstr(service_state(r, "vgt-broker"), text));
    client_attach(r, 8, "");
    rig_until(r, r->client.type);
    assert_int_equal(r->client.type, VGT__TYPE__TYPE_ERROR);
    assert_non_null(strstr(r->client.text, text));
    /* No service is met, so none loses anything. */
    assert_true(chan_connect(r->loop, NULL, r->wire, &(struct chan_user){0}, NULL, &chan) < 0);
    assert_int_equal(broker_guests(r->broker), 0);
}

static void test_newer_state(void **state)
{
    struct rig r;

    (void)state;
    begin(&r);
    r.broker->state->version = STATE_VERSION + 1;
    expect_broker_refused(&r, "the kept state has layout 3, newer than 2, which this "
                              "vgt-broker knows: install the vgt that made it and restart");
    rig_stop(&r);
    free(r.config.kept);
}

static void test_damaged_state(void **state)
{
    struct rig r;

    (void)state;
    begin(&r);
    r.broker->state->magic = 0;
    expect_broker_refused(&r, "the kept state is damaged");
    rig_stop(&r);
    free(r.config.kept);
}

/* Layout 1 had the epoch in 32 bits. */
static int widen(const void *old, uint64_t old_size, void *new, uint64_t new_size)
{
    assert_int_equal(old_size, 64);
    assert_int_equal(new_size, sizeof(struct gtt_map));
    ((struct gtt_map *)new)->epoch = *(const uint32_t *)old;
    return 0;
}

static const struct region_step step[] = {{WIRE_REGION_GTT_MAP, 1, sizeof(struct gtt_map), widen}};
static const struct region_steps steps = {step, 1};

static struct part *map_part(struct rig *r)
{
    struct parts *parts = &first(r)->parts;

    for (unsigned i = 0; i < parts->count; i++)
        if (!strcmp(parts->item[i].name, WIRE_GTT_MAP))
            return &parts->item[i];
    return NULL;
}

static void make_older(struct rig *r)
{
    struct part *p = map_part(r);
    struct region region;

    close(p->fd);
    assert_int_equal(region_create("gtt_map", WIRE_REGION_GTT_MAP, 1, 64, &p->fd), 0);
    assert_int_equal(region_map(p->fd, WIRE_REGION_GTT_MAP, 1, 64, true, &region), 0);
    *(uint32_t *)region.data = 4711;
    region_unmap(&region);
}

static void expect_map(int fd, uint32_t version, uint64_t epoch)
{
    struct region region;

    assert_int_equal(region_map(fd, WIRE_REGION_GTT_MAP, 2, 0, false, &region), 0);
    assert_int_equal(region.version, version);
    assert_int_equal(*(uint32_t *)region.data, epoch);
    region_unmap(&region);
}

/* Each that may have the older region mapped is replaced and refuses it; with the last one it is
 * converted, and all get it anew. Not before: the others still write there. */
static void test_conversion(void **state)
{
    struct rig r;
    struct fake *fakes[3] = {&r.gtt, &r.sched, &r.display};

    (void)state;
    begin(&r);
    r.broker->config.steps = r.config.steps = &steps;
    make_older(&r);
    for (int i = 0; i < 3; i++) {
        fakes[i]->refuse = "older";
        fakes[i]->refuse_code = EPROTONOSUPPORT;
    }
    again(&r, &r.gtt);
    again(&r, &r.sched);
    expect_map(map_part(&r)->fd, 1, 4711);
    assert_string_equal(guest_state(&r), "refused: older");
    for (int i = 0; i < 3; i++)
        fakes[i]->refuse = NULL;
    again(&r, &r.display); /* new: it has nothing mapped, and finds what it knows */
    rig_until(&r, r.gtt.adds == 3 && r.sched.adds == 3);
    rig_turns(&r, 5);
    expect_map(map_part(&r)->fd, 2, 4711);
    for (int i = 0; i < 3; i++)
        expect_map(wire_fd(&fakes[i]->fds, WIRE_GTT_MAP), 2, 4711);
    assert_string_equal(guest_state(&r), "running");
    assert_int_equal(map_part(&r)->copy, 1);
    rig_restart_broker(&r);
    expect_map(map_part(&r)->fd, 2, 4711);
    assert_int_equal(map_part(&r)->copy, 1);
    rig_stop(&r);
    free(r.config.kept);
}

/* One has not answered yet when the others refuse: it may have the region mapped. When it refuses
 * as well, all are asked again. */
static void test_conversion_after_the_last_refusal(void **state)
{
    Vgt__Error e = VGT__ERROR__INIT;
    struct rig r;

    (void)state;
    begin(&r);
    r.broker->config.steps = &steps;
    make_older(&r);
    r.gtt.refuse = r.display.refuse = "older";
    r.gtt.refuse_code = r.display.refuse_code = EPROTONOSUPPORT;
    r.sched.silent = true;
    again(&r, &r.gtt);
    again(&r, &r.sched);
    again(&r, &r.display);
    expect_map(map_part(&r)->fd, 1, 4711);
    r.gtt.refuse = r.display.refuse = NULL;
    r.sched.silent = false;
    e.code = EPROTONOSUPPORT;
    e.text = (char *)"older";
    fake_send(&r.sched, VGT__TYPE__TYPE_ERROR, r.sched.add_id, &e.base);
    rig_until(&r, r.gtt.adds == 3 && r.display.adds == 3 && r.sched.adds == 3);
    expect_map(map_part(&r)->fd, 2, 4711);
    expect_map(wire_fd(&r.sched.fds, WIRE_GTT_MAP), 2, 4711);
    rig_turns(&r, 5);
    assert_string_equal(guest_state(&r), "running");
    rig_stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_removal_waits_for_gtt),
        cmocka_unit_test(test_broken_attach),
        cmocka_unit_test(test_gtt_refuses_removal),
        cmocka_unit_test(test_guest_is_retried),
        cmocka_unit_test(test_guest_is_refused),
        cmocka_unit_test(test_service_refuses),
        cmocka_unit_test(test_other_messages),
        cmocka_unit_test(test_newer_state),
        cmocka_unit_test(test_damaged_state),
        cmocka_unit_test(test_conversion),
        cmocka_unit_test(test_conversion_after_the_last_refusal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
