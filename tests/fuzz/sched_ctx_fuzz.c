/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target for shadow contexts: any image, ring and batch of a guest, submitted, appended to,
 * saved and submitted again. Beyond "never crashes": what stands in the shadow is audited a second
 * time, from the GPU's side, and may name the guest's partition only, but for batch starts, which
 * name the arena only, where the batch is audited in turn; and the shadow's roots are gtt's.
 */
#include "gen/audit_gen8.h"
#include "gen/ctx_gen8.h"
#include "gen/gen8_pte.h"
#include "gpu/fake/fake.h"
#include "services/sched/context.h"
#include "vmm/fake/fake.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define LOW    (16u << 20)
#define HIGH   (40u << 20)
#define SIZE   (1u << 20)
#define LRCA   HIGH
#define RING   LOW
#define RINGS  8u /* pages there are; the image may say another length */
#define BATCH  (LOW + 0x20000u)
#define PAGES  4u /* of batches */
#define HWSP   (LOW + 0x40000u)
#define ROOT   0x123456000u
#define SHADOW UINT64_C(0x3fed00000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
    struct gpu_fake *fake;
    struct gpu *gpu;
    struct fake_guest *ram;
    struct vmm *vmm;
    struct vggtt *vggtt;
    struct gtt_map *map;
    struct account account;
    struct arena *arena;
    struct context_config config;
    uint32_t start, bytes; /* the arena */
    uint8_t *cpu;          /* of its one block */
};

static void need_root(void *ctx, uint32_t level, const uint64_t pdp[4])
{
    (void)ctx;
    (void)pdp;
    assert(level == 3 || level == 4);
}

static void map_pages(struct world *w, uint32_t gma, uint32_t pages)
{
    static uint64_t gfn;

    for (uint32_t i = 0; i < pages; i++)
        w->vggtt->pte[gma / 4096 + i] = gen8_ggtt_encode(gfn++ * 4096, true);
}

static uint8_t *at(struct world *w, uint32_t gma)
{
    return fake_ram(w->ram, w->vggtt->pte[gma / 4096] & GEN8_PTE_ADDR);
}

static void make_guest(struct world *w)
{
    w->ram = fake_guest_new(7, 64, 1);
    w->vggtt = calloc(1, sizeof(*w->vggtt));
    w->map = aligned_alloc(128, sizeof(*w->map));
    assert(w->ram && w->vggtt && w->map);
    memset(w->map, 0, sizeof(*w->map));
    w->map->root[3] = (struct gtt_root){.level = 4, .guest = {ROOT}, .shadow = {SHADOW}};
    w->map->root[4] = (struct gtt_root){.level = 3, .guest = {ROOT}, .shadow = {SHADOW, 1 << 12}};
    if (vmm_fake_ops.open_memory(7, &w->vmm))
        abort();
    map_pages(w, LRCA, CTX_GEN8_RCS_PAGES);
    map_pages(w, RING, RINGS);
    map_pages(w, BATCH, PAGES);
    map_pages(w, HWSP, 1);
    account_init(&w->account, 7, "guest", NULL);
}

static void make_gpu(struct world *w)
{
    struct arena_range r;

    w->fake = gpu_fake_new(GPU_GEN8, (128u << 20) / 4096);
    if (!w->fake || gpu_fake_open(w->fake, GPU_ROW_SCHED, &w->gpu) ||
        arena_new(w->gpu, ARENA_BLOCK_PAGES, &w->arena) || arena_alloc(w->arena, 1, &r))
        abort();
    w->cpu = r.cpu;
    arena_bounds(w->arena, &w->start, &w->bytes);
    arena_free(w->arena, &r);
}

static struct world *world(void)
{
    static struct world w;

