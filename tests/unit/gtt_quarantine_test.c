/* SPDX-License-Identifier: MIT */
/*
 * gtt_quarantine_test.c: inputs that kill vgt-gtt (gtt_deadly.h). When a child has died of one, the
 * parent takes over, from what the guest has said so far.
 */
#include "services/wire/input.h"
#include "tests/unit/gtt_deadly.h"

#include <signal.h>

#define ENTRY(gfn) ((uint64_t)(gfn) << 12 | P)
#define BAD        40u /* pinning this frame kills */
#define INDEX      300u
#define FENCE_REG  (0x100000u + 8 * 4)

static bool kills_fences;

static int reg_write(struct gpu *g, uint32_t offset, unsigned width, uint64_t value)
{
    if (kills_fences && offset == FENCE_REG && value & 1)
        raise(SIGKILL);
    return deadly_under->write(g, offset, width, value);
}

static void wrap(struct gpu_ops *ops)
{
    ops->write = reg_write;
}

static void start(struct rig *r)
{
    kills_fences = false;
    deadly_begin(BAD, wrap);
    setup(r, 200);
    r->config.quarantine = &deadly_quarantine;
    deadly_born(r);
    settle(r);
}

static void end(struct rig *r)
{
    kills_fences = false;
    deadly_end(r);
}

static void take_over(struct rig *r)
{
    deadly_born(r);
    settle(r);
}

static uint64_t gtt_of(struct rig *r, uint32_t index)
{
    return gpu_fake_gtt(r->fake, index) & GEN8_PTE_ADDR;
}

/* ---- entries of the GGTT */

static void set_entry(struct rig *r, uint64_t gfn)
{
    uint64_t value = gfn << 12 | 1;

    post(r, (struct mmio_gtt){.kind = MMIO_GTT_PTE, .pte = {INDEX, value}});
    r->image->pte[INDEX] = value; /* vgt-mmio stores it after it sent the message */
}

static void set_bad_entry(struct rig *r)
{
    r->image->pte[INDEX] = (uint64_t)BAD << 12 | 1;
    set_entry(r, BAD);
}

static void an_entry_that_kills(void **state)
{
    static struct rig r;

    (void)state;
    start(&r);
    set_entry(&r, 30);
    settle(&r);
    assert_int_equal(gtt_of(&r, INDEX), frame(30));
    deadly_pins = true;
    assert_true(deadly_dies(&r, set_bad_entry)); /* on the lane */
    r.image->pte[INDEX] = (uint64_t)BAD << 12 | 1;
    assert_true(deadly_dies(&r, deadly_nothing)); /* out of the image */
    take_over(&r);
    assert_int_not_equal(gtt_of(&r, INDEX), frame(30)); /* which is pinned no more */
    assert_int_equal(deadly_only_item().input.kind, WIRE_INPUT_GGTT_ENTRY);
    assert_int_equal(deadly_only_item().input.word[0], INDEX);
    assert_int_equal(deadly_only_item().input.word[1], (uint64_t)BAD << 12 | 1);
    set_bad_entry(&r); /* the guest insists */
    settle(&r);
    assert_int_equal(deadly_only_item().skipped, 2);
    assert_true(r.account.count[ACCOUNT_QUARANTINED] >= 2);
    set_entry(&r, 31);
    settle(&r);
    assert_int_equal(gtt_of(&r, INDEX), frame(31));
    end(&r);
}

/* ---- fences */

static void set_fence(struct rig *r)
{
    uint64_t page = 1ull << 8; /* the first of low memory: 1 MiB */

    post(r,
         (struct mmio_gtt){.kind = MMIO_GTT_FENCE, .pte = {0, (page + 7) << 44 | page << 12 | 1}});
}

static void a_fence_that_kills(void **state)
{
    static struct rig r;

    (void)state;
    start(&r);
    kills_fences = true;
    assert_true(deadly_dies(&r, set_fence));
    assert_true(deadly_dies(&r, set_fence));
    take_over(&r);
    set_fence(&r);
    settle(&r);
    assert_int_equal(deadly_only_item().input.kind, WIRE_INPUT_FENCE);
    end(&r);
}

/* ---- page tables: a 3-level root at page 1, its table at page 2 */

static void set_root(struct rig *r)
{
    table(r, 1)[0] = ENTRY(2);
    post(r, (struct mmio_gtt){.kind = MMIO_GTT_PPGTT_NEW, .level = 3, .pdp = {1 << 12}});
    settle(r);
}

static void set_slot(struct rig *r, unsigned i, uint64_t value)
{
    table(r, 2)[i] = value;
    post(r, (struct mmio_gtt){.kind = MMIO_GTT_TABLE_WRITE, .write = {2, i * 8, 8}});
}

static void set_bad_slot(struct rig *r)
{
    set_slot(r, 9, ENTRY(BAD));
}

static uint64_t shadow_of(struct rig *r, unsigned i)
{
    uint64_t *pd = gpu_fake_dma_page(r->fake, r->map->root[0].shadow[0]);
    uint64_t *pt = gpu_fake_dma_page(r->fake, pd[0]);

    return pt[i] & GEN8_PTE_ADDR;
}

