/* SPDX-License-Identifier: MIT */
/* sched_ctx_rig.c: see sched_ctx_rig.h. */
#include "tests/unit/sched_ctx_rig.h"

#include "gen/gen8_pte.h"

static void need_root(void *ctx, uint32_t level, const uint64_t pdp[4])
{
    struct rig *r = ctx;

    (void)pdp;
    assert_true(level == 3 || level == 4);
    r->asked++;
}

void rig_setup(struct rig *r, uint32_t arena_pages, uint32_t max_pages)
{
    memset(r, 0, sizeof(*r));
    r->fake = gpu_fake_new(GPU_GEN8, (128u << 20) / 4096);
    assert_int_equal(gpu_fake_open(r->fake, GPU_ROW_SCHED, &r->gpu), 0);
    r->ram = fake_guest_new(RIG_DOMID, RIG_FRAMES, 1);
    assert_int_equal(vmm_fake_ops.open_memory(RIG_DOMID, &r->vmm), 0);
    r->vggtt = calloc(1, sizeof(*r->vggtt));
    r->map = aligned_alloc(128, sizeof(*r->map));
    memset(r->map, 0, sizeof(*r->map));
    account_init(&r->account, RIG_DOMID, "guest", NULL);
    assert_int_equal(arena_new(r->gpu, arena_pages, &r->arena), 0);
    r->config = (struct context_config){.arena = r->arena,
                                        .ops = &vmm_fake_ops,
                                        .vmm = r->vmm,
                                        .vggtt = r->vggtt,
                                        .map = r->map,
                                        .low_base = RIG_LOW,
                                        .low_size = RIG_SIZE,
                                        .high_base = RIG_HIGH,
                                        .high_size = RIG_SIZE,
                                        .account = &r->account,
                                        .number = 2,
                                        .records = calloc(CONTEXT_MAX, sizeof(*r->config.records)),
                                        .max_pages = max_pages,
                                        .need_root = need_root,
                                        .ctx = r};
    assert_int_equal(context_set_new(&r->config, &r->set), 0);
    rig_map(r, RIG_HWSP, 1);
    for (unsigned e = 0; e < GEN8_ENGINES; e++)
        context_set_hwsp(r->set, (enum gen8_engine)e, RIG_HWSP);
}

void rig_teardown(struct rig *r)
{
    uint32_t start, size;

    context_set_free(r->set);
    arena_bounds(r->arena, &start, &size);
    assert_int_equal(arena_free_pages(r->arena), size / 4096);
    arena_free_all(r->arena);
    vmm_fake_ops.close(r->vmm);
    fake_guest_free(r->ram);
    gpu_close(r->gpu);
    gpu_fake_free(r->fake);
    free(r->vggtt);
    free(r->map);
    free(r->config.records);
}

void rig_map(struct rig *r, uint32_t gma, uint32_t pages)
{
    for (uint32_t i = 0; i < pages; i++) {
        uint64_t gfn = r->next_gfn++ * 37 % RIG_FRAMES;

        assert_true(r->next_gfn <= RIG_FRAMES);
        r->vggtt->pte[gma / 4096 + i] = gen8_ggtt_encode(gfn * 4096, true);
    }
}

uint32_t *rig_at(struct rig *r, uint32_t gma)
{
    uint64_t pte = r->vggtt->pte[gma / 4096];

    assert_true(pte & GEN8_PTE_PRESENT);
    return (uint32_t *)((uint8_t *)fake_ram(r->ram, pte & GEN8_PTE_ADDR) + gma % 4096);
}

void rig_root(struct rig *r, unsigned slot, uint64_t guest, uint64_t shadow)
{
    struct gtt_root *root = &r->map->root[slot];

    root->seq++;
    root->level = shadow ? 4 : 0;
    root->guest[0] = guest;
    root->shadow[0] = shadow;
    root->seq++;
}

