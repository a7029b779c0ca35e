/* SPDX-License-Identifier: MIT */
/*
 * softgpu_engine_mem_test.c: translation: the global table as BAR0 shows it, walks of 3 and 4
 * levels, stale entries and every way to invalidate them, faults, and the judge.
 */
#include "tests/unit/softgpu_engine_rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "softgpu/gtt.h"
#include "softgpu/tlb.h"

#define DATA 0x40000000u

static void ggtt_reads_back_in_all_sizes(void **state)
{
    struct rig *r = *state;
    struct engines *e = r->engines;

    engines_gtt_write(e, 0x7ffff8, 8, 0x1122334455667788ull);
    assert_true(engines_gtt_read(e, 0x7ffff8, 8) == 0x1122334455667788ull);
    assert_int_equal(engines_gtt_read(e, 0x7ffff8, 4), 0x55667788);
    assert_int_equal(engines_gtt_read(e, 0x7ffffc, 4), 0x11223344);
    assert_int_equal(engines_gtt_read(e, 0x7ffffe, 2), 0x1122);
    assert_int_equal(engines_gtt_read(e, 0x7ffff9, 1), 0x77);
    engines_gtt_write(e, 0x7ffffc, 4, 0xaabbccdd);
    engines_gtt_write(e, 0x7ffff8, 1, 0xee);
    engines_gtt_write(e, 0x7ffffa, 2, 0x9999);
    assert_true(engines_gtt_read(e, 0x7ffff8, 8) == 0xaabbccdd999977eeull);
}

static void aperture_crosses_pages(void **state)
{
    struct rig *r = *state;
    uint64_t p1 = rig_page(r), gap = rig_page(r), p2 = rig_page(r);
    uint8_t out[8] = {1, 2, 3, 4, 5, 6, 7, 8}, in[8];

    (void)gap;
    rig_ggtt_map(r, 0x20000, p1);
    rig_ggtt_map(r, 0x21000, p2);
    assert_int_equal(engines_ggtt_write(r->engines, 0x20ffc, out, 8), 0);
    assert_int_equal(rig_r32(r, p1 + 0xffc), 0x04030201);
    assert_int_equal(rig_r32(r, p2), 0x08070605);
    assert_int_equal(engines_ggtt_read(r->engines, 0x20ffc, in, 8), 0);
    assert_memory_equal(in, out, 8);
    /* Without a valid entry: zeros. */
    engines_gtt_write(r->engines, 0x21 * 8, 8, p2);
    assert_int_equal(engines_ggtt_read(r->engines, 0x20ffc, in, 8), 1);
    assert_memory_equal(in, "\1\2\3\4\0\0\0\0", 8);
    assert_int_equal(engines_ggtt_write(r->engines, 0x21000, out, 4), 1);
    assert_int_equal(rig_r32(r, p2), 0x08070605);
    assert_int_equal(rig_stats(r).faults, 2);
}

static void four_levels_reach_48_bits(void **state)
{
    static const uint64_t addrs[] = {0x1000,          0x7fc012345000ull, 0xfffffffff000ull,
                                     0x8000000000ull, 0x200000,          0x40000000};
    struct rig *r = *state;
    struct rig_ctx c;

    rig_context(r, &c, ENGINE_RCS, 4);
    for (unsigned i = 0; i < sizeof(addrs) / sizeof(addrs[0]); i++) {
        uint64_t page = rig_map_new(r, &c, addrs[i]);

        RIG_RUN(r, &c, MI_SDI(addrs[i] + 16, 0x100 + i));
        assert_int_equal(rig_r32(r, page + 16), 0x100 + i);
    }
    assert_int_equal(rig_stats(r).faults, 0);
}

static void three_levels_use_four_directories(void **state)
{
    struct rig *r = *state;
    struct rig_ctx c;

    rig_context(r, &c, ENGINE_BCS, 3);
    for (uint32_t i = 0; i < 4; i++) {
        uint64_t addr = i * 0x40000000ull + 0x345000, page = rig_map_new(r, &c, addr);

        RIG_RUN(r, &c, MI_SDI(addr, 0x200 + i));
        assert_int_equal(rig_r32(r, page), 0x200 + i);
    }
    assert_int_equal(rig_stats(r).faults, 0);
    RIG_RUN(r, &c, MI_SDI(0x100345000ull, 1)); /* beyond 32 bits */
    assert_int_equal(rig_stats(r).faults, 1);
}

