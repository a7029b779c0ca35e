/* SPDX-License-Identifier: MIT */
/*
 * Gen7.5's page-table entries: golden values, round trips over random entries, the index
 * arithmetic, and a walk of a directory and its table. One thread, no I/O.
 */
#include "gen/gen7_pte.h"

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

static void golden(void **state)
{
    struct gen7_pte e = gen7_pte_decode(0x12345001);

    (void)state;
    assert_true(e.present);
    assert_int_equal(e.addr, 0x12345000);
    assert_int_equal(e.cache, 0);
    assert_true(gen7_pte_decode(0x12345011).addr == 0x112345000);
    assert_true(gen7_pte_decode(0xfffff7f1).addr == GEN7_ADDR);
    assert_int_equal(gen7_pte_decode(0x0000180f).cache, 0x80e);
    e = (struct gen7_pte){.addr = 0x7654321000, .cache = 0x80e, .present = true};
    assert_int_equal(gen7_pte_encode(&e), 0x54321f6f);
    e.present = false;
    assert_int_equal(gen7_pte_encode(&e), 0);
    assert_int_equal(gen7_pde_encode(0x112345000), 0x12345011);
}

static void not_present_is_empty(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        struct gen7_pte e = gen7_pte_decode((uint32_t)rnd() & ~GEN7_PTE_VALID);
        struct gen7_pde d = gen7_pde_decode((uint32_t)rnd() & ~GEN7_PTE_VALID);

        assert_true(!e.present && !e.addr && !e.cache);
        assert_true(!d.present && !d.addr && !d.large);
    }
}

/* A page's entry is all address, cacheability and the valid bit. */
static void round_trip(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 100000; i++) {
        uint32_t raw = (uint32_t)rnd() | GEN7_PTE_VALID;
        struct gen7_pte e = gen7_pte_decode(raw);

        assert_int_equal(gen7_pte_encode(&e), raw);
    }
}

static void directory_entries(void **state)
{
    (void)state;
    assert_false(gen7_pde_decode(0x00005001).large);
    assert_true(gen7_pde_decode(0x00005003).large);
    assert_true(gen7_pde_decode(0x00005801).addr == 0x8000005000); /* beyond any page */
    for (unsigned i = 0; i < 100000; i++) {
        uint64_t addr = rnd() & GEN7_ADDR;
        struct gen7_pde d = gen7_pde_decode(gen7_pde_encode(addr));

        assert_true(d.present && !d.large && d.addr == addr);
    }
}

static void replace_keeps_the_rest(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 100000; i++) {
        uint32_t raw = (uint32_t)rnd();
        uint64_t addr = rnd() & GEN7_ADDR;
        uint32_t got = gen7_pte_replace_addr(raw, addr);

        assert_int_equal(got & (GEN7_PTE_CACHE | GEN7_PTE_VALID),
                         raw & (GEN7_PTE_CACHE | GEN7_PTE_VALID));
        assert_true(gen7_pte_decode(got | GEN7_PTE_VALID).addr == addr);
    }
}

/* Indices put together again are the address. */
static void indices(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 100000; i++) {
        uint64_t gma = rnd() >> 33;

        assert_true(((uint64_t)gen7_pde_index(gma) << 22) + ((uint64_t)gen7_pte_index(gma) << 12) +
                        (gma & 4095) ==
                    gma);
    }
    assert_true(gen7_gma_valid(0x7fffffff));
    assert_false(gen7_gma_valid(0x80000000));
    assert_int_equal((uint64_t)GEN7_PD_ENTRIES * GEN7_PT_ENTRIES * GEN7_PAGE_SIZE, 0x80000000);
}

static void walk(void **state)
{
    static uint32_t directory[GEN7_PD_ENTRIES], table[GEN7_PT_ENTRIES];
    const struct gen7_pte page = {.addr = 0x512345000, .cache = 6, .present = true};
    const uint64_t gma = 0x56789abc;
    struct gen7_pde d;

    (void)state;
    directory[gen7_pde_index(gma)] = gen7_pde_encode(0x3000);
    table[gen7_pte_index(gma)] = gen7_pte_encode(&page);
    d = gen7_pde_decode(directory[gma >> 22]);
    assert_true(d.present && d.addr == 0x3000);
    assert_true(gen7_pte_decode(table[gma >> 12 & 1023]).addr == page.addr);
    assert_false(gen7_pte_decode(table[gen7_pte_index(gma + 4096)]).present);
    assert_false(gen7_pde_decode(directory[gen7_pde_index(gma + (1u << 22))]).present);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden),     cmocka_unit_test(not_present_is_empty),
        cmocka_unit_test(round_trip), cmocka_unit_test(directory_entries),
        cmocka_unit_test(indices),    cmocka_unit_test(replace_keeps_the_rest),
        cmocka_unit_test(walk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
