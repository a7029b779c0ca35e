/* SPDX-License-Identifier: MIT */
/* gtt7_oracle.c: see gtt7_oracle.h. */
#include "tests/unit/gtt7_oracle.h"

void put_entry(struct rig *r, uint64_t index, uint32_t value)
{
    r->image->pte[index] = value;
    post(r, (struct mmio_gtt){.kind = MMIO_GTT_PTE, .pte = {index, value}});
}

void put_pte(struct rig *r, uint64_t gfn, unsigned i, uint32_t value)
{
    ((uint32_t *)table(r, gfn))[i] = value;
    if (r->trapped[gfn])
        post(r, (struct mmio_gtt){.kind = MMIO_GTT_TABLE_WRITE, .write = {gfn, 4 * i, 4}});
}

void ask_root(struct rig *r, uint64_t first)
{
    post(r, (struct mmio_gtt){.kind = MMIO_GTT_PPGTT_NEW, .level = 2, .pdp = {first}});
}

unsigned find_root(const struct rig *r, uint64_t first)
{
    unsigned i = 0;

    while (i < GTT_MAP_ROOTS && !(r->map->root[i].level && r->map->root[i].guest[0] == first))
        i++;
    return i;
}

uint32_t root_level(const struct rig *r, uint64_t first)
{
    unsigned i = find_root(r, first);

    return i < GTT_MAP_ROOTS ? r->map->root[i].level : 0;
}

unsigned root_number(const struct rig *r, uint64_t first)
{
    unsigned i = find_root(r, first);

    return i < GTT_MAP_ROOTS ? directories_number(&r->directories, r->map->root[i].shadow[0]) : 0;
}

uint32_t directory_entry(struct rig *r, unsigned n, unsigned i)
{
    return (uint32_t)gpu_fake_gtt(r->fake, (uint32_t)directories_entry(&r->directories, n) + i);
}

uint64_t directory_page(struct rig *r, unsigned n, unsigned i, unsigned k)
{
    struct gen7_pde d = gen7_pde_decode(directory_entry(r, n, i));
    uint32_t *page = gpu_fake_dma_page(r->fake, d.addr);

    assert_true(d.present && !d.large);
    assert_non_null(page);
    assert_true(gen7_pte_decode(page[k]).present);
    return gen7_pte_decode(page[k]).addr;
}

void calm(struct rig *r)
{
    for (int i = 0; i < 8; i++) {
        settle(r);
        pass(r);
    }
    settle(r);
}

/* ---- the oracle */

static void name(struct rig *r, uint64_t gfn)
{
    assert_true(gpu_fake_pinned(r->fake, DOMID, gfn));
    r->named[gfn] = r->map->clear_seq + 1;
}

static bool good_pte(uint64_t raw)
{
    return !(raw >> 32) && raw & 1 && gen7_pte_decode((uint32_t)raw).addr >> 12 < PAGES;
}

static bool good_pde(uint64_t raw)
{
    struct gen7_pde d = gen7_pde_decode((uint32_t)raw);

    return !(raw >> 32) && d.present && !d.large && d.addr >> 12 < PAGES;
}

/* The shadow at dma stands for the guest's table gfn; one shadow for one table. */
static void check_table(struct rig *r, uint64_t gfn, uint64_t dma)
{
    const uint32_t *guest = (uint32_t *)table(r, gfn), *ours = gpu_fake_dma_page(r->fake, dma);

    assert_non_null(ours);
    if (r->seen_round[gfn][0] == r->round) {
        assert_int_equal(r->seen[gfn][0], dma);
        return;
    }
    r->seen_round[gfn][0] = r->round;
    r->seen[gfn][0] = dma;
    for (unsigned i = 0; i < GEN7_PT_ENTRIES; i++) {
        struct gen7_pte e = gen7_pte_decode(ours[i]), want = gen7_pte_decode(guest[i]);

        assert_true(e.present);
        if (!good_pte(guest[i])) {
            assert_true(e.addr == shadow_scratch_data(&r->g->shadows) && !e.cache);
            continue;
        }
        assert_true(e.addr == frame(want.addr >> 12) && e.cache == want.cache);
        name(r, want.addr >> 12);
    }
}

