/* SPDX-License-Identifier: MIT */
/*
 * The module's permission table, exhaustively: every row, generation, offset and width. Run by the
 * unit test target; one thread.
 */
#include "kmod-stub/access.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct vgt_access_dev devs[] = {{7, 0}, {8, 0}, {8, 1}};
#define NDEVS (sizeof(devs) / sizeof(devs[0]))
#define RW    (VGT_ACCESS_READ | VGT_ACCESS_WRITE)

/* Pages are mapped whole, so nobody else may have any right on a mapped page. */
static void mapped_pages_have_one_row(void **state)
{
    (void)state;
    for (size_t d = 0; d < NDEVS; d++) {
        for (uint32_t off = 0; off < VGT_REGS_SIZE; off += 4) {
            int mapped = -1, users = 0;
            for (unsigned row = 0; row < VGT_ROWS; row++) {
                users += vgt_access(&devs[d], row, off, 4) != 0;
                if (vgt_access_map(&devs[d], row, off & ~4095u))
                    mapped = (int)row;
            }
            if (mapped >= 0) {
                assert_int_equal(users, 1);
                assert_int_equal(vgt_access(&devs[d], (unsigned)mapped, off, 4),
                                 RW | VGT_ACCESS_MAP);
            }
        }
    }
}

/* A register two rows may touch is read-only for both. */
static void shared_registers_are_facts(void **state)
{
    (void)state;
    for (size_t d = 0; d < NDEVS; d++) {
        for (uint32_t off = 0; off < VGT_REGS_SIZE; off += 4) {
            unsigned users = 0, writers = 0;
            for (unsigned row = 0; row < VGT_ROWS; row++) {
                users += vgt_access(&devs[d], row, off, 4) != 0;
                writers += (vgt_access(&devs[d], row, off, 4) & VGT_ACCESS_WRITE) != 0;
            }
            assert_true(users < 2 || writers == 0);
        }
    }
}

static void odd_sizes_are_refused(void **state)
{
    (void)state;
    for (unsigned width = 0; width < 20; width++) {
        for (uint32_t off = 0; off < VGT_REGS_SIZE + 64; off++) {
            int good = (width == 4 || width == 8) && off % width == 0 && off < VGT_REGS_SIZE;
            if (good)
                continue;
            for (unsigned row = 0; row < VGT_ROWS; row++)
                assert_int_equal(vgt_access(&devs[1], row, off, width), 0);
        }
    }
    assert_int_equal(vgt_access(&devs[1], VGT_ROW_SCHED, UINT32_MAX - 3, 4), 0);
    assert_int_equal(vgt_access(&devs[1], VGT_ROW_SCHED, UINT32_MAX - 7, 8), 0);
    assert_int_equal(vgt_access(&devs[1], VGT_ROWS, 0x2030, 4), 0);
}

/* 8 bytes are allowed exactly where one range allows both halves. */
static void wide_access_never_widens(void **state)
{
    (void)state;
    for (size_t d = 0; d < NDEVS; d++) {
        for (uint32_t off = 0; off < VGT_REGS_SIZE; off += 8) {
            for (unsigned row = 0; row < VGT_ROWS; row++) {
                unsigned lo = vgt_access(&devs[d], row, off, 4);
                unsigned hi = vgt_access(&devs[d], row, off + 4, 4);
                assert_int_equal(vgt_access(&devs[d], row, off, 8) & ~(lo & hi), 0);
            }
        }
    }
}

/* Nobody writes an interrupt bank, the master, or what writes memory behind the GTT's back. */
static void forbidden_registers(void **state)
{
    static const uint32_t never[] = {0x44200, 0x4400c, 0x43200, 0x43208, 0x6e000, 0x1082c0};

    (void)state;
    for (size_t d = 0; d < NDEVS; d++) {
        for (unsigned row = 0; row < VGT_ROWS; row++) {
            for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
                assert_int_equal(vgt_access(&devs[d], row, never[i], 4) & VGT_ACCESS_WRITE, 0);
            for (unsigned b = 0; b < VGT_BANKS; b++) {
                const struct vgt_bank_info *bank = vgt_bank(&devs[d], b);
                for (unsigned r = 0; bank != NULL && r < 16; r += 4)
                    assert_int_equal(vgt_access(&devs[d], row, bank->isr + r, 4) & VGT_ACCESS_WRITE,
                                     0);
            }
        }
    }
}

struct expect {
    unsigned row;
    uint32_t offset;
    unsigned gen7, gen8;
};

