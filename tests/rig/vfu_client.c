/* SPDX-License-Identifier: MIT */
/* vfu_client.c: see vfu_client.h. Header and command numbers are the server's (softgpu/vfu_priv.h),
 * bodies those of the protocol. */
#include "tests/rig/vfu_client.h"

#include "softgpu/vfu_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#define MAP_READ_WRITE 3u
#define SET_EVENTFD    (1u << 2)
#define SET_TRIGGER    (1u << 5)
#define IRQ_MSI        1u
#define GATHER         4096u

struct region_info {
    uint32_t argsz, flags, index, cap_offset;
    uint64_t size, offset;
};
struct region_access {
    uint64_t offset;
    uint32_t region, count;
};
struct dma_map {
    uint32_t argsz, flags;
    uint64_t offset, addr, size;
};
struct dma_unmap {
    uint32_t argsz, flags;
    uint64_t addr, size;
};
struct irq_set {
    uint32_t argsz, flags, index, start, count;
};
static_assert(sizeof(struct region_info) == 32 && sizeof(struct region_access) == 16, "regions");
static_assert(sizeof(struct dma_map) == 32 && sizeof(struct dma_unmap) == 24, "memory");
static_assert(sizeof(struct irq_set) == 20, "interrupts");

struct vfu_client {
    int fd;
    uint16_t id;
    bool broken;
    struct {
        uint32_t region, len; /* len 0: nothing */
        uint64_t offset;
        uint8_t data[GATHER];
    } kept; /* vfu_client_gather() */
    uint8_t reply[VFU_CLIENT_MAX + 4096];
};

static int broke(struct vfu_client *c)
{
    c->broken = true;
    return -ENODEV;
}

static void attach_fd(struct msghdr *msg, void *control, size_t size, int fd)
{
    struct cmsghdr *h;

    msg->msg_control = control;
    msg->msg_controllen = size;
    h = CMSG_FIRSTHDR(msg);
    h->cmsg_level = SOL_SOCKET;
    h->cmsg_type = SCM_RIGHTS;
    h->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(h), &fd, sizeof(int));
}

/* All of it; the descriptor goes with the first byte. */
static int send_all(struct vfu_client *c, struct iovec *iov, int count, int fd)
{
    union {
        char buf[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {0};
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = (size_t)count};

    if (fd >= 0)
        attach_fd(&msg, control.buf, sizeof(control.buf), fd);
    while (msg.msg_iovlen) {
        ssize_t n = sendmsg(c->fd, &msg, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return broke(c);
        msg.msg_control = NULL;
        msg.msg_controllen = 0;
        while (msg.msg_iovlen && (size_t)n >= msg.msg_iov->iov_len) {
            n -= (ssize_t)msg.msg_iov->iov_len;
            msg.msg_iov++;
            msg.msg_iovlen--;
        }
        if (msg.msg_iovlen) {
            msg.msg_iov->iov_base = (uint8_t *)msg.msg_iov->iov_base + n;
            msg.msg_iov->iov_len -= (size_t)n;
        }
    }
    return 0;
}

static int receive(struct vfu_client *c, void *buf, size_t len)
{
    size_t have = 0;

    while (have < len) {
        ssize_t n = recv(c->fd, (uint8_t *)buf + have, len - have, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return broke(c);
        have += (size_t)n;
    }
    return 0;
}

/* A request of a body and data behind it. */
struct request {
    uint16_t command;
    const void *body, *data;
    uint32_t len, data_len;
    int fd; /* to pass, or -1 */
};

static int send_request(struct vfu_client *c, const struct request *r, uint32_t flags)
{
    struct vfu_header h = {.id = ++c->id, .command = r->command, .flags = flags};
    struct iovec iov[3] = {
        {&h, sizeof(h)}, {(void *)r->body, r->len}, {(void *)r->data, r->data_len}};

    if (c->broken)
        return -ENODEV;
    h.size = (uint32_t)sizeof(h) + r->len + r->data_len;
    return send_all(c, iov, 3, r->fd);
}

static int post(struct vfu_client *c, uint32_t region, uint64_t offset, const void *buf,
                uint32_t len)
{
    struct region_access a = {offset, region, len};
    struct request r = {VFU_REGION_WRITE, &a, buf, sizeof(a), len, -1};

    return send_request(c, &r, VFU_NO_REPLY);
}

int vfu_client_push(struct vfu_client *c)
{
    uint32_t len = c->kept.len;

    c->kept.len = 0;
    return len ? post(c, c->kept.region, c->kept.offset, c->kept.data, len) : 0;
}

static int request(struct vfu_client *c, const struct request *r)
{
    int ret = vfu_client_push(c);

    return ret ? ret : send_request(c, r, 0);
}

/* The answer's body is in c->reply, *len bytes. */
static int answer(struct vfu_client *c, const struct request *r, uint32_t *len)
{
    struct vfu_header h;
    int ret = receive(c, &h, sizeof(h));

    if (ret)
        return ret;
    if (h.id != c->id || h.command != r->command || (h.flags & VFU_TYPE_MASK) != VFU_TYPE_REPLY ||
        h.size < sizeof(h) || h.size - sizeof(h) > sizeof(c->reply))
        return broke(c);
    *len = h.size - (uint32_t)sizeof(h);
    ret = receive(c, c->reply, *len);
    if (!ret && h.flags & VFU_ERROR)
        ret = h.error > 0 && h.error < 4096 ? -(int)h.error : -EIO;
    return ret;
}

/* Asks; least bytes of body are wanted in answer. */
static int ask(struct vfu_client *c, const struct request *r, uint32_t least)
{
    uint32_t len = 0;
    int ret = request(c, r);

    if (!ret)
        ret = answer(c, r, &len);
    return !ret && len < least ? broke(c) : ret;
}

static int agree(struct vfu_client *c)
{
    static const char ours[] = "\0\0\0\0{\"capabilities\":{\"max_msg_fds\":1}}";
    struct request r = {VFU_VERSION, ours, NULL, sizeof(ours), 0, -1};

    return ask(c, &r, 4);
}

int vfu_client_new(const char *path, struct vfu_client **out)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    struct vfu_client *c;
    int ret = 0;

    if (strlen(path) >= sizeof(addr.sun_path))
        return -ENAMETOOLONG;
    c = calloc(1, sizeof(*c));
    if (!c)
        return -ENOMEM;
    strcpy(addr.sun_path, path);
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&addr, sizeof(addr)))
        ret = -errno;
    if (!ret)
        ret = agree(c);
    if (ret)
        vfu_client_free(c);
    else
        *out = c;
    return ret;
}

