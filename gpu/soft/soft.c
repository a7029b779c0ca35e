/* SPDX-License-Identifier: MIT */
/*
 * gpu over a session with the program that stands in for vgt_stub.ko. Services make it at start and
 * keep it; any thread may call, the link's lock lets one through at a time. State is the server's.
 */
#include "gpu/soft/soft.h"
#include "gpu/soft/link.h"
#include "gpu/stub/info.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define GFX_FLSH_CNTL 0x101008u

struct soft {
    struct gpu gpu; /* first */
    struct soft_link link;
};

static struct soft_link *link_of(struct gpu *g)
{
    return &((struct soft *)g)->link;
}

/* ---- registers */

static int reg(struct gpu *g, uint8_t op, uint32_t offset, unsigned width, uint32_t clear,
               uint64_t *value)
{
    struct vgt_stub_reg arg = {.offset = offset, .op = op, .clear = clear};
    int r;

    if (width != 4 && width != 8)
        return -EINVAL;
    arg.width = (uint8_t)width;
    if (op != VGT_REG_READ)
        arg.value = width == 4 ? (uint32_t)*value : *value;
    r = soft_link_call(link_of(g), VGT_IOC_REG, &arg, sizeof(arg), NULL);
    if (r == 0 && op != VGT_REG_WRITE)
        *value = arg.value;
    return r;
}

static int soft_read(struct gpu *g, uint32_t offset, unsigned width, uint64_t *value)
{
    return reg(g, VGT_REG_READ, offset, width, 0, value);
}

static int soft_write(struct gpu *g, uint32_t offset, unsigned width, uint64_t value)
{
    return reg(g, VGT_REG_WRITE, offset, width, 0, &value);
}

static int soft_rmw(struct gpu *g, uint32_t offset, uint32_t clear, uint32_t set, uint32_t *old)
{
    uint64_t value = set;
    int r = reg(g, VGT_REG_RMW, offset, 4, clear, &value);

    if (r == 0 && old != NULL)
        *old = (uint32_t)value;
    return r;
}

/* ---- the GTT */

static int check_gtt(struct gpu *g, uint32_t index)
{
    if (g->info.row != GPU_ROW_GTT)
        return -EACCES;
    return index < g->info.ggtt_entries ? 0 : -EINVAL;
}

static int soft_gtt_read(struct gpu *g, uint32_t index, uint64_t *entry)
{
    uint64_t arg[2] = {index};
    int r = check_gtt(g, index);

    if (r == 0)
        r = soft_link_call(link_of(g), SOFT_GTT_READ, arg, sizeof(arg), NULL);
    if (r == 0)
        *entry = arg[1];
    return r;
}

static int soft_gtt_write(struct gpu *g, uint32_t index, uint64_t entry)
{
    uint64_t arg[2] = {index, entry};
    int r = check_gtt(g, index);

    if (r == 0 && g->info.pte_size == 4 && entry >> 32)
        r = -EINVAL;
    return r != 0 ? r : soft_link_post(link_of(g), SOFT_GTT_WRITE, arg, sizeof(arg));
}

static int soft_gtt_flush(struct gpu *g)
{
    uint64_t value;
    int r = g->info.row != GPU_ROW_GTT ? -EACCES : soft_write(g, GFX_FLSH_CNTL, 4, 1);

    return r != 0 ? r : soft_read(g, GFX_FLSH_CNTL, 4, &value);
}

/* ---- mappings */

