/* SPDX-License-Identifier: MIT */
/*
 * vfu_cmd.c: the commands of the vfio-user protocol, one handler each. Everything in a body is
 * the client's word: sizes, indices and counts are checked before use. Transport thread.
 */
#include "softgpu/vfu_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Bodies. Fixed layouts of the protocol. */
struct version {
    uint16_t major;
    uint16_t minor;
};
struct dma_map {
    uint32_t argsz, flags;
    uint64_t offset, addr, size;
};
struct dma_unmap {
    uint32_t argsz, flags;
    uint64_t addr, size;
};
struct device_info {
    uint32_t argsz, flags, regions, irqs;
};
struct region_info {
    uint32_t argsz, flags, index, cap_offset;
    uint64_t size, offset;
};
struct irq_info {
    uint32_t argsz, flags, index, count;
};
struct irq_set {
    uint32_t argsz, flags, index, start, count;
};
struct region_access {
    uint64_t offset;
    uint32_t region, count;
};
struct multi_element {
    uint64_t offset;
    uint32_t region, count;
    uint8_t data[8];
};
static_assert(sizeof(struct dma_map) == 32 && sizeof(struct dma_unmap) == 24, "DMA bodies");
static_assert(sizeof(struct region_info) == 32 && sizeof(struct irq_set) == 20, "info bodies");
static_assert(sizeof(struct region_access) == 16 && sizeof(struct multi_element) == 24, "access");

#define DEVICE_RESET (1u << 0)
#define DEVICE_PCI   (1u << 1)
#define REGION_READ  (1u << 0)
#define REGION_WRITE (1u << 1)
#define UNMAP_ALL    (1u << 1)
#define IRQ_EVENTFD  (1u << 0)
#define IRQ_MASKABLE (1u << 1)
#define IRQ_AUTOMASK (1u << 2)
#define IRQ_NORESIZE (1u << 3)
#define SET_NONE     (1u << 0)
#define SET_BOOL     (1u << 1)
#define SET_EVENTFD  (1u << 2)
#define SET_DATA     (SET_NONE | SET_BOOL | SET_EVENTFD)
#define SET_MASK     (1u << 3)
#define SET_UNMASK   (1u << 4)
#define SET_TRIGGER  (1u << 5)

static int version(struct vfu *v, struct vfu_request *req)
{
    struct version ver;
    int n;

    if (req->len < sizeof(ver) || v->versioned)
        return -EINVAL;
    memcpy(&ver, req->body, sizeof(ver));
    if (ver.major != 0)
        return -ENOTSUP;
    ver.minor = 0;
    memcpy(req->reply, &ver, sizeof(ver));
    /* The capabilities are the server's to state; the text ends with its NUL. */
    n = snprintf((char *)req->reply + sizeof(ver), 256,
                 "{\"capabilities\":{\"max_msg_fds\":%d,\"max_data_xfer_size\":%u,"
                 "\"max_dma_maps\":%d,\"pgsizes\":4096,\"write_multiple\":true}}",
                 VFU_MAX_FDS, VFU_MAX_XFER, VFU_MAX_MAPS);
    req->reply_len = (uint32_t)(sizeof(ver) + (size_t)n + 1);
    v->versioned = true;
    return 0;
}

static int map(struct vfu *v, struct vfu_request *req)
{
    struct dma_map m;
    int fd = -1;

    if (req->len < sizeof(m) || req->nfds > 1)
        return -EINVAL;
    memcpy(&m, req->body, sizeof(m));
    if (req->nfds) {
        fd = req->fds[0];
        req->fds[0] = -1;
    }
    return v->ops->dma_map(v->opaque, m.addr, m.size, fd, m.offset, m.flags & 3);
}

