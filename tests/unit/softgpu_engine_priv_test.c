/* SPDX-License-Identifier: MIT */
/*
 * softgpu_engine_priv_test.c: what a batch without privilege may not do, on both generations, a
 * line of a table for each rule: the command has its effect from the ring and none from the batch.
 * And which registers such a batch may write.
 */
#include "tests/unit/softgpu_ring_rig.h"

#include <stdlib.h>

#include "softgpu/engine_kind.h"
#include "softgpu/engine_priv.h"

#define DATA   0x40000000u
#define BATCH  0x50000000u
#define GLOBAL 0x08000000u /* GGTT address of a page of its own */
#define SEED   0x0badf00du /* what stands at its end */

struct fix {
    struct rig r;
    struct rig_ctx c[ENGINE_COUNT];
    uint64_t data[ENGINE_COUNT], batch[ENGINE_COUNT], global;
};

/* Where an effect shows. */
enum place { IN_GLOBAL, IN_STATUS_PAGE, IN_DATA, IN_REGISTER, IN_TABLE, IN_ARBITRATION, IN_WINDOW };

struct rule {
    const char *what;
    enum engine_id id;
    enum place place;
    uint32_t at, effect;
    unsigned n;
    uint32_t dw[7];
};

#define PC7 0x7a000002
#define PC8 0x7a000004
#define GG  MI_GGTT

static const struct rule gen7_rules[] = {
    {"store to the global space", 0, IN_GLOBAL, 0, 5, 4, {MI(0x20, GG | 2), 0, GLOBAL, 5}},
    {"store register there", 0, IN_GLOBAL, 4, SEED, 3, {MI(0x24, GG | 1), 0x2600, GLOBAL + 4}},
    {"load register from there",
     0,
     IN_REGISTER,
     0x2618,
     SEED,
     3,
     {MI(0x29, GG | 1), 0x2618, GLOBAL + 0xffc}},
    {"load register", 0, IN_REGISTER, 0x9400, 6, 3, {MI_LRI1(0x9400, 6)}},
    {"load register from memory", 0, IN_REGISTER, 0x9404, SEED, 3, {MI7_LRM(0x9404, DATA + 0xffc)}},
    {"register to register", 0, IN_REGISTER, 0x9408, SEED, 3, {MI(0x2a, 1), 0x2600, 0x9408}},
    {"update the table", 0, IN_TABLE, 0x30000, 0x7001, 3, {MI(0x23, 1), 0x30000 << 12, 0x7001}},
    {"set a context", 0, IN_REGISTER, 0x2180, GLOBAL | 1, 2, {MI(0x18, 0), GLOBAL | 1}},
    {"flip", 0, IN_REGISTER, 0x7019c, 0x123000, 3, {MI(0x14, 1), 0x1000, 0x123000}},
    {"scan lines", 0, IN_WINDOW, 0, 0x00100020, 2, {MI(0x12, 0), 0x00100020}},
    {"arbitration", 1, IN_ARBITRATION, 0, 1, 1, {MI(0x08, 0)}},
    {"signal a mailbox", 0, IN_REGISTER, 0x22040, 7, 3, {MI7_SIGNAL(0x22040, 7)}},
    {"signal in the global space",
     0,
     IN_GLOBAL,
     8,
     7,
     3,
     {MI(0x16, GG | 1 << 21 | 1), 7, GLOBAL + 8}},
    {"status page", 2, IN_STATUS_PAGE, 0x100, 8, 3, {MI(0x21, 1), 0x100, 8}},
    {"status page as the context's",
     2,
     IN_STATUS_PAGE,
     0x104,
     9,
     3,
     {MI(0x21, 1 << 21 | 1), 0x104, 9}},
    {"flush to the global space",
     1,
     IN_GLOBAL,
     16,
     3,
     3,
     {MI(0x26, 1 << 14 | 1), GLOBAL + 16 + 4, 3}},
    {"counters to the global space",
     0,
     IN_GLOBAL,
     0x400,
     9,
     3,
     {MI(0x28, 1), (GLOBAL + 0x400) | 1, 9}},
    {"flush to the status page",
     3,
     IN_STATUS_PAGE,
     0x200,
     4,
     3,
     {MI(0x26, 1 << 21 | 1 << 14 | 1), 0x200 + 4, 4}},
    {"the same, as the context's",
     3,
     IN_STATUS_PAGE,
     0x208,
     5,
     3,
     {MI(0x26, 1 << 21 | 1 << 14 | 1), 0x208, 5}},
    {"PIPE_CONTROL to the global space",
     0,
     IN_GLOBAL,
     24,
     6,
     4,
     {PC7, 1 << 14 | 1 << 24, GLOBAL + 24, 6}},
    {"PIPE_CONTROL to the status page",
     0,
     IN_STATUS_PAGE,
     0x300,
     7,
     4,
     {PC7, 1 << 14 | 1 << 21, 0x300, 7}},
    {0},
};

