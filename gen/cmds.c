/* SPDX-License-Identifier: MIT */
/* Command lookup; see cmds.h. Pure functions, any thread. */
#include "gen/cmds.h"

#define TYPE_MI  0u
#define TYPE_BLT 2u
#define TYPE_3D  3u

/* Bits that identify a command, by its type: MI 31:23, 2D 31:22, everything else 31:16. */
static const uint32_t id_mask[8] = {
    [TYPE_MI] = 0xff800000, [TYPE_BLT] = 0xffc00000, [TYPE_3D] = 0xffff0000};

static const struct cmd_info *find(const struct cmd_table *t, uint32_t id)
{
    size_t lo = 0, hi = t->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (t->rows[mid].header == id)
            return &t->rows[mid];
        if (t->rows[mid].header < id)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

int cmds_decode(const struct cmd_set *set, enum gen8_engine engine, const uint32_t *dw, size_t n,
                struct cmd *out)
{
    uint32_t header = dw[0];
    uint32_t type = header >> 29;
    uint32_t id = header & id_mask[type];
    const struct cmd_table *t = type == TYPE_MI ? set->mi : set->engine[engine];

    *out = (struct cmd){0};
    if (!id_mask[type] || !t)
        return CMDS_UNKNOWN;
    out->info = find(t, id);
    if (!out->info || !(out->info->engines & GEN8_M(engine))) {
        out->info = NULL;
        return CMDS_UNKNOWN;
    }
    out->len = 1;
    if (out->info->len_bits)
        out->len = (header & ((1u << out->info->len_bits) - 1)) + 2;
    return out->len > n ? CMDS_TRUNCATED : 0;
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
