/* SPDX-License-Identifier: MIT */
/* dir.c: see dir.h. An entry's change: take the new table, write, put the old one. */
#include "services/gtt/dir.h"

#include "gen/gen7_pte.h"
#include "lib/crash.h"
#include "services/gtt/ggtt.h"
#include "services/wire/input.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

static_assert(DIRECTORY_ENTRIES == GEN7_PD_ENTRIES, "one size for all");

bool dir_leaves(const struct dir *d)
{
    return d->state == DIR_LEAVING;
}

static struct ppgtt_root *root_of(const struct dir *d)
{
    return &d->ppgtt->root[d->root];
}

static void note_error(struct ppgtt *p, int rc)
{
    p->error = p->error ? p->error : rc;
}

/* ---- the record in the map */

static void record(const struct dir *d, uint32_t level)
{
    const uint64_t guest[4] = {d->first};
    const uint64_t shadow[4] = {d->number ? directories_entry(d->ppgtt->directories, d->number)
                                          : 0};

    ppgtt_publish(d->ppgtt, d->root, level, guest, shadow);
}

static void forget_root(struct ppgtt *p, struct ppgtt_root *r)
{
    static const uint64_t none[4];

    ppgtt_publish(p, (uint32_t)(r - p->root), 0, none, none);
    *r = (struct ppgtt_root){0};
    p->count--;
}

/* ---- entries */

static void write_entry(struct dir *d, unsigned i)
{
    struct ppgtt *p = d->ppgtt;
    uint64_t dma = d->table[i] ? shadow_dma(d->table[i]) : shadow_scratch(p->set, GTT_LEVEL_PTE);

    note_error(p, directories_write(p->directories, d->number, i, dma));
    p->ggtt->dirty = true;
}

static void follow(struct dir *d, unsigned i, uint64_t raw)
{
    struct ppgtt *p = d->ppgtt;
    struct gtt_entry e = p->set->c.format->directory(raw);
    struct shadow *old = d->table[i], *now = NULL;
    int rc = 0;

    if (e.present)
        rc = e.bad ? -ENXIO : shadow_get(p->set, e.gfn, GTT_LEVEL_PTE, &now);
    if (rc)
        account_event(p->account, rc == -ENXIO ? ACCOUNT_BAD_PPGTT : ACCOUNT_NO_RESOURCE,
                      "directory=%u index=%u entry=0x%" PRIx64, d->first, i, raw);
    d->table[i] = now;
    if (d->hot)
        write_entry(d, i);
    crash_point("gtt.dir.written");
    if (old)
        shadow_put(p->set, old);
}

/* As an entry of a table, not of the GGTT: as that it may do no harm. */
static bool allowed(struct dir *d, unsigned i, uint64_t raw)
{
    const uint64_t word[] = {d->first, (uint64_t)GTT_LEVEL_PDE << 32 | i, raw};
    struct ppgtt *p = d->ppgtt;

    if (quarantine_begin(p->set->c.quarantine, QUARANTINE_INNER, WIRE_INPUT_TABLE_ENTRY, word, 3))
        return true;
    account_event(p->account, ACCOUNT_QUARANTINED, "directory=%u index=%u entry=0x%" PRIx64,
                  d->first, i, raw);
    return false;
}

/* Our entry i again, from what the guest wrote. A quarantined one is as not present. */
static void renew(struct dir *d, unsigned i)
{
    uint64_t raw = ggtt_raw(d->ppgtt->ggtt, d->first + i);

    follow(d, i, allowed(d, i, raw) ? raw : 0);
    quarantine_end(d->ppgtt->set->c.quarantine, QUARANTINE_INNER);
}

static void clear_entry(struct dir *d, unsigned i)
{
    struct shadow *old = d->table[i];

    d->table[i] = NULL;
    write_entry(d, i);
    crash_point("gtt.dir.cleared");
    if (old)
        shadow_put(d->ppgtt->set, old);
}

/* Later entries of one that is being filled are read when their turn comes. */
static bool follows(const struct dir *d, uint64_t i)
{
    return d->state == DIR_LIVE || (d->state == DIR_FILLING && i < d->next) ||
           (d->state == DIR_LEAVING && d->stays && d->hot);
}

static void changed(void *ctx, uint64_t index)
{
    struct ppgtt *p = ctx;
    struct dir *d;

    TAILQ_FOREACH(d, &p->dirs, link)
    {
        uint64_t i = index - d->first;

        if (i < DIRECTORY_ENTRIES && follows(d, i))
            renew(d, (unsigned)i);
    }
}

