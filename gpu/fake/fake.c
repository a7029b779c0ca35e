/* SPDX-License-Identifier: MIT */
/*
 * The fake GPU's registers, hooks, log, GGTT, aperture slice and interrupts. Tests create it and
 * hand a row to the code under test; one thread, others may pin.
 */
#include "gpu/fake/state.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GFX_FLSH_CNTL 0x101008u

_Static_assert((int)GPU_ROWS == (int)VGT_ROWS && (int)GPU_ROW_DISPLAY == (int)VGT_ROW_DISPLAY,
               "rows");
_Static_assert((int)GPU_IRQ_BANKS == (int)VGT_BANKS && (int)GPU_IRQ_PCH == (int)VGT_BANK_PCH,
               "banks");

static struct fake_row *row_of(struct gpu *g)
{
    return (struct fake_row *)g;
}

struct gpu_fake *fake_of(struct gpu *g)
{
    return row_of(g)->dev;
}

void fake_log(struct gpu_fake *f, uint8_t row, uint8_t kind, uint32_t offset, uint8_t width,
              uint64_t value)
{
    pthread_mutex_lock(&f->lock);
    if (f->nlog == f->log_room) {
        size_t room = f->log_room ? 2 * f->log_room : 1024;
        struct gpu_fake_access *log = realloc(f->log, room * sizeof(*log));
        assert(log != NULL);
        f->log = log;
        f->log_room = room;
    }
    f->log[f->nlog++] = (struct gpu_fake_access){kind, row, width, offset, value};
    pthread_mutex_unlock(&f->lock);
}

int fake_take_failure(struct gpu_fake *f)
{
    int r = 0;

    pthread_mutex_lock(&f->lock);
    if (f->fail_count != 0) {
        f->fail_count--;
        r = -f->fail_err;
    }
    pthread_mutex_unlock(&f->lock);
    return r;
}

uint32_t gpu_fake_get(const struct gpu_fake *f, uint32_t offset)
{
    assert(offset < VGT_REGS_SIZE && offset % 4 == 0);
    return f->regs[offset / 4];
}

void gpu_fake_set(struct gpu_fake *f, uint32_t offset, uint32_t value)
{
    assert(offset < VGT_REGS_SIZE && offset % 4 == 0);
    f->regs[offset / 4] = value;
}

int gpu_fake_set_masked(struct gpu_fake *f, uint32_t offset)
{
    if (offset >= VGT_REGS_SIZE || offset % 4)
        return -EINVAL;
    f->masked[offset / 32] |= (uint8_t)(1u << (offset / 4 % 8));
    return 0;
}

static int check(struct gpu *g, uint32_t offset, unsigned width, unsigned need)
{
    struct gpu_fake *f = fake_of(g);

    if ((width != 4 && width != 8) || offset % width || offset > VGT_REGS_SIZE - width)
        return -EINVAL;
    return (vgt_access(&f->access, g->info.row, offset, width) & need) == need ? 0 : -EACCES;
}

static uint64_t load(struct gpu_fake *f, uint32_t offset, unsigned width)
{
    uint64_t v = f->regs[offset / 4];

    if (width == 8)
        v |= (uint64_t)f->regs[offset / 4 + 1] << 32;
    for (unsigned i = 0; i < f->nhooks; i++) {
        struct fake_hook *h = &f->hooks[i];
        if (h->read != NULL && offset >= h->first && offset <= h->last)
            h->read(h->ctx, f, offset, &v);
    }
    return width == 4 ? (uint32_t)v : v;
}

static void store(struct gpu_fake *f, uint32_t offset, unsigned width, uint64_t value)
{
    if (f->masked[offset / 32] & 1u << (offset / 4 % 8)) {
        uint32_t mask = (uint32_t)value >> 16;
        value = (f->regs[offset / 4] & ~mask) | (value & mask);
    }
    for (unsigned i = 0; i < f->nhooks; i++) {
        struct fake_hook *h = &f->hooks[i];
        if (h->write != NULL && offset >= h->first && offset <= h->last)
            h->write(h->ctx, f, offset, &value);
    }
    f->regs[offset / 4] = (uint32_t)value;
    if (width == 8)
        f->regs[offset / 4 + 1] = (uint32_t)(value >> 32);
}

