/* SPDX-License-Identifier: MIT */
/*
 * Command tables: every command of an independent list has the same length field and length here,
 * every row of the tables is found by its own header, engines do not know each other's commands.
 * One thread; reads its list from the tree it is started in.
 */
#include "gen/cmdregs_gen8.h"
#include "gen/cmds_gen8.h"
#include "tests/unit/gen_cmds_rig.h"

static void independent_lengths(void **state)
{
    (void)state;
    /* One list says three dwords; with a 64-bit address it has four. */
    cmds_rig_list(&cmds_gen8, "tests/unit/data/gen8_cmd_lengths.txt",
                  "MI_CONDITIONAL_BATCH_BUFFER_END", 150);
}

static void rows_find_themselves(void **state)
{
    (void)state;
    cmds_rig_rows(&cmds_gen8, GEN8_ENGINES);
}

static void tables_are_sorted(void **state)
{
    (void)state;
    cmds_rig_sorted(&cmds_gen8);
}

static void fields_inside(void **state)
{
    (void)state;
    cmds_rig_fields(&cmds_gen8);
}

static void truncated_and_unknown(void **state)
{
    uint32_t dw = 0x7a000004;
    struct cmd c;

    (void)state;
    assert_int_equal(cmds_gen8_decode(GEN8_RCS, &dw, 6, &c), 0);
    assert_int_equal(cmds_gen8_decode(GEN8_RCS, &dw, 5, &c), CMDS_TRUNCATED);
    assert_int_equal(c.len, 6);
    assert_int_equal(cmds_gen8_decode(GEN8_BCS, &dw, 6, &c), CMDS_UNKNOWN);
    assert_null(c.info);
    dw = 0xffffffff;
    assert_int_equal(cmds_gen8_decode(GEN8_RCS, &dw, 6, &c), CMDS_UNKNOWN);
    dw = 0x20000000; /* type 1 */
    assert_int_equal(cmds_gen8_decode(GEN8_RCS, &dw, 6, &c), CMDS_UNKNOWN);
    dw = 0x3f << 23;
    assert_int_equal(cmds_gen8_decode(GEN8_RCS, &dw, 6, &c), CMDS_UNKNOWN);
}

/* Bit 7 of MI_FLUSH_DW is an option, not length. */
static void flush_dw_length(void **state)
{
    uint32_t dw = 0x13000000 | 1u << 7 | 1u << 8 | 2;
    struct cmd c;

    (void)state;
    assert_int_equal(cmds_gen8_decode(GEN8_VCS, &dw, 4, &c), 0);
    assert_int_equal(c.len, 4);
}

static bool writable(enum gen8_engine e, uint32_t reg, uint32_t value)
{
    const struct cmdreg *r = cmdregs_gen8_find(e, reg);

    return r && cmdregs_gen8_may_write(r, &value);
}

static void registers(void **state)
{
    (void)state;
    assert_true(writable(GEN8_RCS, 0x2600, 1));
    assert_true(writable(GEN8_VCS, 0x12600, 1));
    assert_false(writable(GEN8_VCS, 0x2600, 1)); /* another engine's */
    assert_true(writable(GEN8_RCS, 0x7300, 0x00100010));
    assert_true(writable(GEN8_RCS, 0x209c, 0x40004000));
    assert_false(writable(GEN8_RCS, 0x209c, 0x01000100)); /* STOP_RING */
    assert_false(writable(GEN8_RCS, 0x229c, 0x80000000)); /* GFX_MODE */
    assert_false(writable(GEN8_RCS, 0x24d0, 0x2358));     /* unprivileged white list */
    assert_false(writable(GEN8_RCS, 0x2358, 0));          /* timestamp */
    assert_false(writable(GEN8_RCS, 0x2230, 0));          /* submit port */
    assert_false(writable(GEN8_RCS, 0x2270, 0));          /* page directories */
    assert_false(writable(GEN8_RCS, 0x100000, 0));
    assert_null(cmdregs_gen8_find(GEN8_RCS, 0x2601));
    assert_non_null(cmdregs_gen8_find(GEN8_BCS, 0x22358));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(independent_lengths),
        cmocka_unit_test(rows_find_themselves),
        cmocka_unit_test(tables_are_sorted),
        cmocka_unit_test(fields_inside),
        cmocka_unit_test(truncated_and_unknown),
        cmocka_unit_test(flush_dw_length),
        cmocka_unit_test(registers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
