/* SPDX-License-Identifier: MIT */
/*
 * softgpu_engine_gt3_test.c: the second video engine of a Broadwell GT3, where it is and where it
 * is not. What it does as every engine does is in the other tests, whose rig has it, too.
 */
#include "tests/unit/softgpu_engine_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "softgpu/fault.h"

#define DATA      0x40000000u
#define BATCH     0x50000000u
#define VCS2      0x1c000u
#define GDRST     0x941cu
#define RESET_VCS (1u << 2)
#define RESET_2   (1u << 7)

static int setup_gt2(void **state)
{
    *state = malloc(sizeof(struct rig));
    rig_setup_as(*state, "1616");
    return 0;
}

static uint32_t get(struct rig *r, uint32_t reg)
{
    return engines_mmio_read(r->engines, reg);
}

static void put(struct rig *r, uint32_t reg, uint32_t v)
{
    engines_mmio_write(r->engines, reg, v);
}

/* --- a chip without it --- */

static void nothing_at_its_registers(void **state)
{
    struct rig *r = *state;

    assert_int_equal(engines_count(r->engines), 4);
    for (uint32_t at = VCS2; at < VCS2 + 0x800; at += 4)
        assert_false(engines_owns(r->engines, at));
    put(r, VCS2 + 0x80, 0x1000);
    assert_int_equal(get(r, VCS2 + 0x80), 0);
    put(r, GDRST, RESET_2);
    assert_int_equal(get(r, GDRST), 0);
    put(r, 0x4268, 1); /* M2TCR */
}

/* To a command, its registers are some of the rest of the device: user batches may not write them,
 * and a signal to it goes nowhere. */
static void commands_do_not_reach_it(void **state)
{
    static const uint32_t batch[] = {MI_LRI1(VCS2 + 0x600, 7), MI_LRI1(0x12600, 8), MI_BBE};
    struct rig *r = *state;
    struct rig_ctx c;

    rig_context(r, &c, ENGINE_RCS, 4);
    rig_run_batch(r, &c, BATCH, batch, sizeof(batch) / 4);
    assert_int_equal(get(r, 0x12600), 8);
    assert_int_equal(atomic_load(&r->reg[(VCS2 + 0x600) / 4]), 0);
    RIG_RUN(r, &c, MI_LRI1(VCS2 + 0x600, 7), MI(0x1b, 4 << 15), c.id);
    assert_int_equal(atomic_load(&r->reg[(VCS2 + 0x600) / 4]), 7);
}

/* --- one with it --- */

static void registers_and_clock(void **state)
{
    struct rig *r = *state;
    uint32_t before = get(r, VCS2 + 0x358);

    assert_int_equal(engines_count(r->engines), 5);
    assert_true(engines_owns(r->engines, VCS2) && engines_owns(r->engines, VCS2 + 0x7fc));
    assert_false(engines_owns(r->engines, VCS2 + 0x800));
    while (get(r, VCS2 + 0x358) == before) /* TIMESTAMP */
        ;
    put(r, VCS2 + 0x358, 0);
    assert_true(get(r, VCS2 + 0x358) - before < 1u << 28);
    assert_int_equal(get(r, VCS2 + 0x4d0), VCS2 + 0x94);
    assert_int_equal(get(r, VCS2 + 0x06c), 0xffffffff);
}

static void batches_have_its_gprs(void **state)
{
    static const uint32_t batch[] = {MI_LRI1(VCS2 + 0x600, 7), MI_LRI1(VCS2 + 0x800, 8), MI_BBE};
    struct rig *r = *state;
    struct rig_ctx c;

    rig_context(r, &c, ENGINE_VCS2, 4);
    rig_run_batch(r, &c, BATCH, batch, sizeof(batch) / 4);
    assert_int_equal(rig_r32(r, c.image + 0x52 * 4), VCS2 + 0x600); /* saved with the context */
    assert_int_equal(rig_r32(r, c.image + 0x53 * 4), 7);
    assert_int_equal(atomic_load(&r->reg[(VCS2 + 0x800) / 4]), 8);
}

static void hang(struct rig *r, enum engine_id id)
{
    struct rig_ctx c;

    rig_context(r, &c, id, 4);
    RIG_EMIT(r, &c, MI(0x3f, 0));
    rig_submit(r, id, c.desc, 0);
    rig_expect(r, id, CSB_IDLE_ACTIVE, 0);
    assert_true(rig_wait_reg(r, rig_base(id) + 0x68, ~0u, MI(0x3f, 0)));
}

static bool hangs(struct rig *r, enum engine_id id)
{
    return !(get(r, rig_base(id) + 0x9c) & 1u << 9);
}

