/* SPDX-License-Identifier: MIT */
/*
 * Messages of the vfio-user protocol on the stream: fragments, descriptors and whose they are, and
 * every way to break it, after which the connection is given up with a reason that names it.
 */
#include "tests/unit/softgpu_vfu_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "softgpu/vfu_priv.h"

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

/* As QEMU does at start: maps with and without a file, pipelined. Each file must stay with its
 * own message. */
static void test_map_fds(void **state)
{
    struct rig *r = *state;
    int a = rig_file(), b = rig_file();
    uint8_t buf[64];

    for (unsigned i = 0; i < 6; i++) {
        struct map_body m = {32, 3, i, i << 20, 0x1000};
        int fd = i == 1 || i == 2 ? a : i == 4 ? b : -1;

        put(r, buf, message(buf, (uint16_t)i, 2, 0, &m, 32), fd);
    }
    assert_int_equal(vfu_input(r->vfu), 0);
    for (unsigned i = 0; i < 6; i++) {
        ino_t want = i == 1 || i == 2 ? rig_inode(a) : i == 4 ? rig_inode(b) : 0;

        assert_int_equal(reply(r).error, 0);
        assert_int_equal(r->dev.maps[i].iova, i << 20);
        assert_int_equal(r->dev.maps[i].offset, i);
        assert_int_equal(r->dev.maps[i].file, want);
    }
    assert_int_equal(r->dev.nmaps, 6);
    close(a);
    close(b);
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

/* Given up, for this reason. */
static void given_up(struct rig *r, int error, const char *problem)
{
    assert_int_equal(vfu_input(r->vfu), error);
    assert_string_equal(vfu_problem(r->vfu), problem);
}

static void header(struct rig *r, uint32_t size, uint32_t flags)
{
    struct head h = {1, 4, size, flags, 0};

    put(r, &h, sizeof(h), -1);
}

static void test_too_small(void **state)
{
    header(*state, 15, 0);
    given_up(*state, -EPROTO, "sent a message of 15 bytes, less than its header");
}

/* The header alone is enough: nobody waits for so many bytes. */
static void test_too_big(void **state)
{
    header(*state, UINT32_MAX, 0);
    given_up(*state, -EPROTO,
             "sent a message of 4294967295 bytes (command 4), more than the 1052688 allowed");
}

/* The largest that is allowed is read whole and answered. */
static void test_just_fits(void **state)
{
    static uint8_t zeros[4096];
    struct rig *r = *state;
    size_t left = VFU_MAX_BODY;

    header(r, 16 + VFU_MAX_BODY, 0);
    while (left) {
        ssize_t n = send(r->client, zeros, left < 4096 ? left : 4096, MSG_DONTWAIT);

        left -= n > 0 ? (size_t)n : 0;
        assert_int_equal(vfu_input(r->vfu), 0);
    }
    assert_int_equal(reply(r).error, 0); /* the body begins with what the command wants */
}

static void test_type(void **state)
{
    header(*state, 16, 3);
    given_up(*state, -EPROTO, "sent a message of type 3, neither request nor reply");
}

static void gone(struct rig *r, const void *bytes, size_t n, const char *problem)
{
    put(r, bytes, n, -1);
    close(r->client);
    r->client = -1;
    given_up(r, -EPIPE, problem);
}

static void test_cut_header(void **state)
{
    gone(*state, "abc", 3, "went after 3 bytes of a message's header");
}

static void test_cut_body(void **state)
{
    uint8_t buf[64];

    message(buf, 1, 9, 0, "0123456789abcdef", 16);
    gone(*state, buf, 20, "went after 20 of a message's 32 bytes (command 9)");
}

/* Between two messages, the reply to the first unread: in order. */
static void test_gone(void **state)
{
    struct rig *r = *state;
    uint8_t buf[64];

    put(r, buf, message(buf, 1, 13, 0, NULL, 0), -1);
    assert_int_equal(vfu_input(r->vfu), 0);
    close(r->client);
    r->client = -1;
    given_up(r, -EPIPE, "");
}

/* Ends of pipes whose other ends tell whether anybody holds them. */
static void pipes(int (*p)[2], int *fds, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(pipe(p[i]), 0);
        assert_int_equal(fcntl(p[i][0], F_SETFL, O_NONBLOCK), 0);
        fds[i] = p[i][1];
    }
}

