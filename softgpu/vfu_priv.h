/* SPDX-License-Identifier: MIT */
/*
 * vfu_priv.h: between vfu.c (framing) and vfu_cmd.c (commands). Layouts are the protocol's; all
 * little endian, as every host of this program.
 */
#pragma once
#include "softgpu/vfu.h"

#include <assert.h>

enum vfu_command {
    VFU_VERSION = 1,
    VFU_DMA_MAP = 2,
    VFU_DMA_UNMAP = 3,
    VFU_GET_INFO = 4,
    VFU_GET_REGION_INFO = 5,
    VFU_GET_REGION_IO_FDS = 6,
    VFU_GET_IRQ_INFO = 7,
    VFU_SET_IRQS = 8,
    VFU_REGION_READ = 9,
    VFU_REGION_WRITE = 10,
    VFU_DMA_READ = 11,
    VFU_DMA_WRITE = 12,
    VFU_RESET = 13,
    VFU_REGION_WRITE_MULTI = 15,
    VFU_COMMANDS
};

#define VFU_TYPE_MASK  0xfu
#define VFU_TYPE_REPLY 1u
#define VFU_NO_REPLY   0x10u
#define VFU_ERROR      0x20u

struct vfu_header {
    uint16_t id;
    uint16_t command;
    uint32_t size; /* with this header */
    uint32_t flags;
    uint32_t error;
};
static_assert(sizeof(struct vfu_header) == 16, "vfio-user header");

/* One request being handled and its answer. */
struct vfu_request {
    const uint8_t *body;
    uint32_t len;
    int *fds; /* a handler that takes one puts -1 in its place; the rest is closed */
    unsigned nfds;
    uint8_t *reply; /* room of VFU_MAX_BODY bytes */
    uint32_t reply_len;
};

struct vfu {
    int fd;
    const struct vfu_ops *ops;
    void *opaque;
    bool versioned; /* VERSION has been agreed */
    struct vfu_header header;
    size_t have; /* bytes of header and body so far */
    int fds[VFU_MAX_FDS];
    unsigned nfds;
    uint8_t *body;
    uint8_t *reply;
    int send_timeout_ms; /* a client that takes no answers this long is dropped */
    char problem[128];   /* why the connection is of no use any more; empty: it is, or ended */
    struct vfu_stats stats;
};

/* Runs one request. 0 or -errno, which goes to the client as an error reply. */
int vfu_command(struct vfu *v, unsigned command, struct vfu_request *req);