/* ---- coming */

static struct dir *new_dir(struct ppgtt *p, uint32_t slot)
{
    struct dir *d = calloc(1, sizeof(*d));

    if (!d)
        return NULL;
    d->ppgtt = p;
    d->root = slot;
    d->first = (uint32_t)p->root[slot].guest[0];
    p->root[slot].dir = d;
    TAILQ_INSERT_TAIL(&p->dirs, d, link);
    return d;
}

static void free_dir(struct dir *d)
{
    root_of(d)->dir = NULL;
    TAILQ_REMOVE(&d->ppgtt->dirs, d, link);
    free(d);
}

/* It has its place. */
static void begin(struct dir *d, unsigned number)
{
    d->number = number;
    d->state = DIR_FILLING;
    record(d, 2 | GTT_ROOT_FILLING);
    crash_point("gtt.dir.begun");
}

/* A place for a root that has none, or the promise of one. False: neither, now. */
static bool seek(struct ppgtt *p, uint32_t slot)
{
    struct dir *d = new_dir(p, slot);
    unsigned number;

    if (!d)
        return false;
    number = directories_take(p->directories, d);
    if (number)
        begin(d, number);
    else if (!directories_inherits(p->directories, d))
        free_dir(d);
    return p->root[slot].dir;
}

/* The root that has waited for longest without a promise. */
static void seek_all(struct ppgtt *p)
{
    bool more = true;

    while (p->unplaced && more) {
        uint32_t first = GTT_MAP_ROOTS;

        for (uint32_t i = 0; i < GTT_MAP_ROOTS; i++)
            if (p->root[i].tables && !p->root[i].dir &&
                (first == GTT_MAP_ROOTS || p->root[i].born < p->root[first].born))
                first = i;
        more = seek(p, first);
        p->unplaced -= more;
    }
}

static void fill(struct ppgtt *p, uint32_t slot, uint32_t level, const uint64_t pdp[4],
                 const struct gtt_root *old)
{
    unsigned number = old ? directories_number(p->directories, old->shadow[0]) : 0;
    const uint64_t guest[4] = {pdp[0]}, none[4] = {0};
    struct dir *d;

    p->root[slot] = (struct ppgtt_root){.tables = 1, .guest = {pdp[0]}, .born = ++p->births};
    p->count++;
    p->hidden++;
    d = number ? new_dir(p, slot) : NULL;
    if (d && directories_claim(p->directories, number, d)) {
        begin(d, number);
        return;
    }
    if (d)
        free_dir(d);
    p->unplaced++;
    ppgtt_publish(p, slot, level | GTT_ROOT_FILLING, guest, none);
}

/* PP_DIR_BASE counts lines; the guest's own entries only. */
static bool valid(const struct ppgtt *p, const uint64_t pdp[4])
{
    return pdp[0] % GEN7_PD_LINE == 0 && ggtt_contains(p->ggtt, pdp[0], DIRECTORY_ENTRIES);
}

static void asked(struct ppgtt *p, const struct ppgtt_root *r)
{
    if (r->dir && r->dir->number)
        directories_touch(p->directories, r->dir->number);
}

/* The tables are filled: what engines may find in a directory changes all at once, but for one that
 * the process before us filled with the same. */
static void write_all(struct ppgtt *p)
{
    struct dir *d;

    TAILQ_FOREACH(d, &p->dirs, link)
    {
        if (d->state != DIR_FILLING)
            continue;
        for (unsigned i = 0; i < DIRECTORY_ENTRIES; i++)
            write_entry(d, i);
        d->hot = true;
        d->state = DIR_LIVE;
        crash_point("gtt.dir.live");
    }
}

static void show(struct ppgtt *p, uint32_t slot)
{
    struct ppgtt_root *r = &p->root[slot];

    if (r->leaving || !r->dir || r->dir->state != DIR_LIVE)
        return;
    record(r->dir, 2);
    directories_shown(p->directories, r->dir->number);
    r->shown = true;
    p->shows++;
    p->hidden--;
}

/* ---- going */

static void leave(struct dir *d, bool stays)
{
    struct ppgtt_root *r = root_of(d);

    record(d, 0);
    crash_point("gtt.dir.retracted");
    d->ppgtt->hidden -= !r->shown;
    r->leaving = true;
    d->state = DIR_LEAVING;
    d->stays = stays;
    d->next = 0;
    d->release = tlb_clear(d->ppgtt->set->c.pins->tlb);
}

