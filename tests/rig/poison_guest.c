/* SPDX-License-Identifier: MIT */
/* poison_guest.c: see poison_guest.h. */
#include "tests/rig/poison_guest.h"

#include "gen/ctx_gen8.h"
#include "gen/pvinfo.h"
#include "tests/rig/poison.h"

#include <stddef.h>
#include <string.h>

#define CONTEXT_ID 0x66u

void poison_write(struct driver *d)
{
    const uint32_t pdp = PVINFO_BASE + offsetof(struct pvinfo, pdp);

    driver_ggtt(d, d->low_base + d->low_size - SHM_PAGE, POISON_GGTT >> 12);
    driver_poke(d, d->g8.pt * SHM_PAGE + 8 * POISON_SLOT, 8, POISON_ENTRY);
    driver_w32(d, pdp, (uint32_t)POISON_ROOT);
    driver_w32(d, pdp + 4, 0);
    driver_w32(d, PVINFO_BASE + offsetof(struct pvinfo, g2v_notify), PVINFO_PPGTT_L4_CREATE);
    driver_w32(d, POISON_REG, POISON_VALUE);
}

static void page(struct driver *d, uint32_t gma, const void *bytes, size_t size)
{
    uint64_t gfn = driver_frame(d);

    if (d->failed)
        return;
    memcpy(d->m->ram + gfn * SHM_PAGE, bytes, size);
    driver_ggtt(d, gma, gfn);
}

static uint64_t make_context(struct driver *d)
{
    static const uint32_t ring_dw[] = {POISON_COMMAND, POISON_AT, 0, 0};
    static uint32_t image[CTX_GEN8_XCS_PAGES * 1024];
    struct ctx_gen8_desc desc = {.valid = true,
                                 .privileged = true,
                                 .coherent = true,
                                 .mode = CTX_LEGACY_64,
                                 .id = CONTEXT_ID,
                                 .lrca = driver_gma(d, CTX_GEN8_XCS_PAGES)};
    uint32_t ring = driver_gma(d, 1);

    ctx_gen8_init(GEN8_BCS, image);
    ctx_gen8_set_ring(image, ring, SHM_PAGE, 0, sizeof(ring_dw));
    ctx_gen8_set_pdp(image, 0, d->g8.pml4 << 12);
    for (unsigned i = 0; i < CTX_GEN8_XCS_PAGES; i++)
        page(d, desc.lrca + i * SHM_PAGE, image + i * 1024, SHM_PAGE);
    page(d, ring, ring_dw, sizeof(ring_dw));
    return ctx_gen8_desc_encode(&desc);
}

void poison_submit(struct poison *p, struct driver *d)
{
    if (!p->desc)
        p->desc = make_context(d);
    driver8_submit(d, p->desc, 0);
}