static const struct rule gen8_rules[] = {
    {"store to the global space", 0, IN_GLOBAL, 0, 5, 4, {MI(0x20, GG | 2), GLOBAL, 0, 5}},
    {"store register there", 0, IN_GLOBAL, 4, SEED, 4, {MI(0x24, GG | 2), 0x2600, GLOBAL + 4, 0}},
    {"load register from there",
     0,
     IN_REGISTER,
     0x2618,
     SEED,
     4,
     {MI(0x29, GG | 2), 0x2618, GLOBAL + 0xffc, 0}},
    {"load register", 0, IN_REGISTER, 0x9400, 6, 3, {MI_LRI1(0x9400, 6)}},
    {"load register from memory",
     0,
     IN_REGISTER,
     0x9404,
     SEED,
     4,
     {MI(0x29, 2), 0x9404, DATA + 0xffc, 0}},
    {"register to register", 0, IN_REGISTER, 0x9408, SEED, 3, {MI(0x2a, 1), 0x2600, 0x9408}},
    {"update the table", 0, IN_TABLE, 0x30000, 0x7001, 4, {MI(0x23, 2), 0x30000 << 12, 0x7001, 0}},
    {"flip", 0, IN_REGISTER, 0x7019c, 0x123000, 3, {MI(0x14, 1), 0x1000, 0x123000}},
    {"scan lines", 0, IN_WINDOW, 0, 0x00100020, 2, {MI(0x12, 0), 0x00100020}},
    {"arbitration", 0, IN_ARBITRATION, 0, 1, 1, {MI(0x08, 0)}},
    {"copy to the global space",
     0,
     IN_GLOBAL,
     8,
     SEED,
     5,
     {MI(0x2e, 1 << 21 | 3), GLOBAL + 8, 0, DATA + 0xffc, 0}},
    {"copy from there",
     0,
     IN_DATA,
     12,
     SEED,
     5,
     {MI(0x2e, GG | 3), DATA + 12, 0, GLOBAL + 0xffc, 0}},
    {"atomic there", 0, IN_GLOBAL, 12, 1, 3, {MI(0x2f, GG | 5 << 8 | 1), GLOBAL + 12, 0}},
    {"status page", 2, IN_STATUS_PAGE, 0x100, 8, 3, {MI(0x21, 1), 0x100, 8}},
    {"flush to the global space",
     1,
     IN_GLOBAL,
     16,
     3,
     4,
     {MI(0x26, 1 << 14 | 2), GLOBAL + 16 + 4, 0, 3}},
    {"counters to the global space",
     0,
     IN_GLOBAL,
     0x400,
     9,
     4,
     {MI(0x28, 2), (GLOBAL + 0x400) | 1, 0, 9}},
    {"flush to the status page",
     3,
     IN_STATUS_PAGE,
     0x200,
     4,
     4,
     {MI(0x26, 1 << 21 | 1 << 14 | 2), 0x200 + 4, 0, 4}},
    {"PIPE_CONTROL to the global space",
     0,
     IN_GLOBAL,
     24,
     6,
     6,
     {PC8, 1 << 14 | 1 << 24, GLOBAL + 24, 0, 6, 0}},
    {"PIPE_CONTROL to the status page",
     0,
     IN_STATUS_PAGE,
     0x300,
     7,
     6,
     {PC8, 1 << 14 | 1 << 24 | 1 << 21, 0x300, 0, 7, 0}},
    {0},
};

