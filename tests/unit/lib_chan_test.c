/* SPDX-License-Identifier: MIT */
/*
 * Control channel over sockets, good and bad peers, and the store on files.
 */
#include "lib/chan.h"
#include "proto/vgt.pb-c.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
/* cmocka wants the four above first */
#include <cmocka.h>

struct end {
    struct chan *chan;
    int got, closed, err, last_fd, drained;
    uint32_t last_id, close_at;
    char name[64];
};

static struct log quiet = {.fd = -1, .level = -1};

static void on_add(struct chan *chan, const struct chan_message *m, void *data)
{
    const Vgt__GuestAdd *add = (const Vgt__GuestAdd *)m->body;
    struct end *end = data;

    end->got++;
    end->last_id = m->id;
    snprintf(end->name, sizeof(end->name), "%s", add->name);
    if (m->nfds) {
        end->last_fd = m->fds[0];
        m->fds[0] = -1;
    }
    if (end->close_at && end->got == (int)end->close_at) {
        end->chan = NULL;
        chan_close(chan);
    }
}

/* Attach is answered with what was asked for. */
static void on_attach(struct chan *chan, const struct chan_message *m, void *data)
{
    const Vgt__AttachRequest *request = (const Vgt__AttachRequest *)m->body;
    Vgt__AttachReply reply = VGT__ATTACH_REPLY__INIT;

    (void)data;
    reply.vgpu = request->domid + 1;
    assert_int_equal(chan_send(chan, VGT__TYPE__TYPE_ATTACH_REPLY, m->id, &reply.base, NULL, 0), 0);
}

static void on_attached(struct chan *chan, const struct chan_message *m, void *data)
{
    struct end *end = data;

    (void)chan;
    end->got++;
    end->last_id = m->id;
    snprintf(end->name, sizeof(end->name), "%u", ((const Vgt__AttachReply *)m->body)->vgpu);
}

static void on_closed(struct chan *chan, int err, void *data)
{
    struct end *end = data;

    end->closed++;
    end->err = err;
    end->chan = NULL;
    chan_close(chan);
}

static void on_drained(struct chan *chan, void *data)
{
    (void)chan;
    ((struct end *)data)->drained++;
}

static const struct chan_type types[] = {
    {VGT__TYPE__TYPE_GUEST_ADD, &vgt__guest_add__descriptor, on_add},
    {VGT__TYPE__TYPE_ATTACH, &vgt__attach_request__descriptor, on_attach},
    {VGT__TYPE__TYPE_ATTACH_REPLY, &vgt__attach_reply__descriptor, on_attached},
};
static const struct chan_user user = {
    .types = types, .count = 3, .closed = on_closed, .drained = on_drained, .log = &quiet};

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

/* Turn the loop until *value reaches at least want. */
static void until(struct loop *loop, const int *value, int want)
{
    int64_t deadline = now_ms() + 20000;

    while (*value < want && now_ms() < deadline)
        assert_int_equal(loop_turn(loop, 100), 0);
    assert_true(*value >= want);
}

static void accepted(struct chan *chan, void *data)
{
    ((struct end *)data)->chan = chan;
}

static void socket_uri(char *uri)
{
    sprintf(uri, "unix:/tmp/vgt-chan-test-%d", (int)getpid());
}

static void test_request_reply(void **state)
{
    struct end client = {0}, server = {0};
    Vgt__AttachRequest request = VGT__ATTACH_REQUEST__INIT;
    struct chan_listener *listener;
    struct loop *loop;
    char uri[64];
    uint32_t id;

    (void)state;
    socket_uri(uri);
    assert_int_equal(loop_new(&loop), 0);
    assert_int_equal(chan_listen(loop, NULL, uri, &user, accepted, &server, &listener), 0);
    assert_int_equal(chan_connect(loop, NULL, uri, &user, &client, &client.chan), 0);
    id = chan_next_id(client.chan);
    request.domid = 41;
    request.name = "guest";
    assert_int_equal(chan_send(client.chan, VGT__TYPE__TYPE_ATTACH, id, &request.base, NULL, 0), 0);
    until(loop, &client.got, 1);
    assert_int_equal(client.last_id, id);
    assert_string_equal(client.name, "42");
    assert_int_equal(chan_peer(server.chan).pid, getpid());
    assert_int_equal(chan_peer(server.chan).uid, getuid());
    chan_close(client.chan);
    until(loop, &server.closed, 1);
    assert_int_equal(server.err, 0);
    chan_unlisten(listener);
    assert_int_equal(chan_connect(loop, NULL, uri, &user, &client, &client.chan), -ENOENT);
    assert_int_equal(chan_connect(loop, NULL, "smoke:x", &user, &client, &client.chan), -EINVAL);
    loop_free(loop);
}

