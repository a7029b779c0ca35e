/* SPDX-License-Identifier: MIT */
/*
 * softgpu_judge_rules_test.c: each rule of the judge besides ownership is broken once and caught,
 * with a report that is enough to debug, and its innocent neighbour is not.
 */
#include "tests/unit/softgpu_engine_rig.h"

#include <stdlib.h>
#include <string.h>

#include "softgpu/offence.h"

#define DATA             0x40000000u
#define FLSH_CNTL        0x101008u
#define GDRST            0x941cu
#define GDRST_BLT        8u
#define RESET_CTL        0xd0u
#define RC_CONTROL       0xa090u
#define RC6_TIMERS       0x88040000u
#define RC6_BY_HAND      0x00040000u
#define RC_STATE         0xa094u
#define RC6_TARGET       (4u << 16)
#define ACK              0x130044u
#define WAIT_EQ(a, v)    MI(0x1c, 1 << 15 | 4 << 12 | 2), (v), (uint32_t)(a), 0
#define GGTT_STORE(a, v) MI(0x20, 2) | MI_GGTT, (a), 0, (v)

static int setup(void **state)
{
    rig_new(state);
    engines_mmio_write(((struct rig *)*state)->engines, FLSH_CNTL, 1);
    return 0;
}

static uint64_t count(struct rig *r, enum offence_kind kind)
{
    return offences_count(judge_offences(r->judge), kind);
}

static void flush(struct rig *r)
{
    engines_mmio_write(r->engines, FLSH_CNTL, 1);
}

static void context(struct rig *r, struct rig_ctx *c, unsigned levels)
{
    rig_context(r, c, ENGINE_BCS, levels);
    flush(r);
}

/* The report as JSON holds text. */
static void told(struct rig *r, const char *text)
{
    char *all;
    size_t size;
    FILE *f = open_memstream(&all, &size);

    offences_dump(judge_offences(r->judge), f);
    judge_dump(r->judge, f);
    fclose(f);
    if (!strstr(all, text))
        print_error("no %s in %s\n", text, all);
    assert_non_null(strstr(all, text));
    free(all);
}

static void nothing_else(struct rig *r, enum offence_kind but)
{
    for (unsigned k = 0; k < OFFENCE_KINDS; k++)
        if (k != but)
            assert_int_equal(count(r, k), 0);
}

/* --- translations --- */

/* The engine has DATA in its TLB and waits at a semaphore in the page after it. */
static uint64_t hold(struct rig *r, struct rig_ctx *c, const uint32_t *dw, unsigned n)
{
    uint64_t flag = rig_map_new(r, c, DATA + 0x1000);

    RIG_EMIT(r, c, MI_SDI(DATA, 1), MI_SDI(DATA + 0x1000, 1), WAIT_EQ(DATA + 0x1040, 1));
    rig_emit(r, c, dw, n);
    RIG_EMIT(r, c, MI_SDI(DATA + 8, 2));
    rig_submit(r, c->engine, c->desc, 0);
    rig_expect(r, c->engine, CSB_IDLE_ACTIVE, 0);
    assert_true(rig_wait32(r, flag, 1));
    return flag;
}

static void let_go(struct rig *r, struct rig_ctx *c, uint64_t flag)
{
    rig_w32(r, flag + 0x40, 1);
    rig_expect(r, c->engine, CSB_DONE, c->id);
}

