/* SPDX-License-Identifier: MIT */
/*
 * softgpu_ring_mem_test.c: Haswell's translation: 4-byte entries as BAR0 shows them, directories
 * inside the global table, what an engine keeps of them and until when, faults, and the rules about
 * all that.
 */
#include "tests/unit/softgpu_ring_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "softgpu/offence.h"

#define DATA 0x40000000u
#define FAR  0x7ffff000u /* the last page of the space */

static uint64_t count(struct rig *r, enum offence_kind kind)
{
    return offences_count(judge_offences(r->judge), kind);
}

/* Everything but the kinds listed is 0. */
static void only(struct rig *r, enum offence_kind kind, uint64_t n)
{
    for (unsigned k = 0; k < OFFENCE_KINDS; k++)
        assert_int_equal(count(r, k), k == (unsigned)kind ? n : 0);
}

static void told(struct rig *r, const char *what)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    offences_dump(judge_offences(r->judge), out);
    fclose(out);
    if (!strstr(text, what))
        print_error("%s\nnot in %s\n", what, text);
    assert_non_null(strstr(text, what));
    free(text);
}

static void table_reads_back_in_all_sizes(void **state)
{
    struct rig *r = *state;
    struct engines *e = r->engines;

    engines_gtt_write(e, 0x1ffff8, 8, 0x1122334455667788ull); /* two entries */
    assert_true(engines_gtt_read(e, 0x1ffff8, 8) == 0x1122334455667788ull);
    assert_int_equal(engines_gtt_read(e, 0x1ffff8, 4), 0x55667788);
    assert_int_equal(engines_gtt_read(e, 0x1ffffc, 4), 0x11223344);
    assert_int_equal(engines_gtt_read(e, 0x1ffffe, 2), 0x1122);
    assert_int_equal(engines_gtt_read(e, 0x1ffff9, 1), 0x77);
    engines_gtt_write(e, 0x1ffffc, 4, 0xaabbccdd);
    engines_gtt_write(e, 0x1ffff8, 1, 0xee);
    engines_gtt_write(e, 0x1ffffa, 2, 0x9999);
    assert_true(engines_gtt_read(e, 0x1ffff8, 8) == 0xaabbccdd999977eeull);
    engines_gtt_write(e, 0, 4, 1);
    assert_int_equal(engines_gtt_read(e, 0x200000, 4), 1); /* the table has 2 MiB */
}

/* Bits 10:4 are address bits 38:32, and nothing else is. */
static void entries_reach_39_bits(void **state)
{
    static const uint64_t frames[] = {0x100000000ull, 0x7f00000000ull, 0x1234567000ull};
    struct rig *r = *state;
    uint32_t v;

    for (unsigned i = 0; i < 3; i++) {
        uint64_t frame = frames[i];
        uint32_t pte = (uint32_t)(frame & 0xfffff000u) | (uint32_t)(frame >> 28 & 0x7f0) | 0x80f;
        int fd = memfd_create("high", 0);

        assert_true(fd >= 0 && ftruncate(fd, 4096) == 0);
        assert_int_equal(dma_add(r->dma, frame, 4096, fd, 0, 3), 0);
        rig_w32(r, frame + 8, 0xabc + i);
        engines_gtt_write(r->engines, 0x100, 4, pte);
        assert_int_equal(engines_ggtt_read(r->engines, 0x40008, &v, 4), 0);
        assert_int_equal(v, 0xabc + i);
        engines_gtt_write(r->engines, 0x100, 4, pte & ~1u);
        assert_int_equal(engines_ggtt_read(r->engines, 0x40008, &v, 4), 1);
    }
    assert_int_equal(engines_ggtt_read(r->engines, 0x80000000u, &v, 4), 1); /* past 2 GiB */
}

static void directory_spans_two_gigabytes(void **state)
{
    static const uint32_t addrs[] = {0, 0x3ff000, 0x400000, DATA, 0x7fc00000, FAR};
    struct rig *r = *state;
    struct rig_ctx c;

    rig_context(r, &c, ENGINE_RCS, 0);
    for (unsigned i = 0; i < 6; i++) {
        uint64_t page = rig_map_new(r, &c, addrs[i]);

        RIG_RUN(r, &c, MI7_SDI(addrs[i] + 0x10, 0x50 + i));
        assert_int_equal(rig_r32(r, page + 0x10), 0x50 + i);
    }
    assert_int_equal(rig_stats(r).faults, 0);
    RIG_RUN(r, &c, MI7_SDI(0x80000000u, 1));
    assert_int_equal(rig_stats(r).faults, 1);
    only(r, OFFENCE_KINDS, 0);
}

