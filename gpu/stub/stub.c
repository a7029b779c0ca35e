/* SPDX-License-Identifier: MIT */
/*
 * gpu over the nodes in /dev/vgt. Registers on the row's own pages are plain loads and stores, the
 * others go through the module's checked call. Nothing here has state of its own beyond the
 * mappings, so any thread may call; services make it at start and keep it.
 */
#include "gpu/stub/stub.h"
#include "gpu/stub/info.h"
#include "kmod-stub/access.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define GFX_FLSH_CNTL 0x101008u
#define REG_PAGES     (VGT_REGS_SIZE / GPU_PAGE_SIZE)

struct stub {
    struct gpu gpu; /* first */
    int fd;
    volatile uint8_t *page[REG_PAGES]; /* NULL: not mapped, use the call */
    volatile uint8_t *gtt;             /* row gtt only */
    size_t gtt_bytes;
};

static struct stub *stub_of(struct gpu *g)
{
    return (struct stub *)g;
}

static int call(int fd, unsigned long cmd, void *arg)
{
    int r;

    do
        r = ioctl(fd, cmd, arg);
    while (r < 0 && errno == EINTR);
    return r < 0 ? -errno : r;
}

static volatile uint8_t *window(struct stub *s, uint32_t offset, unsigned width)
{
    volatile uint8_t *page;

    if ((width != 4 && width != 8) || offset % width || offset > VGT_REGS_SIZE - width)
        return NULL;
    page = s->page[offset / GPU_PAGE_SIZE];
    return page != NULL ? page + offset % GPU_PAGE_SIZE : NULL;
}

static int checked(struct stub *s, uint8_t op, uint32_t offset, unsigned width, uint32_t clear,
                   uint64_t *value)
{
    struct vgt_stub_reg reg = {.offset = offset, .op = op, .clear = clear};
    int r;

    if (width != 4 && width != 8)
        return -EINVAL;
    reg.width = (uint8_t)width;
    if (op != VGT_REG_READ)
        reg.value = *value;
    r = call(s->fd, VGT_IOC_REG, &reg);
    if (r == 0 && op != VGT_REG_WRITE)
        *value = reg.value;
    return r;
}

static int stub_read(struct gpu *g, uint32_t offset, unsigned width, uint64_t *value)
{
    volatile uint8_t *w = window(stub_of(g), offset, width);

    if (w == NULL)
        return checked(stub_of(g), VGT_REG_READ, offset, width, 0, value);
    *value = width == 8 ? *(volatile uint64_t *)w : *(volatile uint32_t *)w;
    return 0;
}

static int stub_write(struct gpu *g, uint32_t offset, unsigned width, uint64_t value)
{
    volatile uint8_t *w = window(stub_of(g), offset, width);

    if (width == 4)
        value = (uint32_t)value;
    if (w == NULL)
        return checked(stub_of(g), VGT_REG_WRITE, offset, width, 0, &value);
    if (width == 8)
        *(volatile uint64_t *)w = value;
    else
        *(volatile uint32_t *)w = (uint32_t)value;
    return 0;
}

static int stub_rmw(struct gpu *g, uint32_t offset, uint32_t clear, uint32_t set, uint32_t *old)
{
    uint64_t value = set;
    int r = checked(stub_of(g), VGT_REG_RMW, offset, 4, clear, &value);

    if (r == 0 && old != NULL)
        *old = (uint32_t)value;
    return r;
}

static int check_gtt(struct gpu *g, uint32_t index)
{
    if (stub_of(g)->gtt == NULL)
        return -EACCES;
    return index < g->info.ggtt_entries ? 0 : -EINVAL;
}

static int stub_gtt_read(struct gpu *g, uint32_t index, uint64_t *entry)
{
    volatile uint8_t *gtt = stub_of(g)->gtt;
    int r = check_gtt(g, index);

    if (r != 0)
        return r;
    if (g->info.pte_size == 8)
        *entry = ((volatile uint64_t *)gtt)[index];
    else
        *entry = ((volatile uint32_t *)gtt)[index];
    return 0;
}

