/* SPDX-License-Identifier: MIT */
/* Register policies of Broadwell; see regs.h. Constants, any thread. */
#include "gen/regs.h"

static const struct reg_policy rows[] = {
    REGS_ROW_NONE,
#define R REGS_ROW
#include "gen/regs_common.def"
#include "gen/regs_gen8.def"
#undef R
};

const struct regs_table regs_gen8 = {rows, sizeof(rows) / sizeof(rows[0])};