/* One word is a directory entry and an entry of the global table, to whoever comes by. */
static void directory_entry_is_a_global_entry(void **state)
{
    struct rig *r = *state;
    struct rig_ctx c;
    uint32_t alias, v;
    uint64_t page;

    rig_context(r, &c, ENGINE_RCS, 0);
    page = rig_map_new(r, &c, DATA);
    alias = ring_rig_pde(&c, DATA) / 4 * 4096;
    /* Through the word as a global entry one sees the page table itself, */
    assert_int_equal(engines_ggtt_read(r->engines, alias, &v, 4), 0);
    assert_int_equal(v, (uint32_t)page | 1);
    /* also as an engine, which can so change its own translation. */
    page = rig_page(r);
    RIG_RUN(r, &c, MI7_SDI(DATA, 1), MI7_SDI_GGTT(alias, (uint32_t)page | 1), PC7_INVALIDATE,
            MI7_SDI(DATA, 2));
    assert_int_equal(rig_r32(r, page), 2);
    only(r, OFFENCE_KINDS, 0);
}

/* A page that a command maps in the global table where the directory stands is a directory entry
 * of the space from then on. */
static void directory_is_changed_by_a_command(void **state)
{
    struct rig *r = *state;
    struct rig_ctx c;
    uint64_t table = rig_page(r), page = rig_page(r);

    rig_context(r, &c, ENGINE_RCS, 0);
    rig_w32(r, table, (uint32_t)page | 1);
    RIG_RUN(r, &c, MI(0x23, 1), ring_rig_pde(&c, DATA) / 4 << 12, (uint32_t)table | 1);
    assert_int_equal(engines_gtt_read(r->engines, ring_rig_pde(&c, DATA), 4), table | 1);
    engines_ggtt_flush(r->engines);
    RIG_RUN(r, &c, PC7_INVALIDATE, MI7_SDI(DATA, 9));
    assert_int_equal(rig_r32(r, page), 9);
}

static void dclv_says_which_lines_there_are(void **state)
{
    struct rig *r = *state;
    struct rig_ctx c;
    uint64_t low, high;

    rig_context(r, &c, ENGINE_BCS, 0);
    low = rig_map_new(r, &c, 0x03c00000);  /* the last entry of line 0 */
    high = rig_map_new(r, &c, 0x04000000); /* the first of line 1 */
    ring_rig_write(r, &c, 0x220, 1u << 1);
    ring_rig_write(r, &c, 0x228, ring_rig_base(&c));
    RIG_RUN(r, &c, MI7_SDI(0x03c00000, 1), MI7_SDI(0x04000000, 1));
    assert_int_equal(rig_r32(r, low), 0);
    assert_int_equal(rig_r32(r, high), 1);
    assert_int_equal(engines_mmio_read(r->engines, 0x4294), 0x03c00005); /* not loaded */
}

static void ppgtt_off_means_global(void **state)
{
    struct rig *r = *state;
    struct rig_ctx c;
    uint64_t page = rig_page(r), own;
    uint32_t at = rig_ggtt_map(r, 0, page);

    rig_context(r, &c, ENGINE_BCS, 0);
    own = rig_map_new(r, &c, at);
    RIG_RUN(r, &c, MI7_SDI(at, 1));
    assert_int_equal(rig_r32(r, own), 1);
    ring_rig_write(r, &c, 0x29c, 0x02000000);
    RIG_RUN(r, &c, MI7_SDI(at, 2));
    assert_int_equal(rig_r32(r, own), 1);
    assert_int_equal(rig_r32(r, page), 2);
}