static void walk_checks_every_level(void **state)
{
    struct rig *r = *state;
    uint64_t t[4], e;
    struct ppgtt p = {.enabled = true, .level4 = true};

    for (int i = 0; i < 4; i++)
        t[i] = rig_page(r);
    for (int i = 0; i < 3; i++)
        rig_w32(r, t[i], (uint32_t)t[i + 1] | 3);
    rig_w32(r, t[3], 0x123000 | 3);
    p.root[0] = t[0];
    assert_int_equal(ppgtt_walk(r->dma, &p, 0x10, &e, NULL, NULL), 0);
    assert_int_equal(e, 0x123003);
    for (int i = 0; i < 4; i++) {
        uint32_t old = rig_r32(r, t[i]);

        rig_w32(r, t[i], old & ~1u);
        assert_int_equal(ppgtt_walk(r->dma, &p, 0, &e, NULL, NULL), -EFAULT);
        rig_w32(r, t[i], old & ~2u); /* read-only at this level */
        assert_int_equal(ppgtt_walk(r->dma, &p, 0, &e, NULL, NULL), 0);
        assert_int_equal(e, 0x123001);
        rig_w32(r, t[i], old);
    }
    rig_w32(r, t[2], 0x400000 | 0x83); /* 2 MiB page */
    assert_int_equal(ppgtt_walk(r->dma, &p, 0x5000, &e, NULL, NULL), 0);
    assert_int_equal(e, 0x405003);
    p.root[0] = 0;
    assert_int_equal(ppgtt_walk(r->dma, &p, 0, &e, NULL, NULL), -EFAULT);
    p.root[0] = RIG_MEMORY; /* no memory there */
    assert_int_equal(ppgtt_walk(r->dma, &p, 0, &e, NULL, NULL), -EFAULT);
}

/* A context holds the engine at semaphores while the test remaps; each step ends by writing. */
struct stale {
    struct rig *r;
    struct rig_ctx c;
    uint64_t old, new, flag;
};

#define WAIT_EQ(addr, v) MI(0x1c, 1 << 15 | 4 << 12 | 2), (v), (uint32_t)(addr), 0

static void stale_begin(struct stale *s, struct rig *r, enum engine_id id, const uint32_t *dw,
                        unsigned n)
{
    s->r = r;
    rig_context(r, &s->c, id, 4);
    s->old = rig_map_new(r, &s->c, DATA);
    s->new = rig_page(r);
    s->flag = rig_map_new(r, &s->c, DATA + 0x1000);
    RIG_EMIT(r, &s->c, MI_SDI(DATA, 1), MI_SDI(DATA + 0x1000, 1), WAIT_EQ(DATA + 0x1040, 1));
    rig_emit(r, &s->c, dw, n);
    RIG_EMIT(r, &s->c, MI_SDI(DATA, 2));
    rig_submit(r, id, s->c.desc, 0);
    rig_expect(r, id, CSB_IDLE_ACTIVE, 0);
    assert_true(rig_wait32(r, s->flag, 1));
    rig_map(r, &s->c, DATA, s->new, 3);
}

static void stale_end(struct stale *s, bool stale)
{
    rig_w32(s->r, s->flag + 0x40, 1);
    rig_expect(s->r, s->c.engine, CSB_DONE, s->c.id);
    assert_int_equal(rig_r32(s->r, s->old), stale ? 2 : 1);
    assert_int_equal(rig_r32(s->r, s->new), stale ? 0 : 2);
}

static void stale_without_invalidation(void **state)
{
    const uint32_t nothing[] = {0};
    struct stale s;

    for (unsigned id = 0; id < ENGINE_COUNT; id++) {
        stale_begin(&s, *state, id, nothing, 1);
        stale_end(&s, true);
    }
}

static void pipe_control_invalidates(void **state)
{
    const uint32_t with[] = {0x7a000004, 1 << 18 | 1 << 20, 0, 0, 0, 0};
    const uint32_t without[] = {0x7a000004, 1 << 20, 0, 0, 0, 0};
    struct stale s;

    stale_begin(&s, *state, ENGINE_RCS, with, 6);
    stale_end(&s, false);
    stale_begin(&s, *state, ENGINE_RCS, without, 6);
    stale_end(&s, true);
}