static void ppgtt_entry_cleared(void **state)
{
    const uint32_t nothing[] = {0}, invalidate[] = {MI(0x26, 1 << 18 | 2), 0, 0, 0};
    struct rig *r = *state;
    struct rig_ctx c;
    char text[160];
    uint64_t page, flag;

    for (unsigned levels = 3; levels <= 4; levels++) {
        context(r, &c, levels);
        page = rig_map_new(r, &c, DATA);
        flag = hold(r, &c, invalidate, 4);
        rig_map(r, &c, DATA, 0, 0);
        let_go(r, &c, flag);
        assert_int_equal(count(r, OFFENCE_STALE_TLB), levels - 3);
        context(r, &c, levels);
        page = rig_map_new(r, &c, DATA);
        flag = hold(r, &c, nothing, 1);
        rig_map(r, &c, DATA, 0, 0);
        let_go(r, &c, flag);
        assert_int_equal(count(r, OFFENCE_STALE_TLB), levels - 2);
        snprintf(text, sizeof(text),
                 "{\"kind\":\"stale-tlb\",\"engine\":\"bcs\",\"lrca\":%u,\"cmd_addr\":%u,"
                 "\"gpu_addr\":%u,\"space\":\"ppgtt\",\"mfn\":%u,",
                 c.lrca, c.ring_ggtt + 0x80, DATA + 8, (unsigned)(page >> 12));
        told(r, text);
        told(r, "\"index\":0,\"entry\":0}]"); /* the last level, as it stands now */
    }
    nothing_else(r, OFFENCE_STALE_TLB);
}

/* A directory entry is as good as the last one. */
static void ppgtt_directory_replaced(void **state)
{
    const uint32_t nothing[] = {0};
    struct rig *r = *state;
    struct rig_ctx c;
    uint64_t flag;

    context(r, &c, 4);
    rig_map_new(r, &c, DATA);
    flag = hold(r, &c, nothing, 1);
    assert_true(rig_r64(r, c.root) & 1);
    rig_w32(r, c.root, 0);
    let_go(r, &c, flag);
    assert_true(count(r, OFFENCE_STALE_TLB) >= 1);
    told(r, "the entry is not present now");
}

static void ggtt_entry_replaced(void **state)
{
    struct rig *r = *state;
    struct rig_ctx c;
    uint64_t one = rig_page(r), two = rig_page(r);
    uint32_t at = rig_ggtt_map(r, 0, one);

    context(r, &c, 4);
    RIG_RUN(r, &c, GGTT_STORE(at, 1));
    rig_ggtt_map(r, at, one | 0x10); /* attributes only */
    RIG_RUN(r, &c, GGTT_STORE(at, 1));
    rig_ggtt_map(r, at, two);
    flush(r);
    RIG_RUN(r, &c, GGTT_STORE(at, 2));
    assert_int_equal(count(r, OFFENCE_STALE_TLB), 0);
    rig_ggtt_map(r, at, one);
    RIG_RUN(r, &c, GGTT_STORE(at, 3));
    assert_int_equal(rig_r32(r, two), 3);
    assert_int_equal(count(r, OFFENCE_STALE_TLB), 1);
    told(r, "the entry names another frame now");
    nothing_else(r, OFFENCE_STALE_TLB);
}

static void ggtt_used_before_flush(void **state)
{
    struct rig *r = *state;
    struct rig_ctx c;
    uint32_t at = 0x3000000;
    char text[64];

    context(r, &c, 4);
    rig_ggtt_map(r, at, rig_page(r));
    flush(r);
    RIG_RUN(r, &c, GGTT_STORE(at, 1)); /* i915's order */
    rig_ggtt_map(r, at + 0x1000, rig_page(r));
    engines_mmio_write(r->engines, 0x426c, 1); /* the engine's own TLB register serves too */
    RIG_RUN(r, &c, GGTT_STORE(at + 0x1000, 1));
    rig_ggtt_map(r, at + 0x3000, rig_page(r)); /* not used */
    RIG_RUN(r, &c, GGTT_STORE(at, 1));
    assert_int_equal(count(r, OFFENCE_GGTT_NOT_FLUSHED), 0);
    rig_ggtt_map(r, at + 0x2000, rig_page(r));
    RIG_RUN(r, &c, GGTT_STORE(at + 0x2000, 1));
    assert_int_equal(count(r, OFFENCE_GGTT_NOT_FLUSHED), 1);
    rig_ggtt_map(r, at + 0x1002000, rig_page(r)); /* takes its place in the TLB */
    RIG_RUN(r, &c, GGTT_STORE(at + 0x1002000, 1), GGTT_STORE(at + 0x2000, 1));
    assert_int_equal(count(r, OFFENCE_GGTT_NOT_FLUSHED), 2); /* each once */
    snprintf(text, sizeof(text), "\"walk\":[{\"table\":0,\"index\":%u,", (at + 0x2000) >> 12);
    told(r, text);
    nothing_else(r, OFFENCE_GGTT_NOT_FLUSHED);
}