static int unmap(struct vfu *v, struct vfu_request *req)
{
    struct dma_unmap m;
    int ret = 0;

    if (req->len < sizeof(m))
        return -EINVAL;
    memcpy(&m, req->body, sizeof(m));
    if (m.flags & UNMAP_ALL)
        v->ops->dma_unmap_all(v->opaque);
    else
        ret = v->ops->dma_unmap(v->opaque, m.addr, m.size);
    memcpy(req->reply, &m, sizeof(m));
    req->reply_len = sizeof(m);
    return ret;
}

static int get_info(struct vfu *v, struct vfu_request *req)
{
    struct device_info info = {sizeof(info), DEVICE_RESET | DEVICE_PCI, VFU_REGIONS, VFU_IRQS};

    (void)v;
    if (req->len < sizeof(info))
        return -EINVAL;
    memcpy(req->reply, &info, sizeof(info));
    req->reply_len = sizeof(info);
    return 0;
}

static int get_region_info(struct vfu *v, struct vfu_request *req)
{
    struct region_info info;

    if (req->len < sizeof(info))
        return -EINVAL;
    memcpy(&info, req->body, sizeof(info));
    if (info.index >= VFU_REGIONS)
        return -EINVAL;
    info.argsz = sizeof(info);
    info.size = v->ops->region_size[info.index];
    info.flags = info.size ? REGION_READ | REGION_WRITE : 0;
    info.cap_offset = 0;
    info.offset = 0;
    memcpy(req->reply, &info, sizeof(info));
    req->reply_len = sizeof(info);
    return 0;
}

static int get_irq_info(struct vfu *v, struct vfu_request *req)
{
    struct irq_info info;

    if (req->len < sizeof(info))
        return -EINVAL;
    memcpy(&info, req->body, sizeof(info));
    if (info.index >= VFU_IRQS)
        return -EINVAL;
    info.argsz = sizeof(info);
    info.count = v->ops->irq_count[info.index];
    info.flags = !info.count       ? 0
                 : info.index == 0 ? IRQ_EVENTFD | IRQ_MASKABLE | IRQ_AUTOMASK
                                   : IRQ_EVENTFD | IRQ_NORESIZE;
    memcpy(req->reply, &info, sizeof(info));
    req->reply_len = sizeof(info);
    return 0;
}

/* The one vector of an index: bool data carries one byte. */
static bool chosen(const struct irq_set *set, const struct vfu_request *req)
{
    return set->flags & SET_BOOL ? req->body[sizeof(*set)] != 0 : true;
}

static void set_trigger(struct vfu *v, const struct irq_set *set, struct vfu_request *req)
{
    int fd = -1;

    if (set->flags & SET_EVENTFD) {
        if (req->nfds) {
            fd = req->fds[0];
            req->fds[0] = -1;
        }
        v->ops->irq_eventfd(v->opaque, set->index, fd);
    } else if (!set->count) {
        v->ops->irq_eventfd(v->opaque, set->index, -1);
    } else if (chosen(set, req)) {
        v->ops->irq_trigger(v->opaque, set->index);
    }
}

static bool power_of_two(uint32_t v)
{
    return v && !(v & (v - 1));
}

static int set_irqs(struct vfu *v, struct vfu_request *req)
{
    struct irq_set set;

    if (req->len < sizeof(set))
        return -EINVAL;
    memcpy(&set, req->body, sizeof(set));
    if (set.index >= VFU_IRQS || set.start > v->ops->irq_count[set.index] ||
        set.count > v->ops->irq_count[set.index] - set.start || req->nfds > 1)
        return -EINVAL;
    if (!power_of_two(set.flags & SET_DATA) ||
        (set.flags & SET_BOOL && set.count && req->len < sizeof(set) + set.count))
        return -EINVAL;
    if (!set.count && !(set.flags & SET_TRIGGER && set.flags & SET_NONE))
        return -EINVAL;
    switch (set.flags & ~SET_DATA) {
    case SET_TRIGGER:
        if (v->ops->irq_count[set.index])
            set_trigger(v, &set, req);
        return 0;
    case SET_MASK:
    case SET_UNMASK:
        if (set.flags & SET_EVENTFD)
            return -ENOTSUP;
        if (chosen(&set, req))
            v->ops->irq_mask(v->opaque, set.index, set.flags & SET_MASK);
        return 0;
    default:
        return -EINVAL;
    }
}

