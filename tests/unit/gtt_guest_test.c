/* SPDX-License-Identifier: MIT */
/*
 * One guest's graphics memory against a fake GPU and a fake guest. The oracle walks the guest's
 * tables and the shadows side by side, knowing only frames and hardware formats; whatever it meets
 * in a shadow is noted with the clear sequence of that moment, and must stay pinned until that
 * sequence is passed.
 */
#include "tests/unit/gtt_fixture.h"

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

/* A driver's loop over a table, reported as one. */
static void random_rewrite(struct rig *r)
{
    uint64_t value[64];
    uint32_t n = 9 + (uint32_t)rand() % 56, at = (uint32_t)rand() % 24;

    for (uint32_t i = 0; i < n; i++)
        value[i] = random_entry();
    guest_write(r, (uint64_t)rand() % TABLES, at * 8, value, n * 8);
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

static void random_run(struct rig *r, int rounds, int crash_every)
{
    for (int i = 0; i < rounds; i++) {
        int kind = rand() % 20;

        if (kind == 0)
            random_root(r);
        else if (kind < 5)
            random_pte(r);
        else if (kind == 5)
            random_rewrite(r);
        else
            random_write(r);
        if (rand() % 3 == 0)
            settle(r);
        else if (rand() % 3 == 0) /* the rest later, with more writes or a crash in between */
            assert_true(gtt_guest_settle(r->g, (uint64_t)rand() % 300) >= 0);
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
    assert_true(r->lifts > 10);
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
        assert_int_equal(r.g->pins.fetch_jobs > 50, rig_workers > 0);
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

    return run_long(tests);
}