/* --- frames --- */

static void own(struct rig *r, uint64_t page, uint16_t domid, uint64_t page2, uint16_t domid2)
{
    uint64_t mfn = page / 4096, mfn2 = page2 / 4096;

    judge_begin(r->judge);
    judge_add(r->judge, 0, mfn, JUDGE_DOM_STUB);
    judge_add(r->judge, mfn, 1, domid);
    judge_add(r->judge, mfn + 1, mfn2 - mfn - 1, JUDGE_DOM_STUB);
    judge_add(r->judge, mfn2, 1, domid2);
    judge_add(r->judge, mfn2 + 1, 0x2000 - mfn2, JUDGE_DOM_STUB);
    assert_int_equal(judge_commit(r->judge), 0);
}

static void foreign_frame_has_its_walk(void **state)
{
    struct rig *r = *state;
    struct rig_ctx c;
    uint64_t mine, other;
    char text[160];

    context(r, &c, 4);
    mine = rig_map_new(r, &c, DATA);
    other = rig_map_new(r, &c, DATA + 0x1000);
    own(r, mine, 5, other, 5);
    RIG_RUN(r, &c, MI_SDI(DATA, 1), MI_SDI(DATA + 0x1000, 1));
    assert_int_equal(judge_violations(r->judge), 0);
    own(r, mine, 5, other, 6);
    RIG_RUN(r, &c, MI_SDI(DATA, 1), MI_SDI(DATA + 0x1000, 1));
    assert_int_equal(judge_violations(r->judge), 1);
    snprintf(text, sizeof(text), "\"cmd_addr\":%u,\"mfn\":%u,\"write\":true", c.ring_ggtt + 0x50,
             (unsigned)(other >> 12));
    told(r, "{\"kind\":\"foreign-frame\",\"engine\":1,");
    told(r, text);
    snprintf(text, sizeof(text), "\"index\":1,\"entry\":%u}]}", (unsigned)other | 3);
    told(r, text);
    snprintf(text, sizeof(text), "\"walk\":[{\"table\":%u,\"index\":0,", (unsigned)c.root);
    told(r, text);
}

static void aperture_has_its_entry(void **state)
{
    struct rig *r = *state;
    uint64_t mine = rig_page(r), other = rig_page(r);
    uint32_t at = rig_ggtt_map(r, 0, mine), v[2];
    char text[96];

    rig_ggtt_map(r, 0, other);
    own(r, mine, 5, other, 5);
    engines_ggtt_read(r->engines, at + 0xffc, v, 8);
    assert_int_equal(judge_violations(r->judge), 0);
    own(r, mine, 5, other, 6);
    engines_ggtt_read(r->engines, at + 0xffc, v, 8);
    assert_int_equal(judge_violations(r->judge), 1);
    snprintf(text, sizeof(text), "\"walk\":[{\"table\":0,\"index\":%u,\"entry\":%u}]",
             (at >> 12) + 1, (unsigned)other | 1);
    told(r, text);
}