static void flush_dw_invalidates(void **state)
{
    const uint32_t with[] = {MI(0x26, 1 << 18 | 1 << 7 | 2), 0, 0, 0};
    const uint32_t without[] = {MI(0x26, 2), 0, 0, 0};
    struct stale s;

    stale_begin(&s, *state, ENGINE_VCS, with, 4);
    stale_end(&s, false);
    stale_begin(&s, *state, ENGINE_VCS, without, 4);
    stale_end(&s, true);
}

static void tlb_registers_invalidate_their_engine(void **state)
{
    static const uint32_t reg[ENGINE_COUNT] = {[ENGINE_RCS] = 0x4260,
                                               [ENGINE_VCS] = 0x4264,
                                               [ENGINE_BCS] = 0x426c,
                                               [ENGINE_VECS] = 0x4270,
                                               [ENGINE_VCS2] = 0x4268};
    const uint32_t nothing[] = {0};
    struct rig *r = *state;
    struct stale s;

    for (unsigned id = 0; id < ENGINE_COUNT; id++) {
        stale_begin(&s, r, id, nothing, 1);
        engines_mmio_write(r->engines, reg[id], 1);
        assert_int_equal(engines_mmio_read(r->engines, reg[id]), 0);
        stale_end(&s, false);
        stale_begin(&s, r, id, nothing, 1);
        engines_mmio_write(r->engines, reg[(id + 1) % ENGINE_COUNT], 1);
        stale_end(&s, true);
    }
}

static void context_load_invalidates(void **state)
{
    struct rig *r = *state;
    struct rig_ctx c;
    uint64_t old, new = rig_page(r);

    rig_context(r, &c, ENGINE_BCS, 4);
    old = rig_map_new(r, &c, DATA);
    RIG_RUN(r, &c, MI_SDI(DATA, 1));
    rig_map(r, &c, DATA, new, 3);
    RIG_RUN(r, &c, MI_SDI(DATA, 2));
    assert_int_equal(rig_r32(r, old), 1);
    assert_int_equal(rig_r32(r, new), 2);
}

static void ggtt_stays_until_flushed(void **state)
{
    struct rig *r = *state;
    struct rig_ctx c;
    uint64_t old = rig_page(r), new = rig_page(r);
    uint32_t at = rig_ggtt_map(r, 0, old);

    rig_context(r, &c, ENGINE_BCS, 4);
    RIG_RUN(r, &c, MI(0x20, 2) | MI_GGTT, at, 0, 1);
    rig_ggtt_map(r, at, new);
    RIG_RUN(r, &c, MI(0x20, 2) | MI_GGTT, at, 0, 2);
    assert_int_equal(rig_r32(r, old), 2); /* stale even across a context load */
    assert_true(engines_owns(r->engines, 0x101008));
    engines_mmio_write(r->engines, 0x101008, 1);
    RIG_RUN(r, &c, MI(0x20, 2) | MI_GGTT, at, 0, 3);
    assert_int_equal(rig_r32(r, old), 2);
    assert_int_equal(rig_r32(r, new), 3);
}

static void faults_read_zero_and_drop(void **state)
{
    struct rig *r = *state;
    struct rig_ctx c;
    uint64_t data;

    rig_context(r, &c, ENGINE_RCS, 4);
    data = rig_map_new(r, &c, DATA);
    rig_w32(r, data, 0xffffffff);
    /* Copy a dword from nowhere, then write to nowhere and to a read-only page. */
    rig_map(r, &c, DATA + 0x2000, data, 1);
    RIG_RUN(r, &c, MI(0x2e, 3), DATA, 0, 0x70000000, 0, MI_SDI(0x70000000, 1),
            MI_SDI(DATA + 0x2004, 1));
    assert_int_equal(rig_r32(r, data), 0);
    assert_int_equal(rig_r32(r, data + 4), 0);
    assert_int_equal(rig_stats(r).faults, 3);
    assert_int_equal(engines_mmio_read(r->engines, 0x4094), 1);
    assert_int_equal(engines_mmio_read(r->engines, 0x4b10), 0x70000);
    engines_mmio_write(r->engines, 0x4094, 0);
    assert_int_equal(engines_mmio_read(r->engines, 0x4094), 0);
}

