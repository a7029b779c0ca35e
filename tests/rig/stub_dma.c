/* SPDX-License-Identifier: MIT */
/*
 * stub_dma.c: rows' pages. A block is a file of its own, so that a row can be given its memory and
 * no other's; the device reaches it at bus addresses that are not used again soon, so that a use
 * after the free finds nothing. Blocks of a closed row wait in limbo until row gtt is closed and
 * its GTT cleared.
 */
#include "tests/rig/stub.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int stub_memory(const char *name, uint64_t size)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING), r = 0;

    if (fd < 0)
        return -errno;
    if (ftruncate(fd, (off_t)size) || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW))
        r = -errno;
    if (r)
        close(fd);
    return r ? r : fd;
}

static uint64_t size_of(const struct stub_block *b)
{
    return (uint64_t)b->count * STUB_PAGE;
}

uint64_t stub_block_bus(const struct stub_block *b, uint32_t page)
{
    uint32_t second = b->count - b->first;

    return b->bus + (uint64_t)(page < b->first ? page + second : page - b->first) * STUB_PAGE;
}

/* The first block in [from, from + size), or NULL. */
static const struct stub_block *in_the_way(const struct softstub *s, uint64_t from, uint64_t size)
{
    const struct stub_block *b;

    LIST_FOREACH(b, &s->all, all)
    if (b->bus < from + size && from < b->bus + size_of(b))
        return b;
    return NULL;
}

/* Goes round through the whole pool. */
static int place(struct softstub *s, uint64_t size, uint64_t *bus)
{
    uint64_t at = s->next_bus ? s->next_bus : STUB_POOL;
    const struct stub_block *b;
    bool wrapped = false;

    for (;;) {
        if (size > STUB_POOL_END - at) {
            if (wrapped)
                return -ENOMEM;
            wrapped = true;
            at = STUB_POOL;
        }
        b = in_the_way(s, at, size);
        if (!b)
            break;
        at = b->bus + size_of(b);
    }
    *bus = at;
    s->next_bus = at + size;
    return 0;
}

/* Two ranges, the file's second part first; a block of one page is one. */
static int map_block(struct softstub *s, const struct stub_block *b)
{
    uint64_t first = (uint64_t)b->first * STUB_PAGE, second = size_of(b) - first;
    int r = vfu_client_map(s->gpu, b->bus, second, b->fd, first);

    if (r || !first)
        return r;
    r = vfu_client_map(s->gpu, b->bus + second, first, b->fd, 0);
    if (r)
        vfu_client_unmap(s->gpu, b->bus, second);
    return r;
}

static void unmap_block(struct softstub *s, const struct stub_block *b)
{
    uint64_t first = (uint64_t)b->first * STUB_PAGE, second = size_of(b) - first;

    vfu_client_unmap(s->gpu, b->bus, second);
    if (first)
        vfu_client_unmap(s->gpu, b->bus + second, first);
}

static struct stub_block *find(struct stub_node *n, uint32_t handle)
{
    struct stub_block *b;

    LIST_FOREACH(b, &n->blocks, link)
    if (b->handle == handle)
        return b;
    return NULL;
}

/* A handle that no block of the row has: the next one. */
static int new_handle(struct stub_node *n, uint32_t *handle)
{
    for (uint32_t i = 1; i <= VGT_DMA_MAX_HANDLE; i++) {
        uint32_t h = (n->last_handle + i - 1) % VGT_DMA_MAX_HANDLE + 1;

        if (!find(n, h)) {
            *handle = n->last_handle = h;
            return 0;
        }
    }
    return -ENOSPC;
}

static int make(struct stub_node *n, struct stub_block *b)
{
    int r = new_handle(n, &b->handle);

    if (!r)
        r = place(n->s, size_of(b), &b->bus);
    if (r)
        return r;
    b->fd = stub_memory("vgt-dma", size_of(b));
    if (b->fd < 0)
        return b->fd;
    r = map_block(n->s, b);
    if (r)
        close(b->fd);
    return r;
}

/* It is in its row's list or in limbo. */
static void drop(struct softstub *s, struct stub_block *b)
{
    stub_judge_changed(s);
    unmap_block(s, b);
    LIST_REMOVE(b, link);
    LIST_REMOVE(b, all);
    close(b->fd);
    free(b);
}

/* The block's addresses and memory go into the answer. */
static void describe(struct stub_call *c, const struct stub_block *b)
{
    for (uint32_t i = 0; i < b->count; i++)
        c->m->payload[i] = stub_block_bus(b, i);
    c->m->words = b->count;
    c->out = b->fd;
}

int stub_call_dma_alloc(struct stub_call *c)
{
    struct vgt_stub_dma_alloc *arg = &c->m->arg.alloc;
    struct stub_node *n = c->node;
    struct stub_block *b;
    int r;

    if (!arg->count || arg->count > VGT_DMA_MAX_COUNT || arg->handle)
        return -EINVAL;
    if (arg->count > c->s->limits.dma_pages || n->pages > c->s->limits.dma_pages - arg->count)
        return -ENOSPC;
    b = calloc(1, sizeof(*b));
    if (!b)
        return -ENOMEM;
    b->count = arg->count;
    b->first = arg->count / 2;
    b->tag = arg->tag;
    r = make(n, b);
    if (r) {
        free(b);
        return r;
    }
    LIST_INSERT_HEAD(&n->blocks, b, link);
    LIST_INSERT_HEAD(&c->s->all, b, all);
    stub_judge_changed(c->s);
    n->pages += b->count;
    arg->handle = b->handle;
    describe(c, b);
    return 0;
}

int stub_call_dma_free(struct stub_call *c)
{
    struct stub_block *b = find(c->node, c->m->arg.handle);

    /* Not trusted to know that no GTT entry names them any more. */
    if (c->node->index == VGT_ROW_DISPLAY)
        return -EACCES;
    if (!b)
        return -ENOENT;
    c->node->pages -= b->count;
    drop(c->s, b);
    return 0;
}

int stub_call_dma_query(struct stub_call *c)
{
    struct vgt_stub_dma_query *arg = &c->m->arg.query;
    struct stub_block *b = find(c->node, arg->handle);
    bool room = b && arg->count >= b->count;

    if (arg->tag)
        return -EINVAL;
    if (!b)
        return -ENOENT;
    arg->count = b->count;
    arg->tag = b->tag;
    if (room)
        describe(c, b);
    return 0;
}

int stub_call_dma_list(struct stub_call *c)
{
    struct vgt_stub_dma_list *arg = &c->m->arg.list;
    struct stub_block *b;

    if (arg->count || arg->max > VGT_DMA_MAX_HANDLE)
        return -EINVAL;
    LIST_FOREACH(b, &c->node->blocks, link)
    {
        if (arg->count++ >= arg->max || c->m->words + 2 > SOFT_MAX_WORDS)
            continue;
        c->m->payload[c->m->words++] = b->handle | (uint64_t)b->count << 32;
        c->m->payload[c->m->words++] = b->tag;
    }
    return 0;
}

void stub_dma_node_close(struct stub_node *n)
{
    struct stub_block *b;

    while ((b = LIST_FIRST(&n->blocks))) {
        LIST_REMOVE(b, link);
        LIST_INSERT_HEAD(&n->s->limbo, b, link);
    }
    n->pages = 0;
}

void stub_dma_release_limbo(struct softstub *s)
{
    struct stub_block *b;

    while ((b = LIST_FIRST(&s->limbo)))
        drop(s, b);
}
