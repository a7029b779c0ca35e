/* SPDX-License-Identifier: MIT */
/* sched_ring_ctx.c: see sched_ring_ctx.h. */
#include "tests/unit/sched_ring_ctx.h"

struct rig ring_ctx;
uint32_t ring_ctx_asked[4], ring_ctx_lost;

static void need_root(void *ctx, uint32_t level, const uint64_t pdp[4])
{
    (void)ctx;
    assert_int_equal(level, 2);
    if (ring_ctx.asked < 4)
        ring_ctx_asked[ring_ctx.asked] = (uint32_t)pdp[0];
    ring_ctx.asked++;
}

static void on_lost(void *ctx, enum gen8_engine engine)
{
    (void)ctx;
    ring_ctx_lost |= GEN8_M(engine);
}

void ring_ctx_make_set(void)
{
    assert_int_equal(context_set_new(&ring_ctx.config, &ring_ctx.set), 0);
    for (unsigned e = 0; e < GEN8_ENGINES; e++)
        context_set_hwsp(ring_ctx.set, (enum gen8_engine)e, RIG_HWSP);
}

void ring_ctx_start(uint32_t arena, uint32_t max_pages)
{
    rig_setup(&ring_ctx, arena, max_pages);
    context_set_free(ring_ctx.set);
    ring_ctx.config.rings = true;
    ring_ctx.config.empty_directory = EMPTY;
    ring_ctx.config.need_root = need_root;
    ring_ctx.config.lost = on_lost;
    ring_ctx.asked = ring_ctx_lost = 0;
    ring_ctx_make_set();
    rig_map(&ring_ctx, RIG_RING, BYTES / 4096);
    rig_map(&ring_ctx, RIG_BATCH, 2);
}

int ring_ctx_setup(void **state)
{
    (void)state;
    ring_ctx_start(ARENA, 0);
    return 0;
}

int ring_ctx_teardown(void **state)
{
    (void)state;
    rig_teardown(&ring_ctx);
    return 0;
}

void ring_ctx_put(uint32_t at, const uint32_t *dw, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        *rig_at(&ring_ctx, RIG_RING + (at + i * 4) % BYTES) = dw[i];
}

struct ring_want ring_ctx_wanted(enum gen8_engine engine, uint32_t from, uint32_t to)
{
    return (struct ring_want){.engine = engine,
                              .start = RIG_RING,
                              .size = BYTES,
                              .from = from,
                              .to = to % BYTES,
                              .room = 4096};
}

int ring_ctx_take(enum gen8_engine engine, uint32_t from, const uint32_t *dw, uint32_t n,
                  struct ring_piece *p)
{
    struct ring_want w = ring_ctx_wanted(engine, from, from + n * 4);

    ring_ctx_put(from, dw, n);
    return ring_take(ring_ctx.set, &w, p);
}

void ring_ctx_directory(uint32_t guest, uint32_t shadow)
{
    struct gtt_root *root = &ring_ctx.map->root[9];

    root->seq += 2;
    root->level = shadow ? 2 : 0;
    root->guest[0] = guest;
    root->shadow[0] = shadow;
}

uint32_t ring_ctx_make_image(uint32_t gma, uint32_t value)
{
    static uint32_t image[CTX_GEN7_DWORDS];
    uint32_t at = 0;

    if (!ring_ctx.vggtt->pte[gma / 4096])
        rig_map(&ring_ctx, gma, CTX_GEN7_PAGES);
    ctx_gen7_init(image);
    while (image[at] != GPR0)
        at++;
    image[++at] = value;
    for (uint32_t i = 0; i < CTX_GEN7_PAGES; i++)
        memcpy(rig_at(&ring_ctx, gma + i * 4096), image + i * 1024, 4096);
    return at * 4;
}

uint32_t *ring_ctx_shadow(const struct context *c)
{
    return rig_gpu(&ring_ctx, ring_image_ref(c) & ~4095u);
}

void ring_ctx_done_with(struct context *c)
{
    context_set_busy(c, false);
    context_set_settle(ring_ctx.set);
}