    if (w.fake)
        return &w;
    make_guest(&w);
    make_gpu(&w);
    w.config = (struct context_config){.arena = w.arena,
                                       .ops = &vmm_fake_ops,
                                       .vmm = w.vmm,
                                       .vggtt = w.vggtt,
                                       .map = w.map,
                                       .low_base = LOW,
                                       .low_size = SIZE,
                                       .high_base = HIGH,
                                       .high_size = SIZE,
                                       .account = &w.account,
                                       .records = calloc(CONTEXT_MAX, sizeof(*w.config.records)),
                                       .need_root = need_root};
    return &w;
}

/* --- the second audit --- */

struct check {
    struct world *w;
    enum gen8_engine engine;
    enum audit_where where;
    unsigned depth;
    unsigned *budget; /* batches still to be looked at: they may start each other very often */
    int starts;       /* arena addresses met and not yet known as batch starts */
};

static void check_batch(const struct check *outer, const struct audit_patch *p);

static bool named(void *ctx, uint64_t addr, uint64_t len, bool write)
{
    struct check *c = ctx;

    if ((addr >= LOW && addr + len <= LOW + SIZE) || (addr >= HIGH && addr + len <= HIGH + SIZE))
        return true;
    assert(!write && len == 4 && addr >= c->w->start && addr < c->w->start + c->w->bytes);
    c->starts++;
    return true;
}

static int patched(void *ctx, const struct audit_patch *p)
{
    struct check *c = ctx;

    if (p->kind == AUDIT_PATCH_PDP) {
        assert(p->words[0] == (uint32_t)SHADOW || p->words[0] == SHADOW >> 32 ||
               p->words[0] == 1 << 12 || p->words[0] == 0);
        return 0;
    }
    assert(p->kind == AUDIT_PATCH_BATCH && c->starts == 1); /* the rest was carried out */
    c->starts--;
    check_batch(c, p);
    return 0;
}

static void check_buffer(struct check *c, const uint32_t *dw, size_t n)
{
    static const struct audit_ops ops = {.ggtt = named, .patch = patched};
    struct audit_verdict v;

    if (audit_gen8(c->engine, c->where, dw, n, HWSP, &ops, c, &v))
        abort();
    assert(c->starts == 0);
}

static void check_batch(const struct check *outer, const struct audit_patch *p)
{
    struct check c = {.w = outer->w, .engine = outer->engine, .where = AUDIT_BATCH};
    uint32_t from = (uint32_t)p->addr - c.w->start;

    c.depth = outer->depth + 1;
    c.budget = outer->budget;
    if (c.depth > 9 || !*c.budget)
        return; /* goes round */
    --*c.budget;
    if (outer->where == AUDIT_BATCH_2ND || (outer->where != AUDIT_RING && p->second_level))
        c.where = AUDIT_BATCH_2ND;
    check_buffer(&c, (uint32_t *)(c.w->cpu + from), (c.w->bytes - from) / 4);
}

static void check_ring(struct check *c, const uint32_t *s, uint32_t head)
{
    static uint32_t linear[CONTEXT_RING_MAX / 4];
    const uint8_t *ring = c->w->cpu + (s[CTX_RING_START] - c->w->start);
    uint32_t size = (s[CTX_RING_CTL] & ~1u) + 4096, n = 0;

    assert(s[CTX_RING_START] >= c->w->start &&
           s[CTX_RING_START] - c->w->start + size <= c->w->bytes);
    for (uint32_t i = head; i != s[CTX_RING_TAIL]; i = (i + 4) % size)
        memcpy(&linear[n++], ring + i, 4);
    check_buffer(c, linear, n);
}

