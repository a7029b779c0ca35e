/* SPDX-License-Identifier: MIT */
/*
 * rings_regs.c: Haswell: registers that a guest's commands may change and that no render image
 * holds. While others have the engine a guest's are kept in a page of the arena, which outlives the
 * process; a guest that never ran gets what the registers were before the first one. They are read
 * and written by MMIO, for engines change hands only when they are idle.
 */
#include "services/sched/engine_priv.h"

#include <assert.h>

#include "gen/cmdregs_gen7.h"
#include "services/sched/ring_context.h"

#define FIRST 64u  /* dword of the numbers' page where the registers as found are */
#define MOST  512u /* of them */

static uint32_t *found(struct engine *e)
{
    return e->ring.number + FIRST;
}

static int read_all(struct engine *e, uint32_t *to)
{
    struct cmdregs_gen7_switch s;
    int rc = 0;

    for (size_t i = 0; cmdregs_gen7_switch(e->c.id, i, &s) && !rc; i++) {
        assert(i < MOST);
        rc = gpu_read32(e->c.hw->gpu, s.reg, &to[i]);
    }
    return rc;
}

static int write_all(struct engine *e, const uint32_t *from)
{
    struct cmdregs_gen7_switch s;
    int rc = 0;

    for (size_t i = 0; cmdregs_gen7_switch(e->c.id, i, &s) && !rc; i++)
        rc = gpu_write32(e->c.hw->gpu, s.reg, s.masked ? from[i] | 0xffff0000u : from[i]);
    return rc;
}

int rings_regs_note(struct engine *e)
{
    return read_all(e, found(e));
}

int rings_regs_store(struct engine *e, struct guest *from)
{
    uint32_t *kept = ring_kept(from->c.contexts, &engine_part(e, from)->r->kept);

    return kept ? read_all(e, kept) : CONTEXT_NO_ROOM;
}

int rings_regs_load(struct engine *e, struct guest *to)
{
    uint32_t *gma = &engine_part(e, to)->r->kept;

    return write_all(e, *gma ? ring_kept(to->c.contexts, gma) : found(e));
}