static void pair(struct loop **loop, struct end *a, struct end *b)
{
    int fds[2];

    assert_int_equal(loop_new(loop), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(chan_adopt(*loop, fds[0], &user, a, &a->chan), 0);
    assert_int_equal(chan_adopt(*loop, fds[1], &user, b, &b->chan), 0);
}

static void test_fds(void **state)
{
    struct end a = {0}, b = {.last_fd = -1};
    Vgt__GuestAdd add = VGT__GUEST_ADD__INIT;
    int fd = eventfd(7, 0);
    struct loop *loop;
    uint64_t value = 0;

    (void)state;
    pair(&loop, &a, &b);
    add.name = "plain";
    assert_int_equal(chan_send(a.chan, VGT__TYPE__TYPE_GUEST_ADD, 1, &add.base, NULL, 0), 0);
    add.name = "with";
    assert_int_equal(
        chan_send(a.chan, VGT__TYPE__TYPE_GUEST_ADD, 2, &add.base, (int[]){fd, fd, fd}, 3), 0);
    close(fd);
    until(loop, &b.got, 1);
    until(loop, &b.got, 2);
    assert_int_equal(read(b.last_fd, &value, sizeof(value)), sizeof(value));
    assert_int_equal(value, 7);
    close(b.last_fd);
    chan_close(a.chan);
    chan_close(b.chan);
    loop_free(loop);
}

/* More than the sockets hold: the queue takes over, then says stop, then drains in order. */
static void test_queue(void **state)
{
    struct end a = {0}, b = {0};
    Vgt__GuestAdd add = VGT__GUEST_ADD__INIT;
    char *big = malloc(100001);
    int sent = 0, rc;
    struct loop *loop;

    (void)state;
    memset(big, 'x', 100000);
    big[100000] = 0;
    add.type = big;
    pair(&loop, &a, &b);
    while (!(rc = chan_send(a.chan, VGT__TYPE__TYPE_GUEST_ADD, (uint32_t)sent, &add.base, NULL, 0)))
        sent++;
    assert_int_equal(rc, CHAN_FULL);
    assert_int_equal(sent, CHAN_MAX_QUEUE / 100020);
    until(loop, &b.got, sent);
    until(loop, &a.drained, 1);
    assert_int_equal(b.last_id, sent - 1);
    assert_int_equal(chan_send(a.chan, 1, 0, &add.base, (int[]){-1}, 1), -EBADF);
    free(big);
    big = calloc(1, CHAN_MAX_PAYLOAD + 1);
    memset(big, 'x', CHAN_MAX_PAYLOAD);
    add.type = big;
    assert_int_equal(chan_send(a.chan, 1, 0, &add.base, NULL, 0), -EMSGSIZE);
    free(big);
    chan_close(a.chan);
    chan_close(b.chan);
    loop_free(loop);
}

static void test_close_in_handler(void **state)
{
    struct end a = {0}, b = {.close_at = 2};
    Vgt__GuestAdd add = VGT__GUEST_ADD__INIT;
    struct loop *loop;

    (void)state;
    pair(&loop, &a, &b);
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(chan_send(a.chan, VGT__TYPE__TYPE_GUEST_ADD, i, &add.base, NULL, 0), 0);
    until(loop, &a.closed, 1);
    assert_int_equal(b.got, 2);
    assert_int_equal(b.closed, 0);
    loop_free(loop);
}

/* Raw bytes at a channel; what it makes of them. A good frame first shows that it worked. */
static int feed(const void *bytes, size_t size, bool hang_up)
{
    struct end b = {0};
    struct loop *loop;
    int fds[2];
    int64_t deadline = now_ms() + 20000;

    assert_int_equal(loop_new(&loop), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(chan_adopt(loop, fds[0], &user, &b, &b.chan), 0);
    assert_int_equal(write(fds[1], bytes, size), size);
    if (hang_up)
        close(fds[1]);
    while (!b.closed && now_ms() < deadline)
        assert_int_equal(loop_turn(loop, 100), 0);
    assert_int_equal(b.closed, 1);
    assert_int_equal(b.got, 0);
    if (!hang_up)
        close(fds[1]);
    loop_free(loop);
    return b.err;
}

static int feed_header(uint32_t magic, uint32_t length, uint32_t type)
{
    struct chan_header header = {magic, length, 1, type};

    return feed(&header, sizeof(header), false);
}

static int feed_payload(const char *payload, size_t size)
{
    struct chan_header header = {CHAN_MAGIC, (uint32_t)size, 1, VGT__TYPE__TYPE_GUEST_ADD};
    char frame[256 + sizeof(header)];

    memcpy(frame, &header, sizeof(header));
    memcpy(frame + sizeof(header), payload, size);
    return feed(frame, sizeof(header) + size, false);
}

static void test_malformed(void **state)
{
    const uint32_t add = VGT__TYPE__TYPE_GUEST_ADD;

    (void)state;
    assert_int_equal(feed_header(0, 0, add), -EPROTO);
    assert_int_equal(feed_header(CHAN_MAGIC + 1, 0, add), -EPROTO);
    assert_int_equal(feed_header(CHAN_MAGIC, CHAN_MAX_PAYLOAD + 1, add), -EPROTO);
    assert_int_equal(feed_header(CHAN_MAGIC, 0xffffffff, add), -EPROTO);
    assert_int_equal(feed_header(CHAN_MAGIC, 0, 0), -EPROTO);
    assert_int_equal(feed_header(CHAN_MAGIC, 0, 0xffffffff), -EPROTO);
    assert_int_equal(feed("", 0, true), 0);
    assert_int_equal(feed("\1TGV", 4, true), -EPROTO);
    assert_int_equal(feed(&(struct chan_header){CHAN_MAGIC, 9, 1, add}, 16, true), -EPROTO);
    assert_int_equal(feed_payload("\xff\xff\xff\xff", 4), -EBADMSG); /* endless varint */
    assert_int_equal(feed_payload("\x1a\x7f", 2), -EBADMSG);         /* string past the end */
    assert_int_equal(feed_payload("\x2a\x05\x08\xff\xff\xff\xff", 7), -EBADMSG); /* bad Resources */
}

/* Small on the wire, large in memory: cut off by the unpack limit, not by malloc. */
static void test_unpack_bomb(void **state)
{
    struct chan_header header = {CHAN_MAGIC, CHAN_MAX_PAYLOAD, 1, VGT__TYPE__TYPE_GUEST_ADD};
    char *frame = malloc(sizeof(header) + CHAN_MAX_PAYLOAD);
    struct end b = {0};
    struct loop *loop;
    int fds[2];
    size_t sent = 0, size = sizeof(header) + CHAN_MAX_PAYLOAD;
    ssize_t n;

    (void)state;
    memcpy(frame, &header, sizeof(header));
    for (size_t i = 0; i < CHAN_MAX_PAYLOAD; i += 2)
        memcpy(frame + sizeof(header) + i, "\x4a\x00", 2); /* one more empty fd name */
    assert_int_equal(loop_new(&loop), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    assert_int_equal(chan_adopt(loop, fds[0], &user, &b, &b.chan), 0);
    while (sent < size) {
        n = write(fds[1], frame + sent, size - sent);
        sent += n > 0 ? (size_t)n : 0;
        assert_int_equal(loop_turn(loop, 100), 0);
    }
    until(loop, &b.closed, 1);
    assert_int_equal(b.err, -EBADMSG);
    assert_int_equal(b.got, 0);
    free(frame);
    close(fds[1]);
    loop_free(loop);
}

static void send_raw_fds(int to, const void *bytes, size_t size, unsigned nfds)
{
    char control[CMSG_SPACE(sizeof(int) * 64)] = {0};
    struct iovec iov = {(void *)bytes, size};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control,
                         .msg_controllen = CMSG_SPACE(sizeof(int) * nfds)};
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
    memset(CMSG_DATA(c), 0, sizeof(int) * nfds); /* stdin will do */
    assert_int_equal(sendmsg(to, &msg, 0), size);
}

static void test_too_many_fds(void **state)
{
    struct chan_header header = {CHAN_MAGIC, 9, 1, VGT__TYPE__TYPE_GUEST_ADD};
    struct end b = {0};
    struct loop *loop;
    int fds[2], before = dup(0), after;

    (void)state;
    close(before);
    assert_int_equal(loop_new(&loop), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(chan_adopt(loop, fds[0], &user, &b, &b.chan), 0);
    send_raw_fds(fds[1], &header, 8, 32);
    send_raw_fds(fds[1], (char *)&header + 8, 8, 1);
    until(loop, &b.closed, 1);
    assert_int_equal(b.err, -EPROTO);
    close(fds[1]);
    loop_free(loop);
    after = dup(0); /* nothing leaked: the same lowest number is free */
    assert_int_equal(after, before);
    close(after);
}

struct seen {
    int count, hits;
    const char *want;
    struct store_watch *watch;
    bool remove;
};

static void on_change(void *data, const char *path)
{
    struct seen *seen = data;

    seen->count++;
    seen->hits += seen->want && !strcmp(path, seen->want);
    if (seen->remove) {
        store_unwatch(seen->watch);
        seen->watch = NULL;
    }
}

/* Change something, or nothing, and expect the path to be reported. */
static void expect(struct loop *loop, struct seen *seen, const char *path)
{
    until(loop, &seen->hits, 1);
    assert_string_equal(seen->want, path);
    seen->hits = 0;
}

static void test_store(void **state)
{
    char uri[64], value[16], **names;
    struct seen seen = {.want = "/a/requests"}, once = {.remove = true};
    struct store *store;
    struct loop *loop;
    unsigned n;
    uint32_t owner = 9;

    (void)state;
    sprintf(uri, "file:/tmp/vgt-store-test-%d", (int)getpid());
    assert_int_equal(loop_new(&loop), 0);
    assert_int_equal(store_open(loop, uri, &store), 0);
    assert_int_equal(store_read(store, "/a", value, sizeof(value)), -ENOENT);
    assert_int_equal(store_watch(store, "/a/requests", on_change, &seen, &seen.watch), 0);
    assert_int_equal(store_watch(store, "/a/requests", on_change, &once, &once.watch), 0);
    expect(loop, &seen, "/a/requests"); /* the event each watch begins with */
    until(loop, &once.count, 1);
    assert_null(once.watch);
    seen.want = "/a/requests/1/deep";
    assert_int_equal(store_write(store, "/a/requests/1/deep", "hello"), 0);
    expect(loop, &seen, "/a/requests/1/deep");
    assert_int_equal(store_read(store, "/a/requests/1/deep", value, sizeof(value)), 5);
    assert_string_equal(value, "hello");
    assert_int_equal(store_read(store, "/a/requests/1/deep", value, 5), -EMSGSIZE);
    seen.want = "/a/requests/2";
    assert_int_equal(store_write(store, "/a/requests/2", ""), 0);
    expect(loop, &seen, "/a/requests/2");
    assert_int_equal(store_list(store, "/a/requests", &names, &n), 0);
    assert_int_equal(n, 2);
    assert_string_equal(names[0], "1");
    assert_string_equal(names[1], "2");
    free(names);
    assert_int_equal(store_owner(store, "/a/requests/2", &owner), 0);
    assert_int_equal(owner, 0);
    seen.want = "/a/requests/1";
    seen.hits = 0;
    assert_int_equal(store_remove(store, "/a/requests/1"), 0);
    expect(loop, &seen, "/a/requests/1");
    assert_int_equal(store_remove(store, "/a/requests/1"), 0);
    assert_int_equal(once.count, 1);
    store_unwatch(seen.watch);
    assert_int_equal(store_write(store, "/a/../b", "x"), -EINVAL);
    assert_int_equal(store_write(store, "/a//b", "x"), -EINVAL);
    assert_int_equal(store_write(store, "a", "x"), -EINVAL);
    assert_int_equal(store_remove(store, "/a"), 0);
    store_close(store);
    assert_int_equal(store_open(loop, "other:", &store), -EINVAL);
    assert_int_equal(rmdir(uri + 5), 0);
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_reply), cmocka_unit_test(test_fds),
        cmocka_unit_test(test_queue),         cmocka_unit_test(test_close_in_handler),
        cmocka_unit_test(test_malformed),     cmocka_unit_test(test_unpack_bomb),
        cmocka_unit_test(test_too_many_fds),  cmocka_unit_test(test_store),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