static int stub_gtt_write(struct gpu *g, uint32_t index, uint64_t entry)
{
    volatile uint8_t *gtt = stub_of(g)->gtt;
    int r = check_gtt(g, index);

    if (r != 0)
        return r;
    if (g->info.pte_size == 8) {
        ((volatile uint64_t *)gtt)[index] = entry;
        return 0;
    }
    if (entry >> 32)
        return -EINVAL;
    ((volatile uint32_t *)gtt)[index] = (uint32_t)entry;
    return 0;
}

static int stub_gtt_flush(struct gpu *g)
{
    uint64_t value;
    int r = stub_of(g)->gtt == NULL ? -EACCES : stub_write(g, GFX_FLSH_CNTL, 4, 1);

    return r != 0 ? r : stub_read(g, GFX_FLSH_CNTL, 4, &value);
}

static int map_at(struct stub *s, uint64_t at, size_t size, void **map)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, (off_t)at);

    if (p == MAP_FAILED)
        return -errno;
    *map = p;
    return 0;
}

static int stub_aperture_map(struct gpu *g, uint64_t offset, size_t size, void **map)
{
    if (size == 0 || offset % GPU_PAGE_SIZE || size % GPU_PAGE_SIZE)
        return -EINVAL;
    if (offset > g->info.aperture_size)
        return -EACCES;
    return map_at(stub_of(g), VGT_MMAP_APERTURE + offset, size, map);
}

static void stub_unmap(struct gpu *g, void *map, size_t size)
{
    int r = munmap(map, size);

    (void)g;
    assert(r == 0);
}

static void stub_dma_detach(struct gpu *g, struct gpu_dma *block)
{
    stub_unmap(g, block->map, (size_t)block->count * GPU_PAGE_SIZE);
    free(block->dma);
    memset(block, 0, sizeof(*block));
}

static int map_block(struct stub *s, struct gpu_dma *block)
{
    return map_at(s, VGT_MMAP_DMA + ((uint64_t)block->handle << VGT_MMAP_DMA_SHIFT),
                  (size_t)block->count * GPU_PAGE_SIZE, &block->map);
}

static int stub_dma_alloc(struct gpu *g, uint32_t count, uint64_t tag, struct gpu_dma *block)
{
    struct gpu_dma b = {.count = count, .tag = tag};
    struct vgt_stub_dma_alloc arg = {.count = count, .tag = tag};
    int r;

    if (count == 0 || count > VGT_DMA_MAX_COUNT)
        return -EINVAL;
    b.dma = calloc(count, sizeof(*b.dma));
    if (b.dma == NULL)
        return -ENOMEM;
    arg.addrs = (uintptr_t)b.dma;
    r = call(stub_of(g)->fd, VGT_IOC_DMA_ALLOC, &arg);
    if (r != 0)
        goto err;
    b.handle = arg.handle;
    r = map_block(stub_of(g), &b);
    if (r != 0) {
        call(stub_of(g)->fd, VGT_IOC_DMA_FREE, &b.handle);
        goto err;
    }
    *block = b;
    return 0;
err:
    free(b.dma);
    return r;
}

static int stub_dma_attach(struct gpu *g, uint32_t handle, struct gpu_dma *block)
{
    struct vgt_stub_dma_query arg = {.handle = handle};
    struct gpu_dma b = {.handle = handle};
    int r = call(stub_of(g)->fd, VGT_IOC_DMA_QUERY, &arg);

    if (r != 0)
        return r;
    b.count = arg.count;
    b.tag = arg.tag;
    b.dma = calloc(arg.count, sizeof(*b.dma));
    if (b.dma == NULL)
        return -ENOMEM;
    arg.tag = 0;
    arg.addrs = (uintptr_t)b.dma;
    r = call(stub_of(g)->fd, VGT_IOC_DMA_QUERY, &arg);
    if (r == 0)
        r = map_block(stub_of(g), &b);
    if (r != 0) {
        free(b.dma);
        return r;
    }
    *block = b;
    return 0;
}

static int stub_dma_free(struct gpu *g, struct gpu_dma *block)
{
    int r = call(stub_of(g)->fd, VGT_IOC_DMA_FREE, &block->handle);

    if (r == 0)
        stub_dma_detach(g, block);
    return r;
}

