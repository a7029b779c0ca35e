/* SPDX-License-Identifier: MIT */
/*
 * hostile_gen7.c: attacks that only a Haswell knows: its page directories stand among the entries
 * of the GGTT, so that one word may be both; its render contexts are lists of register loads that
 * the engine executes with privilege. Called by hostile.c, by its first thread.
 */
#include "tests/guest/hostile.h"

#include "gen/cmds_gen7.h"
#include "gen/cmds_gen8.h"
#include "gen/ctx_gen7.h"
#include "gen/gen7_pte.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define PP_DCLV  0x220u
#define PP_BASE  0x228u
#define RCS      0x2000u
#define CLEAN    (~1u) /* no word that the GPU writes may be a present entry */

/* Entries of ours behind those of the pages: a directory's, from a line's first; an image's. */
static uint32_t own_directory(const struct bare *v)
{
    uint32_t first = v->low_base / BARE_PAGE + BARE_PAGES;

    return (first + GEN7_PD_LINE - 1) / GEN7_PD_LINE * GEN7_PD_LINE;
}

static uint32_t own_image(const struct bare *v)
{
    return own_directory(v) + GEN7_PD_ENTRIES;
}

/* The entry some directory begins at: ours, inside it, across our end, the host's, nobody's. */
static uint32_t some_directory(const struct bare *v, struct rng *r)
{
    uint32_t end = (v->low_base + v->low_size) / BARE_PAGE;

    switch (hostile_rnd(r, 8)) {
    case 0:
        return 0;
    case 1:
        return end - GEN7_PD_LINE * hostile_rnd(r, 32);
    case 2:
        return v->entries - GEN7_PD_ENTRIES;
    case 3:
        return hostile_rnd(r, v->entries * 2);
    case 4:
        return own_directory(v) + GEN7_PD_LINE * hostile_rnd(r, 32);
    default:
        return own_directory(v);
    }
}

static uint32_t base_of(const struct bare *v, struct rng *r)
{
    uint32_t value = some_directory(v, r) / GEN7_PD_LINE << 16;

    return hostile_rnd(r, 8) ? value : value | hostile_rnd(r, 0x10000);
}

/* Tables of ours, mostly; the first of them begins with the batch and a page to write to. */
static void fill_directory(struct hostile *h)
{
    const struct bare *v = &h->v;

    bare_entry(v, own_directory(v), bare_pte(v, v->gfn[BARE_TABLE]));
    for (unsigned n = hostile_rnd(&h->rng, 24); n--;) {
        uint64_t gfn = hostile_rnd(&h->rng, 4)
                           ? v->gfn[BARE_TABLE + hostile_rnd(&h->rng, BARE_TABLES)]
                           : 0x7000000 + hostile_rnd(&h->rng, 0xffffff);
        uint32_t at = 1 + hostile_rnd(&h->rng, GEN7_PD_ENTRIES - 1);

        bare_entry(v, own_directory(v) + at,
                   bare_pte(v, gfn) | (hostile_rnd(&h->rng, 4) ? 0 : GEN7_PDE_64K));
    }
    bare_put32(v, BARE_TABLE, 0, (uint32_t)bare_pte(v, v->gfn[BARE_BATCH]));
    bare_put32(v, BARE_TABLE, 1, (uint32_t)bare_pte(v, v->gfn[BARE_TARGET]));
}

/* Stores to where the directory may lead. */
static void fill_batch(struct hostile *h)
{
    uint32_t batch[16 * 4 + 2] = {0}, *dw = batch;

    for (unsigned n = 0; n < 16; n++, dw += 4) {
        dw[0] = hostile_rnd(&h->rng, 4) ? 0x10000002 : 0x10400002; /* PPGTT, GGTT */
        dw[1] = 0;
        dw[2] = hostile_rnd(&h->rng, 2) ? BARE_PAGE + 4 * hostile_rnd(&h->rng, 1024)
                                        : hostile_rnd(&h->rng, 0x80000000) & ~3u;
        dw[3] = hostile_value(&h->v, &h->rng) & CLEAN;
    }
    dw[0] = MI_BB_END;
    bare_put(&h->v, BARE_BATCH, 0, batch, sizeof(batch));
}

