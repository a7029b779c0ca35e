/* SPDX-License-Identifier: MIT */
/* Command lookup; see cmds.h. Pure functions, any thread. */
#include "gen/cmds.h"

#include <assert.h>

#define TYPE_MI  0u
#define TYPE_BLT 2u
#define TYPE_3D  3u

/* Bits that identify a command, by its type: MI 31:23, 2D 31:22, everything else 31:16; the type
 * itself is 31:29. */
static const struct {
    uint32_t mask, shift;
} id_of[8] = {[TYPE_MI] = {0xff800000, 23}, [TYPE_BLT] = {0xffc00000, 22}, [TYPE_3D] = {0xffff0000, 16}};

static uint32_t key_of(uint32_t header)
{
    return (header & 0x1fffffff) >> id_of[header >> 29].shift;
}

static void enter(const struct cmd_table *t, unsigned engine, uint8_t *slots)
{
    assert(t->n < UINT8_MAX);
    for (size_t i = 0; i < t->n; i++) {
        uint8_t *slot = &slots[key_of(t->rows[i].header)];

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

/* Types share the index: the row must be of this very command. */
static const struct cmd_info *find(const struct cmd_set *set, enum gen8_engine engine,
                                   uint32_t header)
{
    uint32_t type = header >> 29, mask = id_of[type].mask;
    const struct cmd_table *t = type == TYPE_MI ? set->mi : set->engine[engine];
    const uint8_t *slots = type == TYPE_MI ? set->index->mi[engine] : set->index->own[engine];
    unsigned slot = mask ? slots[key_of(header)] : 0;

    if (!slot || (t->rows[slot - 1].header ^ header) & mask)
        return NULL;
    return &t->rows[slot - 1];
}

int cmds_decode(const struct cmd_set *set, enum gen8_engine engine, const uint32_t *dw, size_t n,
                struct cmd *out)
{
    uint32_t header = dw[0];

    out->len = 0;
    out->info = find(set, engine, header);
    if (!out->info)
        return CMDS_UNKNOWN;
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
