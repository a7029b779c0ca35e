/* SPDX-License-Identifier: MIT */
/*
 * softgpu_judge_fault_test.c: faults by name: parsing, counting, and what each does to an engine,
 * as often as it was asked to and not once more.
 */
#include "tests/unit/softgpu_engine_rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "softgpu/fault.h"
#include "softgpu/offence.h"

#define DATA      0x40000000u
#define GDRST     0x941cu
#define GDRST_BLT 8u
#define RESET_CTL 0x220d0u
#define MI_MODE   0x2209cu
#define MODE_IDLE 0x200u

struct frig {
    struct rig rig;
    struct faults *faults;
};

static int setup(void **state)
{
    struct frig *f = malloc(sizeof(*f));

    rig_setup(&f->rig);
    f->faults = faults_new();
    engines_set_faults(f->rig.engines, f->faults);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct frig *f = *state;

    rig_teardown(&f->rig);
    faults_free(f->faults);
    free(f);
    return 0;
}

static void arm(struct frig *f, const char *text)
{
    struct fault_spec s;

    assert_int_equal(fault_parse_text(text, &s), 0);
    faults_arm(f->faults, &s);
}

static void wr(struct frig *f, uint32_t reg, uint32_t v)
{
    engines_mmio_write(f->rig.engines, reg, v);
}

static uint32_t rd(struct frig *f, uint32_t reg)
{
    return engines_mmio_read(f->rig.engines, reg);
}

static void words(void **state)
{
    static const struct {
        const char *text;
        int ret;
        unsigned kind, engine;
        uint64_t count;
    } cases[] = {
        {"missing-ack", 0, FAULT_MISSING_ACK, FAULT_ANY, 1},
        {"stuck-engine:vecs", 0, FAULT_STUCK_ENGINE, ENGINE_VECS, 1},
        {"corrupt-pte:any:3", 0, FAULT_CORRUPT_PTE, FAULT_ANY, 3},
        {"lost-interrupt:rcs:forever", 0, FAULT_LOST_INTERRUPT, ENGINE_RCS, FAULT_FOREVER},
        {"missing-ack-forcewake:any:2", 0, FAULT_MISSING_ACK_FORCEWAKE, FAULT_ANY, 2},
        {"", -ENOENT, 0, 0, 0},
        {"missing", -ENOENT, 0, 0, 0},
        {"missing-ack-forcewake:rcs", -ENODEV, 0, 0, 0},
        {"late-reset:", -ENODEV, 0, 0, 0},
        {"late-reset:vcs2", 0, FAULT_LATE_RESET, ENGINE_VCS2, 1},
        {"late-reset:vcs3", -ENODEV, 0, 0, 0},
        {"late-reset:vcs:0", -ERANGE, 0, 0, 0},
        {"late-reset:vcs:", -ERANGE, 0, 0, 0},
        {"late-reset:vcs:-1", -ERANGE, 0, 0, 0},
        {"late-reset:vcs:1:1", -ERANGE, 0, 0, 0},
        {"late-reset:vcs:99999999999999999999999", -ERANGE, 0, 0, 0},
    };
    struct fault_spec s;
    char longest[200];

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(fault_parse_text(cases[i].text, &s), cases[i].ret);
        if (cases[i].ret)
            continue;
        assert_int_equal(s.kind, cases[i].kind);
        assert_int_equal(s.engine, cases[i].engine);
        assert_true(s.count == cases[i].count);
    }
    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = 0;
    assert_int_equal(fault_parse_text(longest, &s), -ENOENT);
}

