/* SPDX-License-Identifier: MIT */
/*
 * gen_cmds_rig.h: what holds for the command tables of either generation. Used by gen_cmds_test.c
 * and gen_cmds_gen7_test.c. One thread; reads from the tree it is started in.
 */
#pragma once
#include "gen/cmds.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Every command of an independent list, except one (NULL: none), has the same length field and
 * length here; there are more than `least`. */
void cmds_rig_list(const struct cmd_set *set, const char *path, const char *except, unsigned least);
/* Every row is found by its own header, on its engines of the first `engines` and no others. */
void cmds_rig_rows(const struct cmd_set *set, unsigned engines);
void cmds_rig_sorted(const struct cmd_set *set);
/* Fields that are read are inside the shortest command an audit lets through. */
void cmds_rig_fields(const struct cmd_set *set);
