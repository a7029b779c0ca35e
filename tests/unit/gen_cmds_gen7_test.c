/* SPDX-License-Identifier: MIT */
/*
 * Haswell's command tables: every command of an independent list has the same length field and
 * length here, every row is found by its own header, fields are inside the commands; which
 * registers commands may touch, and which have to be switched. One thread; reads its list from the
 * tree it is started in.
 */
#include "gen/cmdregs_gen7.h"
#include "gen/cmds_gen7.h"
#include "tests/unit/gen_cmds_rig.h"

#define ENGINES GEN8_VCS2 /* the first four */

static void independent_lengths(void **state)
{
    (void)state;
    cmds_rig_list(&cmds_gen7, "tests/unit/data/gen7_cmd_lengths.txt", NULL, 120);
}

/* What a blitter reads: opcode and dwords. */
static void blit_lengths(void **state)
{
    static const struct {
        uint32_t opcode, len;
    } blits[] = {{0x01, 8}, {0x03, 3},  {0x11, 9},  {0x24, 2}, {0x25, 3},  {0x26, 4}, {0x40, 5},
                 {0x43, 6}, {0x50, 6},  {0x51, 6},  {0x52, 9}, {0x53, 8},  {0x54, 8}, {0x55, 9},
                 {0x56, 9}, {0x57, 12}, {0x58, 12}, {0x59, 7}, {0x73, 10}, {0x76, 8}};

    (void)state;
    for (unsigned i = 0; i < sizeof(blits) / sizeof(blits[0]); i++) {
        uint32_t dw = 2u << 29 | blits[i].opcode << 22 | (blits[i].len - 2);
        struct cmd c;

        assert_int_equal(cmds_decode(&cmds_gen7, GEN8_BCS, &dw, 100, &c), 0);
        assert_int_equal(c.len, blits[i].len);
        assert_int_equal(c.info->min, blits[i].len);
        assert_int_equal(c.info->max, blits[i].len);
    }
}

static void rows_find_themselves(void **state)
{
    (void)state;
    cmds_rig_rows(&cmds_gen7, ENGINES);
}

static void tables_are_sorted(void **state)
{
    (void)state;
    cmds_rig_sorted(&cmds_gen7);
}

static void fields_inside(void **state)
{
    (void)state;
    cmds_rig_fields(&cmds_gen7);
}

static void addresses_have_one_dword(void **state)
{
    static const uint32_t dw[2] = {0x12345677, 0xffffffff};

    (void)state;
    assert_true(cmds_address(&cmds_gen7, dw) == 0x12345674);
}

static void truncated_and_unknown(void **state)
{
    uint32_t dw = 0x7a000003;
    struct cmd c;

    (void)state;
    assert_int_equal(cmds_decode(&cmds_gen7, GEN8_RCS, &dw, 5, &c), 0);
    assert_int_equal(cmds_decode(&cmds_gen7, GEN8_RCS, &dw, 4, &c), CMDS_TRUNCATED);
    assert_int_equal(c.len, 5);
    assert_int_equal(cmds_decode(&cmds_gen7, GEN8_BCS, &dw, 5, &c), CMDS_UNKNOWN);
    assert_null(c.info);
    assert_int_equal(cmds_decode(&cmds_gen7, GEN8_VCS2, &dw, 5, &c), CMDS_UNKNOWN);
    dw = 0x2f << 23; /* MI_ATOMIC came later, */
    assert_int_equal(cmds_decode(&cmds_gen7, GEN8_RCS, &dw, 5, &c), CMDS_UNKNOWN);
    dw = 0x784d0000; /* 3DSTATE_PS_BLEND, too */
    assert_int_equal(cmds_decode(&cmds_gen7, GEN8_RCS, &dw, 5, &c), CMDS_UNKNOWN);
}

static void batch_ends(void **state)
{
    static const struct {
        uint32_t header;
        bool ends;
    } cases[] = {{0, false},
                 {MI_BB_END, true},
                 {MI_BB_START_GEN7, true},
                 {MI_BB_START_GEN7 | MI_BB_2ND_LEVEL, false},
                 {MI_BB_START_GEN7 | MI_BB_PREDICATE, false}};

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cmd c;

        assert_int_equal(cmds_decode(&cmds_gen7, GEN8_RCS, &cases[i].header, 2, &c), 0);
        assert_int_equal(cmds_ends_batch(&c, cases[i].header), cases[i].ends);
    }
}

static bool writable(enum gen8_engine e, uint32_t reg, uint32_t value)
{
    const struct cmdreg *r = cmdregs_gen7_find(e, reg);

    return r && cmdregs_may_write(r, &value);
}

static bool readable(enum gen8_engine e, uint32_t reg)
{
    const struct cmdreg *r = cmdregs_gen7_find(e, reg);

    return r && (r->access & CMDREG_READ);
}

