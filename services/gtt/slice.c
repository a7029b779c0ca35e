/* SPDX-License-Identifier: MIT */
/* slice.c: see slice.h. */
#include "services/gtt/slice.h"

#include "lib/crash.h"

#include <errno.h>
#include <stdlib.h>

static uint32_t slice_entry(const struct gpu *gpu)
{
    return gpu->info.aperture_slice_at / GPU_PAGE_SIZE;
}

static int write_entry(struct gtt_guest *g, uint32_t page, uint64_t dma)
{
    struct gpu *gpu = g->c.gpu;

    return gpu_gtt_write(gpu, slice_entry(gpu) + page, g->ggtt.format->ggtt_encode(dma));
}

int gtt_slice_clear(struct gtt_slice *s)
{
    struct gtt_guest *g = s->guest;
    int rc = 0;

    if (!g)
        return 0;
    for (uint32_t i = 0; i < s->count && !rc; i++)
        rc = write_entry(g, i, g->c.gpu->info.scratch_dma);
    if (!rc)
        rc = gpu_gtt_flush(g->c.gpu);
    if (rc)
        return rc;
    crash_point("gtt.slice.cleared");
    for (uint32_t i = 0; i < s->count; i++)
        if (s->gfn1[i])
            pins_put(&g->pins, s->gfn1[i] - 1);
    g->applied = true;
    free(s->gfn1);
    *s = (struct gtt_slice){0};
    return 0;
}

/* What the guest's entry holds now; one without memory shows the device's scratch page. */
static int show_page(struct gtt_slice *s, uint32_t page, uint32_t index)
{
    struct gtt_guest *g = s->guest;
    uint64_t gfn1 = ggtt_held(&g->ggtt, index), dma = g->c.gpu->info.scratch_dma;

    if (gfn1 && pins_get(&g->pins, gfn1 - 1, &dma) == 0)
        s->gfn1[page] = gfn1;
    crash_point("gtt.slice.pinned");
    return write_entry(g, page, dma);
}

int gtt_slice_show(struct gtt_slice *s, struct gtt_guest *guest, uint32_t first, uint32_t pages)
{
    int rc = gtt_slice_clear(s);

    if (rc || !pages)
        return rc;
    if (pages > guest->c.gpu->info.aperture_slice / GPU_PAGE_SIZE ||
        !ggtt_contains(&guest->ggtt, first, pages))
        return -EINVAL;
    s->gfn1 = calloc(pages, sizeof(*s->gfn1));
    if (!s->gfn1)
        return -ENOMEM;
    s->guest = guest;
    s->count = pages;
    for (uint32_t i = 0; i < pages && !rc; i++)
        rc = show_page(s, i, first + i);
    crash_point("gtt.slice.shown");
    return rc ? rc : gpu_gtt_flush(guest->c.gpu);
}