static int fake_read(struct gpu *g, uint32_t offset, unsigned width, uint64_t *value)
{
    int r = check(g, offset, width, VGT_ACCESS_READ);

    if (r != 0)
        return r;
    *value = load(fake_of(g), offset, width);
    fake_log(fake_of(g), g->info.row, GPU_FAKE_READ, offset, (uint8_t)width, *value);
    return 0;
}

static int fake_write(struct gpu *g, uint32_t offset, unsigned width, uint64_t value)
{
    int r = check(g, offset, width, VGT_ACCESS_WRITE);

    if (r != 0)
        return r;
    if (width == 4)
        value = (uint32_t)value;
    fake_log(fake_of(g), g->info.row, GPU_FAKE_WRITE, offset, (uint8_t)width, value);
    store(fake_of(g), offset, width, value);
    return 0;
}

static int fake_rmw(struct gpu *g, uint32_t offset, uint32_t clear, uint32_t set, uint32_t *old)
{
    int r = check(g, offset, 4, VGT_ACCESS_READ | VGT_ACCESS_WRITE);
    uint32_t before;

    if (r != 0)
        return r;
    before = (uint32_t)load(fake_of(g), offset, 4);
    fake_log(fake_of(g), g->info.row, GPU_FAKE_RMW, offset, 4, (before & ~clear) | set);
    store(fake_of(g), offset, 4, (before & ~clear) | set);
    if (old != NULL)
        *old = before;
    return 0;
}

static int check_gtt(struct gpu *g, uint32_t index)
{
    if (g->info.row != GPU_ROW_GTT)
        return -EACCES;
    return index < fake_of(g)->ggtt_entries ? 0 : -EINVAL;
}

static int fake_gtt_read(struct gpu *g, uint32_t index, uint64_t *entry)
{
    int r = check_gtt(g, index);

    if (r == 0)
        *entry = fake_of(g)->gtt[index];
    return r;
}

static int fake_gtt_write(struct gpu *g, uint32_t index, uint64_t entry)
{
    int r = check_gtt(g, index);

    if (r != 0)
        return r;
    if (g->info.pte_size == 4 && entry >> 32)
        return -EINVAL;
    fake_log(fake_of(g), GPU_ROW_GTT, GPU_FAKE_GTT_WRITE, index, g->info.pte_size, entry);
    fake_of(g)->gtt[index] = entry;
    return 0;
}

static int fake_gtt_flush(struct gpu *g)
{
    if (g->info.row != GPU_ROW_GTT)
        return -EACCES;
    fake_log(fake_of(g), GPU_ROW_GTT, GPU_FAKE_GTT_FLUSH, GFX_FLSH_CNTL, 4, 1);
    return 0;
}

static int fake_aperture_map(struct gpu *g, uint64_t offset, size_t size, void **map)
{
    uint64_t at = g->info.aperture_slice_at;

    if (g->info.row != GPU_ROW_DISPLAY)
        return -EACCES;
    if (size == 0 || offset % GPU_PAGE_SIZE || size % GPU_PAGE_SIZE)
        return -EINVAL;
    if (offset < at || size > FAKE_SLICE || offset - at > FAKE_SLICE - size)
        return -EACCES;
    *map = fake_of(g)->aperture + (offset - at);
    return 0;
}

static void fake_aperture_unmap(struct gpu *g, void *map, size_t size)
{
    uint8_t *p = map;

    assert(p >= fake_of(g)->aperture && p + size <= fake_of(g)->aperture + FAKE_SLICE);
}

static const struct vgt_bank_info *own_bank(struct gpu *g, unsigned bank)
{
    const struct vgt_bank_info *b = vgt_bank(&fake_of(g)->access, bank);

    return b != NULL && b->row == g->info.row ? b : NULL;
}

static void signal_fd(int fd)
{
    uint64_t one = 1;

    if (fd >= 0) {
        ssize_t n = write(fd, &one, sizeof(one));
        assert(n == sizeof(one) || errno == EAGAIN);
    }
}

