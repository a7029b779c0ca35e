/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * vgt-softstub, between its files: what it knows of its one GPU, of the rows and of the domains.
 * It keeps the rules of vgt_stub.ko (docs/stub.md) in a process, with softgpu as the device.
 * One thread, its loop, so nothing here is locked.
 */
#include "gpu/soft/wire.h"
#include "kmod-stub/access.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "tests/rig/vfu_client.h"

#include <stdbool.h>
#include <sys/queue.h>

#define STUB_PAGE 4096u

/* Bus addresses, all below 2^39: a PTE's reach. */
#define STUB_SCRATCH   0x1000000ull   /* the scratch page */
#define STUB_SLOT      (8ull << 30)   /* a domain's memory, slot i from i * STUB_SLOT on */
#define STUB_SLOTS     56u            /* slots 1..55 */
#define STUB_POOL      (448ull << 30) /* rows' pages */
#define STUB_POOL_END  (1ull << 39)
#define STUB_MAX_DOMID 0x7fefu

enum stub_region { STUB_BAR0 = 0, STUB_BAR2 = 2, STUB_CONFIG = 7 };

struct softstub;

/* A block of a row's pages. The first half on the bus is the second half of the file and the other
 * way round, so that who takes the first address and adds to it fails. */
struct stub_block {
    LIST_ENTRY(stub_block) link; /* of the row, or limbo */
    LIST_ENTRY(stub_block) all;
    uint32_t handle, count;
    uint32_t first; /* pages of the file that stand second on the bus */
    uint64_t tag, bus;
    int fd;
};
LIST_HEAD(stub_blocks, stub_block);

/* A row's node. The broker's has no blocks and no interrupts. */
struct stub_node {
    struct softstub *s;
    unsigned index;   /* VGT_ROW_* or SOFT_BROKER */
    unsigned holders; /* connections and sessions; 0: closed */
    uint64_t generation;
    struct stub_blocks blocks;
    uint32_t pages, last_handle;
    int event; /* -1: none */
    uint32_t pending[VGT_BANKS];
};

/* A domain the broker attached, or one that has memory. */
struct stub_domain {
    LIST_ENTRY(stub_domain) link;
    uint16_t domid;
    bool attached;
    bool forgotten; /* its memory goes with the last pin */
    int fd;         /* memory, -1: none */
    uint64_t base, frames, holes;
    uint32_t pins;
    uint8_t *pinned, *hole; /* a bit per frame */
};
LIST_HEAD(stub_domains, stub_domain);

struct stub_ctl;
struct stub_judge;
struct stub_peer;
LIST_HEAD(stub_peers, stub_peer);

struct stub_limits {
    uint32_t dma_pages, pins, slice_mb;
};

struct softstub {
    struct loop *loop;
    const struct log *log;
    struct vfu_client *gpu;
    struct stub_limits limits;
    uint16_t device, ggc;
    uint8_t revision, pte_size;
    struct vgt_access_dev access;
    uint64_t aperture_size;
    uint32_t ggtt_entries, gtt_offset, slice, slice_at;
    int scratch; /* its file */
    int msi;
    struct loop_source *on_msi, *on_end;
    struct stub_node node[SOFT_NODES];
    struct stub_blocks all, limbo;
    uint64_t next_bus;
    struct stub_domains domains;
    uint32_t pins;
    struct stub_peers peers;
    struct stub_peer *listener;
    struct stub_ctl *ctl;
    struct stub_judge *judge; /* NULL: nobody judges */
};

/* A call of a session: m holds the request and becomes the answer. */
struct stub_call {
    struct softstub *s;
    struct stub_node *node;
    struct soft_message *m; /* a handler that fills the payload sets words */
    int in;                 /* descriptor that came, or -1; closed afterwards */
    int out;                /* descriptor to answer with, or -1 */
    bool close_out;         /* it is the answer's alone */
};

/* stub_gpu.c: the device. */
int stub_gpu_start(struct softstub *s);
uint32_t stub_rd(struct softstub *s, uint32_t offset);
void stub_wr(struct softstub *s, uint32_t offset, uint32_t value);
void stub_gpu_reset(struct softstub *s);
void stub_gtt_scratch(struct softstub *s);
int stub_call_reg(struct stub_call *c);
int stub_call_gtt_read(struct stub_call *c);
int stub_call_gtt_write(struct stub_call *c);
int stub_call_aperture(struct stub_call *c);

/* stub_irq.c */
void stub_irq_handle(struct softstub *s);
void stub_irq_off(struct softstub *s);
void stub_irq_on(struct softstub *s);
void stub_irq_node_close(struct stub_node *n);
int stub_call_irq_eventfd(struct stub_call *c);
int stub_call_irq_set(struct stub_call *c);
int stub_call_irq_get(struct stub_call *c);
int stub_call_irq_fetch(struct stub_call *c);

/* stub_dma.c. stub_memory: a zeroed file of that size that cannot change it. */
int stub_memory(const char *name, uint64_t size);
int stub_call_dma_alloc(struct stub_call *c);
int stub_call_dma_free(struct stub_call *c);
int stub_call_dma_query(struct stub_call *c);
int stub_call_dma_list(struct stub_call *c);
void stub_dma_node_close(struct stub_node *n);
void stub_dma_release_limbo(struct softstub *s);
uint64_t stub_block_bus(const struct stub_block *b, uint32_t page);

/* stub_pin.c */
struct stub_domain *stub_domain_find(struct softstub *s, uint16_t domid);
/* fd is the callee's. -EEXIST: the domain has memory. */
int stub_domain_memory(struct softstub *s, uint16_t domid, int fd, uint64_t *base);
int stub_domain_forget(struct softstub *s, uint16_t domid);
/* After the nodes have ended: no one holds any. */
void stub_domains_end(struct softstub *s);
int stub_domain_holes(struct softstub *s, uint16_t domid, uint64_t gfn, uint64_t count, bool hole);
/* Nobody's any more: a hole that no pin keeps. */
bool stub_domain_lost(const struct stub_domain *d, uint64_t gfn);
int stub_call_pin(struct stub_call *c);
int stub_call_unpin(struct stub_call *c);
int stub_call_unpin_domain(struct stub_call *c);
int stub_call_pin_list(struct stub_call *c);
int stub_call_attach(struct stub_call *c);
int stub_call_detach(struct stub_call *c);
void stub_detach_all(struct softstub *s);
void stub_unpin_all(struct softstub *s);

/* stub_call.c: runs one request; true if it is to be answered. */
bool stub_call_run(struct stub_call *c);

/* stub_node.c: connections. stub_listen: a listening socket or -errno. */
int stub_listen(const char *path, int type);
void stub_nodes_init(struct softstub *s);
int stub_listen_nodes(struct softstub *s, const char *path);
void stub_nodes_end(struct softstub *s);

/* stub_judge.c: path is softgpu's control socket. Changed: blocks or domains' memory. */
int stub_judge_start(struct softstub *s, const char *path);
void stub_judge_changed(struct softstub *s);
void stub_judge_end(struct softstub *s);

/* stub_ctl.c: lines of text. */
int stub_listen_ctl(struct softstub *s, const char *path);
void stub_ctl_end(struct softstub *s);