static void tlb_keeps_spaces_apart(void **state)
{
    struct tlb *t = calloc(1, sizeof(*t));
    uint64_t e;

    (void)state;
    tlb_init(t);
    tlb_fill(t, TLB_PPGTT, 0x5000, 0x1003, tlb_gen(t, TLB_PPGTT));
    assert_true(tlb_lookup(t, TLB_PPGTT, 0x5fff, &e));
    assert_int_equal(e, 0x1003);
    assert_false(tlb_lookup(t, TLB_GGTT, 0x5000, &e));
    assert_false(tlb_lookup(t, TLB_PPGTT, 0x5000 + TLB_SLOTS * 4096ull, &e));
    tlb_invalidate(t, TLB_GGTT);
    assert_true(tlb_lookup(t, TLB_PPGTT, 0x5000, &e));
    /* A walk that began before an invalidation must not leave its result behind. */
    uint64_t gen = tlb_gen(t, TLB_PPGTT);

    tlb_invalidate(t, TLB_PPGTT);
    tlb_fill(t, TLB_PPGTT, 0x5000, 0x1003, gen);
    assert_false(tlb_lookup(t, TLB_PPGTT, 0x5000, &e));
    free(t);
}

/* Everything the GPU may touch for this context is the stub's, but for what a test says. */
static void own(struct rig *r, uint64_t guest_page, uint16_t domid)
{
    uint64_t mfn = guest_page / 4096;

    assert_int_equal(judge_begin(r->judge), 0);
    assert_int_equal(judge_add(r->judge, 0, mfn, JUDGE_DOM_STUB), 0);
    assert_int_equal(judge_add(r->judge, mfn, 1, domid), 0);
    assert_int_equal(judge_add(r->judge, mfn + 1, 0x2000 - mfn, JUDGE_DOM_STUB), 0);
    assert_int_equal(judge_commit(r->judge), 0);
}

static void judge_sees_engine_accesses(void **state)
{
    static const struct {
        uint16_t first, second;
        unsigned violations;
    } cases[] = {{5, 5, 0}, {5, 6, 1}, {5, 0, 1}, {5, JUDGE_DOM_NONE, 1}, {5, JUDGE_DOM_STUB, 0}};

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rig *r = *state;
        struct rig_ctx c;
        uint64_t one, two;
        char *text;
        size_t size;
        FILE *f;

        rig_teardown(r);
        rig_setup(r);
        rig_context(r, &c, ENGINE_BCS, 4);
        one = rig_map_new(r, &c, DATA);
        two = rig_map_new(r, &c, DATA + 0x1000);
        judge_begin(r->judge);
        judge_add(r->judge, 0, one / 4096, JUDGE_DOM_STUB);
        judge_add(r->judge, one / 4096, 1, cases[i].first);
        judge_add(r->judge, two / 4096, 1, cases[i].second);
        judge_add(r->judge, one / 4096 + 1, two / 4096 - one / 4096 - 1, JUDGE_DOM_STUB);
        assert_int_equal(judge_commit(r->judge), 0);
        RIG_RUN(r, &c, MI_SDI(DATA, 1), MI_SDI(DATA + 0x1000, 2));
        assert_int_equal(judge_violations(r->judge), cases[i].violations);
        assert_int_equal(rig_stats(r).slices[ENGINE_BCS], 1);
        f = open_memstream(&text, &size);
        judge_dump(r->judge, f);
        fclose(f);
        assert_int_equal(strstr(text, "\"write\":true") != NULL, cases[i].violations);
        if (cases[i].violations)
            assert_non_null(strstr(text, "\"gpu_addr\":1073745920"));
        free(text);
    }
}

/* A change of the domain on an engine is a slice; the same domain again is none. */
static void slices_count_alternation(void **state)
{
    static const unsigned turns[] = {0, 0, 1, 0, 1, 1};
    struct rig *r = *state;
    struct rig_ctx c[2];
    uint64_t page[2];

    for (unsigned i = 0; i < 2; i++) {
        rig_context(r, &c[i], ENGINE_BCS, 4);
        page[i] = rig_map_new(r, &c[i], DATA) / 4096;
    }
    judge_begin(r->judge);
    judge_add(r->judge, 0, page[0], JUDGE_DOM_STUB);
    judge_add(r->judge, page[0], 1, 5);
    judge_add(r->judge, page[0] + 1, page[1] - page[0] - 1, JUDGE_DOM_STUB);
    judge_add(r->judge, page[1], 1, 6);
    judge_add(r->judge, page[1] + 1, 0x2000, JUDGE_DOM_STUB);
    assert_int_equal(judge_commit(r->judge), 0);
    for (unsigned i = 0; i < sizeof(turns) / sizeof(turns[0]); i++)
        RIG_RUN(r, &c[turns[i]], MI_SDI(DATA, i));
    assert_int_equal(rig_stats(r).slices[ENGINE_BCS], 4);
    assert_int_equal(rig_stats(r).slices[ENGINE_RCS], 0);
    assert_int_equal(judge_violations(r->judge), 0);
}