static bool in_region(const struct vfu *v, uint32_t region, uint64_t offset, uint32_t count)
{
    return region < VFU_REGIONS && count && offset <= v->ops->region_size[region] &&
           count <= v->ops->region_size[region] - offset;
}

static int region_read(struct vfu *v, struct vfu_request *req)
{
    struct region_access a;
    int ret;

    if (req->len < sizeof(a))
        return -EINVAL;
    memcpy(&a, req->body, sizeof(a));
    if (a.count > VFU_MAX_XFER || !in_region(v, a.region, a.offset, a.count))
        return -EINVAL;
    ret = v->ops->region_read(v->opaque, a.region, a.offset, req->reply + sizeof(a), a.count);
    memcpy(req->reply, &a, sizeof(a));
    req->reply_len = (uint32_t)sizeof(a) + a.count;
    return ret;
}

static int region_write(struct vfu *v, struct vfu_request *req)
{
    struct region_access a;

    if (req->len < sizeof(a))
        return -EINVAL;
    memcpy(&a, req->body, sizeof(a));
    if (a.count > VFU_MAX_XFER || req->len - sizeof(a) < a.count ||
        !in_region(v, a.region, a.offset, a.count))
        return -EINVAL;
    memcpy(req->reply, &a, sizeof(a));
    req->reply_len = sizeof(a);
    return v->ops->region_write(v->opaque, a.region, a.offset, req->body + sizeof(a), a.count);
}

/* Elements are carried out one by one; the first bad one ends it. */
static int region_write_multi(struct vfu *v, struct vfu_request *req)
{
    struct multi_element e;
    uint64_t count;

    if (req->len < sizeof(count))
        return -EINVAL;
    memcpy(&count, req->body, sizeof(count));
    if (count > (req->len - sizeof(count)) / sizeof(e))
        return -EINVAL;
    for (uint64_t i = 0; i < count; i++) {
        int ret;

        memcpy(&e, req->body + sizeof(count) + i * sizeof(e), sizeof(e));
        if (e.count > sizeof(e.data) || !in_region(v, e.region, e.offset, e.count))
            return -EINVAL;
        ret = v->ops->region_write(v->opaque, e.region, e.offset, e.data, e.count);
        if (ret)
            return ret;
    }
    memcpy(req->reply, &count, sizeof(count));
    req->reply_len = sizeof(count);
    return 0;
}

static int reset(struct vfu *v, struct vfu_request *req)
{
    (void)req;
    v->ops->reset(v->opaque);
    return 0;
}

typedef int (*command_fn)(struct vfu *v, struct vfu_request *req);

static const command_fn commands[VFU_COMMANDS] = {
    [VFU_VERSION] = version,
    [VFU_DMA_MAP] = map,
    [VFU_DMA_UNMAP] = unmap,
    [VFU_GET_INFO] = get_info,
    [VFU_GET_REGION_INFO] = get_region_info,
    [VFU_GET_IRQ_INFO] = get_irq_info,
    [VFU_SET_IRQS] = set_irqs,
    [VFU_REGION_READ] = region_read,
    [VFU_REGION_WRITE] = region_write,
    [VFU_RESET] = reset,
    [VFU_REGION_WRITE_MULTI] = region_write_multi,
};

int vfu_command(struct vfu *v, unsigned command, struct vfu_request *req)
{
    if (command >= VFU_COMMANDS || !commands[command])
        return -ENOTSUP;
    if (!v->versioned && command != VFU_VERSION)
        return -EINVAL;
    return commands[command](v, req);
}