static void check_shadow(struct world *w, const struct context *x)
{
    struct ctx_gen8_desc d = ctx_gen8_desc_decode(context_desc(x));
    const uint32_t *s = (uint32_t *)(w->cpu + (d.lrca - w->start)) + CTX_GEN8_STATE;
    unsigned budget = 1000;
    struct check c = {.w = w, .engine = context_engine(x), .where = AUDIT_RING, .budget = &budget};

    assert(d.valid && d.privileged && d.id == context_id(x));
    assert((s[CTX_PDP_LDW(0)] | (uint64_t)s[CTX_PDP_UDW(0)] << 32) == SHADOW);
    check_ring(&c, s, s[CTX_RING_HEAD] & 0x1ffffc);
    if (c.engine == GEN8_RCS && (s[CTX_INDIRECT_CTX] & 63)) {
        c.where = AUDIT_INDIRECT_CTX;
        check_buffer(&c, (uint32_t *)(w->cpu + ((s[CTX_INDIRECT_CTX] & ~63u) - w->start)),
                     (s[CTX_INDIRECT_CTX] & 63) * 16);
    }
}

/* --- the input --- */

struct input {
    const uint8_t *data;
    size_t size;
};

static uint32_t take(struct input *in, size_t bytes)
{
    uint32_t v = 0;

    if (bytes > in->size)
        bytes = in->size;
    if (bytes)
        memcpy(&v, in->data, bytes);
    in->data += bytes;
    in->size -= bytes;
    return v;
}

static void fill(struct world *w, struct input *in, uint32_t gma, uint32_t pages, size_t most)
{
    for (uint32_t i = 0; i < pages; i++) {
        uint8_t *page = at(w, gma + i * 4096);
        size_t n = in->size < most ? in->size : most;

        if (n > 4096)
            n = 4096;
        memset(page, 0, 4096);
        memcpy(page, in->data, n);
        in->data += n;
        in->size -= n;
        most -= n;
    }
}

/* A driver's image, with some of its dwords replaced. */
static void make_image(struct world *w, enum gen8_engine engine, struct input *in)
{
    static uint32_t image[CTX_GEN8_RCS_PAGES * 1024];
    uint32_t edits = take(in, 1) % 32;

    ctx_gen8_init(engine, image);
    ctx_gen8_set_ring(image, RING, RINGS * 4096, 0, take(in, 2) % (RINGS * 4096) & ~7u);
    ctx_gen8_set_pdp(image, 0, ROOT);
    while (edits--) {
        uint32_t i = take(in, 1);

        image[CTX_GEN8_STATE + i] = take(in, 4);
    }
    for (uint32_t i = 0; i < ctx_gen8_pages(engine); i++)
        memcpy(at(w, LRCA + i * 4096), image + i * 1024, 4096);
}

static void submit(struct world *w, struct context_set *set, enum gen8_engine e, struct input *in)
{
    uint32_t *s = (uint32_t *)at(w, LRCA + 4096), mode = take(in, 1) & 3;
    uint64_t desc = UINT64_C(0x99) << 32 | LRCA | mode << 3 | 0x121;
    struct context *c;

    if (context_prepare(set, e, desc, &c))
        return;
    check_shadow(w, c);
    context_set_busy(c, true);
    s[CTX_RING_TAIL] = take(in, 4);
    if (!context_prepare(set, e, desc, &c))
        check_shadow(w, c);
    c = context_find(set, 1 << CONTEXT_ID_SHIFT);
    context_note_head(c, take(in, 2));
    context_set_busy(c, false);
    context_save(c);
    context_set_settle(set);
    if (!context_prepare(set, e, desc, &c))
        check_shadow(w, c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world *w = world();
    struct input in = {data, size};
    struct context_set *set;
    enum gen8_engine e = (enum gen8_engine)(take(&in, 1) % GEN8_ENGINES);

    if (context_set_new(&w->config, &set))
        abort();
    context_set_hwsp(set, e, HWSP);
    make_image(w, e, &in);
    fill(w, &in, RING, RINGS, in.size / 2);
    fill(w, &in, BATCH, PAGES, in.size - in.size / 8);
    submit(w, set, e, &in);
    submit(w, set, e, &in);
    context_reset_engine(set, e);
    context_set_free(set);
    assert(arena_free_pages(w->arena) == ARENA_BLOCK_PAGES);
    return 0;
}
