/* SPDX-License-Identifier: MIT */
/*
 * The fake GPU's memory side: DMA-able pages (deliberately not contiguous on the bus, so that code
 * which takes the first address and adds 4096 fails) and pins of guest frames from a table the test
 * fills. One thread; pins may be made from several.
 */
#include "gpu/fake/state.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Page i of a block: descending addresses with a hole between neighbours. */
static uint64_t page_dma(const struct fake_block *b, uint32_t i)
{
    return b->dma + 2ull * GPU_PAGE_SIZE * (b->count - 1 - i);
}

static struct fake_block *find_block(struct gpu *g, uint32_t handle)
{
    struct fake_block *b;

    if (handle == 0 || handle > FAKE_BLOCKS)
        return NULL;
    b = &fake_of(g)->blocks[handle - 1];
    return b->count != 0 && b->row == g->info.row ? b : NULL;
}

static int describe(struct fake_block *b, uint32_t handle, struct gpu_dma *out)
{
    uint64_t *dma = calloc(b->count, sizeof(*dma));

    if (dma == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < b->count; i++)
        dma[i] = page_dma(b, i);
    *out = (struct gpu_dma){handle, b->count, b->mem, dma, b->tag};
    return 0;
}

static uint64_t pages_of(struct gpu_fake *f, uint8_t row)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < FAKE_BLOCKS; i++) {
        if (f->blocks[i].row == row)
            n += f->blocks[i].count;
    }
    return n;
}

int fake_dma_alloc(struct gpu *g, uint32_t count, uint64_t tag, struct gpu_dma *block)
{
    struct gpu_fake *f = fake_of(g);
    int r = fake_take_failure(f);
    unsigned slot = 0;

    if (r != 0)
        return r;
    if (count == 0 || count > VGT_DMA_MAX_COUNT)
        return -EINVAL;
    while (slot < FAKE_BLOCKS && f->blocks[slot].count != 0)
        slot++;
    if (slot == FAKE_BLOCKS || pages_of(f, g->info.row) + count > FAKE_DMA_LIMIT)
        return -ENOSPC;
    struct fake_block b = {count, g->info.row, tag, f->next_dma, NULL};
    b.mem = aligned_alloc(GPU_PAGE_SIZE, (size_t)count * GPU_PAGE_SIZE);
    if (b.mem == NULL)
        return -ENOMEM;
    memset(b.mem, 0, (size_t)count * GPU_PAGE_SIZE);
    r = describe(&b, slot + 1, block);
    if (r != 0) {
        free(b.mem);
        return r;
    }
    f->next_dma += 2ull * GPU_PAGE_SIZE * count;
    f->blocks[slot] = b;
    return 0;
}

int fake_dma_attach(struct gpu *g, uint32_t handle, struct gpu_dma *block)
{
    struct fake_block *b = find_block(g, handle);

    return b != NULL ? describe(b, handle, block) : -ENOENT;
}

void fake_dma_detach(struct gpu *g, struct gpu_dma *block)
{
    (void)g;
    free(block->dma);
    memset(block, 0, sizeof(*block));
}

int fake_dma_free(struct gpu *g, struct gpu_dma *block)
{
    struct fake_block *b = find_block(g, block->handle);

    if (g->info.row == GPU_ROW_DISPLAY)
        return -EACCES;
    if (b == NULL)
        return -ENOENT;
    free(b->mem);
    memset(b, 0, sizeof(*b));
    fake_dma_detach(g, block);
    return 0;
}

int fake_dma_list(struct gpu *g, struct gpu_dma_entry *entries, uint32_t max)
{
    uint32_t n = 0;

    for (uint32_t i = 1; i <= FAKE_BLOCKS; i++) {
        struct fake_block *b = find_block(g, i);
        if (b == NULL)
            continue;
        if (n < max)
            entries[n] = (struct gpu_dma_entry){i, b->count, b->tag};
        n++;
    }
    return (int)n;
}

void *gpu_fake_dma_page(struct gpu_fake *f, uint64_t dma)
{
    dma &= ~(uint64_t)(GPU_PAGE_SIZE - 1);
    for (unsigned i = 0; i < FAKE_BLOCKS; i++) {
        struct fake_block *b = &f->blocks[i];
        for (uint32_t p = 0; p < b->count; p++) {
            if (page_dma(b, p) == dma)
                return b->mem + (size_t)p * GPU_PAGE_SIZE;
        }
    }
    return NULL;
}

/* Frames stay sorted by domain and gfn; *at gets the place, also when there is none. */
static struct fake_frame *find_frame(const struct gpu_fake *f, uint16_t domid, uint64_t gfn,
                                     size_t *at)
{
    size_t lo = 0, hi = f->nframes;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        const struct fake_frame *m = &f->frames[mid];
        if (m->domid < domid || (m->domid == domid && m->gfn < gfn))
            lo = mid + 1;
        else
            hi = mid;
    }
    if (at != NULL)
        *at = lo;
    if (lo < f->nframes && f->frames[lo].domid == domid && f->frames[lo].gfn == gfn)
        return &f->frames[lo];
    return NULL;
}

static int domain_slot(const struct gpu_fake *f, uint16_t domid)
{
    for (unsigned i = 0; i < f->ndomains; i++) {
        if (f->domains[i] == domid)
            return (int)i;
    }
    return -1;
}

int gpu_fake_attach(struct gpu_fake *f, uint16_t domid)
{
    if (domain_slot(f, domid) >= 0)
        return 0;
    if (f->ndomains == FAKE_DOMAINS)
        return -ENOSPC;
    f->domains[f->ndomains++] = domid;
    return 0;
}

