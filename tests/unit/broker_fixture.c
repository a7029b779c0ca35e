/* SPDX-License-Identifier: MIT */
/*
 * See broker_fixture.h. One thread.
 */
#include "tests/unit/broker_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#define MIB (1ull << 20)

struct rig_module rig_module;
static struct log quiet = {.fd = -1, .level = -1};

static void note(struct fake *f, const char *what)
{
    size_t at = strlen(f->rig->trace);

    snprintf(f->rig->trace + at, sizeof(f->rig->trace) - at, "%s:%s ", f->name, what);
}

/* ---- the fake service */

void fake_send(struct fake *f, uint32_t type, uint32_t id, const ProtobufCMessage *body)
{
    assert_int_equal(chan_send(f->chan, type, id, body, NULL, 0), 0);
}

static void refuse(struct fake *f, uint32_t id, const char *text)
{
    Vgt__Error e = VGT__ERROR__INIT;

    e.code = f->refuse_code ? (uint32_t)f->refuse_code : ENOSPC;
    e.text = (char *)text;
    fake_send(f, VGT__TYPE__TYPE_ERROR, id, &e.base);
}

/* gtt grants what was wanted from 32 MiB and 1 GiB on. */
static void ready(struct fake *f, const Vgt__GuestAdd *add, uint32_t id)
{
    Vgt__GuestReady reply = VGT__GUEST_READY__INIT;
    Vgt__Resources grant = VGT__RESOURCES__INIT;
    uint8_t edid[128] = {0, 0xff};

    reply.domid = add->domid;
    if (f == &f->rig->gtt) {
        grant = *add->resources;
        grant.low_base = 32 * MIB;
        grant.high_base = 1024 * MIB;
        grant.fence_base = 4;
        reply.resources = &grant;
    }
    if (f == &f->rig->display)
        reply.edid = (ProtobufCBinaryData){sizeof(edid), edid};
    fake_send(f, VGT__TYPE__TYPE_GUEST_READY, id, &reply.base);
}

static void on_add(struct chan *chan, const struct chan_message *m, void *data)
{
    const Vgt__GuestAdd *add = (const Vgt__GuestAdd *)m->body;
    struct fake *f = data;

    (void)chan;
    note(f, add->restart ? "resume" : "add");
    f->adds++;
    f->add_id = m->id;
    f->restart = add->restart;
    f->low_base = add->resources->low_base;
    f->edid_size = add->edid.len;
    f->weight = add->weight;
    f->wanted = *add->resources;
    f->monitor = add->monitor ? *add->monitor : (Vgt__Monitor)VGT__MONITOR__INIT;
    if (f->crash_on_add) {
        f->crash_on_add = false;
        fake_crash(f);
    } else if (f->refuse) {
        refuse(f, m->id, f->refuse);
    } else if (!f->silent) {
        ready(f, add, m->id);
    }
}

static void on_remove(struct chan *chan, const struct chan_message *m, void *data)
{
    const Vgt__GuestRemove *r = (const Vgt__GuestRemove *)m->body;
    Vgt__GuestRemoved reply = VGT__GUEST_REMOVED__INIT;
    struct fake *f = data;

    (void)chan;
    note(f, r->final ? "remove" : "stop");
    f->removes++;
    f->unseen = r->unseen;
    if (f->refuse_remove)
        refuse(f, m->id, f->refuse_remove);
    if (f->silent || f->refuse_remove)
        return;
    reply.domid = r->domid;
    reply.unknown = f->unknown;
    fake_send(f, VGT__TYPE__TYPE_GUEST_REMOVED, m->id, &reply.base);
    if (f == &f->rig->mmio)
        fake_crash(f);
}

