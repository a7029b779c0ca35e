/* SPDX-License-Identifier: MIT */
/* ggtt.c: see ggtt.h. The order in an entry's change: pin the new frame, write, put the old. */
#include "services/gtt/ggtt.h"

#include "lib/crash.h"
#include "services/wire/input.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define FENCE_BASE 0x100000u

static int alloc(struct ggtt *g)
{
    uint64_t entries = g->part[PARTITION_LOW].size + g->part[PARTITION_HIGH].size + 1;

    g->held = calloc(entries, sizeof(*g->held));
    if (g->format->directory)
        g->raw = calloc(entries, sizeof(*g->raw));
    if (g->held && (g->raw || !g->format->directory))
        return 0;
    ggtt_free(g);
    return -ENOMEM;
}

int ggtt_init(struct ggtt *g, struct gpu *gpu, struct pins *pins, struct account *account,
              const struct partition_grant *grant, uint64_t scratch)
{
    *g = (struct ggtt){.gpu = gpu, .pins = pins, .account = account, .scratch = scratch};
    g->format = gtt_format_of(gpu->info.gen);
    if (!g->format)
        return -ENOTSUP;
    for (int kind = PARTITION_LOW; kind <= PARTITION_HIGH; kind++) {
        const struct partition_range *r = &grant->range[kind];
        uint64_t base = r->base / GPU_PAGE_SIZE, size = r->size / GPU_PAGE_SIZE;

        if (size > gpu->info.ggtt_entries || base > gpu->info.ggtt_entries - size)
            return -EINVAL;
        g->part[kind] = (struct partition_range){base, size};
    }
    g->part[PARTITION_FENCE] = grant->range[PARTITION_FENCE];
    if (g->part[PARTITION_FENCE].base + g->part[PARTITION_FENCE].size > PARTITION_FENCES)
        return -EINVAL;
    return alloc(g);
}

/* Its place in held and raw; UINT64_MAX: not of this guest. */
static uint64_t place_of(const struct ggtt *g, uint64_t index)
{
    const struct partition_range *low = &g->part[PARTITION_LOW], *high = &g->part[PARTITION_HIGH];

    if (index >= low->base && index - low->base < low->size)
        return index - low->base;
    if (index >= high->base && index - high->base < high->size)
        return low->size + index - high->base;
    return UINT64_MAX;
}

static uint64_t *held_of(struct ggtt *g, uint64_t index)
{
    uint64_t place = place_of(g, index);

    return place == UINT64_MAX ? NULL : &g->held[place];
}

uint64_t ggtt_raw(const struct ggtt *g, uint64_t index)
{
    uint64_t place = place_of(g, index);

    return place == UINT64_MAX ? 0 : g->raw[place];
}

uint64_t ggtt_held(struct ggtt *g, uint64_t index)
{
    const uint64_t *held = held_of(g, index);

    return held ? *held : 0;
}

bool ggtt_contains(const struct ggtt *g, uint64_t first, uint64_t count)
{
    for (int kind = PARTITION_LOW; kind <= PARTITION_HIGH; kind++) {
        const struct partition_range *r = &g->part[kind];

        if (first >= r->base && count <= r->size && first - r->base <= r->size - count)
            return true;
    }
    return false;
}

static int replace(struct ggtt *g, uint64_t index, uint64_t *held, uint64_t entry, uint64_t now)
{
    uint64_t old = *held;
    int rc = gpu_gtt_write(g->gpu, (uint32_t)index, entry);

    if (rc) {
        if (now)
            pins_put(g->pins, now - 1);
        return rc;
    }
    crash_point("gtt.pte.written");
    g->dirty = true;
    *held = now;
    if (old)
        pins_put(g->pins, old - 1);
    crash_point("gtt.pte.old-put");
    return 0;
}

/* True: number = value may be applied; quarantine_end() follows in any case. */
static bool allowed(struct ggtt *g, enum wire_input kind, uint64_t number, uint64_t value)
{
    const uint64_t word[] = {number, value};

    if (quarantine_begin(g->quarantine, QUARANTINE_INNER, kind, word, 2))
        return true;
    account_event(g->account, ACCOUNT_QUARANTINED, "%s=%" PRIu64 " value=0x%" PRIx64,
                  wire_input_name(kind), number, value);
    return false;
}

