/* SPDX-License-Identifier: MIT */
/* mmio_entries.c: see mmio_entries.h. */
#include "tests/unit/mmio_entries.h"

#define HASWELLS (512u << 10) /* entries */

static unsigned bytes(const struct fix *f)
{
    return f->gen == 7 ? 4 : 8;
}

static uint64_t at(const struct fix *f, uint64_t index)
{
    return (f->gen == 7 ? FIX_GTT7 : FIX_GTT8) + bytes(f) * index;
}

void entries_expect(struct fix *f, uint64_t own, uint64_t value, uint64_t epoch)
{
    struct mmio_gtt msg;

    assert_true(fix_gtt(f, &msg));
    assert_int_equal(msg.kind, MMIO_GTT_PTE);
    assert_int_equal(msg.pte.index, FIX_FIRST + own);
    assert_int_equal(msg.pte.value, value);
    assert_int_equal(msg.epoch, epoch);
}

void entries_edges(void **state)
{
    static const uint32_t first[] = {FIX_FIRST, FIX_FIRST_HI};
    static const uint32_t last[] = {FIX_BEYOND - 1, FIX_BEYOND_HI - 1};
    struct fix *f = *state;
    unsigned n = bytes(f);

    for (unsigned i = 0; i < 2; i++) {
        fix_write(f, at(f, first[i]), n, 0x1003);
        entries_expect(f, first[i] - FIX_FIRST, 0x1003, 2 * i + 1);
        fix_write(f, at(f, last[i]), n, 0x2003);
        entries_expect(f, last[i] - FIX_FIRST, 0x2003, 2 * i + 2);
        assert_int_equal(fix_read(f, at(f, first[i]), n), 0x1003);
        assert_int_equal(fix_read(f, at(f, last[i]), n), 0x2003);
        fix_dropped(f, at(f, first[i] - 1), n);
        fix_dropped(f, at(f, first[i]) - 4, 8); /* half of it is ours */
        fix_dropped(f, at(f, last[i] + 1) - 4, 8);
        fix_dropped(f, at(f, last[i] + 1), n);
    }
    assert_int_equal(f->mmio.fault[MMIO_FAULT_RANGE], 0);
}

void entries_of_nobody(void **state)
{
    struct fix *f = *state;
    unsigned n = bytes(f);

    fix_bar0_traps(f, FIX_BAR0, true);
    fix_dropped(f, at(f, 0) - 4, 8); /* half of it is no entry */
    fix_dropped(f, at(f, 0), n);
    fix_dropped(f, at(f, FIX_BEYOND + 1000), n); /* between the pieces */
    fix_dropped(f, at(f, (f->gen == 7 ? HASWELLS : VGGTT_ENTRIES) - 1), n);
    assert_int_equal(f->mmio.fault[MMIO_FAULT_RANGE], 0);
}
