/* SPDX-License-Identifier: MIT */
/*
 * wire_fixture.c: see wire_fixture.h. Used by the unit tests of services/wire.
 */
#include "tests/unit/wire_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
/* cmocka wants the four above first */
#include <cmocka.h>

static const struct log quiet = {.fd = -1, .level = -1};

struct world *w;

/* ---- the broker's side */

static void on_hello(struct chan *chan, const struct chan_message *m, void *data)
{
    const Vgt__Hello *hello = (const Vgt__Hello *)m->body;
    Vgt__Hello reply = VGT__HELLO__INIT;

    (void)data;
    assert_int_equal(hello->version, 1);
    assert_string_equal(hello->role, "vgt-test");
    reply.version = w->version;
    w->hellos++;
    if (w->no_hello) {
        Vgt__Error e = VGT__ERROR__INIT;

        e.code = EPROTO;
        e.text = (char *)w->no_hello;
        assert_int_equal(chan_send(chan, VGT__TYPE__TYPE_ERROR, m->id, &e.base, NULL, 0), 0);
        return;
    }
    assert_int_equal(chan_send(chan, m->type + 1, m->id, &reply.base, NULL, 0), 0);
}

static void on_ready(struct chan *chan, const struct chan_message *m, void *data)
{
    const Vgt__GuestReady *ready = (const Vgt__GuestReady *)m->body;

    (void)chan;
    (void)data;
    w->ready++;
    w->last_id = m->id;
    snprintf(w->last_edid, sizeof(w->last_edid), "%.*s", (int)ready->edid.len,
             (const char *)ready->edid.data);
}

static void on_removed(struct chan *chan, const struct chan_message *m, void *data)
{
    (void)chan;
    (void)data;
    w->removed++;
    w->unknown += ((const Vgt__GuestRemoved *)m->body)->unknown;
    w->last_id = m->id;
}

static void on_stats_reply(struct chan *chan, const struct chan_message *m, void *data)
{
    (void)chan;
    (void)data;
    w->stats_replies++;
    w->last_id = m->id;
}

static void on_error(struct chan *chan, const struct chan_message *m, void *data)
{
    (void)chan;
    (void)data;
    w->errors++;
    w->last_id = m->id;
    w->last_code = ((const Vgt__Error *)m->body)->code;
    snprintf(w->last_text, sizeof(w->last_text), "%s", ((const Vgt__Error *)m->body)->text);
}

static void on_refused(struct chan *chan, const struct chan_message *m, void *data)
{
    (void)chan;
    (void)data;
    w->refusals++;
    snprintf(w->last_text, sizeof(w->last_text), "%s", ((const Vgt__Refused *)m->body)->text);
}

static void on_notice(struct chan *chan, const struct chan_message *m, void *data)
{
    (void)chan;
    (void)data;
    w->notices++;
    w->last_request = m->id;
}

static void on_closed(struct chan *chan, int err, void *data)
{
    (void)data;
    (void)err;
    for (int i = 0; i < ENDS; i++)
        if (w->chan[i] == chan)
            w->chan[i] = NULL;
    w->closed++;
    chan_close(chan);
}

static const struct chan_type broker_types[] = {
    {VGT__TYPE__TYPE_HELLO, &vgt__hello__descriptor, on_hello},
    {VGT__TYPE__TYPE_GUEST_READY, &vgt__guest_ready__descriptor, on_ready},
    {VGT__TYPE__TYPE_GUEST_REMOVED, &vgt__guest_removed__descriptor, on_removed},
    {VGT__TYPE__TYPE_STATS_REPLY, &vgt__stats_reply__descriptor, on_stats_reply},
    {VGT__TYPE__TYPE_ERROR, &vgt__error__descriptor, on_error},
    {VGT__TYPE__TYPE_LANE_BROKEN, &vgt__lane_broken__descriptor, on_notice},
    {VGT__TYPE__TYPE_REFUSED, &vgt__refused__descriptor, on_refused},
};
static const struct chan_user broker_user = {.types = broker_types,
                                             .count =
                                                 sizeof(broker_types) / sizeof(broker_types[0]),
                                             .closed = on_closed,
                                             .log = &quiet};