void hostile_directories(struct hostile *h)
{
    const struct bare *v = &h->v;
    uint32_t engine = hostile_engine(&h->rng);
    uint32_t of = hostile_rnd(&h->rng, 8) ? engine : hostile_engine(&h->rng);
    uint32_t batch = MI_BB_START_GEN7 | MI_BB_PPGTT | (engine == RCS ? MI_BB_UNPRIVILEGED : 0);
    const uint32_t work[] = {
        MI_LRI | 1,
        of + PP_DCLV,
        hostile_rnd(&h->rng, 4) ? UINT32_MAX : hostile_value(v, &h->rng),
        MI_LRI | 1,
        of + PP_BASE,
        base_of(v, &h->rng),
        0x12000001 | 1u << 22, /* store the register */
        of + PP_BASE,
        bare_gma(v, BARE_STATUS) + 0x200,
        hostile_rnd(&h->rng, 4) ? batch : batch & ~(MI_BB_PPGTT | MI_BB_UNPRIVILEGED),
        hostile_rnd(&h->rng, 8) ? 0 : hostile_gma(v, &h->rng),
        MI_NOOP,
    };

    fill_directory(h);
    fill_batch(h);
    if (!hostile_rnd(&h->rng, 3)) {
        bare_write(v, of + PP_DCLV, UINT32_MAX);
        bare_write(v, of + PP_BASE, base_of(v, &h->rng));
    }
    bare_work(v, work, COUNT(work));
    bare_ring(v, engine, sizeof(work));
    /* Under its feet. */
    for (unsigned n = hostile_rnd(&h->rng, 8); n--;)
        bare_entry(v, own_directory(v) + hostile_rnd(&h->rng, GEN7_PD_ENTRIES),
                   hostile_rnd(&h->rng, 2) ? bare_pte(v, hostile_gfn(v, &h->rng)) : 0);
}

/* Loads of what an image holds, and of what none does. */
static void fill_image(struct hostile *h)
{
    static const uint16_t engine[] = {0x80, 0x30,  0x34,    0x38,    0x3c,  0x6c,  0x9c,  0xa8,
                                      0xc0, 0x180, PP_DCLV, PP_BASE, 0x240, 0x168, 0x110, 0x358};
    uint32_t dw[BARE_PAGE / 4];
    unsigned at = 0, loads;

    for (unsigned i = 0; i < BARE_PAGE / 4; i++)
        dw[i] = MI_NOOP;
    while (at < 900 && hostile_rnd(&h->rng, 8)) {
        loads = 1 + hostile_rnd(&h->rng, 32);
        dw[at++] = MI_LRI | (hostile_rnd(&h->rng, 2) << 12) |
                   (hostile_rnd(&h->rng, 16) ? 2 * loads - 1 : hostile_rnd(&h->rng, 256));
        for (; loads--; at += 2) {
            dw[at] = hostile_rnd(&h->rng, 2)
                         ? hostile_register(&h->rng)
                         : hostile_engine(&h->rng) + engine[hostile_rnd(&h->rng, COUNT(engine))];
            dw[at + 1] = hostile_value(&h->v, &h->rng);
        }
    }
    dw[at] = hostile_rnd(&h->rng, 8) ? MI_BB_END : hostile_value(&h->v, &h->rng);
    bare_put(&h->v, BARE_IMAGE, 0, dw, sizeof(dw));
}

void hostile_images(struct hostile *h)
{
    const struct bare *v = &h->v;
    uint32_t image = own_image(v) * BARE_PAGE, other = hostile_gma(v, &h->rng);
    const uint32_t work[] = {
        MI_SET_CONTEXT_GEN7,
        (hostile_rnd(&h->rng, 4) ? image : other & ~0xfffu) |
            (hostile_rnd(&h->rng, 2) ? 1u << 8 : hostile_rnd(&h->rng, 0x1000)),
        MI_NOOP,
        0x01000000, /* user interrupt */
        MI_SET_CONTEXT_GEN7,
        image | 1u << 8 | 1, /* back, without a restore: what there is, is saved */
    };

    for (unsigned i = 0; i < CTX_GEN7_PAGES; i++)
        bare_entry(v, own_image(v) + i, bare_pte(v, v->gfn[i % 2 ? BARE_STATE : BARE_IMAGE]));
    fill_image(h);
    bare_work(v, work, COUNT(work));
    bare_ring(v, hostile_rnd(&h->rng, 8) ? RCS : hostile_engine(&h->rng), sizeof(work));
    if (hostile_rnd(&h->rng, 2)) {
        fill_image(h); /* changed when it has been looked at, or not yet */
        bare_entry(v, own_image(v) + hostile_rnd(&h->rng, CTX_GEN7_PAGES), 0);
    }
}