/* The rows of the design's table, one or more registers of each. */
static void rows_get_their_own(void **state)
{
    static const struct expect want[] = {
        {VGT_ROW_GTT, 0x100000, 7, 7},     {VGT_ROW_GTT, 0x101008, 7, 7},
        {VGT_ROW_GTT, 0x2030, 0, 0},       {VGT_ROW_GTT, 0x70008, 0, 0},
        {VGT_ROW_SCHED, 0x2230, 7, 7},     {VGT_ROW_SCHED, 0x12030, 7, 7},
        {VGT_ROW_SCHED, 0x1a030, 7, 7},    {VGT_ROW_SCHED, 0x22030, 7, 7},
        {VGT_ROW_SCHED, 0x1c030, 0, 0},    {VGT_ROW_SCHED, 0x4080, 3, 0},
        {VGT_ROW_SCHED, 0x40e0, 0, 3},     {VGT_ROW_SCHED, 0x4260, 3, 3},
        {VGT_ROW_SCHED, 0xa188, 3, 3},     {VGT_ROW_SCHED, 0x130044, 1, 1},
        {VGT_ROW_SCHED, 0x130040, 0, 0},   {VGT_ROW_SCHED, 0x941c, 3, 3},
        {VGT_ROW_SCHED, 0x9120, 1, 1},     {VGT_ROW_SCHED, 0x70008, 0, 0},
        {VGT_ROW_SCHED, 0x100000, 0, 0},   {VGT_ROW_DISPLAY, 0x70008, 7, 7},
        {VGT_ROW_DISPLAY, 0xc5100, 7, 7},  {VGT_ROW_DISPLAY, 0x130040, 3, 3},
        {VGT_ROW_DISPLAY, 0x130044, 0, 0}, {VGT_ROW_DISPLAY, 0xa188, 0, 0},
        {VGT_ROW_DISPLAY, 0x941c, 0, 0},   {VGT_ROW_DISPLAY, 0x2030, 0, 0},
        {VGT_ROW_DISPLAY, 0x100000, 0, 0}, {VGT_ROW_DISPLAY, 0xc4030, 3, 3},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        assert_int_equal(vgt_access(&devs[0], want[i].row, want[i].offset, 4), want[i].gen7);
        assert_int_equal(vgt_access(&devs[1], want[i].row, want[i].offset, 4), want[i].gen8);
    }
    assert_int_equal(vgt_access(&devs[2], VGT_ROW_SCHED, 0x1c030, 4), 7);
}

static void table_is_sane(void **state)
{
    unsigned n;
    const struct vgt_access_range *t = vgt_access_table(&n);

    (void)state;
    assert_true(n > 0);
    for (unsigned i = 0; i < n; i++) {
        assert_true(t[i].first <= t[i].last && t[i].last < VGT_REGS_SIZE);
        assert_int_equal(t[i].first % 4, 0);
        assert_int_equal((t[i].last + 1) % 4, 0);
        assert_true(t[i].gens != 0 && t[i].rows != 0 && (t[i].mode & VGT_ACCESS_READ));
        if (t[i].mode & VGT_ACCESS_MAP) {
            assert_int_equal(t[i].first % 4096, 0);
            assert_int_equal((t[i].last + 1) % 4096, 0);
        }
        for (unsigned j = 0; j < i; j++)
            assert_true(t[i].first > t[j].last || t[j].first > t[i].last);
    }
}

static void banks_belong_to_rows(void **state)
{
    (void)state;
    for (size_t d = 0; d < NDEVS; d++) {
        uint32_t master = 0;
        for (unsigned b = 0; b < VGT_BANKS; b++) {
            const struct vgt_bank_info *bank = vgt_bank(&devs[d], b);
            if (bank == NULL)
                continue;
            assert_true(bank->row == VGT_ROW_SCHED || bank->row == VGT_ROW_DISPLAY);
            assert_int_equal(bank->isr % 16, 0);
            assert_int_equal(master & bank->master, 0);
            master |= bank->master;
        }
        assert_int_equal(master != 0, devs[d].gen == 8);
        assert_null(vgt_bank(&devs[d], VGT_BANKS));
    }
    assert_null(vgt_bank(&devs[1], VGT_BANK_DE));
    assert_null(vgt_bank(&devs[0], VGT_BANK_PIPE_A));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mapped_pages_have_one_row),
        cmocka_unit_test(shared_registers_are_facts),
        cmocka_unit_test(odd_sizes_are_refused),
        cmocka_unit_test(wide_access_never_widens),
        cmocka_unit_test(forbidden_registers),
        cmocka_unit_test(rows_get_their_own),
        cmocka_unit_test(table_is_sane),
        cmocka_unit_test(banks_belong_to_rows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