static void accept_socket(struct chan *chan, void *data)
{
    (void)data;
    w->chan[SOCKET] = chan;
}

static void accept_control(struct chan *chan, void *data)
{
    (void)data;
    w->chan[CONTROL] = chan;
}

void broker_up(void)
{
    static chan_accepted *const accepted[ENDS] = {accept_socket, accept_control};

    for (int i = 0; i < ENDS; i++)
        assert_int_equal(
            chan_listen(w->loop, NULL, w->uri[i], &broker_user, accepted[i], NULL, &w->listener[i]),
            0);
}

void broker_down(void)
{
    for (int i = 0; i < ENDS; i++) {
        chan_unlisten(w->listener[i]);
        chan_close(w->chan[i]);
        w->listener[i] = NULL;
        w->chan[i] = NULL;
    }
}

/* ---- the service's side */

static int device(void *ctx, struct wire_fds *fds, const Vgt__Device *d)
{
    assert_ptr_equal(ctx, w);
    assert_int_equal(d->device_id, 0x1616);
    w->devices++;
    wire_fds_close(&w->fds);
    w->fds = *fds;
    return w->map ? w->map(&w->fds) : w->device_result;
}

void answer_add(uint32_t domid, uint32_t id)
{
    Vgt__GuestReady ready = VGT__GUEST_READY__INIT;

    ready.domid = domid;
    if (w->edid)
        ready.edid = (ProtobufCBinaryData){strlen(w->edid), (uint8_t *)w->edid};
    wire_reply(w->client, id, VGT__TYPE__TYPE_GUEST_READY, &ready.base);
}

/* Leaves fds->count alone on purpose: taken is taken. */
static void guest_add(void *ctx, const Vgt__GuestAdd *add, struct wire_fds *fds, uint32_t id)
{
    (void)ctx;
    w->adds++;
    w->add_domid = add->domid;
    w->add_id = id;
    wire_fds_close(&w->fds);
    w->fds = *fds;
    if (w->map && w->map(&w->fds)) {
        wire_forget(w->client, add->domid);
        wire_error(w->client, id, EPROTONOSUPPORT, "could not be attached");
    } else if (w->refuse) {
        wire_forget(w->client, add->domid);
        wire_error(w->client, id, ENOMEM, "no");
    } else if (!w->later) {
        answer_add(add->domid, id);
    }
}

static void guest_remove(void *ctx, uint32_t domid, bool final, uint32_t id)
{
    Vgt__GuestRemoved removed = VGT__GUEST_REMOVED__INIT;

    (void)ctx;
    w->removes++;
    w->final = final;
    w->remove_id = id;
    if (final)
        wire_forget(w->client, domid);
    removed.domid = domid;
    wire_reply(w->client, id, VGT__TYPE__TYPE_GUEST_REMOVED, &removed.base);
}

static void stats(void *ctx, uint32_t id)
{
    Vgt__StatsReply reply = VGT__STATS_REPLY__INIT;

    (void)ctx;
    w->stats++;
    wire_reply(w->client, id, VGT__TYPE__TYPE_STATS_REPLY, &reply.base);
}

static void other(void *ctx, const struct chan_message *m)
{
    (void)ctx;
    w->others++;
    w->other_id = m->id;
}

/* Before the removal it belongs to. */
static void unseen(void *ctx, uint32_t domid, uint32_t who)
{
    (void)ctx;
    assert_int_equal(domid, w->add_domid);
    w->unseen = who;
    w->removes_at_unseen = w->removes;
}

static const struct wire_ops ops = {.device = device,
                                    .guest_add = guest_add,
                                    .guest_remove = guest_remove,
                                    .stats = stats,
                                    .other = other,
                                    .unseen = unseen};
static const struct chan_type more_types[] = {
    {VGT__TYPE__TYPE_SLICE, &vgt__slice_request__descriptor, NULL},
};

/* ---- the world */

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

/* Turn the loop until *value reaches want. */
void until(const int *value, int want)
{
    int64_t deadline = now_ms() + 20000;

    while (*value < want && now_ms() < deadline)
        assert_int_equal(loop_turn(w->loop, 100), 0);
    assert_int_equal(*value, want);
}

