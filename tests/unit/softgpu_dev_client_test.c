/* SPDX-License-Identifier: MIT */
/*
 * The program's loop and clients that break the protocol, one after the other at the same socket:
 * each gets the protocol's error or is dropped with exactly one line that names what it did, and a
 * good client works after each of them.
 */
#include "softgpu/server.h"
#include "softgpu/vfu_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/softgpu_client_rig.h"

#define IDS 0x16168086u

struct rig {
    char dir[32], socket[64], ctl[64], log[64];
    pid_t pid;
};

static int setup(void **state)
{
    struct rig *r = calloc(1, sizeof(*r));
    struct server_options o = {0};

    assert_non_null(r);
    strcpy(r->dir, "/tmp/softgpu-cli-XXXXXX");
    assert_non_null(mkdtemp(r->dir));
    snprintf(r->socket, sizeof(r->socket), "%s/gpu", r->dir);
    snprintf(r->ctl, sizeof(r->ctl), "%s/ctl", r->dir);
    snprintf(r->log, sizeof(r->log), "%s/log", r->dir);
    o.socket = r->socket;
    o.ctl = r->ctl;
    r->pid = fork();
    if (!r->pid) {
        if (!freopen(r->log, "a", stderr))
            _exit(2);
        setvbuf(stderr, NULL, _IOLBF, 0);
        _exit(server_run(&o) ? 1 : 0);
    }
    assert_true(r->pid > 0);
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    struct rig *r = *state;
    int status = -1, ms;

    kill(r->pid, SIGTERM);
    for (ms = 0; ms < RIG_DEADLINE_MS && !waitpid(r->pid, &status, WNOHANG); ms += 10)
        poll(NULL, 0, 10);
    if (ms >= RIG_DEADLINE_MS)
        kill(r->pid, SIGKILL);
    assert_true(WIFEXITED(status) && !WEXITSTATUS(status));
    unlink(r->log);
    assert_int_equal(rmdir(r->dir), 0);
    free(r);
    return 0;
}

static int agreed(struct rig *r)
{
    int fd = client_connect(r->socket);

    client_agree(fd);
    return fd;
}

/* A good client, which the program serves when it is done with the one before; and what has been
 * logged until then. */
static void next_works(struct rig *r, const char *log)
{
    char text[4096] = "";
    int fd = agreed(r);
    FILE *f;

    assert_int_equal(client_read32(fd, VFU_REGION_CFG, 0), IDS);
    f = fopen(r->log, "r");
    assert_non_null(f);
    text[fread(text, 1, sizeof(text) - 1, f)] = 0;
    fclose(f);
    assert_string_equal(text, log);
    assert_int_equal(truncate(r->log, 0), 0);
    close(fd);
}

static void test_version(void **state)
{
    struct rig *r = *state;
    int fd = client_connect(r->socket);
    uint8_t buf[512];

    /* nothing before the agreement; another major; too short to say */
    assert_int_equal(client_ask(fd, VFU_GET_INFO, buf, 16, buf, sizeof(buf)), EINVAL);
    assert_int_equal(client_ask(fd, VFU_VERSION, "\1\0\0\0{}", 7, buf, sizeof(buf)), ENOTSUP);
    assert_int_equal(client_ask(fd, VFU_VERSION, "\0\0", 2, buf, sizeof(buf)), EINVAL);
    client_agree(fd); /* it may try again */
    close(fd);
    next_works(r, "");
}