int gpu_fake_add_frame(struct gpu_fake *f, uint16_t domid, uint64_t gfn, uint64_t dma)
{
    size_t at;
    struct fake_frame *frame = find_frame(f, domid, gfn, &at);

    if (frame != NULL) {
        frame->ram = true;
        frame->dma = dma;
        return 0;
    }
    if (f->nframes == f->frames_room) {
        size_t room = f->frames_room ? 2 * f->frames_room : 256;
        struct fake_frame *frames = realloc(f->frames, room * sizeof(*frames));
        if (frames == NULL)
            return -ENOMEM;
        f->frames = frames;
        f->frames_room = room;
    }
    memmove(&f->frames[at + 1], &f->frames[at], (f->nframes - at) * sizeof(*f->frames));
    f->frames[at] = (struct fake_frame){.domid = domid, .ram = true, .gfn = gfn, .dma = dma};
    f->nframes++;
    return 0;
}

int gpu_fake_remove_frame(struct gpu_fake *f, uint16_t domid, uint64_t gfn)
{
    struct fake_frame *frame = find_frame(f, domid, gfn, NULL);

    if (frame == NULL || !frame->ram)
        return -ENOENT;
    frame->ram = false;
    return 0;
}

size_t gpu_fake_pins(const struct gpu_fake *f)
{
    size_t n = 0;

    for (size_t i = 0; i < f->nframes; i++)
        n += f->frames[i].pinned;
    return n;
}

bool gpu_fake_pinned(const struct gpu_fake *f, uint16_t domid, uint64_t gfn)
{
    const struct fake_frame *frame = find_frame(f, domid, gfn, NULL);

    return frame != NULL && frame->pinned;
}

static int check_pin(struct gpu *g, const uint64_t *gfns, uint32_t count)
{
    if (g->info.row != GPU_ROW_GTT)
        return -EACCES;
    return gfns != NULL && count != 0 && count <= VGT_PIN_MAX_COUNT ? 0 : -EINVAL;
}

static bool unpin_frame(struct gpu_fake *f, struct fake_frame *frame)
{
    if (frame == NULL || !frame->pinned)
        return false;
    frame->pinned = false;
    fake_log(f, GPU_ROW_GTT, GPU_FAKE_UNPIN, frame->domid, 0, frame->gfn);
    return true;
}

static int pin(struct gpu *g, uint16_t domid, const uint64_t *gfns, uint32_t count, uint64_t *dma)
{
    struct gpu_fake *f = fake_of(g);
    int r = check_pin(g, gfns, count);

    if (r == 0)
        r = fake_take_failure(f);
    if (r != 0)
        return r;
    if (domain_slot(f, domid) < 0)
        return -EACCES;
    for (uint32_t i = 0; i < count; i++) {
        struct fake_frame *frame = find_frame(f, domid, gfns[i], NULL);
        if (frame == NULL || !(frame->ram || frame->pinned))
            return -ENXIO;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct fake_frame *frame = find_frame(f, domid, gfns[i], NULL);
        if (!frame->pinned) {
            frame->pinned = true;
            frame->pinned_dma = frame->dma;
            fake_log(f, GPU_ROW_GTT, GPU_FAKE_PIN, domid, 0, gfns[i]);
        }
        dma[i] = frame->pinned_dma;
    }
    return 0;
}

int fake_pin(struct gpu *g, uint16_t domid, const uint64_t *gfns, uint32_t count, uint64_t *dma)
{
    int r;

    pthread_mutex_lock(&fake_of(g)->lock);
    r = pin(g, domid, gfns, count, dma);
    pthread_mutex_unlock(&fake_of(g)->lock);
    return r;
}

int fake_unpin(struct gpu *g, uint16_t domid, const uint64_t *gfns, uint32_t count)
{
    int r = check_pin(g, gfns, count);
    int released = 0;

    if (r != 0)
        return r;
    pthread_mutex_lock(&fake_of(g)->lock);
    for (uint32_t i = 0; i < count; i++)
        released += unpin_frame(fake_of(g), find_frame(fake_of(g), domid, gfns[i], NULL));
    pthread_mutex_unlock(&fake_of(g)->lock);
    return released;
}

int fake_unpin_domain(struct gpu *g, uint16_t domid)
{
    struct gpu_fake *f = fake_of(g);
    int slot = domain_slot(f, domid);
    int released = 0;

    if (g->info.row != GPU_ROW_GTT)
        return -EACCES;
    pthread_mutex_lock(&f->lock);
    for (size_t i = 0; i < f->nframes; i++) {
        if (f->frames[i].domid == domid)
            released += unpin_frame(f, &f->frames[i]);
    }
    if (slot >= 0)
        f->domains[slot] = f->domains[--f->ndomains];
    pthread_mutex_unlock(&f->lock);
    return released;
}

int fake_pin_list(struct gpu *g, uint16_t domid, uint64_t after, struct gpu_pin *pins, uint32_t max)
{
    struct gpu_fake *f = fake_of(g);
    uint32_t n = 0;

    if (g->info.row != GPU_ROW_GTT)
        return -EACCES;
    pthread_mutex_lock(&f->lock);
    for (size_t i = 0; i < f->nframes && n < max; i++) {
        struct fake_frame *frame = &f->frames[i];
        if (frame->domid != domid || !frame->pinned)
            continue;
        if (after == UINT64_MAX || frame->gfn > after)
            pins[n++] = (struct gpu_pin){domid, frame->gfn, frame->pinned_dma};
    }
    pthread_mutex_unlock(&f->lock);
    return (int)n;
}
