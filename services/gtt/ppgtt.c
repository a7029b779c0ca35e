/* SPDX-License-Identifier: MIT */
/* ppgtt.c: see ppgtt.h. */
#include "services/gtt/ppgtt.h"

#include "lib/crash.h"
#include "services/wire/input.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

void ppgtt_init(struct ppgtt *p, struct shadow_set *set, struct account *account,
                struct gtt_map *map)
{
    memset(p, 0, sizeof(*p));
    p->set = set;
    p->account = account;
    p->map = map;
}

static void set64(uint64_t *to, uint64_t value)
{
    __atomic_store_n(to, value, __ATOMIC_RELAXED);
}

/* One record under its sequence word; level 0 frees it. level is the last word written and the
 * first taken away, so that after a crash anywhere in here level != 0 means that guest[] is whole.
 */
static void publish(struct gtt_root *r, uint32_t level, const uint64_t guest[4],
                    const uint64_t shadow[4])
{
    uint32_t seq = __atomic_load_n(&r->seq, __ATOMIC_RELAXED) | 1;

    /* An exchange, not a store and a fence: nothing below may be seen before the odd word. */
    __atomic_exchange_n(&r->seq, seq, __ATOMIC_ACQ_REL);
    if (!level)
        __atomic_exchange_n(&r->level, 0, __ATOMIC_ACQ_REL);
    crash_point("gtt.root.open");
    for (int i = 0; i < 4; i++) {
        set64(&r->guest[i], guest[i]);
        set64(&r->shadow[i], shadow[i]);
    }
    crash_point("gtt.root.filled");
    __atomic_store_n(&r->level, level, __ATOMIC_RELEASE);
    crash_point("gtt.root.levelled");
    __atomic_store_n(&r->seq, seq + 1, __ATOMIC_RELEASE);
    crash_point("gtt.root.published");
}

static unsigned tables_of(uint32_t level)
{
    return level == 3 ? 4 : level == 4 ? 1 : 0;
}

static struct ppgtt_root *find(struct ppgtt *p, unsigned tables, const uint64_t pdp[4])
{
    for (uint32_t i = 0; p->count && i < GTT_MAP_ROOTS; i++) {
        if (p->root[i].tables == tables && !memcmp(p->root[i].guest, pdp, tables * sizeof(pdp[0])))
            return &p->root[i];
    }
    return NULL;
}

static enum gen8_level top_of(unsigned tables)
{
    return tables == 4 ? GEN8_LEVEL_PDE : GEN8_LEVEL_PML4E;
}

/* Its tables are empty as yet: the map has the record of it, which nobody can use. */
static void fill(struct ppgtt *p, uint32_t slot, uint32_t level, const uint64_t pdp[4])
{
    static const uint64_t none[4];
    enum gen8_level top = top_of(tables_of(level));
    struct ppgtt_root *r = &p->root[slot];

    *r = (struct ppgtt_root){.tables = tables_of(level)};
    for (unsigned i = 0; i < r->tables; i++) {
        int rc = 0;

        r->guest[i] = pdp[i];
        if (pdp[i] & ~GEN8_PTE_ADDR & ~(uint64_t)(GEN8_PAGE_SIZE - 1))
            rc = -ENXIO;
        else if (pdp[i])
            rc = shadow_get(p->set, pdp[i] / GEN8_PAGE_SIZE, top, &r->shadow[i]);
        if (rc)
            account_event(p->account, rc == -ENXIO ? ACCOUNT_BAD_PPGTT : ACCOUNT_NO_RESOURCE,
                          "root=0x%" PRIx64, pdp[i]);
    }
    p->count++;
    p->hidden++;
    publish(&p->map->root[slot], level | GTT_ROOT_FILLING, r->guest, none);
}

