/* SPDX-License-Identifier: MIT */
/*
 * softgpu_vfu_rig.c: see softgpu_vfu_rig.h.
 */
#include "tests/unit/softgpu_vfu_rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_FDS 16

static int d_map(void *o, uint64_t iova, uint64_t size, int fd, uint64_t offset, unsigned prot)
{
    struct dummy *d = o;
    struct map *m = &d->maps[d->nmaps++ % RIG_MAX_MAPS];
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

size_t message(uint8_t *out, uint16_t id, uint16_t cmd, uint32_t flags, const void *body,
               size_t len)
{
    struct head h = {id, cmd, (uint32_t)(sizeof(h) + len), flags, 0};

    memcpy(out, &h, sizeof(h));
    if (len)
        memcpy(out + sizeof(h), body, len);
    return sizeof(h) + len;
}

void put_fds(struct rig *r, const void *bytes, size_t len, const int *fds, unsigned n)
{
    char control[CMSG_SPACE(sizeof(int) * MAX_FDS)] = {0};
    struct iovec iov = {(void *)bytes, len};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

    assert_true(n <= MAX_FDS);
    if (n) {
        struct cmsghdr *c;

        m.msg_control = control;
        m.msg_controllen = CMSG_SPACE(sizeof(int) * n);
        c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * n);
        memcpy(CMSG_DATA(c), fds, sizeof(int) * n);
    }
    assert_int_equal(sendmsg(r->client, &m, 0), len);
}

void put(struct rig *r, const void *bytes, size_t len, int fd)
{
    put_fds(r, bytes, len, &fd, fd >= 0);
}

struct head reply(struct rig *r)
{
    struct head h;

    assert_int_equal(recv(r->client, &h, sizeof(h), MSG_DONTWAIT | MSG_WAITALL), sizeof(h));
    r->reply_len = h.size - sizeof(h);
    assert_true(r->reply_len <= sizeof(r->reply));
    if (r->reply_len)
        assert_int_equal(recv(r->client, r->reply, r->reply_len, MSG_DONTWAIT), r->reply_len);
    return h;
}

bool silent(struct rig *r)
{
    char c;

    return recv(r->client, &c, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

uint32_t ask_fd(struct rig *r, uint16_t cmd, const void *body, size_t len, int fd)
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

uint32_t ask(struct rig *r, uint16_t cmd, const void *body, size_t len)
{
    return ask_fd(r, cmd, body, len, -1);
}

int rig_file(void)
{
    int fd = memfd_create("m", MFD_CLOEXEC);

    assert_true(fd >= 0);
    return fd;
}

ino_t rig_inode(int fd)
{
    struct stat st;

    assert_int_equal(fstat(fd, &st), 0);
    return st.st_ino;
}

int rig_bare(void **state)
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

int rig_agreed(void **state)
{
    struct rig *r;

    rig_bare(state);
    r = *state;
    assert_int_equal(ask(r, 1, "\0\0\0\0{}", 7), 0);
    return 0;
}

int rig_done(void **state)
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