static void on_stats(struct chan *chan, const struct chan_message *m, void *data)
{
    Vgt__StatsReply reply = VGT__STATS_REPLY__INIT;
    Vgt__ServiceStats own = VGT__SERVICE_STATS__INIT, guest = VGT__SERVICE_STATS__INIT;
    Vgt__ServiceStats *list[2] = {&own, &guest};
    Vgt__Counter counter = VGT__COUNTER__INIT, replayed = VGT__COUNTER__INIT;
    Vgt__Counter *counters[2] = {&counter, &replayed};
    Vgt__EngineTime time = VGT__ENGINE_TIME__INIT, *times[1] = {&time};
    Vgt__Quarantined bad = VGT__QUARANTINED__INIT, *bads[1] = {&bad};
    Vgt__Gpu gpu = VGT__GPU__INIT;
    struct fake *f = data;

    (void)chan;
    if (f->silent)
        return;
    counter.name = (char *)"things";
    counter.value = 5;
    guest.domid = f == &f->rig->mmio ? 8 : 7; /* vgt-mmio lies */
    guest.counters = counters;
    replayed.name = (char *)"replayed";
    replayed.value = 3;
    guest.n_counters = 2;
    bad.service = (char *)"broker"; /* lies, too */
    bad.kind = (char *)f->role;
    bad.input = (ProtobufCBinaryData){4, (uint8_t *)"\1\2\3"};
    bad.deaths = 2;
    guest.quarantined = bads;
    guest.n_quarantined = f == &f->rig->gtt || f == &f->rig->sched || f == &f->rig->mmio;
    guest.foreground = f == &f->rig->display;
    if (f == &f->rig->sched) {
        time.engine = (char *)"bcs";
        time.time_us = 123;
        guest.gpu_time = times;
        guest.n_gpu_time = 1;
        guest.batches = 9;
        guest.hangs = 6;
        guest.throttled_ms = 700;
    }
    gpu.low_total = 256 * MIB;
    own.gpu = f == &f->rig->gtt ? &gpu : NULL;
    reply.stats = list;
    reply.n_stats = 2;
    fake_send(f, VGT__TYPE__TYPE_STATS_REPLY, m->id, &reply.base);
}

static void on_wire(struct chan *chan, const struct chan_message *m, void *data)
{
    const Vgt__Wire *wire = (const Vgt__Wire *)m->body;
    struct fake *f = data;
    struct wire_fds *to = wire->domid ? &f->fds : &f->own;

    (void)chan;
    note(f, wire->domid ? "fds" : "own");
    wire_fds_close(to);
    assert_int_equal(wire->n_fd_names, m->nfds);
    for (unsigned i = 0; i < m->nfds; i++) {
        snprintf(to->item[i].name, sizeof(to->item[i].name), "%s", wire->fd_names[i]);
        to->item[i].fd = m->fds[i];
        m->fds[i] = -1;
    }
    to->count = m->nfds;
}

static void on_reply(struct chan *chan, const struct chan_message *m, void *data)
{
    struct fake *f = data;

    (void)chan;
    if (m->type == VGT__TYPE__TYPE_ERROR)
        snprintf(f->error, sizeof(f->error), "%s", ((const Vgt__Error *)m->body)->text);
    else if (m->type != VGT__TYPE__TYPE_HELLO_REPLY)
        f->replies++;
}

static void on_slice(struct chan *chan, const struct chan_message *m, void *data)
{
    Vgt__SliceReply reply = VGT__SLICE_REPLY__INIT;

    (void)chan;
    note(data, "slice");
    if (((struct fake *)data)->silent)
        return;
    fake_send(data, VGT__TYPE__TYPE_SLICE_REPLY, m->id, &reply.base);
}

static void on_screenshot(struct chan *chan, const struct chan_message *m, void *data)
{
    Vgt__ScreenshotReply reply = VGT__SCREENSHOT_REPLY__INIT;
    struct fake *f = data;

    (void)chan;
    reply.pixels.data = calloc(1, SHOT_PIECE);
    reply.pixels.len = SHOT_PIECE;
    for (int i = 1; i <= SHOT_PIECES; i++) {
        reply.last = i == SHOT_PIECES;
        fake_send(f, VGT__TYPE__TYPE_SCREENSHOT_REPLY, m->id, &reply.base);
    }
    note(f, "shot");
    free(reply.pixels.data);
}