/* What is under way arrives. */
void settle(void)
{
    int64_t end = now_ms() + 50;

    while (now_ms() < end)
        assert_int_equal(loop_turn(w->loop, 5), 0);
}

static int open_fds(void)
{
    int n = 0;

    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static int fds_before;

int make_world(void **state)
{
    static const char *const names[ENDS] = {"wire", "core"};

    (void)state;
    fds_before = open_fds();
    w = calloc(1, sizeof(*w));
    w->version = 1;
    for (int i = 0; i < ENDS; i++)
        snprintf(w->uri[i], sizeof(w->uri[i]), "unix:/tmp/vgt-wire-test-%d-%s", (int)getpid(),
                 names[i]);
    w->config = (struct wire_config){.role = "vgt-test",
                                     .socket = w->uri[SOCKET],
                                     .types = more_types,
                                     .type_count = 1,
                                     .ops = &ops,
                                     .log = &quiet};
    return loop_new(&w->loop);
}

/* Nothing may be left open by anybody. */
int end_world(void **state)
{
    (void)state;
    wire_client_free(w->client);
    broker_down();
    loop_free(w->loop);
    wire_fds_close(&w->fds);
    free(w);
    assert_int_equal(open_fds(), fds_before);
    return 0;
}

/* Both ends up, with a control channel of its own or without. */
void start(bool two)
{
    broker_up();
    w->config.control = two ? w->uri[CONTROL] : NULL;
    assert_int_equal(wire_client_new(w->loop, NULL, &w->config, w, &w->client), 0);
    until(&w->hellos, two ? 2 : 1);
}

void send_wire(uint32_t domid, uint64_t generation)
{
    char *names[] = {(char *)"one", (char *)"two"};
    int fds[2] = {eventfd(11, EFD_CLOEXEC), eventfd(22, EFD_CLOEXEC)};
    Vgt__Wire wire = VGT__WIRE__INIT;
    Vgt__Device facts = VGT__DEVICE__INIT;

    if (w->give) {
        names[0] = (char *)w->give_name;
        dup3(w->give, fds[0], O_CLOEXEC);
    }
    facts.device_id = 0x1616;
    wire.domid = domid;
    wire.generation = generation;
    wire.n_fd_names = 2;
    wire.fd_names = names;
    wire.device = domid ? NULL : &facts;
    assert_int_equal(chan_send(w->chan[SOCKET], VGT__TYPE__TYPE_WIRE, chan_next_id(w->chan[SOCKET]),
                               &wire.base, fds, 2),
                     0);
    close(fds[0]);
    close(fds[1]);
}

struct chan *control(void)
{
    return w->config.control ? w->chan[CONTROL] : w->chan[SOCKET];
}

uint32_t request(uint32_t type, const ProtobufCMessage *body)
{
    uint32_t id = chan_next_id(control());

    assert_int_equal(chan_send(control(), type, id, body, NULL, 0), 0);
    return id;
}

uint32_t send_add(uint32_t domid, uint64_t generation)
{
    Vgt__GuestAdd add = VGT__GUEST_ADD__INIT;

    add.domid = domid;
    add.generation = generation;
    add.name = (char *)"alice";
    add.edid = (ProtobufCBinaryData){.len = 4, .data = (uint8_t *)"edid"};
    return request(VGT__TYPE__TYPE_GUEST_ADD, &add.base);
}

uint32_t send_remove(uint32_t domid, bool final)
{
    return send_remove_unseen(domid, final, w->send_unseen);
}

uint32_t send_remove_unseen(uint32_t domid, bool final, uint32_t unseen)
{
    Vgt__GuestRemove remove = VGT__GUEST_REMOVE__INIT;

    remove.domid = domid;
    remove.final = final;
    remove.unseen = unseen;
    return request(VGT__TYPE__TYPE_GUEST_REMOVE, &remove.base);
}

void expect_fds(void)
{
    uint64_t value = 0;

    assert_int_equal(w->fds.count, 2);
    assert_int_equal(read(wire_fd(&w->fds, "one"), &value, 8), 8);
    assert_int_equal(value, 11);
    assert_int_equal(read(wire_fd(&w->fds, "two"), &value, 8), 8);
    assert_int_equal(value, 22);
    assert_int_equal(wire_fd(&w->fds, "three"), -ENOENT);
}