static int stub_dma_list(struct gpu *g, struct gpu_dma_entry *entries, uint32_t max)
{
    struct vgt_stub_dma_list arg = {.max = max > VGT_DMA_MAX_HANDLE ? VGT_DMA_MAX_HANDLE : max};
    int r;

    _Static_assert(sizeof(struct gpu_dma_entry) == sizeof(struct vgt_stub_dma_entry) &&
                       offsetof(struct gpu_dma_entry, tag) ==
                           offsetof(struct vgt_stub_dma_entry, tag),
                   "one layout");
    arg.entries = (uintptr_t)entries;
    r = call(stub_of(g)->fd, VGT_IOC_DMA_LIST, &arg);
    return r < 0 ? r : (int)arg.count;
}

static int stub_pin(struct gpu *g, uint16_t domid, const uint64_t *gfns, uint32_t count,
                    uint64_t *dma)
{
    struct vgt_stub_pin arg = {.domid = domid, .count = count};

    if (g->info.row != GPU_ROW_GTT)
        return -EACCES;
    arg.gfns = (uintptr_t)gfns;
    arg.addrs = (uintptr_t)dma;
    return call(stub_of(g)->fd, VGT_IOC_PIN, &arg);
}

static int stub_unpin(struct gpu *g, uint16_t domid, const uint64_t *gfns, uint32_t count)
{
    struct vgt_stub_pin arg = {.domid = domid, .count = count, .gfns = (uintptr_t)gfns};

    if (g->info.row != GPU_ROW_GTT)
        return -EACCES;
    return call(stub_of(g)->fd, VGT_IOC_UNPIN, &arg);
}

static int stub_unpin_domain(struct gpu *g, uint16_t domid)
{
    struct vgt_stub_domain arg = {.domid = domid};

    if (g->info.row != GPU_ROW_GTT)
        return -EACCES;
    return call(stub_of(g)->fd, VGT_IOC_UNPIN_DOMAIN, &arg);
}

static int stub_pin_list(struct gpu *g, uint16_t domid, uint64_t after, struct gpu_pin *pins,
                         uint32_t max)
{
    struct vgt_stub_pin_entry got[VGT_PIN_MAX_COUNT];
    uint32_t n = 0;

    if (g->info.row != GPU_ROW_GTT)
        return -EACCES;
    while (n < max) {
        uint32_t want = max - n < VGT_PIN_MAX_COUNT ? max - n : VGT_PIN_MAX_COUNT;
        struct vgt_stub_pin_list arg = {
            .domid = domid, .max = want, .after = after, .entries = (uintptr_t)got};
        int r = call(stub_of(g)->fd, VGT_IOC_PIN_LIST, &arg);
        if (r < 0)
            return r;
        for (int i = 0; i < r; i++)
            pins[n++] = (struct gpu_pin){domid, got[i].gfn, got[i].addr};
        if (r < (int)want)
            break;
        after = got[r - 1].gfn;
    }
    return (int)n;
}

static int stub_irq_eventfd(struct gpu *g, int fd)
{
    int32_t arg = fd;

    if (g->info.row == GPU_ROW_GTT)
        return -EACCES;
    return call(stub_of(g)->fd, VGT_IOC_IRQ_EVENTFD, &arg);
}

static int stub_irq_set(struct gpu *g, enum gpu_irq_bank bank, uint32_t imr, uint32_t ier)
{
    struct vgt_stub_irq arg = {.bank = bank, .imr = imr, .ier = ier};

    if (g->info.row == GPU_ROW_GTT)
        return -EACCES;
    return call(stub_of(g)->fd, VGT_IOC_IRQ_SET, &arg);
}

static int stub_irq_get(struct gpu *g, enum gpu_irq_bank bank, uint32_t *imr, uint32_t *ier)
{
    struct vgt_stub_irq arg = {.bank = bank};
    int r = g->info.row == GPU_ROW_GTT ? -EACCES : call(stub_of(g)->fd, VGT_IOC_IRQ_GET, &arg);

    if (r == 0) {
        *imr = arg.imr;
        *ier = arg.ier;
    }
    return r;
}