static void check_directory(struct rig *r, uint64_t first, unsigned n)
{
    for (unsigned i = 0; i < DIRECTORY_ENTRIES; i++) {
        uint64_t raw = r->image->pte[first + i];
        struct gen7_pde ours = gen7_pde_decode(directory_entry(r, n, i));

        assert_true(ours.present && !ours.large);
        if (good_pde(raw))
            check_table(r, gen7_pde_decode((uint32_t)raw).addr >> 12, ours.addr);
        else
            assert_int_equal(ours.addr, shadow_scratch(&r->g->shadows, GTT_LEVEL_PTE));
    }
}

static bool in_part(const struct rig *r, uint32_t i)
{
    const struct partition_range *part = r->config.grant.range;
    uint64_t at = i * 4096ull;

    return at - part[0].base < part[0].size || at - part[1].base < part[1].size;
}

static void check_ggtt(struct rig *r)
{
    uint32_t end = (uint32_t)directories_entry(&r->directories, 0);

    for (uint32_t i = 0; i < ENTRIES7; i++) {
        uint64_t now = gpu_fake_gtt(r->fake, i), raw = r->image->pte[i];
        struct gen7_pte e = gen7_pte_decode((uint32_t)now), want = gen7_pte_decode((uint32_t)raw);

        if (!in_part(r, i)) {
            assert_true(!now || (i >= end && i < end + DIRECTORIES * DIRECTORY_ENTRIES));
        } else if (!good_pte(raw)) {
            assert_true(e.present && e.addr == shadow_scratch_data(&r->g->shadows));
        } else {
            assert_true(e.present && e.addr == frame(want.addr >> 12) && e.cache == want.cache);
            name(r, want.addr >> 12);
        }
    }
}

static bool is_empty(struct rig *r, unsigned n)
{
    for (unsigned i = 0; i < DIRECTORY_ENTRIES; i++)
        if (gen7_pde_decode(directory_entry(r, n, i)).addr != r->directories.pages.dma[1])
            return false;
    return true;
}

/* Directory n stands for the entries from first (0: it is free), and for no others since engines
 * were last able to use it for them. */
static void note_use(struct oracle *o, unsigned n, uint64_t first)
{
    if (o->first[n] && o->first[n] != first)
        assert_true(o->r.inval.done_seq >= o->until[n]);
    o->first[n] = first;
    o->until[n] = o->r.map->clear_seq + 1;
}

/* Whoever may still be in it meets tables, whatever became of its root. */
static void check_old_use(struct oracle *o, unsigned n)
{
    if (!o->first[n] || o->r.inval.done_seq >= o->until[n])
        return;
    for (unsigned i = 0; i < DIRECTORY_ENTRIES; i += i < 64 ? 1 : 64)
        directory_page(&o->r, n, i, 0);
}

static void check_roots(struct oracle *o)
{
    struct rig *r = &o->r;
    bool seen[DIRECTORIES] = {0};

    for (unsigned i = 0; i < GTT_MAP_ROOTS; i++) {
        const struct gtt_root *root = &r->map->root[i];
        unsigned n = directories_number(&r->directories, root->shadow[0]);

        assert_false(root->seq & 1);
        if (!n) {
            assert_true(root->level != 2);
            continue;
        }
        assert_false(seen[n]);
        seen[n] = true;
        if (root->level != 2)
            continue;
        note_use(o, n, root->guest[0]);
        check_directory(r, root->guest[0], n);
        o->shown++;
    }
    assert_true(is_empty(r, 0));
    for (unsigned n = 1; n <= rig_directories; n++) {
        check_old_use(o, n);
        if (o->first[n] && is_empty(r, n))
            note_use(o, n, 0);
    }
}

void oracle_check(struct oracle *o)
{
    struct rig *r = &o->r;

    r->round++;
    check_roots(o);
    check_ggtt(r);
    for (unsigned i = 0; i < PAGES; i++) {
        if (r->named[i] && !gpu_fake_pinned(r->fake, DOMID, i))
            assert_true(r->inval.done_seq >= r->named[i]);
    }
}
