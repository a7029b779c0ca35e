/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Messages between gpu/soft and the program that stands in for vgt_stub.ko (tests/rig/softstub.c).
 * The calls are the module's own (kmod-stub/vgt_stub.h: command numbers and argument structs); what
 * is a user pointer there is the payload here. Used by both ends; shapes only.
 *
 * Two kinds of sockets, both SOCK_SEQPACKET, one struct per message:
 *
 * The node: made by connecting to the server and saying HELLO, which is answered once. It is what
 * an open /dev/vgt node is to the module: passed on and copied freely, and what its row was given
 * lives as long as any copy. After HELLO nothing is ever answered on a row's node, for several
 * processes may hold it: SESSION hands over one end of a socket pair. Only the broker calls on its
 * own node directly, since it may make no sockets while it serves; it drops answers that its
 * predecessor did not live to read, which it knows by their seq.
 *
 * The session: that pair, private to a process. Calls are answered in order, with the request's
 * seq; SOFT_GTT_WRITE is posted and has no answer. A process that is killed in the middle of a call
 * leaves nothing behind but what it had asked for. A session holds its node open.
 */
#include "kmod-stub/vgt_stub.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define SOFT_MAGIC   0x74667376u /* "vsft" */
#define SOFT_VERSION 1u
#define SOFT_BROKER  VGT_ROWS /* the broker's node; a row's node is its VGT_ROW_* */
#define SOFT_NODES   (VGT_ROWS + 1u)

/* Commands beside VGT_IOC_*, with their argument in arg[]. */
enum soft_command {
    SOFT_HELLO = 1,     /* magic, version, node */
    SOFT_SESSION = 2,   /* with a descriptor */
    SOFT_GTT_READ = 3,  /* index; answer: entry */
    SOFT_GTT_WRITE = 4, /* index, entry; no answer */
    SOFT_APERTURE = 5   /* offset, size; answered with a descriptor of size bytes, to be read */
};

#define SOFT_MAX_WORDS (2u * 4096u) /* payload: bus addresses of a block, entries of a list */

/* The argument: the module's struct, or words as said above. */
union soft_arg {
    uint64_t word[16];
    struct vgt_stub_info info;
    struct vgt_stub_reg reg;
    struct vgt_stub_dma_alloc alloc;
    struct vgt_stub_dma_query query;
    struct vgt_stub_dma_list list;
    struct vgt_stub_pin pin;
    struct vgt_stub_pin_list pin_list;
    struct vgt_stub_domain domain;
    struct vgt_stub_irq irq;
    struct vgt_stub_irq_fetch fetch;
    int32_t event;   /* IRQ_EVENTFD: whether a descriptor comes along; -1: none */
    uint32_t handle; /* DMA_FREE */
};
static_assert(sizeof(union soft_arg) == 128, "every argument fits");

/*
 * The first SOFT_HEADER bytes and then words payload words are sent. Descriptors go beside it:
 * SESSION, IRQ_EVENTFD (not for -1) bring one; the answers of DMA_ALLOC, DMA_QUERY (with room for
 * the addresses) and APERTURE do. A list's payload has two words an entry (DMA_LIST: handle | count
 * << 32 and tag; PIN_LIST: gfn and address).
 */
struct soft_message {
    uint32_t command; /* VGT_IOC_* or enum soft_command; repeated in the answer */
    uint32_t seq;
    int32_t result; /* of an answer: -errno, or what the call returns */
    uint32_t words;
    union soft_arg arg;
    uint64_t payload[SOFT_MAX_WORDS];
};
#define SOFT_HEADER offsetof(struct soft_message, payload)

static_assert(SOFT_HEADER == 16 + sizeof(union soft_arg), "soft message");