static int setup_as(void **state, void (*begin)(struct rig *))
{
    struct fix *f = malloc(sizeof(*f));

    begin(&f->r);
    f->global = rig_page(&f->r);
    rig_ggtt_map(&f->r, GLOBAL, f->global);
    for (unsigned i = 1; i < 17; i++)
        rig_ggtt_map(&f->r, GLOBAL + i * 4096, rig_page(&f->r));
    rig_w32(&f->r, f->global + 0xffc, SEED);
    atomic_store(&f->r.reg[0x9410 / 4], 0x77);
    for (unsigned i = 0; i < engines_count(f->r.engines); i++) {
        rig_context(&f->r, &f->c[i], i, 4);
        f->data[i] = rig_map_new(&f->r, &f->c[i], DATA);
        f->batch[i] = rig_map_new(&f->r, &f->c[i], BATCH);
        rig_w32(&f->r, f->data[i] + 0xffc, SEED);
    }
    engines_ggtt_flush(f->r.engines);
    *state = f;
    return 0;
}

static int setup_gen7(void **state)
{
    return setup_as(state, rig_setup_haswell);
}

static int setup_gen8(void **state)
{
    return setup_as(state, rig_setup);
}

static int teardown(void **state)
{
    struct fix *f = *state;

    rig_teardown(&f->r);
    free(f);
    return 0;
}

static uint32_t reg(struct fix *f, uint32_t offset)
{
    return engines_owns(f->r.engines, offset) ? engines_mmio_read(f->r.engines, offset)
                                              : atomic_load(&f->r.reg[offset / 4]);
}

static uint32_t look(struct fix *f, const struct rule *u)
{
    const struct cs *cs = &f->r.engines->engine[u->id].cs;
    uint32_t pte = f->r.gen7 ? 4 : 8;

    switch (u->place) {
    case IN_GLOBAL:
        return rig_r32(&f->r, f->global + u->at);
    case IN_STATUS_PAGE:
        return rig_r32(&f->r, f->r.hwsp[u->id] + u->at);
    case IN_DATA:
        return rig_r32(&f->r, f->data[u->id] + u->at);
    case IN_REGISTER:
        return reg(f, u->at);
    case IN_TABLE:
        return (uint32_t)engines_gtt_read(f->r.engines, u->at * pte, 4);
    case IN_ARBITRATION:
        return cs->arb_off;
    default:
        return cs->scan_window[0];
    }
}

/* Commands of the ring, then those of the batch; the ring goes on behind it either way. */
static void from_batch(struct fix *f, enum engine_id id, const uint32_t *dw, unsigned n)
{
    const uint32_t end[] = {MI_BBE};

    rig_write(&f->r, f->batch[id], dw, n);
    rig_write(&f->r, f->batch[id] + n * 4, end, 1);
    if (!f->r.gen7)
        RIG_RUN(&f->r, &f->c[id], MI_BBS(BATCH));
    else if (id == ENGINE_RCS)
        RIG_RUN(&f->r, &f->c[id], MI7_BBS(BATCH));
    else
        RIG_RUN(&f->r, &f->c[id], MI(0x31, 1 << 8), BATCH);
}

static void check(struct fix *f, const struct rule *u)
{
    uint32_t before = look(f, u);

    if (before == u->effect)
        print_error("%s: would not show\n", u->what);
    assert_int_not_equal(before, u->effect);
    from_batch(f, u->id, u->dw, u->n);
    if (look(f, u) != before)
        print_error("%s: done without privilege\n", u->what);
    assert_int_equal(look(f, u), before);
    rig_emit(&f->r, &f->c[u->id], u->dw, u->n);
    rig_run(&f->r, &f->c[u->id]);
    if (look(f, u) != u->effect)
        print_error("%s: %x\n", u->what, look(f, u));
    assert_int_equal(look(f, u), u->effect);
}

static void each_rule(void **state)
{
    struct fix *f = *state;
    const struct rule *u = f->r.gen7 ? gen7_rules : gen8_rules;

    RIG_RUN(&f->r, &f->c[ENGINE_RCS], MI_LRI1(0x2600, SEED));
    for (; u->what; u++) {
        /* A context of Broadwell takes these two with it when it goes. */
        if (!f->r.gen7 && (u->place == IN_ARBITRATION || u->place == IN_WINDOW))
            continue;
        check(f, u);
    }
}