/* Each of the two video engines has a bit of its own; bit 0 is for all. */
static void reset_has_its_own_bit(void **state)
{
    struct rig *r = *state;

    hang(r, ENGINE_VCS);
    hang(r, ENGINE_VCS2);
    put(r, GDRST, RESET_2);
    assert_int_equal(get(r, GDRST), 0);
    assert_true(hangs(r, ENGINE_VCS) && !hangs(r, ENGINE_VCS2));
    put(r, GDRST, RESET_VCS);
    assert_int_equal(get(r, GDRST), 0);
    assert_false(hangs(r, ENGINE_VCS));
    put(r, VCS2 + 0x80, rig_ggtt_map(r, 0, r->hwsp[ENGINE_VCS2]));
    rig_w32(r, r->hwsp[ENGINE_VCS2] + 0x7c, 5);
    r->csb_read[ENGINE_VCS2] = 5;
    hang(r, ENGINE_VCS2);
    put(r, GDRST, RESET_VCS);
    assert_int_equal(get(r, GDRST), 0);
    assert_true(hangs(r, ENGINE_VCS2));
    put(r, GDRST, 1);
    assert_int_equal(get(r, GDRST), 0);
    assert_false(hangs(r, ENGINE_VCS2));
}

/* RING_FAULT_REG bits 14:12. */
static void faults_name_it(void **state)
{
    struct rig *r = *state;
    struct rig_ctx c;

    rig_context(r, &c, ENGINE_VCS2, 4);
    RIG_RUN(r, &c, MI_SDI(DATA, 1));
    assert_int_equal(get(r, 0x4094), 1 | 2 << 12);
}

static void injected_faults_find_it(void **state)
{
    struct rig *r = *state;
    struct faults *f = faults_new();
    struct fault_spec s;

    assert_int_equal(fault_parse_text("late-reset:vcs2", &s), 0);
    assert_true(fault_fits(&s, 5) && !fault_fits(&s, 4));
    faults_arm(f, &s);
    engines_set_faults(r->engines, f);
    put(r, GDRST, RESET_VCS);
    assert_int_equal(faults_fired(f, FAULT_LATE_RESET), 0);
    put(r, GDRST, RESET_2);
    assert_int_equal(faults_fired(f, FAULT_LATE_RESET), 1);
    assert_int_equal(get(r, GDRST), RESET_2);
    assert_true(rig_wait_reg(r, GDRST, ~0u, 0));
    engines_set_faults(r->engines, NULL);
    faults_free(f);
}

static char *told(struct rig *r, bool offences)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    if (offences)
        offences_dump(judge_offences(r->judge), out);
    else
        judge_dump(r->judge, out);
    fclose(out);
    return text;
}

static void expect(struct rig *r, bool offences, const char *part)
{
    char *text = told(r, offences);

    if (!strstr(text, part))
        fail_msg("no %s in %s", part, text);
    free(text);
}

/* In violations the display keeps its number, the engine has the next. */
static void judge_names_it(void **state)
{
    struct rig *r = *state;
    struct rig_ctx c;
    uint64_t mine, other;
    uint32_t v, at;

    rig_context(r, &c, ENGINE_VCS2, 4);
    mine = rig_map_new(r, &c, DATA);
    other = rig_map_new(r, &c, DATA + 0x1000);
    judge_begin(r->judge);
    judge_add(r->judge, 0, mine >> 12, JUDGE_DOM_STUB);
    judge_add(r->judge, mine >> 12, 1, 5);
    judge_add(r->judge, (mine >> 12) + 1, (other >> 12) - (mine >> 12) - 1, JUDGE_DOM_STUB);
    judge_add(r->judge, other >> 12, 1, 6);
    assert_int_equal(judge_commit(r->judge), 0);
    RIG_RUN(r, &c, MI_SDI(DATA, 1), MI_SDI(DATA + 0x1000, 1));
    assert_int_equal(judge_violations(r->judge), 1);
    expect(r, false, "{\"kind\":\"foreign-frame\",\"engine\":5,");
    at = rig_ggtt_map(r, 0, RIG_MEMORY - 0x1000); /* nobody's */
    engines_ggtt_read(r->engines, at, &v, 4);
    expect(r, false, "{\"kind\":\"foreign-frame\",\"engine\":4,");
    put(r, GDRST, RESET_2);
    expect(r, true, "{\"kind\":\"reset-not-ready\",\"engine\":\"vcs2\"");
}

int main(void)
{
#define GT2(f) cmocka_unit_test_setup_teardown(f, setup_gt2, rig_free)
#define GT3(f) cmocka_unit_test_setup_teardown(f, rig_new, rig_free)
    const struct CMUnitTest tests[] = {
        GT2(nothing_at_its_registers), GT2(commands_do_not_reach_it), GT3(registers_and_clock),
        GT3(batches_have_its_gprs),    GT3(reset_has_its_own_bit),    GT3(faults_name_it),
        GT3(injected_faults_find_it),  GT3(judge_names_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
