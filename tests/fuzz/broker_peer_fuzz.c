/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: vgt-broker, whole, between fake services and with two guests. Whoever speaks for
 * vgt-mmio@8, or for vgtctl, says anything: frames of any type with any payload, halves of frames,
 * other bytes than frames, descriptors, Hello again and again, replies nobody asked for, answers as
 * long as a message may be, many connections, none of which it reads. Oracle: a request of a good
 * client in between is answered, with the right reply, in bounded time; no good service loses its
 * connection, no guest its vGPU, the other guest's aperture does not move; what is said about it
 * all fits a bounded number of lines; at the end its connections are gone, and so is each
 * descriptor. ASan, LeakSanitizer and the broker's own assertions see the rest.
 */
#include "tests/fuzz/peer.h"
#include "tests/unit/broker_fixture.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
/* cmocka wants the headers above first */
#include <cmocka.h>

#define GOOD         7u
#define BAD          8u
#define CONNS        12u
#define MAX_OPS      64u
#define MAX_LINES    200u
#define MAX_COUNTERS 8192u
#define FORGED       'Z' /* in names of counters that no good service has */
#define TURN_NS      1000000u
#define PATIENCE     3000 /* turns until a request is answered: a silent service has a second */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct rig r;
static struct fake bad = {.rig = &r, .name = "bad", .role = "vgt-mmio", .domid = BAD};
static struct log lines = {.level = LOG_DEBUG, .name = "broker"};
static unsigned peers_before;
static int conns[CONNS];

static struct {
    int *conn; /* NULL: nobody answers */
    char name[200];
    uint32_t domid, answered; /* answered: the id of the last request */
    size_t count;
} loud;

static void say_too_much(void);

/* ---- the good ones */

static void turn(void)
{
    say_too_much();
    peer_pass(TURN_NS);
    peer_check(!loop_turn(r.loop, 0));
}

/* No process has more connections than eight that others need, and this is one process. */
static unsigned count_peers(void)
{
    unsigned n = 0, of_services = 0;

    for (const struct peer *p = r.broker->peers; p; p = p->next, n++)
        of_services += p->kind != PEER_CTL;
    peer_check(of_services <= 8);
    return n;
}

static unsigned count_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    unsigned n = 0;

    peer_check(dir != NULL);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static void check_good(void)
{
    const struct fake *good[4] = {&r.gtt, &r.sched, &r.display, &r.mmio};
    const struct fake_map *maps;

    for (unsigned i = 0; i < 4; i++)
        peer_check(good[i]->chan && !good[i]->cut);
    peer_check(r.client.chan && broker_guests(r.broker) == 2);
    peer_check(!fake_maps(r.guest[0], &maps));
}

static const Vgt__Guest *guest_of(Vgt__Guest *const *list, size_t n, uint32_t domid)
{
    for (size_t i = 0; i < n; i++)
        if (list[i]->domid == domid)
            return list[i];
    return NULL;
}

/* What the good guest's services said of it, and nothing that others made up. */
static void check_guest(const Vgt__Guest *g)
{
    peer_check(g && !strcmp(g->state, "running") && g->n_counters);
    for (size_t i = 0; i < g->n_counters; i++)
        peer_check(strchr(g->counters[i]->name, '.') && !strchr(g->counters[i]->name, FORGED));
}

static void check_reply(uint32_t type)
{
    const ProtobufCMessage *body = r.client.body;
    const Vgt__ListReply *list = (const Vgt__ListReply *)body;
    const Vgt__StatusReply *status = (const Vgt__StatusReply *)body;

    if (type == VGT__TYPE__TYPE_LIST)
        check_guest(guest_of(list->guests, list->n_guests, GOOD));
    else if (type == VGT__TYPE__TYPE_STATUS)
        check_guest(guest_of(status->guests, status->n_guests, GOOD));
    else
        check_guest(((const Vgt__ShowReply *)body)->guest);
}

static void good_request(struct peer_input *in)
{
    static const Vgt__ListRequest list = VGT__LIST_REQUEST__INIT;
    static const Vgt__StatusRequest status = VGT__STATUS_REQUEST__INIT;
    Vgt__ShowRequest show = VGT__SHOW_REQUEST__INIT;
    const struct {
        uint32_t type;
        const ProtobufCMessage *body;
    } ask[3] = {{VGT__TYPE__TYPE_LIST, &list.base},
                {VGT__TYPE__TYPE_STATUS, &status.base},
                {VGT__TYPE__TYPE_SHOW, &show.base}};
    unsigned which = peer_take32(in, 1) % 3;

    show.domid = GOOD;
    client_send(&r, ask[which].type, ask[which].body);
    for (int i = 0; !r.client.type; i++) {
        peer_check(i < PATIENCE);
        turn();
    }
    peer_check(r.client.type == ask[which].type + 1);
    check_reply(ask[which].type);
    check_good();
}

