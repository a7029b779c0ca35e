/* SPDX-License-Identifier: MIT */
/*
 * One guest's graphics memory against a fake GPU and a fake guest. The oracle walks the guest's
 * tables and the shadows side by side, knowing only frames and hardware formats; whatever it meets
 * in a shadow is noted with the clear sequence of that moment, and must stay pinned until that
 * sequence is passed.
 */
#include "services/gtt/guest.h"

#include "gpu/fake/fake.h"
#include "vmm/fake/fake.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#define DOMID   5
#define PAGES   96u
#define TABLES  12u /* pages the guest uses as tables */
#define ENTRIES 4096u
#define MIB     (1ull << 20)
#define P       (GEN8_PTE_PRESENT | GEN8_PTE_RW)

struct rig {
    struct gpu_fake *fake;
    struct gpu *gpu;
    struct fake_guest *ram;
    struct vmm *vmm;
    struct account account;
    struct gtt_map *map;
    struct gtt_inval inval;
    struct vggtt *image;
    struct gtt_guest *g;
    struct gtt_guest_config config;
    uint64_t epoch;
    bool trapped[PAGES], refuse;
    unsigned confirm[4096], confirms;
    uint64_t named[PAGES]; /* clear sequence + 1 at which a shadow last named the frame */
    uint64_t seen[PAGES][SHADOW_LEVELS];
    unsigned seen_round[PAGES][SHADOW_LEVELS], round;
};

static uint64_t frame(uint64_t gfn)
{
    return 0x300000000ull + (gfn * 37 % 1024) * 8192;
}

static int protect(void *ctx, uint64_t gfn, bool on)
{
    struct rig *r = ctx;

    if (r->refuse && rand() % 3)
        return -EAGAIN;
    assert_true(gfn < PAGES && r->trapped[gfn] != on);
    r->trapped[gfn] = on;
    if (on && r->config.confirmed)
        r->confirm[r->confirms++] = (unsigned)gfn;
    return 0;
}

static void post(struct rig *r, struct mmio_gtt m)
{
    m.epoch = ++r->epoch;
    assert_int_equal(gtt_guest_apply(r->g, &m), 0);
}

static void settle(struct rig *r)
{
    int rc, turns = 0;

    while ((rc = gtt_guest_settle(r->g, 100)) == GTT_GUEST_MORE) {
        assert_true(turns++ < 100000);
        while (r->confirms) {
            uint64_t gfn = r->confirm[--r->confirms];

            post(r, (struct mmio_gtt){.kind = MMIO_GTT_TABLE_WRITE, .write = {gfn, 0, 4096}});
        }
    }
    assert_int_equal(rc, 0);
    assert_int_equal(r->map->epoch, r->epoch);
}

static void setup(struct rig *r, uint64_t max_tables)
{
    memset(r, 0, sizeof *r);
    r->fake = gpu_fake_new(GPU_GEN8, ENTRIES);
    assert_int_equal(gpu_fake_open(r->fake, GPU_ROW_GTT, &r->gpu), 0);
    gpu_fake_attach(r->fake, DOMID);
    r->ram = fake_guest_new(DOMID, PAGES, 1);
    for (uint64_t i = 0; i < PAGES; i++)
        gpu_fake_add_frame(r->fake, DOMID, i, frame(i));
    assert_int_equal(vmm_fake_ops.open_memory(DOMID, &r->vmm), 0);
    account_init(&r->account, DOMID, "guest", NULL);
    r->map = aligned_alloc(128, sizeof(*r->map));
    memset(r->map, 0, sizeof(*r->map));
    r->image = calloc(1, sizeof(*r->image));
    r->config = (struct gtt_guest_config){
        .domid = DOMID,
        .gpu = r->gpu,
        .ops = &vmm_fake_ops,
        .vmm = r->vmm,
        .account = &r->account,
        .map = r->map,
        .inval = {&r->inval},
        .image = r->image,
        .grant = {DOMID, {{MIB, MIB}, {8 * MIB, MIB}, {4, 2}}},
        .protect = protect,
        .ctx = r,
        .max_pins = 1000,
        .max_tables = max_tables,
    };
    assert_int_equal(gtt_guest_new(&r->config, &r->g), 0);
    settle(r);
}

static void pass(struct rig *r)
{
    __atomic_store_n(&r->inval.done_seq, r->map->clear_seq, __ATOMIC_RELEASE);
}

static void teardown(struct rig *r)
{
    int rc, turns = 0;

    r->refuse = false;
    while ((rc = gtt_guest_detach(r->g, 1000)) == GTT_GUEST_MORE) {
        assert_true(turns++ < 10000);
        pass(r);
    }
    assert_int_equal(rc, 0);
    assert_int_equal(gpu_fake_pins(r->fake), 0);
    assert_int_equal(gpu_dma_list(r->gpu, NULL, 0), 0);
    for (unsigned i = 0; i < PAGES; i++)
        assert_false(r->trapped[i]);
    for (uint32_t i = MIB / 4096; i < 2 * MIB / 4096; i++)
        assert_int_equal(gpu_fake_gtt(r->fake, i) & GEN8_PTE_ADDR, r->gpu->info.scratch_dma);
    vmm_fake_ops.close(r->vmm);
    fake_guest_free(r->ram);
    gpu_close(r->gpu);
    gpu_fake_free(r->fake);
    free(r->map);
    free(r->image);
}