void dir_evict(struct dir *d)
{
    leave(d, true);
}

static void drop(struct ppgtt *p, struct ppgtt_root *r)
{
    struct dir *d = r->dir;

    if (r->leaving) {
        d->stays = false;
        return;
    }
    if (d && d->number) {
        leave(d, false);
        return;
    }
    if (d) {
        directories_renounce(p->directories, d);
        free_dir(d);
    } else {
        p->unplaced--;
    }
    p->hidden--;
    forget_root(p, r);
}

/* What the process before us had in use, and nobody asks for. Its old tables are there as long as
 * anybody may walk them (pages.h). */
static bool adopt(struct ppgtt *p, uint32_t slot, const struct gtt_root *old)
{
    unsigned number = directories_number(p->directories, old->shadow[0]);
    struct dir *d;

    if (!number)
        return false;
    p->root[slot] = (struct ppgtt_root){.tables = 1, .guest = {old->guest[0]}, .leaving = true};
    d = new_dir(p, slot);
    if (!d || !directories_claim(p->directories, number, d)) {
        if (d)
            free_dir(d);
        p->root[slot] = (struct ppgtt_root){0};
        return false;
    }
    p->count++;
    p->hidden++;
    d->number = number;
    leave(d, true);
    d->next = DIRECTORY_ENTRIES;
    return true;
}

static void finish(struct dir *d)
{
    struct ppgtt *p = d->ppgtt;
    unsigned number = d->number;
    int rc;
    struct dir *heir = directories_release(p->directories, number, &rc);

    note_error(p, rc);
    p->ggtt->dirty = true;
    forget_root(p, root_of(d));
    TAILQ_REMOVE(&p->dirs, d, link);
    free(d);
    crash_point("gtt.dir.gone");
    if (heir) {
        begin(heir, number);
        p->directories->evicted = true;
    }
}

/* ---- work */

static bool outstanding(const struct dir *d)
{
    return d->next < DIRECTORY_ENTRIES &&
           (d->state == DIR_FILLING || (d->state == DIR_LEAVING && !d->stays));
}

static void step(struct dir *d)
{
    unsigned i = d->next++;

    if (d->state == DIR_FILLING)
        renew(d, i);
    else
        clear_entry(d, i);
}

static bool work(struct ppgtt *p, uint64_t *budget)
{
    bool left = false;
    struct dir *d;

    TAILQ_FOREACH(d, &p->dirs, link)
    {
        for (; outstanding(d) && *budget; --*budget)
            step(d);
        left |= outstanding(d);
    }
    return left;
}

static bool reap(struct ppgtt *p)
{
    uint64_t done = tlb_done(p->set->c.pins->tlb);
    struct dir *d, *next;
    bool left = false;

    for (d = TAILQ_FIRST(&p->dirs); d; d = next) {
        next = TAILQ_NEXT(d, link);
        if (d->state != DIR_LEAVING)
            continue;
        if (d->release <= done) {
            d->stays = false;
            if (!outstanding(d)) {
                finish(d);
                continue;
            }
        }
        left = true;
    }
    seek_all(p);
    return left;
}

static bool waits(const struct ppgtt *p)
{
    const struct dir *d;

    TAILQ_FOREACH(d, &p->dirs, link)
    {
        if (d->state != DIR_LIVE)
            return true;
    }
    return p->unplaced > 0;
}

static void forget(struct ppgtt *p)
{
    struct dir *d;

    while ((d = TAILQ_FIRST(&p->dirs))) {
        if (d->number)
            directories_leave(p->directories, d->number);
        directories_renounce(p->directories, d);
        free_dir(d);
    }
    directories_part(p->directories);
}

static void start(struct ppgtt *p)
{
    p->ggtt->changed = changed;
    p->ggtt->ctx = p;
    directories_join(p->directories);
}

static unsigned tables_of(uint32_t level)
{
    return level == 2;
}

const struct ppgtt_ops ppgtt_dir_ops = {
    .tables = tables_of,
    .fill = fill,
    .show = show,
    .drop = drop,
    .valid = valid,
    .asked = asked,
    .adopt = adopt,
    .start = start,
    .work = work,
    .write = write_all,
    .reap = reap,
    .waits = waits,
    .forget = forget,
};
