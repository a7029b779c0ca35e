/* SPDX-License-Identifier: MIT */
/* context_root.c: PPGTT roots of shadow contexts, from the map that gtt publishes. The map changes
 * under us; a record counts only when its sequence was even and the same before and after. */
#include "services/sched/context_priv.h"

#include <string.h>

static unsigned roots_of(uint32_t level)
{
    return level == 3 ? 4 : 1;
}

/* Every load acquires, so that the last look at the sequence comes after them. */
bool context_root_read(const struct gtt_root *r, uint32_t level, const uint64_t pdp[4],
                       uint64_t shadow[4], uint32_t *seq)
{
    bool same = true;

    *seq = __atomic_load_n(&r->seq, __ATOMIC_ACQUIRE);
    if ((*seq & 1) || __atomic_load_n(&r->level, __ATOMIC_ACQUIRE) != level)
        return false;
    memset(shadow, 0, 4 * sizeof(shadow[0]));
    for (unsigned i = 0; i < roots_of(level); i++) {
        same = same && __atomic_load_n(&r->guest[i], __ATOMIC_ACQUIRE) == pdp[i];
        shadow[i] = __atomic_load_n(&r->shadow[i], __ATOMIC_ACQUIRE);
    }
    return same && __atomic_load_n(&r->seq, __ATOMIC_RELAXED) == *seq;
}

static bool look_up(struct context *c, uint32_t level, const uint64_t pdp[4])
{
    const struct gtt_map *map = c->set->c.map;

    if (context_root_read(&map->root[c->r->root_slot], level, pdp, c->r->shadow, &c->r->root_seq))
        return true;
    for (uint32_t i = 0; i < GTT_MAP_ROOTS; i++) {
        if (!context_root_read(&map->root[i], level, pdp, c->r->shadow, &c->r->root_seq))
            continue;
        c->r->root_slot = i;
        return true;
    }
    return false;
}

int context_root_find(struct context *c, enum ctx_gen8_mode mode, const uint64_t pdp[4])
{
    uint32_t level = mode == CTX_LEGACY_64 ? 4 : 3;
    size_t size = roots_of(level) * sizeof(pdp[0]);

    c->r->mode = mode;
    if (look_up(c, level, pdp)) {
        memcpy(c->r->pdp, pdp, sizeof(c->r->pdp));
        c->asked_level = 0;
        return 0;
    }
    c->ready = false;
    if (c->asked_level != level || memcmp(c->asked, pdp, size) != 0) {
        c->asked_level = level;
        memcpy(c->asked, pdp, sizeof(c->asked));
        c->set->c.need_root(c->set->c.ctx, level, pdp);
    }
    return CONTEXT_WAIT;
}

bool context_root_mapped(const struct context *c)
{
    uint32_t level = c->r->mode == CTX_LEGACY_64 ? 4 : 3, seq;
    uint64_t shadow[4];

    return c->ready &&
           context_root_read(&c->set->c.map->root[c->r->root_slot], level, c->r->pdp, shadow,
                             &seq) &&
           seq == c->r->root_seq;
}
