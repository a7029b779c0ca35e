/* SPDX-License-Identifier: MIT */
/*
 * Page-table entries: golden values, round trips over random entries, and a walk of a table tree
 * against the index arithmetic. One thread, no I/O.
 */
#include "gen/gen8_pte.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static uint64_t seed = 0x9e3779b97f4a7c15;

static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static void same(const struct gen8_entry *a, const struct gen8_entry *b)
{
    assert_true(a->addr == b->addr);
    assert_int_equal(a->present, b->present);
    assert_int_equal(a->rw, b->rw);
    assert_int_equal(a->pat, b->pat);
    assert_int_equal(a->size, b->size);
    assert_int_equal(a->reserved, b->reserved);
}

static void golden(void **state)
{
    struct gen8_entry e = gen8_entry_decode(0x123456003, GEN8_LEVEL_PTE, false);

    (void)state;
    assert_true(e.present && e.rw && e.size == GEN8_SIZE_4K && !e.reserved);
    assert_int_equal(e.addr, 0x123456000);
    assert_int_equal(e.pat, 0);
    assert_int_equal(gen8_entry_decode(0x123456083, GEN8_LEVEL_PTE, false).pat, 4);
    assert_int_equal(gen8_entry_decode(0x1b, GEN8_LEVEL_PDE, false).pat, 3);
    assert_int_equal(gen8_entry_decode(0x1b, GEN8_LEVEL_PDE, false).size, GEN8_SIZE_TABLE);
}

static void not_present_is_empty(void **state)
{
    static const struct gen8_entry empty;

    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        struct gen8_entry e = gen8_entry_decode(rnd() & ~UINT64_C(1), (enum gen8_level)(i % 4), 0);

        same(&e, &empty);
    }
}

static void page_sizes(void **state)
{
    (void)state;
    assert_int_equal(gen8_entry_decode(0x200083, GEN8_LEVEL_PDE, 0).size, GEN8_SIZE_2M);
    assert_int_equal(gen8_entry_decode(0x40000083, GEN8_LEVEL_PDPE, 0).size, GEN8_SIZE_1G);
    assert_int_equal(gen8_entry_decode(0x83, GEN8_LEVEL_PML4E, 0).size, GEN8_SIZE_TABLE);
    assert_int_equal(gen8_entry_decode(0x10003, GEN8_LEVEL_PTE, true).size, GEN8_SIZE_64K);
    assert_true(gen8_entry_decode(0x11003, GEN8_LEVEL_PTE, true).reserved);
    assert_true(gen8_entry_decode(0x204083, GEN8_LEVEL_PDE, 0).reserved);
    assert_int_equal(gen8_entry_decode(0x201083, GEN8_LEVEL_PDE, 0).pat, 4); /* bit 12 */
    assert_false(gen8_entry_decode(0x201083, GEN8_LEVEL_PDE, 0).reserved);
    assert_true(gen8_entry_decode(UINT64_C(1) << 39 | 3, GEN8_LEVEL_PTE, 0).reserved);
}

/* Whatever decodes without reserved bits encodes to the bits the decoder looks at. */
static void round_trip(void **state)
{
    unsigned checked = 0;

    (void)state;
    for (unsigned i = 0; i < 200000; i++) {
        enum gen8_level level = (enum gen8_level)(i & 3);
        bool wide = i & 4;
        struct gen8_entry e = gen8_entry_decode((rnd() & GEN8_PTE_ADDR & ~UINT64_C(0x3fffe000)) |
                                                    (rnd() & 0x3fffe000 & (i & 8 ? 0 : ~0u)) |
                                                    (rnd() & 0xfff) | GEN8_PTE_PRESENT,
                                                level, wide);
        struct gen8_entry back;

        if (e.reserved)
            continue;
        back = gen8_entry_decode(gen8_entry_encode(&e, level), level, e.size == GEN8_SIZE_64K);
        same(&e, &back);
        checked++;
    }
    assert_true(checked > 50000);
}

static void replace_keeps_the_rest(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 10000; i++) {
        uint64_t raw = rnd(), addr = rnd() & GEN8_PTE_ADDR;
        uint64_t got = gen8_pte_replace_addr(raw, addr);

        assert_true((got & GEN8_PTE_ADDR) == addr);
        assert_true((got & ~GEN8_PTE_ADDR) == (raw & ~GEN8_PTE_ADDR));
    }
}

static void ggtt(void **state)
{
    (void)state;
    assert_int_equal(gen8_ggtt_encode(0x7fffff000, true), 0x7fffff001);
    assert_true(gen8_ggtt_decode(0x7fffff001).rw);
    assert_int_equal(gen8_ggtt_decode(0x7fffff001).addr, 0x7fffff000);
    assert_false(gen8_ggtt_decode(0x7fffff000).present);
}

/* Indices put together again are the address. */
static void indices(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 10000; i++) {
        uint64_t gma = rnd() >> 16, sum = gma & 4095;

        for (unsigned l = 0; l < 4; l++)
            sum += gen8_index(gma, (enum gen8_level)l, true) * gen8_level_span((enum gen8_level)l);
        assert_true(sum == gma);
        gma &= UINT32_MAX;
        sum = gma & 4095;
        for (unsigned l = 0; l < 3; l++)
            sum += gen8_index(gma, (enum gen8_level)l, false) * gen8_level_span((enum gen8_level)l);
        assert_true(sum == gma);
    }
    assert_false(gen8_gma_valid(UINT64_C(1) << 32, false));
    assert_true(gen8_gma_valid(UINT64_C(1) << 32, true));
    assert_false(gen8_gma_valid(UINT64_C(1) << 48, true));
}

/* A tree of four pages in a small memory; walk it and miss it. */
static void walk(void **state)
{
    static uint64_t mem[4][512];
    const uint64_t gma = 0x123456789000;
    uint64_t at = 0;

    (void)state;
    memset(mem, 0, sizeof(mem));
    for (unsigned l = 3; l <= 3; l--) {
        struct gen8_entry e = {.addr = (4 - l) * 4096u,
                               .present = true,
                               .rw = true,
                               .size = l ? GEN8_SIZE_TABLE : GEN8_SIZE_4K};

        mem[3 - l][gen8_index(gma, (enum gen8_level)l, true)] =
            gen8_entry_encode(&e, (enum gen8_level)l);
    }
    for (unsigned l = 3; l <= 3; l--) {
        struct gen8_entry e = gen8_entry_decode(
            mem[at / 4096][gen8_index(gma, (enum gen8_level)l, true)], (enum gen8_level)l, false);

        assert_true(e.present);
        at = e.addr;
    }
    assert_int_equal(at, 4 * 4096);
    assert_false(
        gen8_entry_decode(mem[3][gen8_index(gma + 4096, GEN8_LEVEL_PTE, true)], GEN8_LEVEL_PTE, 0)
            .present);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden),     cmocka_unit_test(not_present_is_empty),
        cmocka_unit_test(page_sizes), cmocka_unit_test(round_trip),
        cmocka_unit_test(indices),    cmocka_unit_test(replace_keeps_the_rest),
        cmocka_unit_test(ggtt),       cmocka_unit_test(walk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