static void a_table_entry_that_kills(void **state)
{
    static struct rig r;

    (void)state;
    start(&r);
    set_slot(&r, 8, ENTRY(30));
    set_root(&r);
    deadly_pins = true;
    assert_true(deadly_dies(&r, set_bad_slot));
    table(&r, 2)[9] = ENTRY(BAD);
    assert_true(deadly_dies(&r, deadly_nothing));
    take_over(&r);
    assert_int_equal(shadow_of(&r, 8), frame(30));
    assert_int_not_equal(shadow_of(&r, 9), frame(BAD));
    assert_int_equal(deadly_only_item().input.kind, WIRE_INPUT_TABLE_ENTRY);
    assert_int_equal(deadly_only_item().input.word[0], 2);
    assert_int_equal(deadly_only_item().input.word[2], ENTRY(BAD));
    set_slot(&r, 9, ENTRY(31)); /* this place is as good as any */
    settle(&r);
    assert_int_equal(shadow_of(&r, 9), frame(31));
    set_slot(&r, 9, ENTRY(BAD));
    settle(&r);
    assert_int_not_equal(shadow_of(&r, 9), frame(31));
    end(&r);
}

/* An operator kills twice, with the guest at work: nothing is lost. */
static void kills_from_outside(void **state)
{
    static struct rig r;

    (void)state;
    start(&r);
    set_root(&r);
    for (int i = 0; i < 3; i++) {
        table(&r, 2)[9] = ENTRY(BAD);
        deadly_pins = true;
        assert_true(deadly_dies(&r, deadly_nothing));
        deadly_pins = false;
        take_over(&r);
        assert_int_equal(shadow_of(&r, 9), frame(BAD));
        set_slot(&r, 9, ENTRY(30)); /* so that the frame has to be pinned again */
        settle(&r);
        pass(&r);
        settle(&r);
    }
    assert_int_equal(deadly_quarantine.known, 0);
    end(&r);
}

/* ---- giving up */

static void too_many(void **state)
{
    static struct rig r;

    (void)state;
    start(&r);
    set_slot(&r, 8, ENTRY(30));
    set_root(&r);
    deadly_pins = true;
    for (unsigned i = 0; i < QUARANTINE_ITEMS; i++) {
        uint64_t word[] = {2, i + 100, ENTRY(BAD)};

        quarantine_put(&deadly_quarantine, WIRE_INPUT_TABLE_ENTRY, word, 3);
    }
    r.image->pte[INDEX] = (uint64_t)BAD << 12 | 1;
    table(&r, 2)[9] = ENTRY(BAD);
    deadly_born(&r); /* without a look at either */
    assert_true(r.g->given_up);
    set_bad_entry(&r);
    set_bad_slot(&r);
    pass(&r);
    settle(&r);
    assert_int_equal(gtt_of(&r, INDEX), r.gpu->info.scratch_dma);
    assert_int_equal(r.map->root[0].level, 0);
    pass(&r);
    settle(&r);
    assert_int_equal(gpu_fake_pins(r.fake), 0);
    end(&r);
}

/* ---- workers */

static void fill_table(struct rig *r)
{
    for (unsigned i = 0; i < 16; i++)
        table(r, 2)[i] = ENTRY(20 + i);
}

/* A table whose fetch two processes died in is filled by the loop. */
static void a_fetch_that_kills(void **state)
{
    static struct rig r;
    uint64_t gfn = 2, jobs;

    (void)state;
    if (!rig_workers)
        return;
    start(&r);
    fill_table(&r);
    set_root(&r);
    jobs = r.g->pins.fetch_jobs;
    assert_true(jobs > 0);
    for (int i = 0; i < 2; i++) {
        quarantine_attach(&deadly_quarantine, deadly_table);
        quarantine_begin(&deadly_quarantine, QUARANTINE_BESIDE, WIRE_INPUT_TABLE_AHEAD, &gfn, 1);
    }
    take_over(&r);
    assert_int_equal(r.g->pins.fetch_jobs, 0);
    assert_int_equal(shadow_of(&r, 3), frame(23));
    assert_int_equal(deadly_only_item().input.kind, WIRE_INPUT_TABLE_AHEAD);
    end(&r);
}

/* While one of the loop's own inputs is suspected, no worker may be there to be suspected too. */
static void no_fetch_in_doubt(void **state)
{
    static struct rig r;
    uint64_t word[2] = {1, 2};

    (void)state;
    if (!rig_workers)
        return;
    start(&r);
    fill_table(&r);
    set_root(&r);
    quarantine_begin(&deadly_quarantine, QUARANTINE_INNER, WIRE_INPUT_GGTT_ENTRY, word, 2);
    take_over(&r);
    assert_int_equal(r.g->pins.fetch_jobs, 0);
    assert_int_equal(shadow_of(&r, 3), frame(23));
    quarantine_settled(&deadly_quarantine);
    table(&r, 2)[17] = ENTRY(40);
    post(&r, (struct mmio_gtt){.kind = MMIO_GTT_TABLE_WRITE, .write = {2, 0, 4095}});
    settle(&r);
    assert_int_equal(r.g->pins.fetch_jobs, 1);
    r.g->shadows.alone = true; /* another guest's input */
    table(&r, 2)[17] = ENTRY(41);
    post(&r, (struct mmio_gtt){.kind = MMIO_GTT_TABLE_WRITE, .write = {2, 0, 4095}});
    settle(&r);
    assert_int_equal(r.g->pins.fetch_jobs, 1);
    end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_that_kills),
        cmocka_unit_test(a_fence_that_kills),
        cmocka_unit_test(a_table_entry_that_kills),
        cmocka_unit_test(kills_from_outside),
        cmocka_unit_test(too_many),
        cmocka_unit_test(a_fetch_that_kills),
        cmocka_unit_test(no_fetch_in_doubt),
    };

    return run_twice(tests);
}