static void on_fake_closed(struct chan *chan, int err, void *data)
{
    struct fake *f = data;

    (void)err;
    f->chan = NULL;
    f->cut++;
    chan_close(chan);
}

static const struct chan_type fake_types[] = {
    {VGT__TYPE__TYPE_GUEST_ADD, &vgt__guest_add__descriptor, on_add},
    {VGT__TYPE__TYPE_GUEST_REMOVE, &vgt__guest_remove__descriptor, on_remove},
    {VGT__TYPE__TYPE_STATS, &vgt__stats_request__descriptor, on_stats},
    {VGT__TYPE__TYPE_WIRE, &vgt__wire__descriptor, on_wire},
    {VGT__TYPE__TYPE_HELLO_REPLY, &vgt__hello__descriptor, on_reply},
    {VGT__TYPE__TYPE_ERROR, &vgt__error__descriptor, on_reply},
    {VGT__TYPE__TYPE_APERTURE_REPLY, &vgt__aperture_reply__descriptor, on_reply},
    {VGT__TYPE__TYPE_SLICE_REPLY, &vgt__slice_reply__descriptor, on_reply},
    {VGT__TYPE__TYPE_SLICE, &vgt__slice_request__descriptor, on_slice},
    {VGT__TYPE__TYPE_SCREENSHOT, &vgt__screenshot_request__descriptor, on_screenshot},
};
static const struct chan_user fake_user = {.types = fake_types,
                                           .count = sizeof(fake_types) / sizeof(fake_types[0]),
                                           .closed = on_fake_closed,
                                           .log = &quiet};

void fake_connect(struct fake *f)
{
    Vgt__Hello hello = VGT__HELLO__INIT;

    assert_int_equal(chan_connect(f->rig->loop, NULL, f->rig->wire, &fake_user, f, &f->chan), 0);
    hello.version = f->version ? f->version : 1;
    hello.role = (char *)f->role;
    hello.domid = f->domid;
    if (f->mute)
        return;
    fake_send(f, VGT__TYPE__TYPE_HELLO, 1, &hello.base);
}

void fake_crash(struct fake *f)
{
    chan_close(f->chan);
    f->chan = NULL;
}

/* ---- the client */

static void on_answer(struct chan *chan, const struct chan_message *m, void *data)
{
    struct client *c = data;
    size_t size = protobuf_c_message_get_packed_size(m->body);
    uint8_t *packed = malloc(size + 1);

    (void)chan;
    c->type = m->type;
    c->count++;
    c->text[0] = 0;
    if (m->type == VGT__TYPE__TYPE_ERROR) {
        c->code = (int)((const Vgt__Error *)m->body)->code;
        snprintf(c->text, sizeof(c->text), "%s", ((const Vgt__Error *)m->body)->text);
    } else if (m->type == VGT__TYPE__TYPE_ATTACH_REPLY) {
        c->vgpu = ((const Vgt__AttachReply *)m->body)->vgpu;
    } else if (m->type == VGT__TYPE__TYPE_SCREENSHOT_REPLY) {
        c->bytes += ((const Vgt__ScreenshotReply *)m->body)->pixels.len;
    }
    protobuf_c_message_pack(m->body, packed);
    if (c->body)
        protobuf_c_message_free_unpacked(c->body, NULL);
    c->body = protobuf_c_message_unpack(m->body->descriptor, NULL, size, packed);
    free(packed);
}

static void on_client_closed(struct chan *chan, int err, void *data)
{
    (void)err;
    ((struct client *)data)->chan = NULL;
    chan_close(chan);
}