static void test_requests(void **state)
{
    static const struct {
        uint16_t command;
        uint32_t len, error;
        uint32_t body[8];
    } wrong[] = {
        {0, 4, ENOTSUP, {0}},
        {99, 4, ENOTSUP, {0}},
        {VFU_DMA_READ, 16, ENOTSUP, {0}},
        {VFU_GET_REGION_IO_FDS, 16, ENOTSUP, {16}},
        {VFU_GET_REGION_INFO, 32, EINVAL, {32, 0, VFU_REGIONS}},
        {VFU_GET_IRQ_INFO, 16, EINVAL, {16, 0, VFU_IRQS}},
        {VFU_REGION_READ, 16, EINVAL, {0, 0, VFU_REGIONS, 4}},
        {VFU_REGION_READ, 16, EINVAL, {0, 0, 1, 4}},        /* half of a 64-bit BAR: none */
        {VFU_REGION_READ, 16, EINVAL, {16 << 20, 0, 0, 4}}, /* behind BAR 0 */
        {VFU_REGION_READ, 16, EINVAL, {0xffffffff, 0xffffffff, 0, 4}},
        {VFU_REGION_READ, 16, EINVAL, {0, 0, 0, 0}},
        {VFU_REGION_READ, 16, EINVAL, {0, 0, 2, VFU_MAX_XFER + 1}},
        {VFU_REGION_READ, 15, EINVAL, {0, 0, 0, 4}},
        {VFU_REGION_WRITE, 20, EINVAL, {0, 0, 0, 8}}, /* half of the data */
        {VFU_REGION_WRITE_MULTI, 32, EINVAL, {2, 0}},
        {VFU_SET_IRQS, 20, EINVAL, {20, 0x24, 1, 0, 2}},
        {VFU_DMA_MAP, 31, EINVAL, {32, 3}},
        {VFU_DMA_MAP, 32, EINVAL, {32, 3, 0, 0, 0x1000, 0, 0, 0}}, /* nothing */
        {VFU_DMA_MAP, 32, EINVAL, {32, 3, 0, 0, 0x1000, 0, 0xffffffff, 0xffffffff}},
        {VFU_DMA_UNMAP, 24, ENOENT, {24, 0, 0x5000, 0, 0x1000, 0}},
    };
    struct rig *r = *state;
    int fd = agreed(r);
    uint8_t buf[64];

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(
            client_ask(fd, wrong[i].command, wrong[i].body, wrong[i].len, buf, sizeof(buf)),
            wrong[i].error);
    assert_int_equal(client_read32(fd, VFU_REGION_CFG, 0), IDS); /* the same client goes on */
    close(fd);
    next_works(r, "");
}

/* Sends a message with a descriptor; the error that it is answered with. */
static uint32_t ask_with(int fd, void *message, size_t len, int with)
{
    union {
        char buf[CMSG_SPACE(sizeof(int))];
        struct cmsghdr head;
    } control = {.head = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
    struct iovec iov = {message, len};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = &control,
                         .msg_controllen = sizeof(control)};

    memcpy(CMSG_DATA(&control.head), &with, sizeof(int));
    assert_int_equal(sendmsg(fd, &msg, 0), len);
    return client_reply(fd, NULL, 0);
}

/* One DMA_MAP with this file, without any when -1; its error. */
static uint32_t map_file(int fd, uint64_t at, uint64_t size, uint64_t offset, int memory)
{
    struct {
        struct vfu_header h;
        uint32_t argsz, flags;
        uint64_t offset, addr, size;
    } m = {{.id = 7, .command = VFU_DMA_MAP, .size = sizeof(m)}, 32, 3, offset, at, size};

    if (memory >= 0)
        return ask_with(fd, &m, sizeof(m), memory);
    return client_ask(fd, VFU_DMA_MAP, &m.argsz, 32, NULL, 0);
}

/* The same with a file of so many bytes, none when 0. */
static uint32_t map(int fd, uint64_t at, uint64_t size, uint64_t offset, size_t file)
{
    int memory = file ? memfd_create("m", MFD_CLOEXEC) : -1;
    uint32_t error;

    if (file)
        assert_int_equal(ftruncate(memory, (off_t)file), 0);
    error = map_file(fd, at, size, offset, memory);
    if (file)
        close(memory);
    return error;
}

