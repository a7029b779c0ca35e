/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target for the vfio-user transport: a client on a socket pair that sends messages which are
 * nearly right, cut into pieces anywhere, with any number of file descriptors, or plain bytes. The
 * device behind it checks what it is promised. Must hold: no access out of bounds; answers are
 * whole and no more than the messages; a connection that is given up has a reason, and one that is
 * not answers what is asked next; no descriptor is lost. The fuzzer's thread is both ends.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "softgpu/vfu_priv.h"

#define MOST_BODY  4096u
#define MOST_FDS   12u
#define LAST_FD    64 /* beyond what this program has open */
#define MOST_SENDS 200u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint64_t region_size[VFU_REGIONS] = {4096, 0, 1 << 20, 0, 64, [VFU_REGION_CFG] = 256};

struct world {
    int spare; /* what is sent along */
    int client;
    struct vfu *vfu;
    bool over;                          /* the connection was given up */
    uint8_t out[64 + MOST_BODY], *from; /* a message, and what of it is still to send */
    size_t left;
    uint8_t bar[1 << 20];
};

struct input {
    const uint8_t *data;
    size_t left;
};

static uint32_t take(struct input *in, unsigned bytes)
{
    uint32_t v = 0;

    while (bytes-- && in->left) {
        v = v << 8 | *in->data++;
        in->left--;
    }
    return v;
}

static void keep(int fd)
{
    if (fd < 0)
        return;
    assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    close(fd);
}

static int d_map(void *o, uint64_t iova, uint64_t size, int fd, uint64_t offset, unsigned prot)
{
    (void)o, (void)size, (void)offset;
    assert(prot < 4);
    keep(fd);
    return iova & 1 ? -EEXIST : 0;
}

static int d_unmap(void *o, uint64_t iova, uint64_t size)
{
    (void)o, (void)size;
    return iova & 1 ? -ENOENT : 0;
}

static void d_unmap_all(void *o)
{
    (void)o;
}

static void in_bounds(unsigned region, uint64_t offset, uint32_t len)
{
    assert(region < VFU_REGIONS && len && len <= VFU_MAX_XFER);
    assert(offset <= region_size[region] && len <= region_size[region] - offset);
}

static int d_read(void *o, unsigned region, uint64_t offset, void *buf, uint32_t len)
{
    in_bounds(region, offset, len);
    memcpy(buf, ((struct world *)o)->bar + offset, len);
    return region == 4 ? -EIO : 0;
}

static int d_write(void *o, unsigned region, uint64_t offset, const void *buf, uint32_t len)
{
    in_bounds(region, offset, len);
    memcpy(((struct world *)o)->bar + offset, buf, len);
    return region == 4 ? -EIO : 0;
}

static void d_eventfd(void *o, unsigned index, int fd)
{
    (void)o;
    assert(index < 2);
    keep(fd);
}

static void d_mask(void *o, unsigned index, bool masked)
{
    (void)o, (void)masked;
    assert(index < 2);
}

static void d_trigger(void *o, unsigned index)
{
    (void)o;
    assert(index < 2);
}

static const struct vfu_ops ops = {.dma_map = d_map,
                                   .dma_unmap = d_unmap,
                                   .dma_unmap_all = d_unmap_all,
                                   .region_read = d_read,
                                   .region_write = d_write,
                                   .irq_eventfd = d_eventfd,
                                   .irq_mask = d_mask,
                                   .irq_trigger = d_trigger,
                                   .reset = d_unmap_all,
                                   .region_size = {4096, 0, 1 << 20, 0, 64, [VFU_REGION_CFG] = 256},
                                   .irq_count = {1, 1}};