/* The context's own domain, or the stub, may own its status page; nobody else. */
static void foreign_status_page(void **state)
{
    struct rig *r = *state;
    struct rig_ctx c;
    uint64_t mine, hwsp = rig_page(r);

    context(r, &c, 4);
    mine = rig_map_new(r, &c, DATA);
    RIG_RUN(r, &c, MI_SDI(DATA, 1));
    r->hwsp[ENGINE_BCS] = hwsp;
    rig_w32(r, hwsp + 0x7c, r->csb_read[ENGINE_BCS]);
    engines_mmio_write(r->engines, 0x22080, rig_ggtt_map(r, 0, hwsp));
    flush(r);
    own(r, hwsp, JUDGE_DOM_STUB, mine, 5);
    RIG_RUN(r, &c, MI_SDI(DATA, 1));
    own(r, hwsp, 5, mine, 5);
    RIG_RUN(r, &c, MI_SDI(DATA, 1), MI(0x21, 1), 0x100, 7);
    assert_int_equal(judge_violations(r->judge), 0);
    own(r, hwsp, 6, mine, 5);
    RIG_RUN(r, &c, MI(0x21, 1), 0x100, 7, 0, MI_SDI(DATA, 1));
    /* before its own frame is seen nothing can be said; the completion is told twice */
    assert_true(judge_violations(r->judge) >= 1);
    told(r, "{\"kind\":\"foreign-status-page\",\"engine\":1,");
    told(r, "\"owner\":6,\"context_domain\":5,\"injected\":false");
}

/* --- submission --- */

static void elsp_while_asleep(void **state)
{
    struct rig *r = *state;
    struct rig_ctx c;

    context(r, &c, 4);
    RIG_RUN(r, &c, MI(0, 0)); /* RC6 off: awake without forcewake */
    atomic_store(&r->reg[RC_STATE / 4], RC6_TARGET);
    atomic_store(&r->reg[RC_CONTROL / 4], RC6_TIMERS);
    RIG_RUN(r, &c, MI(0, 0)); /* timers decide: the write wakes the GT, as native i915 does it */
    atomic_store(&r->reg[RC_CONTROL / 4], RC6_BY_HAND);
    atomic_store(&r->reg[ACK / 4], 1);
    RIG_RUN(r, &c, MI(0, 0));
    assert_int_equal(count(r, OFFENCE_ELSP_ASLEEP), 0);
    atomic_store(&r->reg[ACK / 4], 0);
    RIG_RUN(r, &c, MI(0, 0));
    assert_int_equal(count(r, OFFENCE_ELSP_ASLEEP), 1);
    nothing_else(r, OFFENCE_ELSP_ASLEEP);
}

/* An engine that works keeps the GT awake for the others. */
static void elsp_beside_a_busy_engine(void **state)
{
    const uint32_t nothing[] = {0};
    struct rig *r = *state;
    struct rig_ctx c, other;
    uint64_t flag;

    context(r, &c, 4);
    rig_context(r, &other, ENGINE_RCS, 4);
    flush(r);
    rig_map_new(r, &c, DATA);
    flag = hold(r, &c, nothing, 1);
    atomic_store(&r->reg[RC_STATE / 4], RC6_TARGET);
    atomic_store(&r->reg[RC_CONTROL / 4], RC6_BY_HAND);
    RIG_RUN(r, &other, MI(0, 0));
    assert_int_equal(count(r, OFFENCE_ELSP_ASLEEP), 0);
    let_go(r, &c, flag);
}

static void same_context_twice(void **state)
{
    struct rig *r = *state;
    struct rig_ctx a, b;

    context(r, &a, 4);
    context(r, &b, 4);
    rig_submit(r, ENGINE_BCS, a.desc, b.desc);
    rig_expect(r, ENGINE_BCS, CSB_IDLE_ACTIVE, 0);
    rig_expect(r, ENGINE_BCS, CSB_SWITCH, a.id);
    rig_expect(r, ENGINE_BCS, CSB_DONE, b.id);
    rig_run(r, &a); /* again, but alone */
    assert_int_equal(count(r, OFFENCE_ELSP_SAME_CONTEXT), 0);
    rig_submit(r, ENGINE_BCS, a.desc, a.desc);
    rig_expect(r, ENGINE_BCS, CSB_IDLE_ACTIVE, 0);
    assert_int_equal(count(r, OFFENCE_ELSP_SAME_CONTEXT), 1);
    nothing_else(r, OFFENCE_ELSP_SAME_CONTEXT);
}

/* --- resets --- */

static void ready(struct rig *r, enum engine_id id, bool request)
{
    engines_mmio_write(r->engines, rig_base(id) + RESET_CTL, 0x10000 | request);
}

