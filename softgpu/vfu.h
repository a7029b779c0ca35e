/* SPDX-License-Identifier: MIT */
/*
 * vfu.h: the vfio-user protocol, server side, one client on one stream socket (QEMU's
 * docs/interop/vfio-user.rst). vfu.c reads and answers messages, vfu_cmd.c knows the commands, the
 * device is behind struct vfu_ops. One thread, the transport's.
 *
 * A message is a 16-byte header and a body. File descriptors belong to the message whose first
 * bytes they came with, so the header is received first and alone.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VFU_REGIONS    9 /* vfio-pci: BAR 0..5, ROM, config space, VGA */
#define VFU_REGION_CFG 7
#define VFU_IRQS       5 /* INTx, MSI, MSI-X, ERR, REQ */
#define VFU_MAX_XFER   (1u << 20)
#define VFU_MAX_BODY   (VFU_MAX_XFER + 4096u)
#define VFU_MAX_FDS    8
#define VFU_MAX_MAPS   32768 /* of memory: what struct vfu_ops keeps at least */

struct vfu_ops {
    /* [iova, iova+size) of guest memory; fd (owned by the callee from now on) or -1. */
    int (*dma_map)(void *opaque, uint64_t iova, uint64_t size, int fd, uint64_t offset,
                   unsigned prot);
    int (*dma_unmap)(void *opaque, uint64_t iova, uint64_t size);
    void (*dma_unmap_all)(void *opaque);
    /* Bounds are checked: offset + len <= region size, 1 <= len <= VFU_MAX_XFER. 0 or -errno. */
    int (*region_read)(void *opaque, unsigned region, uint64_t offset, void *buf, uint32_t len);
    int (*region_write)(void *opaque, unsigned region, uint64_t offset, const void *buf,
                        uint32_t len);
    /* index 0 is INTx, 1 MSI; fd (owned by the callee) or -1 to remove it. */
    void (*irq_eventfd)(void *opaque, unsigned index, int fd);
    void (*irq_mask)(void *opaque, unsigned index, bool masked);
    void (*irq_trigger)(void *opaque, unsigned index);
    void (*reset)(void *opaque);
    uint64_t region_size[VFU_REGIONS];
    uint32_t irq_count[VFU_IRQS];
};

struct vfu;

struct vfu_stats {
    uint64_t messages;
    uint64_t errors; /* answered with an error, or dropped because a posted write was bad */
};

/* Serves the connection fd (owned from now on; made non-blocking). ops is kept by reference. */
struct vfu *vfu_new(int fd, const struct vfu_ops *ops, void *opaque);
struct vfu *vfu_free(struct vfu *v);
/* Handles what has arrived, at most a burst. 0: wait for more. 1: there may be more to read at
 * once. -EPIPE: the client has gone. Another negative errno: it broke the framing or does not
 * take answers; the connection is of no use any more. */
int vfu_input(struct vfu *v);
/* After a negative result: what the client did wrong, as a part of a sentence; empty when it went
 * in order, between two messages. Stands in v. */
const char *vfu_problem(const struct vfu *v);
void vfu_get_stats(const struct vfu *v, struct vfu_stats *out);
