/* SPDX-License-Identifier: MIT */
/*
 * vgt-mmio's service against a real broker (and fake others) in one loop: it is ready, and thus
 * confined, after it claimed its guest's device and before it serves the guest's first access.
 */
#include "services/broker/priv.h"
#include "services/mmio/priv.h"
#include "services/mmio/service.h"
#include "tests/unit/broker_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the four above first */
#include <cmocka.h>

static const struct log quiet = {.fd = 2, .level = LOG_CRIT, .name = "test"};

/* What was so when the service got ready. */
struct moment {
    struct mmio_service *service;
    struct fake_guest *guest;
    unsigned calls;
    bool claimed, trapped;
    uint64_t accesses;
    int answer;
};

/* A guest that is quick: it reads its device's vendor as soon as that is claimed. */
static int at_ready(const void *data)
{
    struct moment *m = (struct moment *)data;
    struct vmm_access access = {.space = VMM_CONFIG, .size = 4, .count = 1};
    uint64_t value;

    m->calls++;
    m->claimed = m->service->vmm != NULL;
    m->trapped = fake_start(m->guest, &access, &value) == 1;
    m->accesses = m->service->mmio.accesses;
    return m->answer;
}

static void begin_on(struct rig *r, struct mmio_service *s, struct moment *m,
                     const struct wire_config *config)
{
    rig_services(r);
    client_attach(r, 7, "");
    rig_until(r, r->display.adds == 1);
    assert_int_equal(mmio_service_init(s, r->loop, &quiet, &vmm_fake_ops, 7), 0);
    m->service = s;
    m->guest = r->guest[0];
    loop_before_ready(r->loop, at_ready, m);
    assert_int_equal(wire_client_new(r->loop, NULL, config, s, &s->client), 0);
}

static void begin(struct rig *r, struct mmio_service *s, struct moment *m,
                  const struct wire_config *config)
{
    rig_start(r, 0);
    begin_on(r, s, m, config);
}

static void end(struct rig *r, struct mmio_service *s)
{
    wire_client_free(s->client);
    mmio_service_stop(s);
    rig_stop(r);
}

static struct wire_config config_of(const struct rig *r)
{
    return (struct wire_config){.role = "vgt-mmio",
                                .domid = 7,
                                .socket = r->wire,
                                .types = mmio_wire_types,
                                .type_count = 1,
                                .ops = &mmio_wire_ops,
                                .log = &quiet};
}

static void test_confined_first(void **state)
{
    struct moment m = {0};
    struct mmio_service s;
    struct rig r;
    struct wire_config config = config_of(&r);
    uint64_t value = 0;
    bool done = false;

    (void)state;
    begin(&r, &s, &m, &config);
    rig_until(&r, m.calls);
    assert_true(m.claimed);
    assert_true(m.trapped);
    assert_int_equal(m.accesses, 0);
    rig_until(&r, done || (done = fake_done(r.guest[0], 0, &value) == 1));
    assert_int_equal(value & 0xffff, 0x8086);
    rig_until(&r, r.client.type == VGT__TYPE__TYPE_ATTACH_REPLY);
    assert_int_equal(m.calls, 1);
    end(&r, &s);
}

/* One that cannot confine itself stops its loop: the guest's access stays unanswered. */
static void test_not_confined(void **state)
{
    struct moment m = {.answer = -EPERM};
    struct mmio_service s;
    struct rig r;
    struct wire_config config = config_of(&r);

    (void)state;
    begin(&r, &s, &m, &config);
    assert_int_equal(loop_run(r.loop), -EPERM);
    assert_int_equal(m.calls, 1);
    end(&r, &s);
}

/* What the broker says of its GPU is what the guest has: one of which it says nothing (a broker of
 * before there was the field) is a Broadwell, and one that is neither is not served. */
static void serves(uint32_t gen, uint32_t ggc, uint32_t caps)
{
    struct moment m = {0};
    struct mmio_service s;
    struct rig r;
    struct wire_config config = config_of(&r);

    rig_start(&r, 0);
    r.broker->config.device.gen = gen;
    begin_on(&r, &s, &m, &config);
    rig_until(&r, r.client.type == VGT__TYPE__TYPE_ATTACH_REPLY);
    assert_int_equal(mmio_config_read(&s.mmio, 0x50, 2), ggc);
    assert_int_equal(*mmio_reg(&s.mmio, 0x78010), caps);
    end(&r, &s);
}

