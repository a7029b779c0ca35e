/* SPDX-License-Identifier: MIT */
/* Command lookup; see cmds.h. Pure functions, any thread. */
#include "gen/cmds.h"

#include <assert.h>

static void enter(const struct cmd_table *t, unsigned engine, uint8_t *slots)
{
    assert(t->n < UINT8_MAX);
    for (size_t i = 0; i < t->n; i++) {
        uint8_t *slot = &slots[cmds_key(t->rows[i].header)];

        if (!(t->rows[i].engines & GEN8_M(engine)))
            continue;
        assert(!*slot);
        *slot = (uint8_t)(i + 1);
    }
}

void cmds_make_index(const struct cmd_set *set)
{
    for (unsigned e = 0; e < GEN8_ENGINES; e++) {
        enter(set->mi, e, set->index->mi[e]);
        if (set->engine[e])
            enter(set->engine[e], e, set->index->own[e]);
    }
}

/* Two engines may share a table: it counts for the first. */
static bool counted(const struct cmd_set *set, unsigned engine)
{
    for (unsigned e = 0; e < engine; e++) {
        if (set->engine[e] == set->engine[engine])
            return true;
    }
    return false;
}

const struct cmd_info *cmds_row(const struct cmd_set *set, size_t i)
{
    if (i < set->mi->n)
        return &set->mi->rows[i];
    i -= set->mi->n;
    for (unsigned e = 0; e < GEN8_ENGINES; e++) {
        const struct cmd_table *t = set->engine[e];

        if (!t || counted(set, e))
            continue;
        if (i < t->n)
            return &t->rows[i];
        i -= t->n;
    }
    return NULL;
}

bool cmds_ends_batch(const struct cmd *cmd, uint32_t header)
{
    if (cmd->info->flags & CMD_END)
        return true;
    return cmd->info->kind == CMD_BATCH_START && !(header & (MI_BB_2ND_LEVEL | MI_BB_PREDICATE));
}