static void faults_are_recorded(void **state)
{
    static const uint32_t reg[RING_ENGINES] = {[ENGINE_RCS] = 0x4094,
                                               [ENGINE_BCS] = 0x4294,
                                               [ENGINE_VCS] = 0x4194,
                                               [ENGINE_VECS] = 0x4394};
    struct rig *r = *state;
    struct rig_ctx c;

    for (unsigned i = 0; i < RING_ENGINES; i++) {
        rig_context(r, &c, i, 0);
        rig_map_new(r, &c, DATA);
        RIG_RUN(r, &c, MI7_SDI(DATA + 0x1234, 1), MI7_SDI(0, 1)); /* the first stays */
        assert_int_equal(engines_mmio_read(r->engines, reg[i]), (DATA + 0x1000) | 1);
        engines_mmio_write(r->engines, reg[i], 0);
        RIG_RUN(r, &c, MI7_SDI(0x1000, 1)); /* no directory entry */
        assert_int_equal(engines_mmio_read(r->engines, reg[i]), 0x1003);
        engines_mmio_write(r->engines, reg[i], 0);
        RIG_RUN(r, &c, MI7_SDI_GGTT(0x70000000, 1));
        assert_int_equal(engines_mmio_read(r->engines, reg[i]), 0x70000801);
    }
    assert_int_equal(rig_stats(r).faults, 4 * RING_ENGINES);
}

/* --- what is kept, and until when --- */

/* A directory's line stays loaded, right or wrong, until PP_DIR_BASE is written or the TLB
 * invalidated; its use after the entry changed is an offence, each. */
static void stale_directory_is_caught(void **state)
{
    struct rig *r = *state;
    struct rig_ctx c;
    uint64_t old_page, new_page = rig_page(r), table = rig_page(r);
    char text[160];

    rig_context(r, &c, ENGINE_BCS, 0);
    old_page = rig_map_new(r, &c, DATA + 0x1000);
    rig_map_new(r, &c, DATA);
    RIG_RUN(r, &c, MI7_SDI(DATA, 1)); /* loads the line */
    rig_w32(r, table + 4, (uint32_t)new_page | 1);
    engines_gtt_write(r->engines, ring_rig_pde(&c, DATA), 4, table | 1);
    engines_ggtt_flush(r->engines);            /* says nothing about directories */
    RIG_RUN(r, &c, MI7_SDI(DATA + 0x1000, 2)); /* a page that is in no TLB */
    assert_int_equal(rig_r32(r, old_page), 2);
    only(r, OFFENCE_STALE_TLB, 1);
    snprintf(text, sizeof(text), "\"space\":\"ppgtt\",\"mfn\":%u,",
             (unsigned)((old_page >> 12) + 1)); /* the page table was taken after the page */
    told(r, text);
    told(r, "the page directory's entry was loaded before it changed");
    snprintf(text, sizeof(text), "\"walk\":[{\"table\":0,\"index\":%u,\"entry\":%u},",
             ring_rig_pde(&c, DATA) / 4, (unsigned)table | 1);
    told(r, text);
    RIG_RUN(r, &c, MI7_INVALIDATE, MI7_SDI(DATA + 0x1000, 3));
    assert_int_equal(rig_r32(r, new_page), 3);
    only(r, OFFENCE_STALE_TLB, 1);
}

/* The same change told in each of the ways there are is none. */
static void directory_is_loaded_anew(void **state)
{
    struct rig *r = *state;
    struct rig_ctx c;

    rig_context(r, &c, ENGINE_BCS, 0);
    rig_map_new(r, &c, DATA);
    for (uint32_t i = 1; i < 5; i++) {
        uint64_t page = rig_page(r), table = rig_page(r);
        uint32_t at = DATA + i * 0x1000;

        RIG_RUN(r, &c, MI7_SDI(DATA, 1));
        engines_gtt_write(r->engines, ring_rig_pde(&c, DATA), 4, table | 1);
        rig_w32(r, table, (uint32_t)page | 1);
        rig_w32(r, table + i * 4, (uint32_t)page | 1);
        engines_ggtt_flush(r->engines);
        if (i == 1)
            RIG_RUN(r, &c, MI7_INVALIDATE, MI7_SDI(at, i));
        else if (i == 2)
            RIG_RUN(r, &c, MI_LRI1(0x220c0, 0x02000200), MI7_SDI(at, i));
        else if (i == 3)
            RIG_RUN(r, &c, MI_LRI1(0x22220, 0xffffffff), MI_LRI1(0x22228, ring_rig_base(&c)),
                    MI7_SDI(at, i), MI7_INVALIDATE);
        else {
            ring_rig_write(r, &c, 0x228, ring_rig_base(&c));
            RIG_RUN(r, &c, MI7_SDI(at, i), MI7_INVALIDATE);
        }
        assert_int_equal(rig_r32(r, page), i);
    }
    only(r, OFFENCE_KINDS, 0);
}