static const struct chan_type client_types[] = {
    {VGT__TYPE__TYPE_ATTACH_REPLY, &vgt__attach_reply__descriptor, on_answer},
    {VGT__TYPE__TYPE_DETACH_REPLY, &vgt__detach_reply__descriptor, on_answer},
    {VGT__TYPE__TYPE_ERROR, &vgt__error__descriptor, on_answer},
    {VGT__TYPE__TYPE_STATUS_REPLY, &vgt__status_reply__descriptor, on_answer},
    {VGT__TYPE__TYPE_LIST_REPLY, &vgt__list_reply__descriptor, on_answer},
    {VGT__TYPE__TYPE_SHOW_REPLY, &vgt__show_reply__descriptor, on_answer},
    {VGT__TYPE__TYPE_TYPES_REPLY, &vgt__types_reply__descriptor, on_answer},
    {VGT__TYPE__TYPE_SCREENSHOT_REPLY, &vgt__screenshot_reply__descriptor, on_answer},
};
static const struct chan_user client_user = {.types = client_types,
                                             .count =
                                                 sizeof(client_types) / sizeof(client_types[0]),
                                             .closed = on_client_closed,
                                             .log = &quiet};

void client_connect(struct rig *r, struct loop *loop)
{
    assert_int_equal(chan_connect(loop, NULL, r->ctl, &client_user, &r->client, &r->client.chan),
                     0);
}

void client_send(struct rig *r, uint32_t type, const ProtobufCMessage *body)
{
    r->client.type = 0;
    assert_int_equal(chan_send(r->client.chan, type, chan_next_id(r->client.chan), body, NULL, 0),
                     0);
}

void client_attach(struct rig *r, uint32_t domid, const char *type)
{
    Vgt__AttachRequest request = VGT__ATTACH_REQUEST__INIT;

    request.domid = domid;
    request.name = (char *)"guest";
    request.type = (char *)type;
    client_send(r, VGT__TYPE__TYPE_ATTACH, &request.base);
}

/* ---- the rig */

static int module_attach(int fd, uint16_t domid)
{
    (void)fd;
    if (rig_module.rig)
        assert_true(guest_find(rig_module.rig->broker, domid)->s->held & HELD_MODULE);
    rig_module.attaches++;
    rig_module.attached[domid] = true;
    return 0;
}

static int module_detach(int fd, uint16_t domid)
{
    (void)fd;
    if (rig_module.busy) {
        rig_module.busy--;
        return -EBUSY;
    }
    rig_module.attached[domid] = false;
    return 0;
}

static const struct broker_module module = {module_attach, module_detach};

static void configure(struct rig *r, unsigned limit_ms)
{
    r->config = (struct broker_config){.log = &quiet,
                                       .vmm = &vmm_fake_ops,
                                       .module = &module,
                                       .wire = r->wire,
                                       .ctl = {r->ctl},
                                       .ctl_count = 1,
                                       .limit_ms = limit_ms};
    r->config.device.aperture_base = 0xe0000000;
    r->config.device.aperture_size = 256 * MIB;
    for (unsigned i = 0; i < BROKER_DEVS; i++)
        r->config.dev[i] = open("/dev/null", O_RDWR | O_CLOEXEC);
}

static void start(struct rig *r, unsigned limit_ms, bool keep, const char *units)
{
    memset(r, 0, sizeof(*r));
    memset(&rig_module, 0, sizeof(rig_module));
    rig_module.rig = r;
    snprintf(r->wire, sizeof(r->wire), "unix:/tmp/vgt-broker-test-%d.wire", (int)getpid());
    snprintf(r->ctl, sizeof(r->ctl), "unix:/tmp/vgt-broker-test-%d.ctl", (int)getpid());
    r->gtt = (struct fake){.rig = r, .name = "gtt", .role = "vgt-gtt"};
    r->sched = (struct fake){.rig = r, .name = "sched", .role = "vgt-sched"};
    r->display = (struct fake){.rig = r, .name = "display", .role = "vgt-display"};
    r->mmio = (struct fake){.rig = r, .name = "mmio", .role = "vgt-mmio", .domid = 7};
    for (uint32_t i = 0; i < 2; i++)
        r->guest[i] = fake_guest_new(7 + i, 16, 1);
    assert_int_equal(loop_new(&r->loop), 0);
    configure(r, limit_ms);
    r->config.keep = keep;
    r->config.units = units;
    assert_int_equal(broker_new(r->loop, &r->config, &r->broker), 0);
    client_connect(r, r->loop);
}