/* One request, two resets, taken back: as i915 does it. */
static void reset_in_order(void **state)
{
    struct rig *r = *state;

    ready(r, ENGINE_BCS, true);
    for (unsigned i = 0; i < 2; i++) {
        engines_mmio_write(r->engines, GDRST, GDRST_BLT);
        assert_int_equal(engines_mmio_read(r->engines, GDRST), 0);
    }
    ready(r, ENGINE_BCS, false);
    for (unsigned id = 0; id < engines_count(r->engines); id++)
        ready(r, id, true);
    engines_mmio_write(r->engines, GDRST, 1);
    engines_reset(r->engines); /* function level: nobody can be asked */
    nothing_else(r, OFFENCE_KINDS);
}

static void reset_without_request(void **state)
{
    struct rig *r = *state;

    engines_mmio_write(r->engines, GDRST, GDRST_BLT);
    assert_int_equal(count(r, OFFENCE_RESET_NOT_READY), 1);
    told(r, "{\"kind\":\"reset-not-ready\",\"engine\":\"bcs\"");
    ready(r, ENGINE_BCS, true);
    ready(r, ENGINE_BCS, false);
    engines_mmio_write(r->engines, GDRST, GDRST_BLT); /* taken back */
    assert_int_equal(count(r, OFFENCE_RESET_NOT_READY), 2);
    ready(r, ENGINE_BCS, true);
    engines_mmio_write(r->engines, GDRST, 1); /* all others */
    assert_int_equal(count(r, OFFENCE_RESET_NOT_READY), 1 + engines_count(r->engines));
    nothing_else(r, OFFENCE_RESET_NOT_READY);
}

/* --- strict --- */

static const struct {
    uint32_t reg, good, bad; /* bad 0 with reg 0: forcewake */
    const char *detail;
} steps[] = {{0, 0, 0, "forcewake has never been acknowledged"},
             {0x40e0, 0x000a0907, 0, "PPAT (0x40e0, 0x40e4) is 0"},
             {0x22080, 0x100000, 0, "HWS_PGA is 0"},
             {0x2229c, 0x80008000, 0x80000000, "RING_MODE has no execlists (bit 15)"}};

static void bring_up(struct rig *r, unsigned but)
{
    engines_reset(r->engines);
    for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (steps[i].reg)
            engines_mmio_write(r->engines, steps[i].reg, i == but ? steps[i].bad : steps[i].good);
        else if (i != but)
            engines_awoken(r->engines);
    }
}

static void strict_wants_every_step(void **state)
{
    struct rig *r = *state;

    for (unsigned i = 0; i <= sizeof(steps) / sizeof(steps[0]); i++) {
        bool all = i == sizeof(steps) / sizeof(steps[0]);
        uint64_t contexts = rig_stats(r).contexts[ENGINE_BCS];

        engines_set_strict(r->engines, true);
        bring_up(r, i);
        rig_submit(r, ENGINE_BCS, 0x200001, 0);
        assert_int_equal(count(r, OFFENCE_NOT_INITIALISED), all ? i : i + 1);
        if (!all)
            told(r, steps[i].detail);
        while (all && rig_stats(r).contexts[ENGINE_BCS] == contexts)
            ;
        engines_reset(r->engines); /* waits for the engine */
        if (!all)
            assert_int_equal(rig_stats(r).contexts[ENGINE_BCS], contexts);
    }
    engines_set_strict(r->engines, false);
    bring_up(r, 0);
    rig_submit(r, ENGINE_BCS, 0x200001, 0);
    assert_int_equal(count(r, OFFENCE_NOT_INITIALISED), 4);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, rig_free)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(ppgtt_entry_cleared),
        T(ppgtt_directory_replaced),
        T(ggtt_entry_replaced),
        T(ggtt_used_before_flush),
        T(foreign_frame_has_its_walk),
        T(foreign_status_page),
        T(aperture_has_its_entry),
        T(elsp_while_asleep),
        T(elsp_beside_a_busy_engine),
        T(same_context_twice),
        T(reset_in_order),
        T(reset_without_request),
        T(strict_wants_every_step),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