static void registers(void **state)
{
    (void)state;
    assert_true(writable(GEN8_RCS, 0x2600, 1));
    assert_false(writable(GEN8_VCS, 0x12600, 1)); /* it has none */
    assert_true(writable(GEN8_RCS, 0x20c0, 0x02000200));
    assert_true(writable(GEN8_VECS, 0x1a0c0, 0x02000200));
    assert_false(writable(GEN8_VECS, 0x1a0c0, 0x00800080));
    assert_false(writable(GEN8_RCS, 0x20c0, 0x02200220)); /* SYNC_FLUSH */
    assert_false(writable(GEN8_BCS, 0x20c0, 0x02000200)); /* another engine's */
    assert_true(writable(GEN8_RCS, 0xb038, 1u << 27));
    assert_true(writable(GEN8_RCS, 0xb038, 0));
    assert_false(writable(GEN8_RCS, 0xb038, 1));
    assert_true(writable(GEN8_RCS, 0xe49c, 0x00400040));
    assert_false(writable(GEN8_RCS, 0xe49c, 0x00410041));
    assert_false(writable(GEN8_RCS, 0x209c, 0x01000100)); /* MI_MODE */
    assert_false(writable(GEN8_RCS, 0x229c, 0x02000000)); /* GFX_MODE: PPGTT off */
    assert_false(writable(GEN8_RCS, 0x2180, 0));          /* CCID */
    assert_false(writable(GEN8_RCS, 0x4080, 0));          /* HWS_PGA */
    assert_false(writable(GEN8_RCS, 0x2030, 0));          /* TAIL */
    assert_false(writable(GEN8_RCS, 0x2228, 0));          /* only as a patch */
    assert_false(writable(GEN8_RCS, 0x2040, 0));
    assert_false(writable(GEN8_RCS, 0x2358, 0));
    for (unsigned e = 0; e < ENGINES; e++) {
        assert_true(readable((enum gen8_engine)e, 0x22358));
        assert_true(readable((enum gen8_engine)e, gen8_engine_base(e) + 0x228));
        assert_false(readable((enum gen8_engine)e, 0x4080));
    }
    assert_false(readable(GEN8_RCS, 0x22228));
    assert_null(cmdregs_gen7_find(GEN8_RCS, 0x2601));
}

/* Not one register that a command may change is in neither place. */
static void nothing_is_left_behind(void **state)
{
    const struct cmdreg *r;

    (void)state;
    for (size_t i = 0; (r = cmdregs_gen7_row(i)); i++) {
        bool changes = r->access & (CMDREG_WRITE | CMDREG_MASKED | CMDREG_BITS);
        bool kept = r->access & (CMDREG_IMAGE | CMDREG_SWITCH);

        /* INSTPM's bit 9 clears itself. */
        if ((r->access & CMDREG_MASKED) && r->bits == 0x200)
            changes = false;
        assert_true(!changes || kept);
        assert_false((r->access & CMDREG_IMAGE) && (r->access & CMDREG_SWITCH));
        assert_true(!(r->access & CMDREG_IMAGE) || r->engines == GEN8_M_RCS);
    }
}

static void switch_list(void **state)
{
    static const uint32_t render[] = {0x2094, 0xb010, 0xb020, 0xb024, 0xb038, 0xe49c};
    struct cmdregs_gen7_switch s;

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        assert_true(cmdregs_gen7_switch(GEN8_RCS, i, &s));
        assert_int_equal(s.reg, render[i]);
        assert_int_equal(s.masked, render[i] == 0xe49c);
    }
    assert_false(cmdregs_gen7_switch(GEN8_RCS, 6, &s));
    assert_true(cmdregs_gen7_switch(GEN8_BCS, 0, &s));
    assert_int_equal(s.reg, 0x22094);
    assert_true(cmdregs_gen7_switch(GEN8_BCS, 1, &s));
    assert_int_equal(s.reg, 0x22200);
    assert_true(s.masked);
    assert_false(cmdregs_gen7_switch(GEN8_BCS, 2, &s));
    assert_true(cmdregs_gen7_switch(GEN8_VECS, 0, &s));
    assert_int_equal(s.reg, 0x1a094);
    assert_false(cmdregs_gen7_switch(GEN8_VECS, 1, &s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(independent_lengths),
        cmocka_unit_test(blit_lengths),
        cmocka_unit_test(rows_find_themselves),
        cmocka_unit_test(tables_are_sorted),
        cmocka_unit_test(fields_inside),
        cmocka_unit_test(addresses_have_one_dword),
        cmocka_unit_test(truncated_and_unknown),
        cmocka_unit_test(batch_ends),
        cmocka_unit_test(registers),
        cmocka_unit_test(nothing_is_left_behind),
        cmocka_unit_test(switch_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