static void counting(void **state)
{
    struct frig *f = *state;
    char *text;
    size_t size;
    FILE *out;

    assert_false(faults_fire(NULL, FAULT_LATE_RESET, ENGINE_RCS));
    assert_false(faults_fire(f->faults, FAULT_LATE_RESET, ENGINE_RCS));
    arm(f, "late-reset:bcs");
    arm(f, "late-reset:any");
    arm(f, "missing-ack:rcs:forever");
    arm(f, "missing-ack:rcs:5");
    assert_false(faults_fire(f->faults, FAULT_STUCK_ENGINE, ENGINE_RCS));
    assert_true(faults_fire(f->faults, FAULT_LATE_RESET, ENGINE_BCS));
    assert_true(faults_fire(f->faults, FAULT_LATE_RESET, ENGINE_VCS));
    assert_false(faults_fire(f->faults, FAULT_LATE_RESET, ENGINE_BCS));
    for (unsigned i = 0; i < 20; i++)
        assert_true(faults_fire_ack(f->faults, FAULT_MISSING_ACK_MODE, ENGINE_RCS));
    assert_false(faults_fire_ack(f->faults, FAULT_MISSING_ACK_FORCEWAKE, FAULT_ANY));
    out = open_memstream(&text, &size);
    faults_dump(f->faults, out);
    fclose(out);
    assert_non_null(strstr(text, "{\"name\":\"missing-ack\",\"fired\":20,\"armed\":{\"rcs\":-1}}"));
    assert_non_null(strstr(text, "{\"name\":\"late-reset\",\"fired\":2,\"armed\":{}}"));
    free(text);
    faults_clear(f->faults);
    assert_false(faults_fire(f->faults, FAULT_MISSING_ACK, ENGINE_RCS));
    assert_int_equal(faults_fired(f->faults, FAULT_MISSING_ACK), 20);
}

static void mode_never_idle(void **state)
{
    struct frig *f = *state;

    arm(f, "missing-ack-mode:bcs");
    wr(f, 0x209c, 0x01000100); /* another engine */
    assert_int_equal(rd(f, 0x209c) & MODE_IDLE, MODE_IDLE);
    wr(f, MI_MODE, 0x01000100);
    wr(f, MI_MODE, 0x01000100); /* still the same request */
    assert_int_equal(rd(f, MI_MODE) & MODE_IDLE, 0);
    wr(f, MI_MODE, 0x01000000);
    assert_int_equal(rd(f, MI_MODE) & MODE_IDLE, MODE_IDLE);
    wr(f, MI_MODE, 0x01000100);
    assert_int_equal(rd(f, MI_MODE) & MODE_IDLE, MODE_IDLE);
    assert_int_equal(faults_fired(f->faults, FAULT_MISSING_ACK_MODE), 1);
    /* a reset is a way out */
    wr(f, MI_MODE, 0x01000000);
    arm(f, "missing-ack:bcs");
    wr(f, MI_MODE, 0x01000100);
    assert_int_equal(rd(f, MI_MODE) & MODE_IDLE, 0);
    wr(f, GDRST, GDRST_BLT);
    assert_int_equal(rd(f, GDRST), 0);
    assert_int_equal(rd(f, MI_MODE) & MODE_IDLE, MODE_IDLE);
}

static void never_ready_for_reset(void **state)
{
    struct frig *f = *state;

    arm(f, "missing-ack-ready");
    wr(f, RESET_CTL, 0x00010001);
    assert_int_equal(rd(f, RESET_CTL), 1);
    wr(f, RESET_CTL, 0x00010001);
    assert_int_equal(rd(f, RESET_CTL), 1);
    wr(f, RESET_CTL, 0x00010000);
    wr(f, RESET_CTL, 0x00010001);
    assert_int_equal(rd(f, RESET_CTL), 3);
    assert_int_equal(faults_fired(f->faults, FAULT_MISSING_ACK_READY), 1);
}

