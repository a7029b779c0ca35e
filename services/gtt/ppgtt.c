/* SPDX-License-Identifier: MIT */
/* ppgtt.c: see ppgtt.h. */
#include "services/gtt/ppgtt.h"

#include "lib/crash.h"
#include "services/gtt/dir.h"
#include "services/gtt/ggtt.h"
#include "services/wire/input.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static void set64(uint64_t *to, uint64_t value)
{
    __atomic_store_n(to, value, __ATOMIC_RELAXED);
}

/* One record under its sequence word; level 0 frees it. level is the last word written and the
 * first taken away, so that after a crash anywhere in here level != 0 means that guest[] is whole.
 */
void ppgtt_publish(struct ppgtt *p, uint32_t slot, uint32_t level, const uint64_t guest[4],
                   const uint64_t shadow[4])
{
    struct gtt_root *r = &p->map->root[slot];
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

static void retract(struct ppgtt *p, uint32_t slot)
{
    static const uint64_t none[4];

    ppgtt_publish(p, slot, 0, none, none);
}

/* ---- roots that are tables */

static unsigned tree_tables(uint32_t level)
{
    return level == 3 ? 4 : level == 4 ? 1 : 0;
}

static uint32_t tree_level(const struct ppgtt_root *r)
{
    return r->tables == 4 ? 3 : 4;
}

static enum gtt_level tree_top(const struct ppgtt_root *r)
{
    return r->tables == 4 ? GTT_LEVEL_PDE : GTT_LEVEL_PML4E;
}

/* Its tables are empty as yet: the map has the record of it, which nobody can use. */
static void tree_fill(struct ppgtt *p, uint32_t slot, uint32_t level, const uint64_t pdp[4],
                      const struct gtt_root *old)
{
    static const uint64_t none[4];
    struct ppgtt_root *r = &p->root[slot];

    (void)old;
    *r = (struct ppgtt_root){.tables = tree_tables(level)};
    for (unsigned i = 0; i < r->tables; i++) {
        int rc = 0;

        r->guest[i] = pdp[i];
        if (pdp[i] & ~GTT_ADDR & ~(uint64_t)(GPU_PAGE_SIZE - 1))
            rc = -ENXIO;
        else if (pdp[i])
            rc = shadow_get(p->set, pdp[i] / GPU_PAGE_SIZE, tree_top(r), &r->shadow[i]);
        if (rc)
            account_event(p->account, rc == -ENXIO ? ACCOUNT_BAD_PPGTT : ACCOUNT_NO_RESOURCE,
                          "root=0x%" PRIx64, pdp[i]);
    }
    p->count++;
    p->hidden++;
    ppgtt_publish(p, slot, level | GTT_ROOT_FILLING, r->guest, none);
}

static void tree_show(struct ppgtt *p, uint32_t slot)
{
    struct ppgtt_root *r = &p->root[slot];
    uint64_t shadow[4] = {0};

    for (unsigned i = 0; i < r->tables; i++)
        shadow[i] = r->shadow[i] ? shadow_dma(r->shadow[i]) : shadow_scratch(p->set, tree_top(r));
    ppgtt_publish(p, slot, tree_level(r), r->guest, shadow);
    r->shown = true;
    p->shows++;
    p->hidden--;
}

static void tree_drop(struct ppgtt *p, struct ppgtt_root *r)
{
    retract(p, (uint32_t)(r - p->root));
    for (unsigned i = 0; i < r->tables; i++) {
        if (r->shadow[i])
            shadow_put(p->set, r->shadow[i]);
        crash_point("gtt.root.put");
    }
    p->hidden -= !r->shown;
    r->tables = 0;
    p->count--;
}

static const struct ppgtt_ops tree_ops = {
    .tables = tree_tables,
    .fill = tree_fill,
    .show = tree_show,
    .drop = tree_drop,
};

/* ---- all of them */

void ppgtt_init(struct ppgtt *p, struct shadow_set *set, struct ggtt *ggtt, struct account *account,
                struct gtt_map *map, struct directories *directories)
{
    memset(p, 0, sizeof(*p));
    p->ops = directories ? &ppgtt_dir_ops : &tree_ops;
    p->set = set;
    p->ggtt = ggtt;
    p->account = account;
    p->map = map;
    p->directories = directories;
    TAILQ_INIT(&p->dirs);
    if (p->ops->start)
        p->ops->start(p);
}

static struct ppgtt_root *find(struct ppgtt *p, unsigned tables, const uint64_t pdp[4])
{
    for (uint32_t i = 0; p->count && i < GTT_MAP_ROOTS; i++) {
        struct ppgtt_root *r = &p->root[i];

        if (r->tables == tables && !r->leaving && !memcmp(r->guest, pdp, tables * sizeof(pdp[0])))
            return r;
    }
    return NULL;
}

void ppgtt_show(struct ppgtt *p)
{
    for (uint32_t i = 0; p->hidden && i < GTT_MAP_ROOTS; i++)
        if (p->root[i].tables && !p->root[i].shown)
            p->ops->show(p, i);
}

/* False: it is quarantined and stays unknown. */
static bool enter(struct ppgtt *p, uint32_t slot, uint32_t level, const uint64_t pdp[4],
                  const struct gtt_root *old)
{
    unsigned tables = p->ops->tables(level);
    uint64_t word[5] = {level};
    bool yes;

    memcpy(&word[1], pdp, tables * sizeof(pdp[0]));
    yes =
        quarantine_begin(p->set->c.quarantine, QUARANTINE_INNER, WIRE_INPUT_ROOT, word, 1 + tables);
    if (yes)
        p->ops->fill(p, slot, level, pdp, old);
    else
        account_event(p->account, ACCOUNT_QUARANTINED, "root=0x%" PRIx64, pdp[0]);
    quarantine_end(p->set->c.quarantine, QUARANTINE_INNER);
    return yes;
}

static bool can_be(struct ppgtt *p, uint32_t level, const uint64_t pdp[4])
{
    if (!p->ops->tables(level)) {
        account_event(p->account, ACCOUNT_BAD_PPGTT, "level=%u", level);
        return false;
    }
    if (p->ops->valid && !p->ops->valid(p, pdp)) {
        account_event(p->account, ACCOUNT_BAD_PPGTT, "root=0x%" PRIx64, pdp[0]);
        return false;
    }
    return true;
}

void ppgtt_create(struct ppgtt *p, uint32_t level, const uint64_t pdp[4])
{
    const struct ppgtt_root *known;
    uint32_t slot = 0;

    if (!can_be(p, level, pdp))
        return;
    known = find(p, p->ops->tables(level), pdp);
    if (known && p->ops->asked)
        p->ops->asked(p, known);
    if (known)
        return;
    while (slot < GTT_MAP_ROOTS && p->root[slot].tables)
        slot++;
    if (slot == GTT_MAP_ROOTS) {
        account_event(p->account, ACCOUNT_NO_RESOURCE, "roots=%u", GTT_MAP_ROOTS);
        return;
    }
    enter(p, slot, level, pdp, NULL);
}

void ppgtt_destroy(struct ppgtt *p, uint32_t level, const uint64_t pdp[4])
{
    unsigned tables = p->ops->tables(level);
    struct ppgtt_root *r = tables ? find(p, tables, pdp) : NULL;

    if (r)
        p->ops->drop(p, r);
}

void ppgtt_reset(struct ppgtt *p)
{
    for (uint32_t i = 0; i < GTT_MAP_ROOTS; i++) {
        if (p->root[i].tables)
            p->ops->drop(p, &p->root[i]);
    }
}

/* Nobody may use what it records, if anything. */
static void retire(struct ppgtt *p, uint32_t slot, const struct gtt_root *r)
{
    if (p->ops->adopt && p->ops->adopt(p, slot, r))
        return;
    if (r->seq & 1 || r->level || r->shadow[0])
        retract(p, slot);
}

void ppgtt_rebuild(struct ppgtt *p)
{
    for (uint32_t i = 0; i < GTT_MAP_ROOTS; i++) {
        struct gtt_root r = p->map->root[i];
        uint32_t level = r.level & ~GTT_ROOT_FILLING;
        unsigned tables = p->ops->tables(level);

        if (!tables || find(p, tables, r.guest) || !enter(p, i, level, r.guest, &r))
            retire(p, i, &r);
    }
}

void ppgtt_retract(struct ppgtt *p)
{
    for (uint32_t i = 0; i < GTT_MAP_ROOTS; i++) {
        struct gtt_root r = p->map->root[i];

        retire(p, i, &r);
    }
}

bool ppgtt_work(struct ppgtt *p, uint64_t *budget)
{
    return p->ops->work && p->ops->work(p, budget);
}

int ppgtt_write(struct ppgtt *p)
{
    if (p->ops->write)
        p->ops->write(p);
    return p->error;
}

bool ppgtt_reap(struct ppgtt *p)
{
    return p->ops->reap && p->ops->reap(p);
}

bool ppgtt_waits(const struct ppgtt *p)
{
    return p->ops->waits && p->ops->waits(p);
}

void ppgtt_forget(struct ppgtt *p)
{
    if (p->ops->forget)
        p->ops->forget(p);
}
