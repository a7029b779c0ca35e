/* SPDX-License-Identifier: MIT */
/* The set of gen7.5's commands; see cmds_gen7.h. Constants, any thread. */
#include "gen/cmds_gen7.h"

#include "gen/cmds_gen8.h"

static struct cmd_index commands;

/*
 * The video engines' commands have Broadwell's headers and length fields. What else is in them
 * the tables do not say, as their addresses always go through the PPGTT.
 */
const struct cmd_set cmds_gen7 = {
    .mi = &cmds_gen7_mi,
    .engine = {[GEN8_RCS] = &cmds_gen7_render,
               [GEN8_BCS] = &cmds_gen7_blt,
               [GEN8_VCS] = &cmds_gen8_vcs,
               [GEN8_VECS] = &cmds_gen8_vecs},
    .addr_dwords = 1,
    .index = &commands,
};

__attribute__((constructor)) static void make_index(void)
{
    cmds_make_index(&cmds_gen7);
}