void vfu_client_free(struct vfu_client *c)
{
    if (!c)
        return;
    if (c->fd >= 0)
        close(c->fd);
    free(c);
}

int vfu_client_fd(const struct vfu_client *c)
{
    return c->fd;
}

bool vfu_client_broken(const struct vfu_client *c)
{
    return c->broken;
}

int vfu_client_region_size(struct vfu_client *c, uint32_t region, uint64_t *size)
{
    struct region_info info = {.argsz = sizeof(info), .index = region};
    struct request r = {VFU_GET_REGION_INFO, &info, NULL, sizeof(info), 0, -1};
    int ret = ask(c, &r, sizeof(info));

    if (ret)
        return ret;
    memcpy(&info, c->reply, sizeof(info));
    *size = info.size;
    return 0;
}

int vfu_client_read(struct vfu_client *c, uint32_t region, uint64_t offset, void *buf, uint32_t len)
{
    struct region_access a = {offset, region, len};
    struct request r = {VFU_REGION_READ, &a, NULL, sizeof(a), 0, -1};
    int ret;

    assert(len <= VFU_CLIENT_MAX);
    ret = ask(c, &r, (uint32_t)sizeof(a) + len);
    if (!ret)
        memcpy(buf, c->reply + sizeof(a), len);
    return ret;
}

int vfu_client_write(struct vfu_client *c, uint32_t region, uint64_t offset, const void *buf,
                     uint32_t len)
{
    struct region_access a = {offset, region, len};
    struct request r = {VFU_REGION_WRITE, &a, buf, sizeof(a), len, -1};

    assert(len <= VFU_CLIENT_MAX);
    return ask(c, &r, 0);
}

int vfu_client_post(struct vfu_client *c, uint32_t region, uint64_t offset, const void *buf,
                    uint32_t len)
{
    int ret = vfu_client_push(c);

    assert(len <= VFU_CLIENT_MAX);
    return ret ? ret : post(c, region, offset, buf, len);
}

int vfu_client_gather(struct vfu_client *c, uint32_t region, uint64_t offset, const void *buf,
                      uint32_t len)
{
    int ret = 0;

    assert(len <= GATHER);
    if (c->broken)
        return -ENODEV;
    if (c->kept.len && (region != c->kept.region || offset != c->kept.offset + c->kept.len ||
                        len > GATHER - c->kept.len))
        ret = vfu_client_push(c);
    if (!c->kept.len) {
        c->kept.region = region;
        c->kept.offset = offset;
    }
    memcpy(c->kept.data + c->kept.len, buf, len);
    c->kept.len += len;
    return ret;
}

int vfu_client_map(struct vfu_client *c, uint64_t iova, uint64_t size, int fd, uint64_t offset)
{
    struct dma_map m = {sizeof(m), MAP_READ_WRITE, offset, iova, size};
    struct request r = {VFU_DMA_MAP, &m, NULL, sizeof(m), 0, fd};

    return ask(c, &r, 0);
}

int vfu_client_unmap(struct vfu_client *c, uint64_t iova, uint64_t size)
{
    struct dma_unmap m = {sizeof(m), 0, iova, size};
    struct request r = {VFU_DMA_UNMAP, &m, NULL, sizeof(m), 0, -1};

    return ask(c, &r, 0);
}

int vfu_client_msi(struct vfu_client *c, int event)
{
    struct irq_set set = {sizeof(set), SET_EVENTFD | SET_TRIGGER, IRQ_MSI, 0, 1};
    struct request r = {VFU_SET_IRQS, &set, NULL, sizeof(set), 0, event};

    return ask(c, &r, 0);
}

int vfu_client_reset(struct vfu_client *c)
{
    struct request r = {VFU_RESET, NULL, NULL, 0, 0, -1};

    return ask(c, &r, 0);
}
