/* SPDX-License-Identifier: MIT */
/*
 * The commands of gen7.5's engines (Haswell): addresses have one dword. The tables are
 * cmds_gen7_{mi,blt,render}.c, the shapes cmds.h. Called by services/sched, through audit_gen7
 * first of all; constants and pure functions, any thread.
 * Facts: Haswell PRM vol. 2a as Mesa's command descriptions and i915's command parser have it.
 * Where those do not agree how many bits a length has, the bits in dispute must be zero.
 */
#pragma once

#include "gen/cmds.h"

extern const struct cmd_set cmds_gen7;

/* MI_BATCH_BUFFER_START, two dwords. Render: without privilege; MI_BB_PPGTT says only from where
 * it is fetched. Other engines: MI_BB_PPGTT says both. */
#define MI_BB_START_GEN7    0x18800000u
#define MI_BB_UNPRIVILEGED  (1u << 13)
#define MI_BB_STREAMER      (1u << 10)
#define MI_SET_CONTEXT_GEN7 0x0c000000u /* two dwords; the second is ctx_gen7.h's */
#define MI_SEMAPHORE_MBOX   0x0b000001u /* three dwords */
#define MI_MBOX_UPDATE      (1u << 21)  /* signal */
#define MI_MBOX_COMPARE     (1u << 20)  /* wait until greater than the value */
#define MI_MBOX_REGISTER    (1u << 18)  /* a mailbox, not memory */
#define MI_MBOX_SELECT(dw)  ((dw) >> 16 & 3)
#define MEDIA_VFE_MMIO      0x18u /* MEDIA_VFE_STATE, dword 2: threads may access registers */

extern const struct cmd_table cmds_gen7_mi, cmds_gen7_blt, cmds_gen7_render;