static int stub_irq_pending(struct gpu *g, uint32_t pending[GPU_IRQ_BANKS])
{
    struct vgt_stub_irq_fetch arg;
    int r = g->info.row == GPU_ROW_GTT ? -EACCES : call(stub_of(g)->fd, VGT_IOC_IRQ_FETCH, &arg);

    if (r >= 0)
        memcpy(pending, arg.pending, sizeof(arg.pending));
    return r;
}

static void stub_close(struct gpu *g)
{
    struct stub *s = stub_of(g);

    for (unsigned i = 0; i < REG_PAGES; i++) {
        if (s->page[i] != NULL)
            munmap((void *)s->page[i], GPU_PAGE_SIZE);
    }
    if (s->gtt != NULL)
        munmap((void *)s->gtt, s->gtt_bytes);
    free(s);
}

static const struct gpu_ops stub_ops = {
    .close = stub_close,
    .read = stub_read,
    .write = stub_write,
    .rmw = stub_rmw,
    .gtt_read = stub_gtt_read,
    .gtt_write = stub_gtt_write,
    .gtt_flush = stub_gtt_flush,
    .aperture_map = stub_aperture_map,
    .aperture_unmap = stub_unmap,
    .dma_alloc = stub_dma_alloc,
    .dma_attach = stub_dma_attach,
    .dma_detach = stub_dma_detach,
    .dma_free = stub_dma_free,
    .dma_list = stub_dma_list,
    .pin = stub_pin,
    .unpin = stub_unpin,
    .unpin_domain = stub_unpin_domain,
    .pin_list = stub_pin_list,
    .irq_eventfd = stub_irq_eventfd,
    .irq_set = stub_irq_set,
    .irq_get = stub_irq_get,
    .irq_pending = stub_irq_pending,
};

static int map_windows(struct stub *s, const struct vgt_stub_info *info)
{
    struct vgt_access_dev dev = {info->gen, info->vcs2};
    void *p = NULL;
    int r;

    for (uint32_t i = 0; i < REG_PAGES; i++) {
        if (!vgt_access_map(&dev, info->row, i * GPU_PAGE_SIZE))
            continue;
        r = map_at(s, (uint64_t)i * GPU_PAGE_SIZE, GPU_PAGE_SIZE, &p);
        if (r != 0)
            return r;
        s->page[i] = p;
    }
    if (info->row != VGT_ROW_GTT)
        return 0;
    s->gtt_bytes = (size_t)info->ggtt_entries * info->pte_size;
    r = map_at(s, info->gtt_offset, s->gtt_bytes, &p);
    if (r == 0)
        s->gtt = p;
    return r;
}

static int get_info(int fd, struct vgt_stub_info *raw, struct gpu_info *info)
{
    int r = call(fd, VGT_IOC_INFO, raw);

    return r != 0 ? r : gpu_info_take(info, raw);
}

int gpu_stub_info(int fd, struct gpu_info *info)
{
    struct vgt_stub_info raw;

    return get_info(fd, &raw, info);
}

int gpu_stub_open_fd(int fd, struct gpu **g)
{
    struct vgt_stub_info raw;
    struct gpu_info info;
    struct stub *s;
    int r = get_info(fd, &raw, &info);

    if (r != 0)
        return r;
    s = calloc(1, sizeof(*s));
    if (s == NULL)
        return -ENOMEM;
    s->gpu.ops = &stub_ops;
    s->fd = fd;
    s->gpu.info = info;
    r = map_windows(s, &raw);
    if (r != 0) {
        stub_close(&s->gpu);
        return r;
    }
    *g = &s->gpu;
    return 0;
}

const char *gpu_stub_path(enum gpu_row row)
{
    static const char *const paths[GPU_ROWS] = {"/dev/vgt/gtt", "/dev/vgt/sched",
                                                "/dev/vgt/display"};

    assert(row < GPU_ROWS);
    return paths[row];
}

int gpu_stub_attach(int broker_fd, uint16_t domid)
{
    struct vgt_stub_domain arg = {.domid = domid};

    return call(broker_fd, VGT_IOC_ATTACH, &arg);
}

int gpu_stub_detach(int broker_fd, uint16_t domid)
{
    struct vgt_stub_domain arg = {.domid = domid};

    return call(broker_fd, VGT_IOC_DETACH, &arg);
}