/* A table in the guest's own frame: the guest could write it. */
static void judge_sees_foreign_page_tables(void **state)
{
    struct rig *r = *state;
    struct rig_ctx c;

    rig_context(r, &c, ENGINE_BCS, 4);
    rig_map_new(r, &c, DATA);
    own(r, c.root, 5);
    RIG_RUN(r, &c, MI_SDI(DATA, 1));
    assert_int_equal(judge_violations(r->judge), 1);
    own(r, rig_page(r), 5); /* now it is the stub's */
    RIG_RUN(r, &c, MI_SDI(DATA, 1));
    assert_int_equal(judge_violations(r->judge), 1);
}

static void judge_sees_the_aperture(void **state)
{
    struct rig *r = *state;
    uint64_t page = rig_page(r);
    uint32_t at = rig_ggtt_map(r, 0, page), v;

    engines_ggtt_read(r->engines, at, &v, 4);
    assert_int_equal(judge_violations(r->judge), 0); /* not ready: nothing is judged */
    own(r, page, 0);
    engines_ggtt_read(r->engines, at, &v, 4);
    assert_int_equal(judge_violations(r->judge), 1);
    own(r, page, 3);
    engines_ggtt_read(r->engines, at, &v, 4);
    assert_int_equal(judge_violations(r->judge), 1);
}

static void owners_are(struct judge *j, uint64_t from, const char *want)
{
    for (uint64_t i = 0; want[i]; i++) {
        uint16_t is = judge_owner(j, from + i);
        char c = is == JUDGE_DOM_STUB ? 's' : is == JUDGE_DOM_NONE ? '-' : (char)('0' + is);

        assert_int_equal(c, want[i]);
    }
}

/* Only the stub's pages are told anew; they come from dom0, or from nobody, and go back to dom0. */
static void judge_takes_the_stub_alone(void **state)
{
    struct judge *j = judge_new();

    (void)state;
    assert_int_equal(judge_begin_stub(j), -ENODATA);
    judge_begin(j);
    judge_add(j, 10, 5, 0);
    judge_add(j, 17, 3, 0);
    judge_add(j, 15, 2, JUDGE_DOM_STUB);
    judge_add(j, 20, 3, 1);
    assert_int_equal(judge_commit(j), 0);
    owners_are(j, 9, "-00000ss000111-");
    assert_int_equal(judge_begin_stub(j), 0);
    assert_int_equal(judge_add(j, 1, 1, 0), -EINVAL);
    judge_add(j, 18, 1, JUDGE_DOM_STUB);
    judge_add(j, 9, 2, JUDGE_DOM_STUB);
    judge_add(j, 13, 3, JUDGE_DOM_STUB);
    assert_int_equal(judge_commit(j), 0);
    owners_are(j, 9, "ss00sss00s0111-");
    assert_int_equal(judge_begin_stub(j), 0);
    judge_add(j, 19, 2, JUDGE_DOM_STUB);
    assert_int_equal(judge_commit(j), -EEXIST);
    owners_are(j, 9, "ss00sss00s0111-");
    assert_int_equal(judge_begin_stub(j), 0);
    assert_int_equal(judge_commit(j), 0);
    owners_are(j, 9, "00000000000111-");
    judge_free(j);
}

/* How often the judge's list of violations has these words. */
static unsigned violations_kept(struct judge *j, const char *words)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    unsigned n = 0;

    assert_non_null(f);
    judge_dump(j, f);
    fclose(f);
    for (const char *at = text; (at = strstr(at, words)); at++)
        n++;
    free(text);
    return n;
}