/* Not acknowledged, so not done: the next write tries again. */
static void reset_never_done(void **state)
{
    struct frig *f = *state;

    arm(f, "missing-ack-gdrst:bcs");
    wr(f, 0x22600, 7);
    wr(f, GDRST, 2);
    assert_int_equal(rd(f, GDRST), 0); /* the render engine's */
    wr(f, GDRST, GDRST_BLT);
    assert_int_equal(rd(f, GDRST), GDRST_BLT);
    assert_int_equal(rd(f, GDRST), GDRST_BLT);
    assert_int_equal(rd(f, 0x22600), 7);
    wr(f, GDRST, GDRST_BLT);
    assert_int_equal(rd(f, GDRST), 0);
    assert_int_equal(rd(f, 0x22600), 0);
    /* of a full reset, bit 0 stays; the function's own reset cares for none of it */
    arm(f, "missing-ack:bcs");
    wr(f, GDRST, 1);
    assert_int_equal(rd(f, GDRST), 1);
    engines_reset(f->rig.engines);
    assert_int_equal(rd(f, GDRST), 0);
}

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* The bit stays for a while; work handed over meanwhile is an offence, afterwards it is not. */
static bool reset_late_once(struct frig *f, bool ring)
{
    struct offences *o = judge_offences(f->rig.judge);
    uint64_t before = offences_count(o, OFFENCE_SUBMIT_IN_RESET), offences, begin;
    uint32_t bit;

    arm(f, "late-reset:bcs");
    begin = now_ns();
    wr(f, GDRST, GDRST_BLT);
    bit = rd(f, GDRST);
    rig_submit(&f->rig, ENGINE_RCS, 0, 0);
    wr(f, 0x2203c, ring);
    wr(f, 0x22030, 0x100);
    rig_submit(&f->rig, ENGINE_BCS, 0, 0);
    offences = offences_count(o, OFFENCE_SUBMIT_IN_RESET) - before;
    if (now_ns() - begin >= FAULT_LATE_NS)
        return false; /* the host was busy with other things */
    assert_int_equal(bit, GDRST_BLT);
    assert_int_equal(offences, ring ? 2 : 1);
    while (rd(f, GDRST)) /* the test's own limit ends a bit that stays */
        ;
    assert_true(now_ns() - begin >= FAULT_LATE_NS);
    rig_submit(&f->rig, ENGINE_BCS, 0, 0);
    wr(f, 0x22030, 0x110);
    assert_int_equal(offences_count(o, OFFENCE_SUBMIT_IN_RESET) - before, offences);
    return true;
}

static void reset_late(void **state)
{
    struct frig *f = *state;
    unsigned tries = 0;

    for (unsigned ring = 0; ring < 2; ring++) {
        while (!reset_late_once(f, ring))
            tries++;
        tries++;
    }
    assert_int_equal(faults_fired(f->faults, FAULT_LATE_RESET), tries);
    assert_true(tries < 100);
}

static void interrupts(void **state)
{
    struct frig *f = *state;
    struct rig *r = &f->rig;
    struct rig_ctx c;
    unsigned before;

    rig_context(r, &c, ENGINE_BCS, 4);
    before = r->raises[ENGINE_BCS];
    RIG_RUN(r, &c, MI(0x02, 0));
    assert_true(rig_wait_reg(r, MI_MODE, MODE_IDLE, MODE_IDLE));
    assert_int_equal(r->raises[ENGINE_BCS] - before, 3); /* active, user, done */
    arm(f, "lost-interrupt:bcs:3");
    arm(f, "lost-interrupt:rcs");
    before = r->raises[ENGINE_BCS];
    RIG_RUN(r, &c, MI(0x02, 0));
    assert_true(rig_wait_reg(r, MI_MODE, MODE_IDLE, MODE_IDLE));
    assert_int_equal(r->raises[ENGINE_BCS], before);
    assert_int_equal(faults_fired(f->faults, FAULT_LOST_INTERRUPT), 3);
    arm(f, "doubled-interrupt");
    RIG_RUN(r, &c, MI(0x02, 0));
    assert_true(rig_wait_reg(r, MI_MODE, MODE_IDLE, MODE_IDLE));
    assert_int_equal(r->raises[ENGINE_BCS] - before, 4);
    assert_int_equal(faults_fired(f->faults, FAULT_DOUBLED_INTERRUPT), 1);
}