/* A new directory does not empty the TLB: whoever forgets to sees the old space. */
static void new_directory_needs_an_invalidation(void **state)
{
    struct rig *r = *state;
    struct rig_ctx a, b;
    uint64_t page_a, page_b;

    rig_context(r, &a, ENGINE_VCS, 0);
    page_a = rig_map_new(r, &a, DATA);
    b = a;
    ring_rig_directory(r, &b);
    page_b = rig_map_new(r, &b, DATA);
    RIG_RUN(r, &a, MI7_SDI(DATA, 1), MI_LRI1(0x12228, ring_rig_base(&b)), MI7_INVALIDATE,
            MI7_SDI(DATA, 2), MI7_SRM(0x12518, DATA + 4));
    assert_int_equal(rig_r32(r, page_a), 1);
    assert_int_equal(rig_r32(r, page_b), 2);
    assert_int_equal(rig_r32(r, page_b + 4), ring_rig_base(&b));
    only(r, OFFENCE_KINDS, 0);
    RIG_RUN(r, &a, MI_LRI1(0x12228, ring_rig_base(&a)), MI7_SDI(DATA, 3));
    assert_int_equal(rig_r32(r, page_b), 3);
    only(r, OFFENCE_STALE_TLB, 1);
    told(r, "the entry names another frame now");
}

/* On the render engine each flush invalidates until GFX_MODE bit 13 leaves that to software. */
static void render_flush_invalidates_unless_told(void **state)
{
    struct rig *r = *state;
    struct rig_ctx c;
    uint64_t one, two = rig_page(r);

    rig_context(r, &c, ENGINE_RCS, 0);
    one = rig_map_new(r, &c, DATA);
    ring_rig_write(r, &c, 0x29c, 0x20000000);
    RIG_RUN(r, &c, MI7_SDI(DATA, 1));
    rig_w32(r, ring_rig_pte(r, &c, DATA), (uint32_t)two | 1);
    RIG_RUN(r, &c, 0x7a000002, 1 << 20, 0, 0, MI7_SDI(DATA, 2));
    assert_int_equal(rig_r32(r, two), 2);
    only(r, OFFENCE_KINDS, 0);
    ring_rig_write(r, &c, 0x29c, 0x20002000);
    rig_w32(r, ring_rig_pte(r, &c, DATA), (uint32_t)one | 1);
    RIG_RUN(r, &c, 0x7a000002, 1 << 20, 0, 0, MI7_SDI(DATA, 3));
    assert_int_equal(rig_r32(r, two), 3);
    only(r, OFFENCE_STALE_TLB, 1);
}

static void directory_must_be_flushed(void **state)
{
    struct rig *r = *state;
    struct rig_ctx c;
    uint64_t page = rig_page(r), table = rig_page(r);

    rig_context(r, &c, ENGINE_BCS, 0);
    rig_w32(r, table, (uint32_t)page | 1);
    engines_gtt_write(r->engines, ring_rig_pde(&c, DATA), 4, table | 1);
    RIG_RUN(r, &c, MI7_SDI(DATA, 1));
    only(r, OFFENCE_GGTT_NOT_FLUSHED, 1);
    RIG_RUN(r, &c, MI7_SDI(DATA + 4, 1)); /* each change once */
    only(r, OFFENCE_GGTT_NOT_FLUSHED, 1);
}

/* --- judge and strict order --- */

static void own(struct rig *r, uint64_t page, uint16_t domid)
{
    judge_begin(r->judge);
    judge_add(r->judge, 0, page / 4096, JUDGE_DOM_STUB);
    judge_add(r->judge, page / 4096, 1, domid);
    judge_add(r->judge, page / 4096 + 1, 0x2000 - page / 4096 - 1, JUDGE_DOM_STUB);
    assert_int_equal(judge_commit(r->judge), 0);
}

static void page_tables_are_judged(void **state)
{
    struct rig *r = *state;
    struct rig_ctx c;
    uint64_t page, table;

    rig_context(r, &c, ENGINE_BCS, 0);
    page = rig_map_new(r, &c, DATA);
    table = ring_rig_pte(r, &c, DATA) & ~4095ull;
    own(r, page, 5);
    RIG_RUN(r, &c, MI7_SDI(DATA, 1));
    assert_int_equal(judge_violations(r->judge), 0);
    own(r, table, 5); /* the guest could write it */
    RIG_RUN(r, &c, MI7_INVALIDATE, MI7_SDI(DATA, 1));
    assert_int_equal(judge_violations(r->judge), 1);
}