/* A page the stub handed out after the walk: taken back by the next walk, and only then. */
static void judge_forgives_newer_stub_pages(void **state)
{
    struct judge *j = judge_new();
    uint16_t ctx = JUDGE_DOM_NONE;
    struct judge_access a = {.space = JUDGE_TABLE};

    (void)state;
    judge_begin(j);
    judge_add(j, 0, 100, 0);
    judge_add(j, 100, 100, 1);
    assert_int_equal(judge_commit(j), 0);
    for (uint64_t mfn = 10; mfn < 14; mfn++)
        for (unsigned times = 0; times < 3; times++) {
            a.mfn = mfn;
            assert_true(judge_check(j, &a, &ctx));
        }
    a.mfn = 100; /* a table in a guest's frame */
    assert_true(judge_check(j, &a, &ctx));
    a.mfn = 1000; /* nobody's */
    assert_true(judge_check(j, &a, &ctx));
    assert_int_equal(judge_violations(j), 14);
    judge_begin(j);
    judge_add(j, 0, 12, 0);
    judge_add(j, 12, 2, JUDGE_DOM_STUB);
    judge_add(j, 100, 1, JUDGE_DOM_STUB);
    judge_add(j, 1000, 1, JUDGE_DOM_STUB);
    assert_int_equal(judge_commit(j), 0);
    assert_int_equal(judge_violations(j), 7); /* 10, 11 three times, and 100 */
    assert_int_equal(judge_forgiven(j), 7);
    assert_int_equal(violations_kept(j, "\"count\":3,"), 2); /* what stays is told frame by frame */
    assert_int_equal(violations_kept(j, "\"kind\""), 3);
    judge_begin(j);
    judge_add(j, 0, 100, JUDGE_DOM_STUB); /* too late for what was dom0's in between */
    assert_int_equal(judge_commit(j), 0);
    assert_int_equal(judge_violations(j), 7);
    judge_free(j);
}

static void judge_maps_are_transactions(void **state)
{
    struct judge *j = judge_new();

    (void)state;
    assert_false(judge_ready(j));
    assert_int_equal(judge_add(j, 1, 1, 1), -EINVAL);
    assert_int_equal(judge_commit(j), -EINVAL);
    judge_begin(j);
    assert_int_equal(judge_commit(j), -ENODATA); /* a judge that knows nothing cannot judge */
    assert_false(judge_ready(j));
    judge_begin(j);
    assert_int_equal(judge_add(j, 30, 10, 2), 0);
    assert_int_equal(judge_add(j, 10, 10, 1), 0);
    assert_int_equal(judge_add(j, 20, 10, 1), 0);
    assert_int_equal(judge_owner(j, 10), JUDGE_DOM_NONE); /* not before commit */
    assert_int_equal(judge_commit(j), 0);
    assert_true(judge_ready(j));
    assert_int_equal(judge_frames(j, 1), 20);
    assert_int_equal(judge_frames(j, 2), 10);
    assert_int_equal(judge_owner(j, 9), JUDGE_DOM_NONE);
    assert_int_equal(judge_owner(j, 29), 1);
    assert_int_equal(judge_owner(j, 39), 2);
    assert_int_equal(judge_owner(j, 40), JUDGE_DOM_NONE);
    judge_begin(j);
    judge_add(j, 5, 10, 1);
    judge_add(j, 14, 1, 2);
    assert_int_equal(judge_commit(j), -EEXIST); /* overlap: the old map stays */
    assert_int_equal(judge_owner(j, 39), 2);
    judge_begin(j);
    judge_add(j, 39, 1, 7);
    assert_int_equal(judge_commit(j), 0);
    assert_int_equal(judge_owner(j, 39), 7);
    assert_int_equal(judge_owner(j, 10), JUDGE_DOM_NONE);
    judge_free(j);
}

#define T(f) cmocka_unit_test_setup_teardown(f, rig_new, rig_free)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(ggtt_reads_back_in_all_sizes),
        T(aperture_crosses_pages),
        T(four_levels_reach_48_bits),
        T(three_levels_use_four_directories),
        T(walk_checks_every_level),
        T(stale_without_invalidation),
        T(pipe_control_invalidates),
        T(flush_dw_invalidates),
        T(tlb_registers_invalidate_their_engine),
        T(context_load_invalidates),
        T(ggtt_stays_until_flushed),
        T(faults_read_zero_and_drop),
        cmocka_unit_test(tlb_keeps_spaces_apart),
        T(judge_sees_engine_accesses),
        T(slices_count_alternation),
        T(judge_sees_foreign_page_tables),
        T(judge_sees_the_aperture),
        cmocka_unit_test(judge_takes_the_stub_alone),
        cmocka_unit_test(judge_forgives_newer_stub_pages),
        cmocka_unit_test(judge_maps_are_transactions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