static bool any_pending(const struct fake_row *row)
{
    for (unsigned i = 0; i < GPU_IRQ_BANKS; i++) {
        if (row->pending[i])
            return true;
    }
    return false;
}

static int fake_irq_eventfd(struct gpu *g, int fd)
{
    struct fake_row *row = row_of(g);
    int copy = -1;

    if (g->info.row == GPU_ROW_GTT)
        return -EACCES;
    if (fd >= 0) {
        copy = dup(fd);
        if (copy < 0)
            return -errno;
    }
    if (row->eventfd >= 0)
        close(row->eventfd);
    row->eventfd = copy;
    if (any_pending(row))
        signal_fd(copy);
    return 0;
}

static int fake_irq_set(struct gpu *g, enum gpu_irq_bank bank, uint32_t imr, uint32_t ier)
{
    const struct vgt_bank_info *b = own_bank(g, bank);

    if (b == NULL)
        return -EACCES;
    fake_log(fake_of(g), g->info.row, GPU_FAKE_IRQ_SET, bank, 8, (uint64_t)ier << 32 | imr);
    gpu_fake_set(fake_of(g), b->isr + 4, imr);
    gpu_fake_set(fake_of(g), b->isr + 12, ier & ~b->keep);
    return 0;
}

static int fake_irq_get(struct gpu *g, enum gpu_irq_bank bank, uint32_t *imr, uint32_t *ier)
{
    const struct vgt_bank_info *b = own_bank(g, bank);

    if (b == NULL)
        return -EACCES;
    *imr = gpu_fake_get(fake_of(g), b->isr + 4);
    *ier = gpu_fake_get(fake_of(g), b->isr + 12);
    return 0;
}

static int fake_irq_pending(struct gpu *g, uint32_t pending[GPU_IRQ_BANKS])
{
    struct fake_row *row = row_of(g);
    int any = any_pending(row);

    if (g->info.row == GPU_ROW_GTT)
        return -EACCES;
    memcpy(pending, row->pending, sizeof(row->pending));
    memset(row->pending, 0, sizeof(row->pending));
    return any;
}

uint32_t gpu_fake_raise(struct gpu_fake *f, enum gpu_irq_bank bank, uint32_t bits)
{
    const struct vgt_bank_info *b = vgt_bank(&f->access, bank);

    if (b == NULL)
        return 0;
    bits &= ~gpu_fake_get(f, b->isr + 4) & gpu_fake_get(f, b->isr + 12);
    if (bits == 0)
        return 0;
    f->rows[b->row].pending[bank] |= bits;
    signal_fd(f->rows[b->row].eventfd);
    return bits;
}

static void fake_close(struct gpu *g)
{
    struct fake_row *row = row_of(g);

    if (row->eventfd >= 0)
        close(row->eventfd);
    row->eventfd = -1;
    row->open = false;
}

static const struct gpu_ops fake_ops = {
    .close = fake_close,
    .read = fake_read,
    .write = fake_write,
    .rmw = fake_rmw,
    .gtt_read = fake_gtt_read,
    .gtt_write = fake_gtt_write,
    .gtt_flush = fake_gtt_flush,
    .aperture_map = fake_aperture_map,
    .aperture_unmap = fake_aperture_unmap,
    .dma_alloc = fake_dma_alloc,
    .dma_attach = fake_dma_attach,
    .dma_detach = fake_dma_detach,
    .dma_free = fake_dma_free,
    .dma_list = fake_dma_list,
    .pin = fake_pin,
    .unpin = fake_unpin,
    .unpin_domain = fake_unpin_domain,
    .pin_list = fake_pin_list,
    .irq_eventfd = fake_irq_eventfd,
    .irq_set = fake_irq_set,
    .irq_get = fake_irq_get,
    .irq_pending = fake_irq_pending,
};

struct gpu_fake *gpu_fake_new(enum gpu_gen gen, uint32_t ggtt_entries)
{
    struct gpu_fake *f = calloc(1, sizeof(*f));
    pthread_mutexattr_t recursive;