/* Broadwell's contexts start without them: seen while the context is on the engine. */
static void held_rules_gen8(void **state)
{
    struct fix *f = *state;
    struct rig_ctx *c = &f->c[ENGINE_RCS];
    uint32_t wait[] = {
        MI(0x08, 0), MI(0x12, 0), 0x00100020, MI_SDI(DATA, 1), MI(0x1c, 4 << 12 | 1 << 15 | 2),
        1,           DATA + 0x40, 0,          MI_BBE};
    const struct cs *cs = &f->r.engines->engine[ENGINE_RCS].cs;

    rig_write(&f->r, f->batch[ENGINE_RCS], wait, sizeof(wait) / 4);
    RIG_EMIT(&f->r, c, MI_BBS(BATCH));
    RIG_EMIT(&f->r, c, MI_SDI(DATA, 2));
    rig_submit(&f->r, ENGINE_RCS, c->desc, 0);
    assert_true(rig_wait32(&f->r, f->data[ENGINE_RCS], 1));
    rig_w32(&f->r, f->data[ENGINE_RCS] + 0x40, 1);
    assert_true(rig_wait32(&f->r, f->data[ENGINE_RCS], 2));
    rig_expect(&f->r, ENGINE_RCS, CSB_IDLE_ACTIVE, 0);
    rig_expect(&f->r, ENGINE_RCS, CSB_DONE, c->id);
    assert_false(cs->arb_off);
    assert_int_equal(cs->scan_window[0], 0);
}

static bool writable(struct fix *f, enum engine_id id, uint32_t offset)
{
    uint32_t value = ~reg(f, offset) & 0xff & ~0x18u, before = reg(f, offset);
    const uint32_t dw[] = {MI_LRI1(offset, value)};

    from_batch(f, id, dw, 3);
    return reg(f, offset) == value && value != before;
}

/* Next to nothing: neither statistics nor general purpose registers, as those who check whether a
 * driver promotes their batches know. */
static void user_registers_gen7(void **state)
{
    static const uint32_t not [] = {0x2080, 0x2094, 0x2290,  0x2310,  0x2360, 0x2400, 0x2420,
                                    0x2440, 0x24d0, 0x2500,  0x2600,  0x2030, 0x2034, 0x2040,
                                    0x2180, 0x2228, 0x5200,  0x5280,  0x7000, 0x7008, 0xb010,
                                    0xb020, 0xa188, 0x44050, 0x70184, 0x12600};
    struct fix *f = *state;
    const uint32_t read[] = {MI7_SRM(0x9410, DATA + 8)};

    for (unsigned i = 0; i < sizeof(not ) / sizeof(not [0]); i++)
        assert_false(writable(f, ENGINE_RCS, not [i]));
    {
        const uint32_t dw[] = {MI_LRI1(0x22200, 0x00030003)};

        from_batch(f, ENGINE_BCS, dw, 3);
        assert_int_equal(reg(f, 0x22200), 3);
    }
    from_batch(f, ENGINE_RCS, read, 3); /* reading is free */
    assert_int_equal(rig_r32(&f->r, f->data[ENGINE_RCS] + 8), 0x77);
}

static void user_registers_gen8(void **state)
{
    static const uint32_t may[] = {0x2094, 0x2290, 0x2310, 0x2344,  0x2360,  0x2400, 0x2418,
                                   0x2420, 0x2440, 0x2500, 0x2508,  0x2600,  0x267c, 0x5200,
                                   0x525c, 0x5280, 0x528c, 0x12600, 0x1a67c, 0x22600};
    static const uint32_t no[] = {0x2080, 0x228c, 0x2298, 0x2354, 0x235c,  0x23fc, 0x2428,
                                  0x24d0, 0x250c, 0x25fc, 0x2680, 0x51fc,  0x5220, 0x5260,
                                  0x527c, 0x5290, 0x9400, 0xa188, 0x12680, 0x44050};
    const uint32_t read[] = {MI_SRM(0x9410, DATA + 8)};
    struct fix *f = *state;

    for (unsigned i = 0; i < sizeof(may) / sizeof(may[0]); i++)
        assert_true(writable(f, ENGINE_RCS, may[i]));
    for (unsigned i = 0; i < sizeof(no) / sizeof(no[0]); i++)
        assert_false(writable(f, ENGINE_RCS, no[i]));
    from_batch(f, ENGINE_RCS, read, 4); /* reading is free */
    assert_int_equal(rig_r32(&f->r, f->data[ENGINE_RCS] + 8), 0x77);
}

