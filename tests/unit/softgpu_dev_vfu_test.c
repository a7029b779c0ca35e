/* SPDX-License-Identifier: MIT */
/*
 * The vfio-user server against a client of raw bytes on a socket pair: agreement, fragments,
 * several messages with descriptors in one chunk, posted and combined writes, and everything a
 * broken or hostile client may send.
 */
#include "softgpu/vfu.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define MAX_MAPS 32

struct map {
    uint64_t iova, size, offset;
    ino_t file; /* 0: none */
    unsigned prot;
};

/* A device that notes what it is asked. */
struct dummy {
    struct map maps[MAX_MAPS];
    unsigned nmaps, unmaps, unmap_all, resets, masks, triggers, writes;
    uint8_t bar[4096];
    int irq_fd[2];
    bool masked;
    int fail; /* what region_write returns */
};

static int d_map(void *o, uint64_t iova, uint64_t size, int fd, uint64_t offset, unsigned prot)
{
    struct dummy *d = o;
    struct map *m = &d->maps[d->nmaps++ % MAX_MAPS];
    struct stat st = {0};

    if (fd >= 0) {
        fstat(fd, &st);
        close(fd);
    }
    *m = (struct map){iova, size, offset, st.st_ino, prot};
    return 0;
}

static int d_unmap(void *o, uint64_t iova, uint64_t size)
{
    struct dummy *d = o;

    (void)size;
    d->unmaps++;
    return iova == 0xdead000 ? -ENOENT : 0;
}

static void d_unmap_all(void *o)
{
    ((struct dummy *)o)->unmap_all++;
}

static int d_read(void *o, unsigned region, uint64_t offset, void *buf, uint32_t len)
{
    struct dummy *d = o;

    if (region)
        return -EIO;
    memcpy(buf, d->bar + offset, len);
    return 0;
}

static int d_write(void *o, unsigned region, uint64_t offset, const void *buf, uint32_t len)
{
    struct dummy *d = o;

    d->writes++;
    if (region || d->fail)
        return d->fail ? d->fail : -EIO;
    memcpy(d->bar + offset, buf, len);
    return 0;
}

static void d_eventfd(void *o, unsigned index, int fd)
{
    struct dummy *d = o;

    if (d->irq_fd[index] >= 0)
        close(d->irq_fd[index]);
    d->irq_fd[index] = fd;
}

static void d_mask(void *o, unsigned index, bool masked)
{
    struct dummy *d = o;

    assert_int_equal(index, 0);
    d->masks++;
    d->masked = masked;
}

static void d_trigger(void *o, unsigned index)
{
    (void)index;
    ((struct dummy *)o)->triggers++;
}

static void d_reset(void *o)
{
    ((struct dummy *)o)->resets++;
}

static const struct vfu_ops ops = {.dma_map = d_map,
                                   .dma_unmap = d_unmap,
                                   .dma_unmap_all = d_unmap_all,
                                   .region_read = d_read,
                                   .region_write = d_write,
                                   .irq_eventfd = d_eventfd,
                                   .irq_mask = d_mask,
                                   .irq_trigger = d_trigger,
                                   .reset = d_reset,
                                   .region_size = {4096, 0, 64, [7] = 256},
                                   .irq_count = {1, 1}};

struct rig {
    struct dummy dev;
    struct vfu *vfu;
    int client;
    uint8_t reply[8192];
    size_t reply_len;
};

struct head {
    uint16_t id, command;
    uint32_t size, flags, error;
};

static size_t message(uint8_t *out, uint16_t id, uint16_t cmd, uint32_t flags, const void *body,
                      size_t len)
{
    struct head h = {id, cmd, (uint32_t)(sizeof(h) + len), flags, 0};

    memcpy(out, &h, sizeof(h));
    if (len)
        memcpy(out + sizeof(h), body, len);
    return sizeof(h) + len;
}

static void put(struct rig *r, const void *bytes, size_t len, int fd)
{
    char control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec iov = {(void *)bytes, len};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

    if (fd >= 0) {
        struct cmsghdr *c;

        m.msg_control = control;
        m.msg_controllen = sizeof(control);
        c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &fd, sizeof(int));
    }
    assert_int_equal(sendmsg(r->client, &m, 0), len);
}

