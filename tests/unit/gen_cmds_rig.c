/* SPDX-License-Identifier: MIT */
/* gen_cmds_rig.c: see gen_cmds_rig.h. */
#include "tests/unit/gen_cmds_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static bool check_line(const struct cmd_set *set, const char *line, const char *except)
{
    char name[80], top[8], engine[8];
    unsigned header, len;
    uint32_t dw;
    struct cmd c;

    assert_int_equal(sscanf(line, "%79s %x %7s %u %7s", name, &header, top, &len, engine), 5);
    if (except && !strcmp(name, except))
        return false;
    dw = header | (len > 2 && top[0] != '-' ? len - 2 : 0);
    if (cmds_decode(set, engine_named(engine), &dw, 100000, &c))
        fail_msg("%s is unknown", name);
    if (c.info->len_bits != (top[0] == '-' ? 0 : (unsigned)atoi(top) + 1))
        fail_msg("%s has another length field", name);
    if (len && c.len != len)
        fail_msg("%s has another length", name);
    /* An audited command may not be required to have another length. */
    if (len && !(c.info->flags & CMD_REFUSE)) {
        assert_true(c.info->min <= len);
        assert_true(!c.info->max || c.info->max >= len);
    }
    return true;
}

void cmds_rig_list(const struct cmd_set *set, const char *path, const char *except, unsigned least)
{
    FILE *f = fopen(path, "r");
    char line[200];
    unsigned n = 0;

    assert_non_null(f);
    while (fgets(line, sizeof(line), f))
        n += line[0] != '#' && check_line(set, line, except);
    fclose(f);
    assert_true(n > least);
}

static void find(const struct cmd_set *set, const struct cmd_info *info, unsigned engine)
{
    struct cmd c;
    int err = cmds_decode(set, (enum gen8_engine)engine, &info->header, 100000, &c);

    if (info->engines & GEN8_M(engine)) {
        assert_int_equal(err, 0);
        assert_ptr_equal(c.info, info);
    } else {
        assert_ptr_not_equal(c.info, info);
    }
}

void cmds_rig_rows(const struct cmd_set *set, unsigned engines)
{
    const struct cmd_info *info;
    size_t n = 0;

    for (; (info = cmds_row(set, n)); n++) {
        for (unsigned e = 0; e < engines; e++)
            find(set, info, e);
        assert_true(!info->max || info->max >= info->min);
        assert_true(info->kind < CMD_KINDS);
    }
    assert_true(n > 200);
}

static void check_sorted(const struct cmd_table *t)
{
    for (size_t i = 1; i < t->n; i++)
        assert_true(t->rows[i - 1].header < t->rows[i].header);
}

void cmds_rig_sorted(const struct cmd_set *set)
{
    check_sorted(set->mi);
    for (unsigned e = 0; e < GEN8_ENGINES; e++)
        if (set->engine[e])
            check_sorted(set->engine[e]);
}

void cmds_rig_fields(const struct cmd_set *set)
{
    const struct cmd_info *info;

    for (size_t n = 0; (info = cmds_row(set, n)); n++) {
        for (unsigned i = 0; i < CMD_ADDRS && info->addr[i].dw; i++) {
            if (info->min)
                assert_true(info->addr[i].dw + set->addr_dwords <= info->min);
            if (info->addr[i].sel_dw != CMD_PPGTT)
                assert_true(info->min && info->addr[i].sel_dw < info->min);
        }
        for (unsigned i = 0; i < CMD_REGS && info->reg[i].dw; i++)
            assert_true(info->reg[i].dw < info->min);
    }
}