static void test_memory(void **state)
{
    struct rig *r = *state;
    int fd = agreed(r);

    assert_int_equal(map(fd, 0, 0x10000, 0, 0x10000), 0);
    assert_int_equal(map(fd, 0, 0x10000, 0, 0x10000), EEXIST);
    assert_int_equal(map(fd, 0xf000, 0x2000, 0, 0), EEXIST); /* and without a file */
    assert_int_equal(map(fd, 0x10000, 0x1000, 0, 0xfff), EINVAL);
    assert_int_equal(map(fd, 0x10000, 0x1000, 1, 0x1000), EINVAL);
    assert_int_equal(map(fd, 0x10000, 1ull << 62, 0, 0x1000), EINVAL);
    assert_int_equal(map(fd, 0x10000, 0x1000, UINT64_MAX - 0xfff, 0x1000), EINVAL);
    assert_int_equal(map(fd, 0x10000, 1ull << 62, 0, 0), 0); /* nothing behind it: no harm */
    assert_int_equal(client_read32(fd, VFU_REGION_CFG, 0), IDS);
    close(fd);
    next_works(r, "");
}

static void put(int fd, const void *bytes, size_t n)
{
    assert_int_equal(send(fd, bytes, n, MSG_NOSIGNAL), n);
}

/* Four pages of memory at GGTT 0, seen through the aperture, every dword the number of its page. */
static int aperture_memory(int fd)
{
    struct {
        uint64_t offset;
        uint32_t region, count;
        uint64_t entry;
    } a = {.region = 0, .count = 8};
    int memory = memfd_create("m", MFD_CLOEXEC);

    for (uint32_t i = 0; i < 4; i++) {
        uint32_t page[1024];

        for (unsigned n = 0; n < 1024; n++)
            page[n] = i + 1;
        assert_int_equal(write(memory, page, sizeof(page)), sizeof(page));
        a.offset = (8u << 20) + 8 * i;
        a.entry = i * 4096 | 1;
        assert_int_equal(client_ask(fd, VFU_REGION_WRITE, &a, sizeof(a), &a, 16), 0);
    }
    assert_int_equal(map_file(fd, 0, 4 * 4096, 0, memory), 0);
    return memory;
}

/* Memory that a client takes out of its file again, while softgpu has it mapped, is memory that is
 * not there: it reads as zeros, one line says so, and the client goes on. */
static void test_cut_file(void **state)
{
    struct rig *r = *state;
    int fd = agreed(r), ctl = client_connect(r->ctl), memory = aperture_memory(fd);
    char answer[65536] = "";

    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(client_read32(fd, 2, i * 4096 + 64), i + 1);
    assert_int_equal(ftruncate(memory, 4096), 0);
    for (uint32_t i = 1; i < 4; i++)
        assert_int_equal(client_read32(fd, 2, i * 4096 + 64), 0);
    assert_int_equal(client_read32(fd, 2, 64), 1);
    put(ctl, "status\n", 7);
    assert_true(recv(ctl, answer, sizeof(answer) - 1, 0) > 0);
    assert_non_null(strstr(answer, "\"memory_losses\":1,"));
    assert_non_null(strstr(answer, "\"faults\":3,"));
    close(memory);
    close(ctl);
    close(fd);
    next_works(r,
               "softgpu: the file behind the client's memory at 0x0 was cut short: of its 0x4000 "
               "bytes only 0x1000 are there\n");
}

/* Gives softgpu this for the MSI and has it signalled. */
static void signalled(int fd, int msi)
{
    struct {
        struct vfu_header h;
        uint32_t argsz, flags, index, start, count;
    } m = {{.id = 7, .command = VFU_SET_IRQS, .size = sizeof(m)}, 20, 0x24, 1, 0, 1};

    assert_int_equal(ask_with(fd, &m, sizeof(m), msi), 0);
    m.flags = 0x21;
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(client_ask(fd, VFU_SET_IRQS, &m.argsz, 20, NULL, 0), 0);
}