void rig_start(struct rig *r, unsigned limit_ms)
{
    start(r, limit_ms, false, NULL);
}

void rig_start_units(struct rig *r, const char *units)
{
    start(r, 0, false, units);
}

void rig_start_kept(struct rig *r)
{
    start(r, 0, true, NULL);
}

void rig_services(struct rig *r)
{
    fake_connect(&r->gtt);
    fake_connect(&r->sched);
    fake_connect(&r->display);
    rig_until(r, r->gtt.own.count && r->sched.own.count && r->display.own.count);
}

void rig_turns(struct rig *r, unsigned n)
{
    while (n--)
        assert_int_equal(loop_turn(r->loop, 1), 0);
}

void rig_attach(struct rig *r)
{
    Vgt__AttachRequest request = VGT__ATTACH_REQUEST__INIT;

    rig_attach_as(r, &request);
}

void rig_attach_as(struct rig *r, Vgt__AttachRequest *request)
{
    request->domid = 7;
    request->name = (char *)"guest";
    client_send(r, VGT__TYPE__TYPE_ATTACH, &request->base);
    rig_until(r, r->display.adds == 1);
    rig_turns(r, 5);
    fake_connect(&r->mmio);
    rig_until(r, r->client.type);
    assert_string_equal(r->client.text, "");
    assert_int_equal(r->client.type, VGT__TYPE__TYPE_ATTACH_REPLY);
}

static void stop_fake(struct fake *f)
{
    chan_close(f->chan);
    wire_fds_close(&f->own);
    wire_fds_close(&f->fds);
}

void rig_stop(struct rig *r)
{
    struct fake *fakes[] = {&r->gtt, &r->sched, &r->display, &r->mmio};

    for (int i = 0; i < 4; i++)
        stop_fake(fakes[i]);
    chan_close(r->client.chan);
    if (r->client.body)
        protobuf_c_message_free_unpacked(r->client.body, NULL);
    broker_free(r->broker);
    for (int i = 0; i < 2; i++)
        fake_guest_free(r->guest[i]);
    loop_free(r->loop);
}

static void keep_one(struct broker_config *config, const char *prefix, const char *name, int fd)
{
    struct broker_kept *k = &config->kept[config->kept_count++];

    assert_true(asprintf(&k->name, "%s%s", prefix, name) > 0);
    k->fd = dup(fd);
    assert_true(k->fd >= 0);
}

void rig_restart_broker(struct rig *r)
{
    struct broker *b = r->broker;
    char prefix[16], name[40];

    r->config.kept = calloc(200, sizeof(*r->config.kept));
    keep_one(&r->config, "", "state", b->state_fd);
    for (unsigned i = 0; i < b->parts.count; i++)
        keep_one(&r->config, "s.", b->parts.item[i].name, b->parts.item[i].fd);
    for (unsigned g = 0; g < BROKER_MAX_GUESTS; g++)
        for (unsigned i = 0; b->guest[g] && i < b->guest[g]->parts.count; i++) {
            const struct part *p = &b->guest[g]->parts.item[i];

            snprintf(prefix, sizeof(prefix), "g.%u.", b->guest[g]->s->domid);
            if (p->copy)
                snprintf(name, sizeof(name), "%s@%u", p->name, p->copy);
            else
                snprintf(name, sizeof(name), "%s", p->name);
            keep_one(&r->config, prefix, name, p->fd);
        }
    broker_free(b);
    for (unsigned i = 0; i < BROKER_DEVS; i++)
        r->config.dev[i] = -1;
    assert_int_equal(broker_new(r->loop, &r->config, &r->broker), 0);
    for (unsigned i = 0; i < r->config.kept_count; i++)
        free(r->config.kept[i].name);
    rig_until(r, !r->gtt.chan && !r->sched.chan && !r->display.chan && !r->client.chan);
    client_connect(r, r->loop);
}