static void test_generations(void **state)
{
    (void)state;
    serves(0, 3u << 6, 0xc);
    serves(8, 3u << 6, 0xc);
    serves(7, 2u << 8, 0x4);
}

static void test_no_generation(void **state)
{
    struct moment m = {0};
    struct mmio_service s;
    struct rig r;
    struct wire_config config = config_of(&r);

    (void)state;
    rig_start(&r, 0);
    r.broker->config.device.gen = 9;
    begin_on(&r, &s, &m, &config);
    rig_turns(&r, 20);
    assert_int_equal(m.calls, 0);
    assert_false(s.attached);
    end(&r, &s);
}

static int config_write(struct rig *r, uint64_t at, uint64_t value)
{
    struct vmm_access a = {
        .space = VMM_CONFIG, .addr = at, .size = 4, .count = 1, .write = true, .data = value};

    return fake_start(r->guest[0], &a, &value);
}

static void until_answered(struct rig *r)
{
    uint64_t value;
    bool done = false; /* is true once only, and the condition is looked at again */

    rig_until(r, done || (done = fake_done(r->guest[0], 0, &value) == 1));
}

/* A guest whose device is there, with a BAR written at an address. */
static void begin_with_bar(struct rig *r, struct mmio_service *s, struct moment *m,
                           const struct wire_config *config, uint32_t bar, uint32_t at)
{
    begin(r, s, m, config);
    rig_until(r, r->client.type == VGT__TYPE__TYPE_ATTACH_REPLY);
    until_answered(r);
    assert_int_equal(config_write(r, bar, at), 1);
    until_answered(r);
}

/* The guest moves its aperture just when there is no broker to ask: the write waits, and goes on by
 * itself when there is one. */
static void test_aperture_without_a_broker(void **state)
{
    struct moment m = {0};
    struct mmio_service s;
    struct rig r;
    struct wire_config config = config_of(&r);
    uint64_t value;

    (void)state;
    begin_with_bar(&r, &s, &m, &config, 0x18, 0x80000000);
    peer_close(r.broker->guest[0]->mmio.wire);
    rig_turns(&r, 3);
    assert_int_equal(config_write(&r, 0x04, 2), 1);
    rig_turns(&r, 3);
    assert_int_equal(fake_done(r.guest[0], 0, &value), 0);
    assert_int_equal(s.aperture.id, 0);
    until_answered(&r);
    assert_int_equal(r.broker->guest[0]->s->aperture_at, 0x80000000);
    end(&r, &s);
}

/* A GGTT entry, and nothing after it: gtt is woken for it all the same, a little later. */
static void test_entry_without_a_flush(void **state)
{
    struct vmm_access a = {.space = VMM_MMIO, .size = 8, .count = 1, .write = true, .data = 0x5003};
    struct moment m = {0};
    struct mmio_service s;
    struct rig r;
    struct wire_config config = config_of(&r);
    uint64_t value;

    (void)state;
    begin_with_bar(&r, &s, &m, &config, 0x10, 0xf0000000);
    assert_int_equal(config_write(&r, 0x04, 2), 1);
    until_answered(&r);
    a.addr = 0xf0000000 + s.mmio.model->gtt_base + 8 * (s.mmio.s.vgpu.low_base / 4096);
    assert_int_equal(fake_start(r.guest[0], &a, &value), 1);
    rig_until(&r, s.to_gtt.owed);
    rig_until(&r, !s.to_gtt.owed);
    assert_int_equal(s.to_gtt.wakes_sent, 1);
    end(&r, &s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_confined_first),
        cmocka_unit_test(test_not_confined),
        cmocka_unit_test(test_generations),
        cmocka_unit_test(test_no_generation),
        cmocka_unit_test(test_aperture_without_a_broker),
        cmocka_unit_test(test_entry_without_a_flush),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