static void show(struct ppgtt *p, uint32_t slot)
{
    struct ppgtt_root *r = &p->root[slot];
    enum gen8_level top = top_of(r->tables);
    uint64_t shadow[4] = {0};

    for (unsigned i = 0; i < r->tables; i++)
        shadow[i] = r->shadow[i] ? shadow_dma(r->shadow[i]) : shadow_scratch(p->set, top);
    publish(&p->map->root[slot], r->tables == 4 ? 3 : 4, r->guest, shadow);
    r->shown = true;
    p->shows++;
    p->hidden--;
}

void ppgtt_show(struct ppgtt *p)
{
    for (uint32_t i = 0; p->hidden && i < GTT_MAP_ROOTS; i++)
        if (p->root[i].tables && !p->root[i].shown)
            show(p, i);
}

/* False: it is quarantined and stays unknown. */
static bool enter(struct ppgtt *p, uint32_t slot, uint32_t level, const uint64_t pdp[4])
{
    unsigned tables = tables_of(level);
    uint64_t word[5] = {level};
    bool yes;

    memcpy(&word[1], pdp, tables * sizeof(pdp[0]));
    yes =
        quarantine_begin(p->set->c.quarantine, QUARANTINE_INNER, WIRE_INPUT_ROOT, word, 1 + tables);
    if (yes)
        fill(p, slot, level, pdp);
    else
        account_event(p->account, ACCOUNT_QUARANTINED, "root=0x%" PRIx64, pdp[0]);
    quarantine_end(p->set->c.quarantine, QUARANTINE_INNER);
    return yes;
}

void ppgtt_create(struct ppgtt *p, uint32_t level, const uint64_t pdp[4])
{
    unsigned tables = tables_of(level);
    uint32_t slot = 0;

    if (!tables) {
        account_event(p->account, ACCOUNT_BAD_PPGTT, "level=%u", level);
        return;
    }
    if (find(p, tables, pdp))
        return;
    while (slot < GTT_MAP_ROOTS && p->root[slot].tables)
        slot++;
    if (slot == GTT_MAP_ROOTS) {
        account_event(p->account, ACCOUNT_NO_RESOURCE, "roots=%u", GTT_MAP_ROOTS);
        return;
    }
    enter(p, slot, level, pdp);
}

static void drop(struct ppgtt *p, struct ppgtt_root *r)
{
    static const uint64_t none[4];

    publish(&p->map->root[r - p->root], 0, none, none);
    for (unsigned i = 0; i < r->tables; i++) {
        if (r->shadow[i])
            shadow_put(p->set, r->shadow[i]);
        crash_point("gtt.root.put");
    }
    p->hidden -= !r->shown;
    r->tables = 0;
    p->count--;
}

void ppgtt_destroy(struct ppgtt *p, uint32_t level, const uint64_t pdp[4])
{
    unsigned tables = tables_of(level);
    struct ppgtt_root *r = tables ? find(p, tables, pdp) : NULL;

    if (r)
        drop(p, r);
}

void ppgtt_reset(struct ppgtt *p)
{
    for (uint32_t i = 0; i < GTT_MAP_ROOTS; i++) {
        if (p->root[i].tables)
            drop(p, &p->root[i]);
    }
}

void ppgtt_rebuild(struct ppgtt *p)
{
    static const uint64_t none[4];

    for (uint32_t i = 0; i < GTT_MAP_ROOTS; i++) {
        struct gtt_root r = p->map->root[i];
        uint32_t level = r.level & ~GTT_ROOT_FILLING;

        if (!tables_of(level) || find(p, tables_of(level), r.guest)) {
            if (r.seq & 1 || r.level)
                publish(&p->map->root[i], 0, none, none);
            continue;
        }
        if (!enter(p, i, level, r.guest))
            publish(&p->map->root[i], 0, none, none);
    }
}

void ppgtt_retract(struct ppgtt *p)
{
    static const uint64_t none[4];

    for (uint32_t i = 0; i < GTT_MAP_ROOTS; i++)
        if (p->map->root[i].seq & 1 || p->map->root[i].level)
            publish(&p->map->root[i], 0, none, none);
}
