/* SPDX-License-Identifier: MIT */
/* The set of gen8's commands; see cmds_gen8.h. Pure functions, any thread. */
#include "gen/cmds_gen8.h"

static struct cmd_index commands;

const struct cmd_set cmds_gen8 = {
    .mi = &cmds_gen8_mi,
    .engine = {[GEN8_RCS] = &cmds_gen8_render,
               [GEN8_BCS] = &cmds_gen8_blt,
               [GEN8_VCS] = &cmds_gen8_vcs,
               [GEN8_VECS] = &cmds_gen8_vecs,
               [GEN8_VCS2] = &cmds_gen8_vcs},
    .addr_dwords = 2,
    .index = &commands,
};

__attribute__((constructor)) static void make_index(void)
{
    cmds_make_index(&cmds_gen8);
}

int cmds_gen8_decode(enum gen8_engine engine, const uint32_t *dw, size_t n, struct cmd *out)
{
    return cmds_decode(&cmds_gen8, engine, dw, n, out);
}

const struct cmd_info *cmds_gen8_row(size_t i)
{
    return cmds_row(&cmds_gen8, i);
}