/* The next reply; its body follows the head in r->reply. */
static struct head reply(struct rig *r)
{
    struct head h;

    assert_int_equal(recv(r->client, &h, sizeof(h), MSG_DONTWAIT | MSG_WAITALL), sizeof(h));
    r->reply_len = h.size - sizeof(h);
    assert_true(r->reply_len <= sizeof(r->reply));
    if (r->reply_len)
        assert_int_equal(recv(r->client, r->reply, r->reply_len, MSG_DONTWAIT), r->reply_len);
    return h;
}

static bool silent(struct rig *r)
{
    char c;

    return recv(r->client, &c, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

/* Sends one request and returns its error number, 0 for success. */
static uint32_t ask_fd(struct rig *r, uint16_t cmd, const void *body, size_t len, int fd)
{
    uint8_t buf[8192];
    struct head h;

    put(r, buf, message(buf, 0x77, cmd, 0, body, len), fd);
    assert_int_equal(vfu_input(r->vfu), 0);
    h = reply(r);
    assert_int_equal(h.id, 0x77);
    assert_int_equal(h.command, cmd);
    assert_int_equal(h.flags & 0xf, 1);
    assert_int_equal(!!(h.flags & 0x20), !!h.error);
    return h.error;
}

static uint32_t ask(struct rig *r, uint16_t cmd, const void *body, size_t len)
{
    return ask_fd(r, cmd, body, len, -1);
}

static int bare(void **state)
{
    struct rig *r = calloc(1, sizeof(*r));
    int sv[2];

    r->dev.irq_fd[0] = r->dev.irq_fd[1] = -1;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
    r->client = sv[0];
    r->vfu = vfu_new(sv[1], &ops, &r->dev);
    assert_non_null(r->vfu);
    *state = r;
    return 0;
}

static int agreed(void **state)
{
    struct rig *r;

    bare(state);
    r = *state;
    assert_int_equal(ask(r, 1, "\0\0\0\0{}", 7), 0);
    return 0;
}

static int done(void **state)
{
    struct rig *r = *state;

    vfu_free(r->vfu);
    for (int i = 0; i < 2; i++)
        if (r->dev.irq_fd[i] >= 0)
            close(r->dev.irq_fd[i]);
    if (r->client >= 0)
        close(r->client);
    free(r);
    return 0;
}

static void test_version(void **state)
{
    struct rig *r = *state;
    uint32_t info[4] = {16};

    assert_int_equal(ask(r, 4, info, 16), EINVAL); /* nothing before the agreement */
    assert_int_equal(ask(r, 1, "\0", 1), EINVAL);
    assert_int_equal(ask(r, 1, "\1\0\0\0", 4), ENOTSUP); /* major 1 */
    assert_int_equal(ask(r, 1, "\0\0\5\0{}", 7), 0);
    assert_int_equal(r->reply[2], 0); /* minor: the lower of both */
    assert_int_equal(r->reply[r->reply_len - 1], 0);
    assert_non_null(strstr((char *)r->reply + 4, "\"write_multiple\":true"));
    assert_non_null(strstr((char *)r->reply + 4, "\"max_msg_fds\":8"));
    assert_int_equal(ask(r, 1, "\0\0\0\0{}", 7), EINVAL); /* once */
}

static void test_info(void **state)
{
    struct rig *r = *state;
    uint32_t dev[4] = {16}, irq[4] = {16, 0, 0, 0};
    struct {
        uint32_t argsz, flags, index, cap;
        uint64_t size, offset;
    } region = {.argsz = 32};

    assert_int_equal(ask(r, 4, dev, 16), 0);
    memcpy(dev, r->reply, 16);
    assert_int_equal(dev[1], 3);
    assert_int_equal(dev[2], 9);
    assert_int_equal(dev[3], 5);
    assert_int_equal(ask(r, 5, &region, 32), 0);
    memcpy(&region, r->reply, 32);
    assert_int_equal(region.size, 4096);
    assert_int_equal(region.flags, 3);
    region.index = 6;
    assert_int_equal(ask(r, 5, &region, 32), 0);
    memcpy(&region, r->reply, 32);
    assert_int_equal(region.size, 0);
    assert_int_equal(region.flags, 0);
    region.index = 9;
    assert_int_equal(ask(r, 5, &region, 32), EINVAL);
    assert_int_equal(ask(r, 5, &region, 31), EINVAL);
    assert_int_equal(ask(r, 7, irq, 16), 0);
    memcpy(irq, r->reply, 16);
    assert_int_equal(irq[1], 7);
    assert_int_equal(irq[3], 1);
    irq[2] = 3;
    assert_int_equal(ask(r, 7, irq, 16), 0);
    memcpy(irq, r->reply, 16);
    assert_int_equal(irq[3], 0);
    irq[2] = 5;
    assert_int_equal(ask(r, 7, irq, 16), EINVAL);
}

struct access {
    uint64_t offset;
    uint32_t region, count;
    uint8_t data[16];
};

static void test_regions(void **state)
{
    struct rig *r = *state;
    struct access a = {0x10, 0, 8, "abcdefgh"};

    assert_int_equal(ask(r, 10, &a, 24), 0);
    assert_memory_equal(r->dev.bar + 0x10, "abcdefgh", 8);
    a.count = 3;
    assert_int_equal(ask(r, 9, &a, 16), 0);
    assert_int_equal(r->reply_len, 19);
    assert_memory_equal(r->reply + 16, "abc", 3);
    assert_int_equal(ask(r, 10, &a, 18), EINVAL); /* data missing */
    a.count = 0;
    assert_int_equal(ask(r, 9, &a, 16), EINVAL);
    a.count = 8;
    a.offset = 4089;
    assert_int_equal(ask(r, 9, &a, 16), EINVAL);
    a.offset = UINT64_MAX - 3;
    assert_int_equal(ask(r, 9, &a, 16), EINVAL);
    a.offset = 0;
    a.region = 1; /* size 0 */
    assert_int_equal(ask(r, 9, &a, 16), EINVAL);
    a.region = 9;
    assert_int_equal(ask(r, 10, &a, 24), EINVAL);
    a.region = UINT32_MAX;
    assert_int_equal(ask(r, 9, &a, 16), EINVAL);
    a.region = 2; /* the device itself refuses */
    assert_int_equal(ask(r, 9, &a, 16), EIO);
    a.region = 0;
    a.count = (1u << 20) + 1;
    assert_int_equal(ask(r, 9, &a, 16), EINVAL);
}

/* Posted writes get no answer, not even bad ones; order with reads is kept. */
static void test_posted(void **state)
{
    struct rig *r = *state;
    struct access w = {0x20, 0, 4, "wxyz"}, bad = {0x20, 8, 4, ""}, rd = {0x20, 0, 4, ""};
    uint8_t buf[256];
    struct vfu_stats s;
    size_t n;

    n = message(buf, 1, 10, 0x10, &w, 20);
    n += message(buf + n, 2, 10, 0x10, &bad, 20);
    n += message(buf + n, 3, 9, 0, &rd, 16);
    put(r, buf, n, -1);
    assert_int_equal(vfu_input(r->vfu), 0);
    assert_int_equal(reply(r).id, 3);
    assert_memory_equal(r->reply + 16, "wxyz", 4);
    assert_true(silent(r));
    vfu_get_stats(r->vfu, &s);
    assert_int_equal(s.errors, 1);
}

static void test_multi(void **state)
{
    struct rig *r = *state;
    struct {
        uint64_t count;
        struct {
            uint64_t offset;
            uint32_t region, count;
            uint8_t data[8];
        } e[3];
    } m = {3, {{0, 0, 4, "AAAA"}, {8, 0, 8, "BBBBBBBB"}, {16, 0, 1, "C"}}};

    assert_int_equal(ask(r, 15, &m, sizeof(m)), 0);
    assert_memory_equal(r->dev.bar, "AAAA\0\0\0\0BBBBBBBBC", 17);
    assert_int_equal(ask(r, 15, &m, sizeof(m) - 1), EINVAL);
    assert_int_equal(ask(r, 15, &m, 4), EINVAL);
    m.count = UINT64_MAX / 24 + 2; /* count * 24 wraps */
    assert_int_equal(ask(r, 15, &m, sizeof(m)), EINVAL);
    m.count = 3;
    m.e[1].count = 9;
    r->dev.writes = 0;
    assert_int_equal(ask(r, 15, &m, sizeof(m)), EINVAL);
    assert_int_equal(r->dev.writes, 1);
}

/* Every way to cut two messages into two pieces. */
static void test_fragments(void **state)
{
    struct rig *r = *state;
    struct access w = {0x40, 0, 4, "1234"}, rd = {0x40, 0, 4, ""};
    uint8_t buf[128];
    size_t n = message(buf, 1, 10, 0, &w, 20);

    n += message(buf + n, 2, 9, 0, &rd, 16);
    for (size_t cut = 1; cut < n; cut++) {
        memset(r->dev.bar, 0, sizeof(r->dev.bar));
        put(r, buf, cut, -1);
        assert_int_equal(vfu_input(r->vfu), 0);
        put(r, buf + cut, n - cut, -1);
        assert_int_equal(vfu_input(r->vfu), 0);
        assert_int_equal(reply(r).id, 1);
        assert_int_equal(reply(r).id, 2);
        assert_memory_equal(r->reply + 16, "1234", 4);
        assert_true(silent(r));
    }
}

struct map_body {
    uint32_t argsz, flags;
    uint64_t offset, addr, size;
};

static int file(void)
{
    int fd = memfd_create("m", MFD_CLOEXEC);

    assert_true(fd >= 0);
    return fd;
}

static ino_t inode(int fd)
{
    struct stat st;

    assert_int_equal(fstat(fd, &st), 0);
    return st.st_ino;
}

/* As QEMU does at start: maps with and without a file, pipelined. Each file must stay with its
 * own message. */
static void test_map_fds(void **state)
{
    struct rig *r = *state;
    int a = file(), b = file();
    uint8_t buf[64];

    for (unsigned i = 0; i < 6; i++) {
        struct map_body m = {32, 3, i, i << 20, 0x1000};
        int fd = i == 1 || i == 2 ? a : i == 4 ? b : -1;

        put(r, buf, message(buf, (uint16_t)i, 2, 0, &m, 32), fd);
    }
    assert_int_equal(vfu_input(r->vfu), 0);
    for (unsigned i = 0; i < 6; i++) {
        ino_t want = i == 1 || i == 2 ? inode(a) : i == 4 ? inode(b) : 0;

        assert_int_equal(reply(r).error, 0);
        assert_int_equal(r->dev.maps[i].iova, i << 20);
        assert_int_equal(r->dev.maps[i].offset, i);
        assert_int_equal(r->dev.maps[i].file, want);
    }
    assert_int_equal(r->dev.nmaps, 6);
    close(a);
    close(b);
}

static void test_unmap(void **state)
{
    struct rig *r = *state;
    struct {
        uint32_t argsz, flags;
        uint64_t addr, size;
    } m = {24, 0, 0x1000, 0x1000};

    assert_int_equal(ask(r, 3, &m, 24), 0);
    assert_int_equal(r->reply_len, 24);
    m.addr = 0xdead000;
    assert_int_equal(ask(r, 3, &m, 24), ENOENT);
    m.flags = 2;
    assert_int_equal(ask(r, 3, &m, 24), 0);
    assert_int_equal(r->dev.unmap_all, 1);
    assert_int_equal(ask(r, 3, &m, 23), EINVAL);
}

/* A descriptor that no command wants is closed. */
static void test_stray_fd(void **state)
{
    struct rig *r = *state;
    int p[2];
    char c;

    assert_int_equal(pipe(p), 0);
    assert_int_equal(ask_fd(r, 13, NULL, 0, p[1]), 0);
    assert_int_equal(r->dev.resets, 1);
    close(p[1]);
    assert_int_equal(fcntl(p[0], F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(read(p[0], &c, 1), 0); /* nobody holds the other end */
    close(p[0]);
}

static void test_irqs(void **state)
{
    struct rig *r = *state;
    uint32_t set[5] = {20, 0x24, 1, 0, 1};
    uint8_t with_bool[21];
    int fd = eventfd(0, 0);

    assert_int_equal(ask_fd(r, 8, set, 20, fd), 0);
    assert_int_equal(inode(r->dev.irq_fd[1]), inode(fd));
    close(fd);
    set[1] = 0x21;
    assert_int_equal(ask(r, 8, set, 20), 0); /* loopback */
    assert_int_equal(r->dev.triggers, 1);
    set[1] = 0x22;
    memcpy(with_bool, set, 20);
    with_bool[20] = 0;
    assert_int_equal(ask(r, 8, with_bool, 21), 0);
    assert_int_equal(r->dev.triggers, 1);
    assert_int_equal(ask(r, 8, set, 20), EINVAL); /* bool missing */
    set[1] = 0x21;
    set[4] = 0;
    assert_int_equal(ask(r, 8, set, 20), 0); /* off */
    assert_int_equal(r->dev.irq_fd[1], -1);
    set[1] = 0x09;
    set[2] = 0;
    set[4] = 1;
    assert_int_equal(ask(r, 8, set, 20), 0);
    assert_true(r->dev.masked);
    set[1] = 0x11;
    assert_int_equal(ask(r, 8, set, 20), 0);
    assert_false(r->dev.masked);
}

static void test_bad_irqs(void **state)
{
    struct rig *r = *state;
    static const uint32_t bad[][5] = {
        {20, 0x24, 5, 0, 1},          {20, 0x24, 1, 0, 2}, {20, 0x24, 1, 1, 1},
        {20, 0x24, 1, UINT32_MAX, 1}, {20, 0x27, 1, 0, 1}, {20, 0x20, 1, 0, 1},
        {20, 0x39, 1, 0, 1},          {20, 0x0c, 0, 0, 1}, {20, 0x24, 3, 0, 1},
        {20, 0x24, UINT32_MAX, 0, 1}, {20, 0x124, 1, 0, 1}};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_not_equal(ask(r, 8, bad[i], 20), 0);
    assert_int_not_equal(ask(r, 8, bad[0], 19), 0);
    assert_int_equal(r->dev.irq_fd[0], -1);
    assert_int_equal(r->dev.irq_fd[1], -1);
}

static void test_unknown(void **state)
{
    struct rig *r = *state;
    uint8_t buf[32];

    for (unsigned cmd = 0; cmd < 0x10000; cmd = cmd < 40 ? cmd + 1 : cmd * 2 + 1)
        if (cmd == 0 || cmd == 6 || cmd == 11 || cmd == 12 || cmd == 14 || cmd > 15)
            assert_int_equal(ask(r, (uint16_t)cmd, "xxxx", 4), ENOTSUP);
    /* a reply to nothing */
    put(r, buf, message(buf, 1, 11, 1, NULL, 0), -1);
    assert_int_equal(vfu_input(r->vfu), 0);
    assert_true(silent(r));
    assert_int_equal(ask(r, 13, NULL, 0), 0);
}

static void framing(struct rig *r, uint32_t size)
{
    struct head h = {1, 4, size, 0, 0};

    put(r, &h, sizeof(h), -1);
    assert_int_equal(vfu_input(r->vfu), -EPROTO);
}

static void test_too_small(void **state)
{
    framing(*state, 15);
}

static void test_too_big(void **state)
{
    framing(*state, UINT32_MAX);
}

static void test_gone(void **state)
{
    struct rig *r = *state;

    put(r, "abc", 3, -1);
    close(r->client);
    r->client = -1;
    assert_int_equal(vfu_input(r->vfu), -EPIPE);
}

int main(void)
{
#define AGREED(f) cmocka_unit_test_setup_teardown(f, agreed, done)
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_version, bare, done),
                                       AGREED(test_info),
                                       AGREED(test_regions),
                                       AGREED(test_posted),
                                       AGREED(test_multi),
                                       AGREED(test_fragments),
                                       AGREED(test_map_fds),
                                       AGREED(test_unmap),
                                       AGREED(test_stray_fd),
                                       AGREED(test_irqs),
                                       AGREED(test_bad_irqs),
                                       AGREED(test_unknown),
                                       AGREED(test_too_small),
                                       AGREED(test_too_big),
                                       AGREED(test_gone)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