static void stuck_until_reset(void **state)
{
    struct frig *f = *state;
    struct rig *r = &f->rig;
    struct rig_ctx c;
    uint64_t page;
    uint32_t head;

    rig_context(r, &c, ENGINE_BCS, 4);
    page = rig_map_new(r, &c, DATA);
    arm(f, "stuck-engine:bcs");
    RIG_EMIT(r, &c, MI_SDI(DATA, 1));
    rig_submit(r, ENGINE_BCS, c.desc, 0);
    rig_expect(r, ENGINE_BCS, CSB_IDLE_ACTIVE, 0);
    while (!faults_fired(f->faults, FAULT_STUCK_ENGINE))
        ;
    head = rd(f, 0x22034);
    rig_submit(r, ENGINE_BCS, c.desc, 0); /* nothing moves it */
    nanosleep(&(struct timespec){0, 3000000}, NULL);
    assert_int_equal(rd(f, 0x22034), head);
    assert_int_equal(rd(f, 0x220b0), 0); /* and it complains of nothing */
    assert_int_equal(rd(f, MI_MODE) & MODE_IDLE, 0);
    assert_int_equal(rig_r32(r, page), 0);
    assert_true(rig_quiet(r, ENGINE_BCS));
    wr(f, GDRST, GDRST_BLT);
    assert_int_equal(rd(f, GDRST), 0);
    assert_int_equal(rd(f, MI_MODE) & MODE_IDLE, MODE_IDLE);
    assert_int_equal(faults_fired(f->faults, FAULT_STUCK_ENGINE), 1);
}

/* The next page's frame is reached once; if it is another's, the judge says so. */
static void corrupt_pte_is_reported(void **state)
{
    static const uint16_t owners[] = {5, 6, JUDGE_DOM_STUB, 0, JUDGE_DOM_NONE};

    for (unsigned i = 0; i < sizeof(owners) / sizeof(owners[0]); i++) {
        struct frig *f;
        struct rig *r;
        struct rig_ctx c;
        uint64_t mfn;
        char *text;
        size_t size;
        FILE *out;

        teardown(state);
        setup(state);
        f = *state;
        r = &f->rig;
        rig_context(r, &c, ENGINE_BCS, 4);
        if (r->next_page & 0x1000)
            rig_page(r);
        mfn = rig_page(r) / 4096;
        rig_page(r);
        rig_map(r, &c, DATA, mfn * 4096, 3);
        judge_begin(r->judge);
        judge_add(r->judge, 0, mfn, JUDGE_DOM_STUB);
        judge_add(r->judge, mfn, 1, 5);
        judge_add(r->judge, mfn + 1, 1, owners[i]);
        judge_add(r->judge, mfn + 2, 0x2000, JUDGE_DOM_STUB);
        assert_int_equal(judge_commit(r->judge), 0);
        /* everything but the store's own translation is in the engine's TLB by then */
        RIG_RUN(r, &c, MI(0, 0));
        arm(f, "corrupt-pte:bcs");
        RIG_RUN(r, &c, MI_SDI(DATA, 0x77), MI_SDI(DATA, 0x78));
        assert_int_equal(faults_fired(f->faults, FAULT_CORRUPT_PTE), 1);
        assert_int_equal(rig_r32(r, (mfn + 1) * 4096), 0x77);
        assert_int_equal(rig_r32(r, mfn * 4096), 0x78);
        assert_int_equal(judge_violations(r->judge), owners[i] == 5 ? 0 : 1);
        out = open_memstream(&text, &size);
        judge_dump(r->judge, out);
        fclose(out);
        assert_int_equal(strstr(text, "\"context_domain\":5,\"injected\":true") != NULL,
                         owners[i] != 5);
        free(text);
        /* not even when it becomes the stub's: it was not meant */
        judge_begin(r->judge);
        judge_add(r->judge, mfn + 1, 1, JUDGE_DOM_STUB);
        assert_int_equal(judge_commit(r->judge), 0);
        assert_int_equal(judge_violations(r->judge), owners[i] == 5 ? 0 : 1);
        assert_int_equal(offences_count(judge_offences(r->judge), OFFENCE_STALE_TLB), 0);
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words),    T(counting),   T(mode_never_idle), T(never_ready_for_reset),
        T(reset_never_done),        T(reset_late), T(interrupts),      T(stuck_until_reset),
        T(corrupt_pte_is_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