static unsigned open_fds(void)
{
    unsigned n = 0;

    for (int fd = 0; fd < LAST_FD; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

/* Takes the answers that have come; each is whole. The number of them. */
static unsigned answers(struct world *w)
{
    static uint8_t body[VFU_MAX_BODY];
    struct vfu_header h;
    unsigned n = 0;

    while (recv(w->client, &h, sizeof(h), MSG_DONTWAIT) == sizeof(h)) {
        size_t len = h.size - sizeof(h);

        assert(h.size >= sizeof(h) && len <= sizeof(body));
        assert(h.flags == VFU_TYPE_REPLY || (h.flags == (VFU_TYPE_REPLY | VFU_ERROR) && h.error));
        assert(h.flags == VFU_TYPE_REPLY || !len);
        assert(!len || recv(w->client, body, len, MSG_DONTWAIT | MSG_WAITALL) == (ssize_t)len);
        n++;
    }
    return n;
}

/* Sends n bytes with so many descriptors and lets the server look at them. */
static void pass(struct world *w, const void *bytes, size_t n, unsigned nfds)
{
    union {
        char buf[CMSG_SPACE(sizeof(int) * MOST_FDS)];
        struct cmsghdr head;
    } control = {.head = {CMSG_LEN(sizeof(int) * nfds), SOL_SOCKET, SCM_RIGHTS}};
    struct iovec iov = {(void *)bytes, n};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    struct vfu_stats before, after;
    bool inside;
    int ret;

    for (unsigned i = 0; i < nfds; i++)
        memcpy(CMSG_DATA(&control.head) + i * sizeof(int), &w->spare, sizeof(int));
    if (nfds) {
        m.msg_control = &control;
        m.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
    }
    if (sendmsg(w->client, &m, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)n)
        return;
    vfu_get_stats(w->vfu, &before);
    inside = w->vfu->have;
    ret = vfu_input(w->vfu);
    vfu_get_stats(w->vfu, &after);
    assert(answers(w) <= after.messages - before.messages);
    assert(after.messages - before.messages <= (n + 15) / 16 + inside);
    w->over = ret < 0;
    assert(!w->over || *vfu_problem(w->vfu));
}

/* Numbers that mean something at any place of a body. */
static uint64_t number(struct input *in)
{
    static const uint64_t some[] = {0,          1,           2,
                                    4,          16,          20,
                                    24,         32,          VFU_MAX_XFER,
                                    UINT32_MAX, 0x1000,      UINT64_MAX,
                                    4095,       4096,        1ull << 32,
                                    1ull << 63, VFU_REGIONS, 7};
    uint32_t i = take(in, 1);

    return i < 0xc0 ? some[i % (sizeof(some) / sizeof(some[0]))] : take(in, 4);
}

/* The fixed words of each command's body: how many bytes each has. */
static const char *const layouts[VFU_COMMANDS] = {
    [VFU_VERSION] = "222",
    [VFU_DMA_MAP] = "44888",
    [VFU_DMA_UNMAP] = "4488",
    [VFU_GET_INFO] = "4444",
    [VFU_GET_REGION_INFO] = "444488",
    [VFU_GET_IRQ_INFO] = "4444",
    [VFU_SET_IRQS] = "44444",
    [VFU_REGION_READ] = "844",
    [VFU_REGION_WRITE] = "8448",
    [VFU_REGION_WRITE_MULTI] = "884488448",
};

static size_t body(struct input *in, unsigned command, uint8_t *to)
{
    const char *l = command < VFU_COMMANDS && layouts[command] ? layouts[command] : "48";
    size_t n = 0;

    for (; *l; l++) {
        uint64_t v = number(in);

        memcpy(to + n, &v, (size_t)(*l - '0'));
        n += (size_t)(*l - '0');
    }
    return n;
}

/* Header and body; wrong in its size, type or length now and then. */
static size_t message(struct input *in, uint8_t *to)
{
    uint32_t how = take(in, 1), command = take(in, 1) % (VFU_COMMANDS + 2);
    struct vfu_header h = {.id = (uint16_t)how, .command = (uint16_t)command};
    size_t n = body(in, command, to + sizeof(h));

    if (how & 1)
        n += take(in, 1); /* longer, with what was there before */
    if ((how & 6) == 6)
        n -= n < 5 ? 0 : 5;
    h.size = (uint32_t)(sizeof(h) + n);
    if ((how & 0x38) == 0x38)
        h.size = (uint32_t)number(in);
    h.flags = how & 0x40 ? VFU_NO_REPLY : 0;
    if ((how & 0x88) == 0x88)
        h.flags |= take(in, 1) & 3;
    memcpy(to, &h, sizeof(h));
    return sizeof(h) + n;
}

static void agree(struct world *w, unsigned nfds)
{
    static const uint8_t version[] = {1, 0, VFU_VERSION, 0, 22, [20] = '{', '}'};

    pass(w, version, sizeof(version), nfds);
}

static void step(struct world *w, struct input *in)
{
    uint32_t how = take(in, 1), nfds = how & 0x10 ? take(in, 1) % (MOST_FDS + 1) : 0;
    size_t n;

    switch (how & 3) {
    case 0: /* the rest of a message, or a piece */
        n = how & 0x20 ? take(in, 1) + 1 : w->left;
        n = n < w->left ? n : w->left;
        if (n)
            pass(w, w->from, n, nfds);
        w->from += n;
        w->left -= n;
        break;
    case 1:
        agree(w, nfds);
        break;
    case 2: /* plain bytes */
        n = take(in, 1) % 64 + 1;
        for (size_t i = 0; i < n; i++)
            w->out[i] = (uint8_t)take(in, 1);
        pass(w, w->out, n, nfds);
        w->left = 0;
        break;
    default:
        w->from = w->out;
        w->left = message(in, w->out);
        if (how & 0x40)
            break;
        pass(w, w->from, w->left, nfds);
        w->left = 0;
    }
}

/* A message that is right is answered, whatever came before, while the connection stands. */
static void still_answers(struct world *w)
{
    const struct vfu_header h = {.id = 9, .command = VFU_RESET, .size = sizeof(h)};

    if (w->over || w->vfu->have)
        return;
    assert(send(w->client, &h, sizeof(h), MSG_DONTWAIT) == sizeof(h));
    assert(!vfu_input(w->vfu));
    assert(answers(w) == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world world;
    struct world *w = &world;
    struct input in = {data, size};
    unsigned before;
    int sv[2];

    if (!w->spare)
        w->spare = open("/dev/null", O_RDWR | O_CLOEXEC);
    before = open_fds();
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv))
        abort();
    w->client = sv[0];
    w->vfu = vfu_new(sv[1], &ops, w);
    if (!w->vfu)
        abort();
    w->vfu->send_timeout_ms = 0; /* nobody reads while it sends */
    w->over = false;
    w->from = w->out;
    w->left = 0;
    if (!(take(&in, 1) & 1))
        agree(w, 0);
    for (unsigned i = 0; i < MOST_SENDS && in.left && !w->over; i++)
        step(w, &in);
    still_answers(w);
    close(w->client);
    if (!w->over)
        assert(vfu_input(w->vfu) < 0);
    vfu_free(w->vfu);
    assert(open_fds() == before);
    return 0;
}