static void all_closed(int (*p)[2], unsigned n)
{
    char c;

    for (unsigned i = 0; i < n; i++)
        close(p[i][1]);
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(read(p[i][0], &c, 1), 0);
        close(p[i][0]);
    }
}

static void test_too_many_fds(void **state)
{
    struct rig *r = *state;
    int p[9][2], fds[9];
    uint8_t buf[16];

    pipes(p, fds, 9);
    put_fds(r, buf, message(buf, 1, 13, 0, NULL, 0), fds, 9);
    given_up(r, -EPROTO, "sent more file descriptors with a message than the 8 allowed");
    r->vfu = vfu_free(r->vfu);
    all_closed(p, 9);
}

/* The header in two pieces, with some descriptors each. */
static void test_too_many_in_pieces(void **state)
{
    struct rig *r = *state;
    int p[9][2], fds[9];
    uint8_t buf[16];

    pipes(p, fds, 9);
    message(buf, 1, 13, 0, NULL, 0);
    put_fds(r, buf, 8, fds, 5);
    assert_int_equal(vfu_input(r->vfu), 0);
    put_fds(r, buf + 8, 8, fds + 5, 4);
    given_up(r, -EPROTO, "sent more file descriptors with a message than the 8 allowed");
    r->vfu = vfu_free(r->vfu);
    all_closed(p, 9);
}

/* More than a command takes: refused, and nothing is kept. */
static void test_two_fds(void **state)
{
    struct rig *r = *state;
    const uint32_t set[5] = {20, 0x24, 1, 0, 1};
    struct map_body m = {32, 3, 0, 0, 0x1000};
    int p[2][2], fds[2];
    uint8_t buf[64];

    pipes(p, fds, 2);
    put_fds(r, buf, message(buf, 1, 2, 0, &m, 32), fds, 2);
    put_fds(r, buf, message(buf, 2, 8, 0, set, 20), fds, 2);
    assert_int_equal(vfu_input(r->vfu), 0);
    assert_int_equal(reply(r).error, EINVAL);
    assert_int_equal(reply(r).error, EINVAL);
    assert_int_equal(r->dev.nmaps, 0);
    assert_int_equal(r->dev.irq_fd[1], -1);
    all_closed(p, 2);
}

/* Requests whose answers nobody reads. */
static void test_takes_no_answers(void **state)
{
    struct access rd = {0, 0, 4096, ""};
    struct rig *r = *state;
    uint8_t buf[64];
    size_t n = message(buf, 1, 9, 0, &rd, 16);
    int ret = 0;

    r->vfu->send_timeout_ms = 30;
    while (ret >= 0) {
        (void)!send(r->client, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL);
        ret = vfu_input(r->vfu);
    }
    assert_int_equal(ret, -ETIMEDOUT);
    assert_string_equal(vfu_problem(r->vfu), "took no answers for 30 ms");
}

/* Requests that want no answer, bad ones, without end: counted, and other work gets its turn. */
static void test_flood(void **state)
{
    struct access bad = {0, 8, 4, ""};
    struct rig *r = *state;
    struct vfu_stats s;
    uint8_t buf[300 * 36];

    for (unsigned i = 0; i < 300; i++)
        assert_int_equal(message(buf + i * 36, 1, 10, 0x10, &bad, 20), 36);
    put(r, buf, sizeof(buf), -1);
    assert_int_equal(vfu_input(r->vfu), 1); /* a burst: there is more */
    vfu_get_stats(r->vfu, &s);
    assert_int_equal(s.errors, 256);
    assert_int_equal(vfu_input(r->vfu), 0);
    vfu_get_stats(r->vfu, &s);
    assert_int_equal(s.errors, 300);
    assert_true(silent(r));
    assert_string_equal(vfu_problem(r->vfu), "");
    assert_int_equal(ask(r, 13, NULL, 0), 0);
}

int main(void)
{
#define AGREED(f) cmocka_unit_test_setup_teardown(f, rig_agreed, rig_done)
    const struct CMUnitTest tests[] = {
        AGREED(test_fragments), AGREED(test_map_fds),          AGREED(test_stray_fd),
        AGREED(test_too_small), AGREED(test_too_big),          AGREED(test_just_fits),
        AGREED(test_type),      AGREED(test_cut_header),       AGREED(test_cut_body),
        AGREED(test_gone),      AGREED(test_too_many_fds),     AGREED(test_too_many_in_pieces),
        AGREED(test_two_fds),   AGREED(test_takes_no_answers), AGREED(test_flood)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