    if (f == NULL)
        return NULL;
    pthread_mutexattr_init(&recursive);
    pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&f->lock, &recursive);
    pthread_mutexattr_destroy(&recursive);
    f->access.gen = (unsigned char)gen;
    f->ggtt_entries = ggtt_entries;
    f->next_dma = FAKE_DMA_BASE;
    f->gtt = calloc(ggtt_entries, sizeof(*f->gtt));
    f->aperture = calloc(1, FAKE_SLICE);
    for (unsigned i = 0; i < GPU_ROWS; i++)
        f->rows[i].eventfd = -1;
    if (f->gtt == NULL || f->aperture == NULL) {
        gpu_fake_free(f);
        return NULL;
    }
    /* Out of reset everything is masked and nothing enabled. */
    for (unsigned i = 0; i < GPU_IRQ_BANKS; i++) {
        const struct vgt_bank_info *b = vgt_bank(&f->access, i);
        if (b != NULL)
            gpu_fake_set(f, b->isr + 4, UINT32_MAX);
    }
    return f;
}

void gpu_fake_free(struct gpu_fake *f)
{
    for (unsigned i = 0; i < GPU_ROWS; i++)
        assert(!f->rows[i].open);
    for (unsigned i = 0; i < FAKE_BLOCKS; i++)
        free(f->blocks[i].mem);
    free(f->frames);
    free(f->aperture);
    free(f->gtt);
    free(f->log);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

int gpu_fake_open(struct gpu_fake *f, enum gpu_row row, struct gpu **g)
{
    struct fake_row *r = &f->rows[row];
    bool gen8 = f->access.gen == 8;

    assert(row < GPU_ROWS);
    if (r->open)
        return -EBUSY;
    r->open = true;
    r->dev = f;
    r->gpu.ops = &fake_ops;
    r->gpu.info = (struct gpu_info){
        .device = gen8 ? 0x1616 : 0x0412,
        .revision = gen8 ? 9 : 6,
        .gen = f->access.gen,
        .row = (uint8_t)row,
        .pte_size = gen8 ? 8 : 4,
        .ggc = gen8 ? 0xc0 : 0x200,
        .ggtt_entries = f->ggtt_entries,
        .aperture_base = 0xd0000000,
        .aperture_size = FAKE_APERTURE,
        .scratch_dma = FAKE_SCRATCH_AT,
        .generation = ++r->generation,
        .max_dma_pages = FAKE_DMA_LIMIT,
        .max_pins = row == GPU_ROW_GTT ? FAKE_PIN_LIMIT : 0,
        .aperture_slice = FAKE_SLICE,
        .aperture_slice_at = FAKE_APERTURE - FAKE_SLICE,
    };
    *g = &r->gpu;
    return 0;
}

static int add_hook(struct gpu_fake *f, struct fake_hook h)
{
    if (f->nhooks == FAKE_HOOKS)
        return -ENOSPC;
    f->hooks[f->nhooks++] = h;
    return 0;
}

int gpu_fake_on_read(struct gpu_fake *f, uint32_t first, uint32_t last, gpu_fake_read_hook *fn,
                     void *ctx)
{
    return add_hook(f, (struct fake_hook){first, last, fn, NULL, ctx});
}

int gpu_fake_on_write(struct gpu_fake *f, uint32_t first, uint32_t last, gpu_fake_write_hook *fn,
                      void *ctx)
{
    return add_hook(f, (struct fake_hook){first, last, NULL, fn, ctx});
}

const struct gpu_fake_access *gpu_fake_log(const struct gpu_fake *f, size_t *count)
{
    *count = f->nlog;
    return f->log;
}

void gpu_fake_log_clear(struct gpu_fake *f)
{
    f->nlog = 0;
}

uint64_t gpu_fake_gtt(const struct gpu_fake *f, uint32_t index)
{
    assert(index < f->ggtt_entries);
    return f->gtt[index];
}

void gpu_fake_fail(struct gpu_fake *f, int err, unsigned count)
{
    f->fail_err = err;
    f->fail_count = count;
}