static uint64_t *table(struct rig *r, uint64_t gfn)
{
    return fake_ram(r->ram, gfn * 4096);
}

static uint64_t shadow_word(struct rig *r, uint64_t dma, unsigned i)
{
    uint64_t *page = gpu_fake_dma_page(r->fake, dma);

    assert_non_null(page);
    return page[i];
}

static void name(struct rig *r, uint64_t gfn)
{
    assert_true(gpu_fake_pinned(r->fake, DOMID, gfn));
    r->named[gfn] = r->map->clear_seq + 1;
}

static bool good(uint64_t raw, int level)
{
    uint64_t gfn = (raw & GEN8_PTE_ADDR) >> 12;

    if (!(raw & 1) || gfn >= PAGES || raw >> 39)
        return false;
    if (level == 0)
        return true;
    return !(level < 3 && raw & GEN8_PDE_PS) && !(level == 1 && raw & GEN8_PDE_IPS_64K);
}

/* The shadow at dma stands for the guest's table gfn. */
static void same(struct rig *r, uint64_t gfn, int level, uint64_t dma)
{
    if (r->seen_round[gfn][level] == r->round) {
        assert_int_equal(r->seen[gfn][level], dma);
        return;
    }
    r->seen_round[gfn][level] = r->round;
    r->seen[gfn][level] = dma;
    for (unsigned i = 0; i < 512; i++) {
        uint64_t raw = table(r, gfn)[i], sh = shadow_word(r, dma, i);
        uint64_t child = (raw & GEN8_PTE_ADDR) >> 12;

        if (!good(raw, level)) {
            assert_int_equal(sh, (level ? shadow_scratch(&r->g->shadows, level - 1)
                                        : shadow_scratch_data(&r->g->shadows)) |
                                     P);
        } else if (level) {
            assert_int_equal(sh & 0x1b, raw & 0x1b);
            same(r, child, level - 1, sh & GEN8_PTE_ADDR);
        } else {
            assert_int_equal(sh & GEN8_PTE_ADDR, frame(child));
            assert_int_equal(sh & 0xfff, raw & 0x9b);
            name(r, child);
        }
    }
}

static void check_ggtt(struct rig *r)
{
    const struct partition_range *part = r->config.grant.range;

    for (uint32_t i = 0; i < ENTRIES; i++) {
        uint64_t at = i * 4096ull, now = gpu_fake_gtt(r->fake, i), raw = r->image->pte[i];
        bool mine = at - part[0].base < part[0].size || at - part[1].base < part[1].size;

        if (!mine) {
            assert_int_equal(now, 0);
        } else if (!good(raw, 0)) {
            assert_int_equal(now, shadow_scratch_data(&r->g->shadows) | 1);
        } else {
            assert_int_equal(now & GEN8_PTE_ADDR, frame((raw & GEN8_PTE_ADDR) >> 12));
            name(r, (raw & GEN8_PTE_ADDR) >> 12);
        }
    }
}

/* Everything the GPU may walk is what the guest's tables say, computed from nothing. */
static void check(struct rig *r)
{
    r->round++;
    for (unsigned i = 0; i < GTT_MAP_ROOTS; i++) {
        const struct gtt_root *root = &r->map->root[i];
        int top = root->level == 4 ? 3 : 1;

        assert_false(root->seq & 1);
        for (unsigned k = 0; root->level && k < (root->level == 4 ? 1 : 4); k++) {
            if (root->guest[k] && root->guest[k] >> 12 < PAGES)
                same(r, root->guest[k] >> 12, top, root->shadow[k]);
            else
                assert_int_equal(root->shadow[k], shadow_scratch(&r->g->shadows, top));
        }
    }
    check_ggtt(r);
    for (unsigned i = 0; i < PAGES; i++) {
        if (r->named[i] && !gpu_fake_pinned(r->fake, DOMID, i))
            assert_true(r->inval.done_seq >= r->named[i]);
    }
}

static uint64_t random_entry(void)
{
    uint64_t attributes = P | (rand() % 4 ? 0 : GEN8_PTE_PWT | GEN8_PTE_PCD);

    switch (rand() % 12) {
    case 0:
    case 1:
        return 0;
    case 2: /* no memory there */
        return (uint64_t)(PAGES + rand() % 100000) << 12 | attributes;
    case 3:
        return (uint64_t)(rand() % PAGES) << 12 | attributes | GEN8_PDE_PS;
    case 4:
        return (uint64_t)(rand() % PAGES) << 12 | attributes | GEN8_PDE_IPS_64K;
    case 5:
        return 1ull << (39 + rand() % 25) | attributes;
    case 6:
    case 7: /* any page, also as a table */
        return (uint64_t)(rand() % PAGES) << 12 | attributes;
    default: /* loops and shared subtrees */
        return (uint64_t)(rand() % TABLES) << 12 | attributes;
    }
}