/* ---- the hostile ones */

static int *some_conn(struct peer_input *in)
{
    return &conns[peer_take32(in, 1) % CONNS];
}

static void hang_up(int *conn)
{
    if (*conn >= 0)
        close(*conn);
    *conn = -1;
}

static void call(struct peer_input *in)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    const char *path = (peer_take(in, 1) & 3 ? r.wire : r.ctl) + strlen("unix:");
    int *conn = some_conn(in);

    hang_up(conn);
    *conn = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    peer_check(*conn >= 0 && strlen(path) < sizeof(to.sun_path));
    strcpy(to.sun_path, path);
    if (connect(*conn, (struct sockaddr *)&to, sizeof(to)))
        hang_up(conn); /* there are many that wait already */
}

static void send_bytes(int conn, const void *bytes, size_t size, unsigned nfds)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int) * 64)];
        struct cmsghdr align;
    } control = {{0}};
    struct iovec iov = {.iov_base = (void *)bytes, .iov_len = size};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    struct cmsghdr *c;

    if (nfds) {
        msg.msg_control = control.bytes;
        msg.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
        c = CMSG_FIRSTHDR(&msg);
        *c = (struct cmsghdr){CMSG_LEN(sizeof(int) * nfds), SOL_SOCKET, SCM_RIGHTS};
        for (unsigned i = 0; i < nfds; i++)
            memcpy(CMSG_DATA(c) + i * sizeof(int), &conn, sizeof(int));
    }
    if (conn >= 0 && sendmsg(conn, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        return; /* it is full, or was cut off */
}

/* Not what the kernel would not let it say (it is no other service), not what vgtctl may do to good
 * guests, and no work for the fake display. */
static bool allowed(uint32_t type, const uint8_t *payload, size_t size)
{
    Vgt__Hello *h;
    bool ok;

    if (type == VGT__TYPE__TYPE_DETACH || type == VGT__TYPE__TYPE_SWITCH ||
        type == VGT__TYPE__TYPE_SCREENSHOT)
        return false;
    if (type != VGT__TYPE__TYPE_HELLO)
        return true;
    h = vgt__hello__unpack(NULL, size, payload);
    ok = !h || (strcmp(h->role, "vgt-gtt") && strcmp(h->role, "vgt-sched") &&
                strcmp(h->role, "vgt-display") && (strcmp(h->role, "vgt-mmio") || h->domid == BAD));
    if (h)
        vgt__hello__free_unpacked(h, NULL);
    return ok;
}

static void send_frame(int conn, uint32_t type, uint32_t id, const uint8_t *payload, size_t size)
{
    struct chan_header h = {.magic = CHAN_MAGIC, .length = (uint32_t)size, .id = id, .type = type};

    if (!allowed(type, payload, size))
        return;
    send_bytes(conn, &h, sizeof(h), 0);
    send_bytes(conn, payload, size, 0);
}

static void send_body(int conn, uint32_t type, uint32_t id, const ProtobufCMessage *body)
{
    size_t size = protobuf_c_message_get_packed_size(body);
    uint8_t *packed = malloc(size + 1);

    peer_check(packed != NULL);
    protobuf_c_message_pack(body, packed);
    send_frame(conn, type, id, packed, size);
    free(packed);
}

/* The ids of requests can be read; here they are known from the broker's own memory. */
static uint32_t asked_of_bad(uint32_t reply)
{
    for (const struct call *c = r.broker->calls; c; c = c->next)
        if (!c->over && c->reply == reply && c->service->role == ROLE_MMIO &&
            c->service->domid == BAD)
            return c->id;
    return 0;
}

static void say_too_much(void)
{
    static Vgt__Counter counter, *counters[MAX_COUNTERS];
    Vgt__ServiceStats stats = VGT__SERVICE_STATS__INIT, *list[1] = {&stats};
    Vgt__StatsReply reply = VGT__STATS_REPLY__INIT;
    uint32_t id = loud.conn ? asked_of_bad(VGT__TYPE__TYPE_STATS_REPLY) : 0;

    if (!id || id == loud.answered)
        return;
    loud.answered = id;
    vgt__counter__init(&counter);
    counter.name = loud.name;
    for (size_t i = 0; i < loud.count; i++)
        counters[i] = &counter;
    stats.domid = loud.domid;
    stats.n_counters = loud.count;
    stats.counters = counters;
    reply.stats = list;
    reply.n_stats = 1;
    if (vgt__stats_reply__get_packed_size(&reply) <= CHAN_MAX_PAYLOAD)
        send_body(*loud.conn, VGT__TYPE__TYPE_STATS_REPLY, id, &reply.base);
}

/* Any type that is known somewhere, any bytes. */
static void frame(struct peer_input *in)
{
    int conn = *some_conn(in);
    uint32_t type = peer_take32(in, 1) % 64, id = peer_take32(in, 1);
    size_t size = peer_take(in, 1);

    if (size > in->size)
        size = in->size;
    send_frame(conn, type, id, in->data, size);
    in->data += size;
    in->size -= size;
}

/* A header that promises what does not come, or other bytes: from here on nothing makes sense. */
static void half(struct peer_input *in)
{
    int conn = *some_conn(in);
    struct chan_header h = {
        .magic = CHAN_MAGIC, .length = peer_take32(in, 3) | 1, .type = peer_take32(in, 1) % 48};

    if (!allowed(h.type, NULL, 0) || h.type == VGT__TYPE__TYPE_HELLO)
        h.magic ^= 1 + peer_take32(in, 4) % 0x10000;
    send_bytes(conn, &h, 1 + peer_take(in, 1) % sizeof(h), 0);
}

static void descriptors(struct peer_input *in)
{
    int conn = *some_conn(in);

    send_bytes(conn, "\1", 1, 1 + peer_take32(in, 1) % 64);
}

static void hello(struct peer_input *in)
{
    Vgt__Hello h = VGT__HELLO__INIT;
    int conn = *some_conn(in);
    uint32_t how = peer_take32(in, 1);

    h.version = how & 1 ? peer_take32(in, 1) : 1;
    h.role = (char *)(how & 2 ? "vgt-mmi" : "vgt-mmio");
    h.domid = BAD;
    send_body(conn, VGT__TYPE__TYPE_HELLO, 1, &h.base);
}

/* From now on statistics are answered by this connection, and with much more than there should be.
 */
static void statistics(struct peer_input *in)
{
    loud.conn = some_conn(in);
    memset(loud.name, FORGED, sizeof(loud.name) - 1);
    loud.name[1 + peer_take(in, 1) % (sizeof(loud.name) - 1)] = 0;
    loud.domid = peer_take(in, 1) & 1 ? GOOD : BAD;
    loud.count = peer_take(in, 2) % MAX_COUNTERS;
}

static void ready(struct peer_input *in)
{
    Vgt__GuestReady reply = VGT__GUEST_READY__INIT;

    reply.domid = peer_take32(in, 1) % 10;
    send_body(*some_conn(in), VGT__TYPE__TYPE_GUEST_READY,
              asked_of_bad(VGT__TYPE__TYPE_GUEST_READY), &reply.base);
}

static void aperture(struct peer_input *in)
{
    Vgt__ApertureRequest request = VGT__APERTURE_REQUEST__INIT;
    int conn = *some_conn(in);
    unsigned times = 1 + peer_take32(in, 1) % 64;

    request.domid = BAD - (peer_take(in, 1) & 1);
    request.at = peer_take(in, 6) & ~UINT64_C(0xfff);
    while (times--)
        send_body(conn, VGT__TYPE__TYPE_APERTURE, 1, &request.base);
}

/* One line after the other, each another one. */
static void complaints(struct peer_input *in)
{
    Vgt__Refused refused = VGT__REFUSED__INIT;
    Vgt__LaneBroken broken = VGT__LANE_BROKEN__INIT;
    char text[] = "no\nmore";
    int conn = *some_conn(in);
    unsigned times = 1 + peer_take32(in, 1) % 64;

    broken.domid = GOOD;
    broken.lane = refused.text = text;
    for (unsigned i = 0; i < times; i++, text[3] ^= i)
        if (i & 1)
            send_body(conn, VGT__TYPE__TYPE_REFUSED, 1, &refused.base);
        else
            send_body(conn, VGT__TYPE__TYPE_LANE_BROKEN, 1, &broken.base);
}

/* New connections that say nonsense, one after the other. */
static void comes_and_goes(struct peer_input *in)
{
    int *conn = some_conn(in);

    for (unsigned i = 1 + peer_take32(in, 1) % 64; i; i--) {
        static const uint8_t to_wire[] = {1, 0};
        struct peer_input as = {to_wire, 1};

        hang_up(conn);
        call(&as);
        send_bytes(conns[0], "this is no frame of ours at all", 31, 0);
        turn();
    }
}

static void leave(struct peer_input *in)
{
    hang_up(some_conn(in));
}

static void some_turns(struct peer_input *in)
{
    for (uint64_t n = peer_take(in, 1) % 16; n; n--)
        turn();
}

static void (*const operations[])(struct peer_input *) = {
    call,       call,  frame,    frame,      half,           descriptors, hello,      hello,
    statistics, ready, aperture, complaints, comes_and_goes, leave,       some_turns, good_request,
};
#define OPERATIONS (sizeof(operations) / sizeof(operations[0]))

/* ---- the world */

static void make_world(void)
{
    rig_start(&r, 0);
    rig_services(&r);
    rig_attach(&r);
    client_attach(&r, BAD, "");
    rig_until(&r, r.display.adds == 2);
    rig_turns(&r, 5);
    fake_connect(&bad);
    rig_until(&r, r.client.type == VGT__TYPE__TYPE_ATTACH_REPLY);
    fake_crash(&bad);
    wire_fds_close(&bad.fds);
    for (unsigned i = 0; i < CONNS; i++)
        conns[i] = -1;
    for (unsigned i = 0; i < 10; i++)
        turn();
    lines.fd = memfd_create("log", MFD_CLOEXEC);
    r.broker->log = &lines;
    for (unsigned i = 0; i < PEER_KINDS; i++)
        r.broker->user[i].log = &lines;
    peers_before = count_peers();
}

static unsigned count_lines(const char *with)
{
    static char text[1 << 20];
    ssize_t n = pread(lines.fd, text, sizeof(text) - 1, 0);
    unsigned count = 0;

    peer_check(n >= 0);
    text[n] = 0;
    for (char *at = text; (at = strstr(at, with)); at++)
        count++;
    return count;
}

static void run(const uint8_t *data, size_t size)
{
    struct peer_input in = {data, size}, own = {data, 0};
    unsigned fds_before = count_fds();

    r.trace[0] = 0;
    loud.conn = NULL;
    peer_check(!ftruncate(lines.fd, 0) && !lseek(lines.fd, 0, SEEK_SET));
    peer_pass(UINT64_C(600000000000)); /* what may be said is not what others were told */
    for (unsigned n = 0; n < MAX_OPS && in.size; n++)
        operations[peer_take(&in, 1) % OPERATIONS](&in);
    good_request(&own);
    for (unsigned i = 0; i < CONNS; i++)
        hang_up(&conns[i]);
    for (int i = 0; count_peers() != peers_before || broker_guests(r.broker) != 2; i++) {
        peer_check(i < PATIENCE);
        turn();
    }
    check_good();
    peer_check(count_fds() == fds_before && count_lines("\n") < MAX_LINES);
}

/* No frame at all; descriptors; a service that says too much, and moves what is not its guest's;
 * one that comes again and again; many connections. */
static void known_ones(void)
{
    static const uint8_t garbage[] = {12, 0, 0}, fds[] = {0, 1, 0, 14, 4, 5, 0, 3, 14, 4};
    static const uint8_t talks[] = {0,  1,  0, 6,  0, 0,  14, 5, 8,  0,  199, 0,  0xe8, 3,  15,
                                    0,  15, 2, 8,  0, 9,  1,  9, 0,  15, 0,   15, 2,    11, 0,
                                    63, 14, 9, 11, 0, 63, 14, 9, 11, 0,  63,  14, 9};
    static const uint8_t moves[] = {0, 1, 0, 6, 0, 0, 14, 5, 10, 0, 0, 1, 0, 0, 0, 1, 0, 0, 14, 5};
    static const uint8_t again[] = {12, 0, 63, 12, 0, 63, 12, 0, 63};
    static const uint8_t many[] = {0, 1, 0, 0, 1, 1, 0, 1, 2, 0, 1, 3, 0, 1, 4, 14, 9};

    run(garbage, sizeof(garbage));
    peer_check(count_lines("\n") == 1 && count_lines("reason=\"bad magic\"") == 1);
    run(fds, sizeof(fds));
    peer_check(count_lines("\n") == 1 && count_lines("reason=\"too many descriptors\"") == 1);
    run(talks, sizeof(talks));
    peer_check(count_lines("statistics are too long") == 1);
    peer_check(count_lines("a service refuses") > 8 && count_lines("a service refuses") < 70);
    run(moves, sizeof(moves));
    peer_check(count_lines("reason=\"the aperture of another domain\"") == 1);
    run(many, sizeof(many));
    peer_check(count_lines("too many connections") == 1);
    run(again, sizeof(again));
    peer_check(count_lines("bad magic") > 4 && count_lines("\n") < 50);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!r.broker) {
        make_world();
        known_ones();
    }
    run(data, size);
    return 0;
}