/* Maps all of the descriptor, which goes. */
static int map_fd(int fd, size_t size, int prot, void **map)
{
    void *p;
    int r = 0;

    if (fd < 0)
        return -EPROTO;
    p = mmap(NULL, size, prot, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        r = -errno;
    else
        *map = p;
    close(fd);
    return r;
}

static int soft_aperture_map(struct gpu *g, uint64_t offset, size_t size, void **map)
{
    uint64_t arg[2] = {offset, size};
    int fd = -1, r;
    struct soft_call c = {.got_fd = &fd};

    if (size == 0 || offset % GPU_PAGE_SIZE || size % GPU_PAGE_SIZE)
        return -EINVAL;
    r = soft_link_call(link_of(g), SOFT_APERTURE, arg, sizeof(arg), &c);
    if (r == 0)
        return map_fd(fd, size, PROT_READ, map);
    assert(fd < 0);
    return r;
}

static void soft_unmap(struct gpu *g, void *map, size_t size)
{
    int r = munmap(map, size);

    (void)g;
    assert(r == 0);
}

/* ---- DMA-able pages */

static void soft_dma_detach(struct gpu *g, struct gpu_dma *block)
{
    soft_unmap(g, block->map, (size_t)block->count * GPU_PAGE_SIZE);
    free(block->dma);
    memset(block, 0, sizeof(*block));
}

/* The answer to ALLOC or QUERY: every page's address and the memory. */
static int take_block(struct gpu_dma *b, const struct soft_call *c)
{
    if (c->in_words != b->count) {
        if (*c->got_fd >= 0)
            close(*c->got_fd);
        return -EPROTO;
    }
    return map_fd(*c->got_fd, (size_t)b->count * GPU_PAGE_SIZE, PROT_READ | PROT_WRITE, &b->map);
}

static int soft_dma_alloc(struct gpu *g, uint32_t count, uint64_t tag, struct gpu_dma *block)
{
    struct vgt_stub_dma_alloc arg = {.count = count, .tag = tag};
    struct gpu_dma b = {.count = count, .tag = tag};
    int fd = -1, r;

    if (count == 0 || count > VGT_DMA_MAX_COUNT)
        return -EINVAL;
    b.dma = calloc(count, sizeof(*b.dma));
    if (b.dma == NULL)
        return -ENOMEM;
    struct soft_call c = {.in = b.dma, .in_room = count, .got_fd = &fd};
    r = soft_link_call(link_of(g), VGT_IOC_DMA_ALLOC, &arg, sizeof(arg), &c);
    if (r != 0)
        goto err;
    b.handle = arg.handle;
    r = take_block(&b, &c);
    if (r != 0) {
        soft_link_call(link_of(g), VGT_IOC_DMA_FREE, &b.handle, sizeof(b.handle), NULL);
        goto err;
    }
    *block = b;
    return 0;
err:
    free(b.dma);
    return r;
}

static int soft_dma_attach(struct gpu *g, uint32_t handle, struct gpu_dma *block)
{
    struct vgt_stub_dma_query arg = {.handle = handle};
    struct gpu_dma b = {.handle = handle};
    int fd = -1, r = soft_link_call(link_of(g), VGT_IOC_DMA_QUERY, &arg, sizeof(arg), NULL);

    if (r != 0)
        return r;
    if (arg.count == 0 || arg.count > VGT_DMA_MAX_COUNT)
        return -EPROTO;
    b.count = arg.count;
    b.tag = arg.tag;
    b.dma = calloc(arg.count, sizeof(*b.dma));
    if (b.dma == NULL)
        return -ENOMEM;
    struct soft_call c = {.in = b.dma, .in_room = b.count, .got_fd = &fd};
    arg.tag = 0;
    r = soft_link_call(link_of(g), VGT_IOC_DMA_QUERY, &arg, sizeof(arg), &c);
    if (r == 0)
        r = take_block(&b, &c);
    if (r != 0)
        free(b.dma);
    else
        *block = b;
    return r;
}

static int soft_dma_free(struct gpu *g, struct gpu_dma *block)
{
    uint32_t handle = block->handle;
    int r = soft_link_call(link_of(g), VGT_IOC_DMA_FREE, &handle, sizeof(handle), NULL);

    if (r == 0)
        soft_dma_detach(g, block);
    return r;
}

static int soft_dma_list(struct gpu *g, struct gpu_dma_entry *entries, uint32_t max)
{
    struct vgt_stub_dma_list arg = {.max = max < SOFT_MAX_WORDS / 2 ? max : SOFT_MAX_WORDS / 2};
    uint64_t *got = calloc(SOFT_MAX_WORDS, sizeof(*got));
    struct soft_call c = {.in = got, .in_room = SOFT_MAX_WORDS};
    int r;

    if (got == NULL)
        return -ENOMEM;
    r = soft_link_call(link_of(g), VGT_IOC_DMA_LIST, &arg, sizeof(arg), &c);
    for (uint32_t i = 0; r == 0 && i < c.in_words / 2 && i < max; i++)
        entries[i] = (struct gpu_dma_entry){(uint32_t)got[2 * i], (uint32_t)(got[2 * i] >> 32),
                                            got[2 * i + 1]};
    free(got);
    return r < 0 ? r : (int)arg.count;
}

/* ---- pins */

static int soft_pin(struct gpu *g, uint16_t domid, const uint64_t *gfns, uint32_t count,
                    uint64_t *dma)
{
    struct vgt_stub_pin arg = {.domid = domid, .count = count};
    struct soft_call c = {.out = gfns, .out_words = count, .in = dma, .in_room = count};
    int r;

    if (g->info.row != GPU_ROW_GTT)
        return -EACCES;
    if (count == 0 || count > VGT_PIN_MAX_COUNT)
        return -EINVAL;
    r = soft_link_call(link_of(g), VGT_IOC_PIN, &arg, sizeof(arg), &c);
    return r == 0 && c.in_words != count ? -EPROTO : r;
}

static int soft_unpin(struct gpu *g, uint16_t domid, const uint64_t *gfns, uint32_t count)
{
    struct vgt_stub_pin arg = {.domid = domid, .count = count};
    struct soft_call c = {.out = gfns, .out_words = count};

    if (g->info.row != GPU_ROW_GTT)
        return -EACCES;
    if (count == 0 || count > VGT_PIN_MAX_COUNT)
        return -EINVAL;
    return soft_link_call(link_of(g), VGT_IOC_UNPIN, &arg, sizeof(arg), &c);
}

static int soft_unpin_domain(struct gpu *g, uint16_t domid)
{
    struct vgt_stub_domain arg = {.domid = domid};

    if (g->info.row != GPU_ROW_GTT)
        return -EACCES;
    return soft_link_call(link_of(g), VGT_IOC_UNPIN_DOMAIN, &arg, sizeof(arg), NULL);
}

static int soft_pin_list(struct gpu *g, uint16_t domid, uint64_t after, struct gpu_pin *pins,
                         uint32_t max)
{
    uint64_t got[2 * VGT_PIN_MAX_COUNT];
    uint32_t n = 0;

    if (g->info.row != GPU_ROW_GTT)
        return -EACCES;
    while (n < max) {
        uint32_t want = max - n < VGT_PIN_MAX_COUNT ? max - n : VGT_PIN_MAX_COUNT;
        struct vgt_stub_pin_list arg = {.domid = domid, .max = want, .after = after};
        struct soft_call c = {.in = got, .in_room = 2 * want};
        int r = soft_link_call(link_of(g), VGT_IOC_PIN_LIST, &arg, sizeof(arg), &c);
        if (r < 0)
            return r;
        if (c.in_words != 2 * (uint32_t)r)
            return -EPROTO;
        for (int i = 0; i < r; i++)
            pins[n++] = (struct gpu_pin){domid, got[2 * i], got[2 * i + 1]};
        if (r < (int)want)
            break;
        after = got[2 * (r - 1)];
    }
    return (int)n;
}

/* ---- interrupts */

static int soft_irq_eventfd(struct gpu *g, int fd)
{
    int32_t arg = fd;
    struct soft_call c = {.fd = fd, .send_fd = fd >= 0};

    if (g->info.row == GPU_ROW_GTT)
        return -EACCES;
    return soft_link_call(link_of(g), VGT_IOC_IRQ_EVENTFD, &arg, sizeof(arg), &c);
}

static int soft_irq_set(struct gpu *g, enum gpu_irq_bank bank, uint32_t imr, uint32_t ier)
{
    struct vgt_stub_irq arg = {.bank = bank, .imr = imr, .ier = ier};

    if (g->info.row == GPU_ROW_GTT)
        return -EACCES;
    return soft_link_call(link_of(g), VGT_IOC_IRQ_SET, &arg, sizeof(arg), NULL);
}

static int soft_irq_get(struct gpu *g, enum gpu_irq_bank bank, uint32_t *imr, uint32_t *ier)
{
    struct vgt_stub_irq arg = {.bank = bank};
    int r;

    if (g->info.row == GPU_ROW_GTT)
        return -EACCES;
    r = soft_link_call(link_of(g), VGT_IOC_IRQ_GET, &arg, sizeof(arg), NULL);
    if (r == 0) {
        *imr = arg.imr;
        *ier = arg.ier;
    }
    return r;
}

static int soft_irq_pending(struct gpu *g, uint32_t pending[GPU_IRQ_BANKS])
{
    struct vgt_stub_irq_fetch arg = {0};
    int r;

    if (g->info.row == GPU_ROW_GTT)
        return -EACCES;
    r = soft_link_call(link_of(g), VGT_IOC_IRQ_FETCH, &arg, sizeof(arg), NULL);
    if (r >= 0)
        memcpy(pending, arg.pending, sizeof(arg.pending));
    return r;
}

/* ---- opening */

static void soft_close(struct gpu *g)
{
    soft_link_close(link_of(g));
    free(g);
}

static const struct gpu_ops soft_ops = {
    .close = soft_close,
    .read = soft_read,
    .write = soft_write,
    .rmw = soft_rmw,
    .gtt_read = soft_gtt_read,
    .gtt_write = soft_gtt_write,
    .gtt_flush = soft_gtt_flush,
    .aperture_map = soft_aperture_map,
    .aperture_unmap = soft_unmap,
    .dma_alloc = soft_dma_alloc,
    .dma_attach = soft_dma_attach,
    .dma_detach = soft_dma_detach,
    .dma_free = soft_dma_free,
    .dma_list = soft_dma_list,
    .pin = soft_pin,
    .unpin = soft_unpin,
    .unpin_domain = soft_unpin_domain,
    .pin_list = soft_pin_list,
    .irq_eventfd = soft_irq_eventfd,
    .irq_set = soft_irq_set,
    .irq_get = soft_irq_get,
    .irq_pending = soft_irq_pending,
};

int gpu_soft_open_fd(int fd, struct gpu **g)
{
    struct vgt_stub_info info = {0};
    struct soft *s = calloc(1, sizeof(*s));
    int r;

    if (s == NULL)
        return -ENOMEM;
    r = soft_link_open(&s->link, fd);
    if (r != 0) {
        free(s);
        return r;
    }
    s->gpu.ops = &soft_ops;
    r = soft_link_call(&s->link, VGT_IOC_INFO, &info, sizeof(info), NULL);
    if (r == 0)
        r = gpu_info_take(&s->gpu.info, &info);
    if (r == 0)
        *g = &s->gpu;
    else
        soft_close(&s->gpu);
    return r;
}

int gpu_soft_info(int fd, struct gpu_info *info)
{
    struct gpu *g;
    int r = gpu_soft_open_fd(fd, &g);

    if (r != 0)
        return r;
    *info = g->info;
    gpu_close(g);
    return 0;
}