/* As vgt-mmio does it: apply to the guest's page, report if it is tracked. */
static void guest_write(struct rig *r, uint64_t gfn, uint32_t at, const void *data, uint32_t len)
{
    memcpy((uint8_t *)table(r, gfn) + at, data, len);
    if (r->trapped[gfn])
        post(r, (struct mmio_gtt){.kind = MMIO_GTT_TABLE_WRITE, .write = {gfn, at, len}});
}

static void random_write(struct rig *r)
{
    uint64_t value[2] = {random_entry(), random_entry()};
    uint32_t at = (uint32_t)(rand() % 4 ? rand() % 24 : rand() % 511) * 8, len = 8;

    if (rand() % 3 == 0) { /* partial, odd, across two entries */
        uint32_t skip = (uint32_t)rand() % 8;

        len = 1 + (uint32_t)rand() % 8;
        guest_write(r, (uint64_t)rand() % TABLES, at + skip, (uint8_t *)value + skip, len);
        return;
    }
    guest_write(r, (uint64_t)rand() % TABLES, at, value, len);
}

static void random_pte(struct rig *r)
{
    uint64_t index = (uint64_t)rand() % ENTRIES;

    if (rand() % 2)
        index = 256 + (uint64_t)rand() % 32;
    r->image->pte[index] = random_entry() & ~(uint64_t)(GEN8_PDE_IPS_64K);
    post(r, (struct mmio_gtt){.kind = MMIO_GTT_PTE, .pte = {index, r->image->pte[index]}});
    if (rand() % 4 == 0)
        post(r, (struct mmio_gtt){.kind = MMIO_GTT_PTE, .pte = {index, r->image->pte[index]}});
}

static void random_root(struct rig *r)
{
    struct mmio_gtt m = {.kind = rand() % 2 ? MMIO_GTT_PPGTT_NEW : MMIO_GTT_PPGTT_GONE,
                         .level = 3 + (uint32_t)rand() % 2};

    m.pdp[0] = (uint64_t)(rand() % 4) << 12;
    if (m.level == 3 && rand() % 2)
        m.pdp[1] = (uint64_t)(rand() % 4) << 12;
    if (rand() % 10 == 0)
        m.pdp[0] = (uint64_t)(PAGES + 3) << 12;
    post(r, m);
    if (rand() % 4 == 0)
        post(r, m);
}

static void restart(struct rig *r)
{
    gtt_guest_forget(r->g);
    gpu_close(r->gpu);
    assert_int_equal(gpu_fake_open(r->fake, GPU_ROW_GTT, &r->gpu), 0);
    r->config.gpu = r->gpu;
    memset(r->trapped, 0, sizeof r->trapped); /* mmio takes repeated requests */
    r->confirms = 0;
    assert_int_equal(gtt_guest_new(&r->config, &r->g), 0);
    r->g->epoch = r->epoch; /* what the lane's last entries would carry */
}

static void random_run(struct rig *r, int rounds, int crash_every)
{
    for (int i = 0; i < rounds; i++) {
        int kind = rand() % 20;

        if (kind == 0)
            random_root(r);
        else if (kind < 5)
            random_pte(r);
        else
            random_write(r);
        if (rand() % 3 == 0)
            settle(r);
        if (crash_every && rand() % crash_every == 0)
            restart(r);
        if (rand() % 10 == 0) {
            settle(r);
            check(r);
        }
        if (rand() % 5 == 0)
            pass(r);
    }
    settle(r);
    check(r);
    assert_true(r->account.count[ACCOUNT_BAD_PPGTT] > 0);
    assert_true(r->account.count[ACCOUNT_BAD_GTT] > 0);
    assert_int_equal(r->account.count[ACCOUNT_NO_RESOURCE], 0);
}

static void shadow_equals_recomputed(void **state)
{
    struct rig r;

    (void)state;
    for (int seed = 1; seed <= 3; seed++) {
        srand((unsigned)seed);
        setup(&r, 2000);
        random_run(&r, 3000, 0);
        teardown(&r);
    }
}

static void crash_and_rebuild(void **state)
{
    struct rig r;

    (void)state;
    srand(21);
    setup(&r, 2000);
    random_run(&r, 2000, 30);
    teardown(&r);
}

/* Requests to mmio that find no room, and an epoch held until pages are known to be protected. */
static void late_protection(void **state)
{
    struct rig r;

    (void)state;
    srand(33);
    setup(&r, 2000);
    r.config.confirmed = true;
    r.refuse = true;
    restart(&r);
    random_run(&r, 2000, 0);
    teardown(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shadow_equals_recomputed),
        cmocka_unit_test(crash_and_rebuild),
        cmocka_unit_test(late_protection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