static int apply(struct ggtt *g, uint64_t index, uint64_t value)
{
    uint64_t *held = held_of(g, index), dma;
    struct gtt_entry e = g->format->ggtt(value);
    uint64_t none = g->format->ggtt_encode(g->scratch);
    int rc;

    if (!held) {
        account_event(g->account, ACCOUNT_BAD_GTT, "index=%" PRIu64 " outside", index);
        return 0;
    }
    if (!e.present)
        return replace(g, index, held, none, 0);
    rc = e.bad ? -ENXIO : pins_get(g->pins, e.gfn, &dma);
    if (rc) {
        account_event(g->account, rc == -ENXIO ? ACCOUNT_BAD_GTT : ACCOUNT_NO_RESOURCE,
                      "index=%" PRIu64 " gfn=0x%" PRIx64, index, e.gfn);
        return replace(g, index, held, none, 0);
    }
    crash_point("gtt.pte.pinned");
    return replace(g, index, held, g->format->ggtt_replace(value, dma), e.gfn + 1);
}

/* As an entry of page directories, too. */
static void remember(struct ggtt *g, uint64_t index, uint64_t value)
{
    uint64_t place = place_of(g, index);

    if (!g->raw || place == UINT64_MAX)
        return;
    g->raw[place] = value >> 32 ? 0 : (uint32_t)value;
    if (g->changed)
        g->changed(g->ctx, index);
}

int ggtt_apply(struct ggtt *g, uint64_t index, uint64_t value)
{
    bool yes = allowed(g, WIRE_INPUT_GGTT_ENTRY, index, value);
    int rc = apply(g, index, yes ? value : 0);

    quarantine_end(g->quarantine, QUARANTINE_INNER);
    if (!rc)
        remember(g, index, yes ? value : 0);
    return rc;
}

/* Bits 63:44 last page, 31:12 first page (of 4 KiB), bit 0 valid. */
static bool fence_inside(const struct ggtt *g, uint64_t value)
{
    const struct partition_range *low = &g->part[PARTITION_LOW];
    uint64_t first = value >> 12 & 0xfffff, last = value >> 44;

    return first <= last && first >= low->base && last - low->base < low->size;
}

static int set_fence(struct ggtt *g, uint64_t n, uint64_t value)
{
    const struct partition_range *fences = &g->part[PARTITION_FENCE];
    uint32_t at;
    int rc;

    if (n >= fences->size) {
        account_event(g->account, ACCOUNT_BAD_GTT, "fence=%" PRIu64, n);
        return 0;
    }
    if (!(value & 1)) {
        value = 0;
    } else if (!fence_inside(g, value)) {
        account_event(g->account, ACCOUNT_BAD_GTT, "fence=%" PRIu64 " outside", n);
        value = 0;
    }
    at = FENCE_BASE + 8 * (uint32_t)(fences->base + n);
    /* Off while its halves change: the register is two 32-bit ones to the bus. */
    rc = gpu_write32(g->gpu, at, 0);
    crash_point("gtt.fence.off");
    if (!rc)
        rc = gpu_write32(g->gpu, at + 4, (uint32_t)(value >> 32));
    return rc ? rc : gpu_write32(g->gpu, at, (uint32_t)value);
}

int ggtt_fence(struct ggtt *g, uint64_t n, uint64_t value)
{
    bool yes = allowed(g, WIRE_INPUT_FENCE, n, value);
    int rc = set_fence(g, n, yes ? value : 0);

    quarantine_end(g->quarantine, QUARANTINE_INNER);
    return rc;
}

int ggtt_rebuild(struct ggtt *g, const struct vggtt *image)
{
    for (int kind = PARTITION_LOW; kind <= PARTITION_HIGH; kind++) {
        const struct partition_range *r = &g->part[kind];

        for (uint64_t i = r->base; i < r->base + r->size && i < VGGTT_ENTRIES; i++) {
            int rc = ggtt_apply(g, i, __atomic_load_n(&image->pte[i], __ATOMIC_RELAXED));

            crash_point("gtt.rebuild.entry");

            if (rc)
                return rc;
        }
    }
    return 0;
}

int ggtt_flush(struct ggtt *g)
{
    if (!g->dirty)
        return 0;
    g->dirty = false;
    return gpu_gtt_flush(g->gpu);
}

int ggtt_clear(struct ggtt *g)
{
    uint64_t none = g->format->ggtt_encode(g->gpu->info.scratch_dma);
    int rc = 0, bad = 0;

    for (int kind = PARTITION_LOW; kind <= PARTITION_HIGH; kind++) {
        const struct partition_range *r = &g->part[kind];

        for (uint64_t i = r->base; i < r->base + r->size; i++) {
            rc = replace(g, i, held_of(g, i), none, 0);
            crash_point("gtt.clear.entry");
            bad = rc ? rc : bad;
        }
    }
    for (uint64_t n = 0; n < g->part[PARTITION_FENCE].size; n++) {
        rc = set_fence(g, n, 0);
        bad = rc ? rc : bad;
    }
    return bad;
}

void ggtt_free(struct ggtt *g)
{
    free(g->held);
    free(g->raw);
    g->held = NULL;
    g->raw = NULL;
}