/* An eventfd whose counter is full, a pipe that nobody reads, one without another end: a good
 * program neither waits for them nor ends by them. */
static void test_interrupts(void **state)
{
    const uint64_t full = UINT64_MAX - 1;
    struct rig *r = *state;
    int fd = agreed(r), e = eventfd(0, EFD_CLOEXEC), p[2];
    char page[4096] = "";

    assert_int_equal(write(e, &full, sizeof(full)), sizeof(full));
    signalled(fd, e);
    assert_int_equal(pipe2(p, O_NONBLOCK | O_CLOEXEC), 0);
    while (write(p[1], page, sizeof(page)) > 0)
        ;
    assert_int_equal(fcntl(p[1], F_SETFL, 0), 0);
    signalled(fd, p[1]);
    close(p[0]);
    signalled(fd, p[1]);
    assert_int_equal(client_read32(fd, VFU_REGION_CFG, 0), IDS);
    close(p[1]);
    close(e);
    close(fd);
    next_works(r, "");
}

/* Broken off by the program. */
static void broken(struct rig *r, uint32_t size, uint32_t flags, const char *log)
{
    struct vfu_header h = {.id = 7, .command = VFU_RESET, .size = size, .flags = flags};
    int fd = agreed(r);

    put(fd, &h, sizeof(h));
    client_dropped(fd);
    close(fd);
    next_works(r, log);
}

static void test_headers(void **state)
{
    struct rig *r = *state;

    broken(r, 0, 0,
           "softgpu: client dropped: after 1 messages it sent a message of 0 bytes, less than its "
           "header\n");
    broken(r, 0x80000000, 0,
           "softgpu: client dropped: after 1 messages it sent a message of 2147483648 bytes "
           "(command 13), more than the 1052688 allowed\n");
    broken(r, 16, 15,
           "softgpu: client dropped: after 1 messages it sent a message of type 15, neither "
           "request nor reply\n");
}

static void test_cut_off(void **state)
{
    struct rig *r = *state;
    struct vfu_header h = {.id = 7, .command = VFU_RESET, .size = 100};
    int fd = client_connect(r->socket);

    put(fd, &h, 5);
    close(fd);
    next_works(r, "softgpu: client dropped: after 0 messages it went after 5 bytes of a message's "
                  "header\n");
    fd = agreed(r);
    put(fd, &h, sizeof(h));
    close(fd);
    next_works(r, "softgpu: client dropped: after 1 messages it went after 16 of a message's 100 "
                  "bytes (command 13)\n");
}

/* Bad requests that want no answer, and answers to nothing, thousands of them: not a line, and the
 * control socket has its turn meanwhile. */
static void test_flood(void **state)
{
    const uint32_t bad[4] = {0, 0, VFU_REGIONS, 4};
    struct rig *r = *state;
    int fd = agreed(r), ctl = client_connect(r->ctl);
    char answer[64] = "";

    for (unsigned i = 0; i < 5000; i++) {
        client_send(fd, VFU_REGION_WRITE, VFU_NO_REPLY, bad, 16);
        client_send(fd, VFU_REGION_WRITE, VFU_TYPE_REPLY, bad, 16);
        if (i == 2500) {
            put(ctl, "frames 1\n", 9);
            assert_true(recv(ctl, answer, sizeof(answer) - 1, 0) > 0);
            assert_non_null(strstr(answer, "true"));
        }
    }
    assert_int_equal(client_read32(fd, VFU_REGION_CFG, 0), IDS);
    close(fd);
    close(ctl);
    next_works(r, "");
}

int main(void)
{
#define RIG(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {RIG(test_version),    RIG(test_requests), RIG(test_memory),
                                       RIG(test_interrupts), RIG(test_headers),  RIG(test_cut_off),
                                       RIG(test_flood),      RIG(test_cut_file)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