/* Bit 13 is privilege, bit 8 the space; on other engines bit 8 is both. */
static void haswell_knows_two_bits(void **state)
{
    struct fix *f = *state;
    const uint32_t lri[] = {MI_LRI1(0x9400, 1), MI_BBE};
    const uint32_t store[] = {MI_LRI1(0x9404, 2), MI7_SDI(DATA + 4, 3), MI_BBE};

    rig_write(&f->r, f->batch[ENGINE_RCS], lri, 4);
    RIG_RUN(&f->r, &f->c[ENGINE_RCS], MI7_BBS_PRIV(BATCH));
    assert_int_equal(reg(f, 0x9400), 1);
    rig_write(&f->r, f->global + 0x400, store, 8);
    RIG_RUN(&f->r, &f->c[ENGINE_RCS], MI(0x31, 1 << 13), GLOBAL + 0x400);
    assert_int_equal(reg(f, 0x9404), 0);
    assert_int_equal(rig_r32(&f->r, f->data[ENGINE_RCS] + 4), 3);
    RIG_RUN(&f->r, &f->c[ENGINE_BCS], MI(0x31, 0), GLOBAL + 0x400); /* global and privileged */
    assert_int_equal(reg(f, 0x9404), 2);
    rig_write(&f->r, f->batch[ENGINE_BCS], (uint32_t[]){MI_LRI1(0x9404, 5), MI_BBE}, 4);
    RIG_RUN(&f->r, &f->c[ENGINE_BCS], MI(0x31, 1 << 8), BATCH);
    assert_int_equal(reg(f, 0x9404), 2);
}

/* From a batch without it there is no way to one with it, first or second level: the address is
 * taken as one of the batch's own space. */
static void privilege_is_not_regained(void **state)
{
    struct fix *f = *state;
    const uint32_t evil[] = {MI_LRI1(0x9400, 6), MI_BBE}, fine[] = {MI7_SDI(DATA, 3), MI_BBE};
    uint64_t page = rig_page(&f->r), own;

    rig_ggtt_map(&f->r, BATCH + 0x400000, page);
    engines_ggtt_flush(f->r.engines);
    own = rig_map_new(&f->r, &f->c[ENGINE_RCS], BATCH + 0x400000);
    for (unsigned second = 0; second < 2; second++) {
        const uint32_t dw[] = {MI(0x31, second << 22), BATCH + 0x400000};

        rig_write(&f->r, page, evil, 4);
        rig_write(&f->r, own, fine, 5);
        rig_w32(&f->r, f->data[ENGINE_RCS], 0);
        from_batch(f, ENGINE_RCS, dw, 2);
        assert_int_equal(reg(f, 0x9400), 0);
        assert_int_equal(rig_r32(&f->r, f->data[ENGINE_RCS]), 3);
        rig_write(&f->r, own, evil, 4); /* nor is what it reaches there privileged */
        from_batch(f, ENGINE_RCS, dw, 2);
        assert_int_equal(reg(f, 0x9400), 0);
    }
}

int main(void)
{
#define GEN7(name)                                                                                 \
    {                                                                                              \
#name "_gen7", name, setup_gen7, teardown, NULL                                            \
    }
#define GEN8(name)                                                                                 \
    {                                                                                              \
#name "_gen8", name, setup_gen8, teardown, NULL                                            \
    }
    const struct CMUnitTest tests[] = {
        GEN7(each_rule),
        GEN8(each_rule),
        GEN8(held_rules_gen8),
        GEN7(user_registers_gen7),
        GEN8(user_registers_gen8),
        GEN7(haswell_knows_two_bits),
        GEN7(privilege_is_not_regained),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
