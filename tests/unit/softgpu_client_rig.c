/* SPDX-License-Identifier: MIT */
/*
 * softgpu_client_rig.c: see softgpu_client_rig.h.
 */
#include "tests/unit/softgpu_client_rig.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "softgpu/listen.h"
#include "softgpu/vfu_priv.h"

int client_connect(const char *path)
{
    const struct timeval patience = {RIG_DEADLINE_MS / 1000, 0};
    int fd = -1;

    for (int ms = 0; ms < RIG_DEADLINE_MS && fd < 0; ms += 10) {
        fd = connect_unix(path);
        if (fd < 0)
            poll(NULL, 0, 10);
    }
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    return fd;
}

void client_send(int fd, uint16_t command, uint32_t flags, const void *body, uint32_t len)
{
    struct vfu_header h = {.id = 7, .command = command, .size = (uint32_t)sizeof(h) + len};
    struct iovec iov[2] = {{&h, sizeof(h)}, {(void *)body, len}};
    struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2};

    h.flags = flags;
    assert_int_equal(sendmsg(fd, &m, MSG_NOSIGNAL), h.size);
}

uint32_t client_reply(int fd, void *body, uint32_t room)
{
    struct vfu_header h;

    assert_int_equal(recv(fd, &h, sizeof(h), MSG_WAITALL), sizeof(h));
    assert_int_equal(h.id, 7);
    assert_int_equal(h.flags, VFU_TYPE_REPLY | (h.error ? VFU_ERROR : 0));
    assert_true(h.size >= sizeof(h) && h.size - sizeof(h) <= room);
    if (h.size > sizeof(h))
        assert_int_equal(recv(fd, body, h.size - sizeof(h), MSG_WAITALL), h.size - sizeof(h));
    return h.error;
}

uint32_t client_ask(int fd, uint16_t command, const void *body, uint32_t len, void *reply,
                    uint32_t room)
{
    client_send(fd, command, 0, body, len);
    return client_reply(fd, reply, room);
}

void client_agree(int fd)
{
    char answer[512];

    assert_int_equal(client_ask(fd, VFU_VERSION, "\0\0\0\0{}", 7, answer, sizeof(answer)), 0);
}

uint32_t client_read32(int fd, uint32_t region, uint64_t offset)
{
    struct {
        uint64_t offset;
        uint32_t region, count, data, fill;
    } a = {.offset = offset, .region = region, .count = 4};

    assert_int_equal(client_ask(fd, VFU_REGION_READ, &a, 16, &a, sizeof(a)), 0);
    return a.data;
}

void client_dropped(int fd)
{
    char buf[4096];
    ssize_t n;

    do {
        n = recv(fd, buf, sizeof(buf), 0);
    } while (n > 0);
    assert_true(n == 0 || errno == ECONNRESET);
}
