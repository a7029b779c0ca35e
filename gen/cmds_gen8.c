/* SPDX-License-Identifier: MIT */
/* Command lookup of gen8; see cmds_gen8.h. Pure functions, any thread. */
#include "gen/cmds_gen8.h"

#define TYPE_MI  0u
#define TYPE_BLT 2u
#define TYPE_3D  3u

/* Bits that identify a command, by its type: MI 31:23, 2D 31:22, everything else 31:16. */
static const uint32_t id_mask[8] = {
    [TYPE_MI] = 0xff800000, [TYPE_BLT] = 0xffc00000, [TYPE_3D] = 0xffff0000};

/* Commands other than MI that each engine knows. */
static const struct cmd_table *const engine_table[GEN8_ENGINES] = {
    [GEN8_RCS] = &cmds_gen8_render, [GEN8_BCS] = &cmds_gen8_blt,  [GEN8_VCS] = &cmds_gen8_vcs,
    [GEN8_VECS] = &cmds_gen8_vecs,  [GEN8_VCS2] = &cmds_gen8_vcs,
};

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

int cmds_gen8_decode(enum gen8_engine engine, const uint32_t *dw, size_t n, struct cmd *out)
{
    uint32_t header = dw[0];
    uint32_t type = header >> 29;
    uint32_t id = header & id_mask[type];
    const struct cmd_table *t = type == TYPE_MI ? &cmds_gen8_mi : engine_table[engine];

    *out = (struct cmd){0};
    if (!id_mask[type])
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

const struct cmd_info *cmds_gen8_row(size_t i)
{
    static const struct cmd_table *const all[] = {&cmds_gen8_mi, &cmds_gen8_blt, &cmds_gen8_render,
                                                  &cmds_gen8_vcs, &cmds_gen8_vecs};

    for (size_t t = 0; t < sizeof(all) / sizeof(all[0]); t++) {
        if (i < all[t]->n)
            return &all[t]->rows[i];
        i -= all[t]->n;
    }
    return NULL;
}