/* One domain's work until the ring or the directory is exchanged. */
static void domains_change_with_the_directory(void **state)
{
    struct rig *r = *state;
    struct rig_ctx a, b;
    uint64_t page_a, page_b;

    rig_context(r, &a, ENGINE_BCS, 0);
    page_a = rig_map_new(r, &a, DATA);
    b = a;
    ring_rig_directory(r, &b);
    page_b = rig_map_new(r, &b, DATA);
    judge_begin(r->judge);
    judge_add(r->judge, 0, page_a / 4096, JUDGE_DOM_STUB);
    judge_add(r->judge, page_a / 4096, 1, 5);
    judge_add(r->judge, page_a / 4096 + 1, (page_b - page_a) / 4096 - 1, JUDGE_DOM_STUB);
    judge_add(r->judge, page_b / 4096, 1, 6);
    judge_add(r->judge, page_b / 4096 + 1, 0x2000 - page_b / 4096 - 1, JUDGE_DOM_STUB);
    assert_int_equal(judge_commit(r->judge), 0);
    for (unsigned i = 0; i < 3; i++) {
        RIG_RUN(r, &a, MI7_SDI(DATA, 1), MI_LRI1(0x22228, ring_rig_base(&b)), MI7_INVALIDATE,
                MI7_SDI(DATA, 2), MI_LRI1(0x22228, ring_rig_base(&a)), MI7_INVALIDATE);
    }
    assert_int_equal(judge_violations(r->judge), 0);
    assert_int_equal(rig_stats(r).slices[ENGINE_BCS], 5); /* the sixth is not over */
    rig_map(r, &a, DATA + 0x1000, page_b, 1);
    RIG_RUN(r, &a, MI7_INVALIDATE, MI7_SDI(DATA, 1), MI7_SDI(DATA + 0x1000, 1));
    assert_int_equal(judge_violations(r->judge), 1);
}

static void work_needs_an_engine_that_is_set_up(void **state)
{
    struct rig *r = *state;
    struct rig_ctx c;
    uint64_t page;

    rig_context(r, &c, ENGINE_BCS, 0);
    page = rig_map_new(r, &c, DATA);
    engines_set_strict(r->engines, true);
    RIG_EMIT(r, &c, MI7_SDI(DATA, 1));
    ring_rig_go(r, &c);
    assert_int_equal(ring_rig_read(r, &c, 0x30), 0); /* dropped */
    told(r, "forcewake has never been acknowledged");
    engines_awoken(r->engines);
    engines_mmio_write(r->engines, 0x4280, 0);
    ring_rig_go(r, &c);
    told(r, "HWS_PGA is 0");
    ring_rig_engine(r, ENGINE_BCS);
    engines_ggtt_flush(r->engines);
    ring_rig_write(r, &c, 0x228, 0);
    ring_rig_go(r, &c);
    told(r, "PPGTT is on, PP_DIR_BASE or PP_DIR_DCLV is 0");
    only(r, OFFENCE_NOT_INITIALISED, 3);
    ring_rig_write(r, &c, 0x228, ring_rig_base(&c));
    ring_rig_go(r, &c);
    ring_rig_done(r, &c);
    assert_int_equal(rig_r32(r, page), 1);
    only(r, OFFENCE_NOT_INITIALISED, 3);
    /* No request to get ready before a reset: there is no register for it. */
    engines_mmio_write(r->engines, 0x941c, 1);
    assert_true(rig_wait_reg(r, 0x941c, 0x1f, 0));
    only(r, OFFENCE_NOT_INITIALISED, 3);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, rig_new_haswell, rig_free)
    const struct CMUnitTest tests[] = {
        T(table_reads_back_in_all_sizes),
        T(entries_reach_39_bits),
        T(directory_spans_two_gigabytes),
        T(directory_entry_is_a_global_entry),
        T(directory_is_changed_by_a_command),
        T(dclv_says_which_lines_there_are),
        T(ppgtt_off_means_global),
        T(faults_are_recorded),
        T(stale_directory_is_caught),
        T(directory_is_loaded_anew),
        T(new_directory_needs_an_invalidation),
        T(render_flush_invalidates_unless_told),
        T(directory_must_be_flushed),
        T(page_tables_are_judged),
        T(domains_change_with_the_directory),
        T(work_needs_an_engine_that_is_set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
