/* SPDX-License-Identifier: MIT */
/*
 * One guest's graphics memory on Haswell, at random: entries of the GGTT and of tables, directories
 * that overlap, come, go and do not find room, a service that dies. The shadows are compared with
 * what the guest's own say, from scratch (gtt7_oracle.h).
 */
#include "tests/unit/gtt7_oracle.h"

static uint32_t random_entry(void)
{
    uint32_t flags = GEN7_PTE_VALID | (rand() % 3 ? 0 : (uint32_t)rand() & 0xc);

    switch (rand() % 12) {
    case 0:
    case 1:
        return 0;
    case 2: /* no memory there */
        return (uint32_t)(PAGES + rand() % 100000) << 12 | flags;
    case 3:
        return E(rand() % PAGES) | GEN7_PDE_64K;
    case 4:
        return E(rand() % PAGES) | GEN7_PDE_BEYOND;
    case 5: /* above 4 GiB */
        return E(rand() % PAGES) | (uint32_t)(1 + rand() % 127) << 4;
    case 6:
    case 7: /* any page, also as a table */
        return E(rand() % PAGES) | flags;
    default: /* shared tables, and tables that name themselves */
        return E(rand() % TABLES) | flags;
    }
}

static void guest_write(struct rig *r, uint64_t gfn, uint32_t at, const void *data, uint32_t len)
{
    memcpy((uint8_t *)table(r, gfn) + at, data, len);
    if (r->trapped[gfn])
        post(r, (struct mmio_gtt){.kind = MMIO_GTT_TABLE_WRITE, .write = {gfn, at, len}});
}

/* One entry, two, parts of some, or a loop over many. */
static void random_write(struct rig *r)
{
    uint32_t value[64], n = 9 + (uint32_t)rand() % 56, at = (uint32_t)rand() % 24 * 4, skip = 0,
                        len = 4 * n;

    for (uint32_t i = 0; i < n; i++)
        value[i] = random_entry();
    if (rand() % 8) {
        at = (uint32_t)(rand() % 4 ? rand() % 24 : rand() % 1020) * 4;
        skip = rand() % 3 ? 0 : (uint32_t)rand() % 8;
        len = skip ? 1 + (uint32_t)rand() % 8 : rand() % 2 ? 4 : 8;
    }
    guest_write(r, (uint64_t)rand() % TABLES, at + skip, (uint8_t *)value + skip, len);
}

/* Where directories are, mostly at their beginning. */
static void random_pte(struct rig *r)
{
    uint64_t index = (uint64_t)rand() % 4096;
    uint32_t value = random_entry();

    if (rand() % 4)
        index = (rand() % 2 ? LOW : HIGH) + (uint64_t)rand() % 64;
    put_entry(r, index, value);
    if (rand() % 4 == 0)
        put_entry(r, index, value);
}

static void random_root(struct rig *r)
{
    uint64_t first = (rand() % 2 ? LOW : HIGH) + (uint64_t)(rand() % 5) * 16;
    struct mmio_gtt m = {
        .kind = rand() % 3 ? MMIO_GTT_PPGTT_NEW : MMIO_GTT_PPGTT_GONE, .level = 2, .pdp = {first}};

    if (rand() % 10 == 0)
        m.pdp[0] += rand() % 2 ? 8 : PIECE - 512;
    if (rand() % 20 == 0)
        m.level = 4;
    if (rand() % 40 == 0)
        m.kind = MMIO_GTT_RESET;
    post(r, m);
    if (rand() % 4 == 0)
        post(r, m);
}

static void random_run(struct oracle *o, int rounds, int crash_every)
{
    struct rig *r = &o->r;

    for (int i = 0; i < rounds; i++) {
        int kind = rand() % 20;

        if (kind < 2)
            random_root(r);
        else if (kind < 8)
            random_pte(r);
        else
            random_write(r);
        if (rand() % 3 == 0)
            settle(r);
        else if (rand() % 3 == 0) /* the rest later, with more writes or a crash in between */
            assert_true(gtt_guest_settle(r->g, (uint64_t)rand() % 700) >= 0);
        if (crash_every && rand() % crash_every == 0)
            restart(r);
        if (rand() % 10 == 0) {
            settle(r);
            oracle_check(o);
        }
        if (rand() % 5 == 0)
            pass(r);
    }
    calm(r);
    oracle_check(o);
    for (unsigned i = 0; i < GTT_MAP_ROOTS; i++) /* nobody waits for ever */
        assert_true(!r->map->root[i].level || r->map->root[i].level == 2);
    assert_true(o->shown > 20);
    assert_true(r->account.count[ACCOUNT_BAD_PPGTT] > 0);
    assert_true(r->account.count[ACCOUNT_BAD_GTT] > 0);
    assert_true(r->lifts > 10);
    assert_int_equal(r->account.count[ACCOUNT_NO_RESOURCE], 0);
}

static void run(unsigned seed, unsigned directories, int rounds, int crash_every, bool late)
{
    struct oracle *o = calloc(1, sizeof(*o));

    srand(seed);
    rig_gen = GPU_GEN7;
    rig_directories = directories;
    setup(&o->r, 2000);
    if (late) {
        o->r.config.confirmed = o->r.refuse = true;
        restart(&o->r);
    }
    random_run(o, rounds, crash_every);
    teardown(&o->r);
    free(o);
}

static void shadow_equals_recomputed(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 3; seed++)
        run(seed, 63, 2000, 0, false);
}

/* Ten roots, and three or one directory for them. */
static void roots_take_turns(void **state)
{
    (void)state;
    run(11, 3, 2500, 0, false);
    run(12, 1, 1500, 0, false);
}

static void crash_and_rebuild(void **state)
{
    (void)state;
    run(21, 63, 1500, 30, false);
    run(22, 3, 2000, 20, false);
}

/* Requests to mmio that find no room, and an epoch held until pages are known to be protected. */
static void late_protection(void **state)
{
    (void)state;
    run(33, 4, 1500, 0, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shadow_equals_recomputed),
        cmocka_unit_test(roots_take_turns),
        cmocka_unit_test(crash_and_rebuild),
        cmocka_unit_test(late_protection),
    };

    return run_long(tests);
}
