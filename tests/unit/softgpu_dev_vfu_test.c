/* SPDX-License-Identifier: MIT */
/*
 * The commands of the vfio-user server, right and wrong: agreement, information, regions, posted
 * and combined writes, memory, interrupts. Every wrong one is answered with its error.
 */
#include "tests/unit/softgpu_vfu_rig.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

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

static void test_irqs(void **state)
{
    struct rig *r = *state;
    uint32_t set[5] = {20, 0x24, 1, 0, 1};
    uint8_t with_bool[21];
    int fd = eventfd(0, 0);

    assert_int_equal(ask_fd(r, 8, set, 20, fd), 0);
    assert_int_equal(rig_inode(r->dev.irq_fd[1]), rig_inode(fd));
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

int main(void)
{
#define AGREED(f) cmocka_unit_test_setup_teardown(f, rig_agreed, rig_done)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_version, rig_bare, rig_done),
        AGREED(test_info),
        AGREED(test_regions),
        AGREED(test_posted),
        AGREED(test_multi),
        AGREED(test_unmap),
        AGREED(test_irqs),
        AGREED(test_bad_irqs),
        AGREED(test_unknown)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