uint64_t rig_context(struct rig *r, enum gen8_engine e, uint32_t lrca, uint32_t ring,
                     uint32_t pages)
{
    static uint32_t image[CTX_GEN8_RCS_PAGES * 1024];
    struct ctx_gen8_desc d = {.valid = true,
                              .privileged = true,
                              .coherent = true,
                              .mode = CTX_LEGACY_64,
                              .lrca = lrca,
                              .id = 0x55};

    if (!r->vggtt->pte[lrca / 4096]) {
        rig_map(r, lrca, (uint32_t)ctx_gen8_pages(e));
        rig_map(r, ring, pages);
    }
    ctx_gen8_init(e, image);
    ctx_gen8_set_ring(image, ring, pages * 4096, 0, 0);
    ctx_gen8_set_pdp(image, 0, RIG_ROOT);
    for (uint32_t i = 0; i < ctx_gen8_pages(e); i++)
        memcpy(rig_at(r, lrca + i * 4096), image + i * 1024, 4096);
    return ctx_gen8_desc_encode(&d);
}

uint32_t *rig_state(struct rig *r, uint32_t lrca)
{
    return rig_at(r, lrca + 4096);
}

void rig_emit(struct rig *r, uint32_t lrca, const uint32_t *dw, uint32_t n)
{
    uint32_t *s = rig_state(r, lrca), size = (s[CTX_RING_CTL] & ~1u) + 4096;
    uint32_t tail = s[CTX_RING_TAIL];

    for (uint32_t i = 0; i < n || tail % 8; i++) {
        *rig_at(r, s[CTX_RING_START] + tail) = i < n ? dw[i] : 0;
        tail = (tail + 4) % size;
    }
    s[CTX_RING_TAIL] = tail;
}

struct context *rig_prepare(struct rig *r, enum gen8_engine e, uint64_t desc)
{
    struct context *c = NULL;

    assert_int_equal(context_prepare(r->set, e, desc, &c), 0);
    assert_non_null(c);
    return c;
}

uint32_t *rig_gpu(struct rig *r, uint32_t gma)
{
    struct gpu_dma_entry blocks[16];
    uint32_t start, size, page;
    int n = gpu_dma_list(r->gpu, blocks, 16);

    arena_bounds(r->arena, &start, &size);
    assert_true(gma >= start && gma < start + size);
    page = (gma - start) / 4096;
    for (int i = 0; i < n; i++) {
        struct gpu_dma dma;
        void *found;

        if ((blocks[i].tag & 0xffffff) != page / ARENA_BLOCK_PAGES)
            continue;
        assert_int_equal(gpu_dma_attach(r->gpu, blocks[i].handle, &dma), 0);
        found = gpu_fake_dma_page(r->fake, dma.dma[page % ARENA_BLOCK_PAGES]);
        gpu_dma_detach(r->gpu, &dma);
        return (uint32_t *)((uint8_t *)found + gma % 4096);
    }
    fail();
    return NULL;
}

uint32_t *rig_shadow(struct rig *r, const struct context *c)
{
    return rig_gpu(r, (uint32_t)(context_desc(c) & ~UINT64_C(4095)) + 4096);
}

uint32_t rig_ring(struct rig *r, const struct context *c, uint32_t byte)
{
    return *rig_gpu(r, rig_shadow(r, c)[CTX_RING_START] + byte);
}

uint64_t rig_count(struct rig *r, enum account_event event)
{
    uint64_t count[ACCOUNT_EVENTS];

    account_snapshot(&r->account, count);
    return count[event];
}

unsigned rig_crash(struct rig *r)
{
    uint32_t start, size;
    unsigned dropped;

    arena_bounds(r->arena, &start, &size);
    context_set_leave(r->set);
    arena_forget(r->arena);
    assert_int_equal(arena_new(r->gpu, size / 4096, &r->arena), 0);
    assert_true(arena_is_old(r->arena));
    dropped = context_records_claim(r->arena, r->config.records);
    r->config.arena = r->arena;
    assert_int_equal(context_set_new(&r->config, &r->set), 0);
    for (unsigned e = 0; e < GEN8_ENGINES; e++)
        context_set_hwsp(r->set, (enum gen8_engine)e, RIG_HWSP);
    return dropped;
}
