/* SPDX-License-Identifier: MIT */
/*
 * Command tables: every command of an independent list has the same length field and length here,
 * every row of the tables is found by its own header, engines do not know each other's commands.
 * One thread; reads its list from the tree it is started in.
 */
#include "gen/cmdregs_gen8.h"
#include "gen/cmds_gen8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static enum gen8_engine engine_named(const char *name)
{
    static const char *const names[] = {"RCS", "BCS", "VCS", "VECS"};

    for (unsigned i = 0; i < 4; i++) {
        if (!strcmp(name, names[i]))
            return (enum gen8_engine)i;
    }
    fail_msg("engine %s", name);
    return GEN8_RCS;
}

static void check_line(const char *line)
{
    char name[80], top[8], engine[8];
    unsigned header, len;
    uint32_t dw;
    struct cmd c;

    assert_int_equal(sscanf(line, "%79s %x %7s %u %7s", name, &header, top, &len, engine), 5);
    dw = header | (len > 2 && top[0] != '-' ? len - 2 : 0);
    if (cmds_gen8_decode(engine_named(engine), &dw, 100000, &c))
        fail_msg("%s is unknown", name);
    assert_int_equal(c.info->len_bits, top[0] == '-' ? 0 : (unsigned)atoi(top) + 1);
    if (len)
        assert_int_equal(c.len, len);
    /* An audited command may not be required to have another length. */
    if (len && !(c.info->flags & CMD_REFUSE)) {
        assert_true(c.info->min <= len);
        assert_true(!c.info->max || c.info->max >= len);
    }
}

static void independent_lengths(void **state)
{
    FILE *f = fopen("tests/unit/data/gen8_cmd_lengths.txt", "r");
    char line[200];
    unsigned n = 0;

    (void)state;
    assert_non_null(f);
    while (fgets(line, sizeof(line), f)) {
        /* One list says three dwords; with a 64-bit address it has four. */
        if (line[0] == '#' || !strncmp(line, "MI_CONDITIONAL_BATCH_BUFFER_END", 31))
            continue;
        check_line(line);
        n++;
    }
    fclose(f);
    assert_true(n > 150);
}

static void rows_find_themselves(void **state)
{
    const struct cmd_info *info;
    size_t n = 0;

    (void)state;
    for (; (info = cmds_gen8_row(n)); n++) {
        uint32_t dw = info->header;
        struct cmd c;

        for (unsigned e = 0; e < GEN8_ENGINES; e++) {
            int err = cmds_gen8_decode((enum gen8_engine)e, &dw, 100000, &c);

            if (info->engines & GEN8_M(e)) {
                assert_int_equal(err, 0);
                assert_ptr_equal(c.info, info);
            } else {
                assert_ptr_not_equal(c.info, info);
            }
        }
        assert_true(!info->max || info->max >= info->min);
    }
    assert_true(n > 200);
}

static void tables_are_sorted(void **state)
{
    static const struct cmd_table *const all[] = {&cmds_gen8_mi, &cmds_gen8_blt, &cmds_gen8_render,
                                                  &cmds_gen8_vcs, &cmds_gen8_vecs};

    (void)state;
    for (unsigned t = 0; t < 5; t++) {
        for (size_t i = 1; i < all[t]->n; i++)
            assert_true(all[t]->rows[i - 1].header < all[t]->rows[i].header);
    }
}

/* Fields that are read must be inside the shortest command an audit lets through. */
static void fields_inside(void **state)
{
    const struct cmd_info *info;

    (void)state;
    for (size_t n = 0; (info = cmds_gen8_row(n)); n++) {
        for (unsigned i = 0; i < CMD_ADDRS && info->addr[i].dw; i++) {
            if (info->addr[i].sel_dw == CMD_PPGTT)
                continue;
            assert_true(info->addr[i].dw + 2 <= info->min);
            assert_true(info->addr[i].sel_dw < info->min);
        }
        for (unsigned i = 0; i < CMD_REGS && info->reg[i].dw; i++)
            assert_true(info->reg[i].dw < info->min);
    }
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
