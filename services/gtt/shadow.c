/* SPDX-License-Identifier: MIT */
/* shadow.c: see shadow.h. Tracking of guest pages is track.c. */
#include "services/gtt/shadow_priv.h"
#include "services/wire/input.h"

#include "lib/crash.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

uint64_t shadow_scratch_data(const struct shadow_set *s)
{
    return s->scratch[0]->dma;
}

uint64_t shadow_scratch(const struct shadow_set *s, enum gtt_level level)
{
    return s->scratch[level + 1]->dma;
}

uint64_t shadow_count(const struct shadow_set *s)
{
    return s->live;
}

uint64_t shadow_dma(const struct shadow *sh)
{
    return sh->page->dma;
}

/* What a hole in a table of level holds. */
static uint64_t hole(const struct shadow_set *s, enum gtt_level level)
{
    return s->c.format->encode(s->scratch[level]->dma);
}

int shadow_init(struct shadow_set *s, const struct shadow_config *config)
{
    *s = (struct shadow_set){.c = *config};
    TAILQ_INIT(&s->work);
    TAILQ_INIT(&s->ask);
    if (hash_init(&s->tracks))
        return -ENOMEM;
    for (unsigned i = 0; i <= s->c.format->levels; i++) {
        s->scratch[i] = pages_get(s->c.pages);
        if (!s->scratch[i]) {
            shadow_release(s);
            return -ENOSPC;
        }
        s->c.format->fill(s->scratch[i]->entry, i ? hole(s, (enum gtt_level)(i - 1)) : 0);
    }
    return 0;
}

/* The record of a table of level, its children behind it. NULL: no memory. */
static struct shadow *record(const struct shadow_set *s, enum gtt_level level)
{
    struct shadow *sh;
    size_t child = level == GTT_LEVEL_PTE ? sizeof(*sh->child.gfn1) : sizeof(*sh->child.table);

    sh = calloc(1, sizeof(*sh) + s->c.format->entries * child);
    if (!sh)
        return NULL;
    sh->level = level;
    if (level == GTT_LEVEL_PTE)
        sh->child.gfn1 = (uint32_t *)(sh + 1);
    else
        sh->child.table = (struct shadow **)(sh + 1);
    return sh;
}

static struct child get_child(const struct shadow *sh, unsigned i)
{
    if (sh->level == GTT_LEVEL_PTE)
        return (struct child){.gfn1 = sh->child.gfn1[i]};
    return (struct child){.table = sh->child.table[i]};
}

static void set_child(struct shadow *sh, unsigned i, const struct child *c)
{
    if (sh->level == GTT_LEVEL_PTE)
        sh->child.gfn1[i] = c->gfn1;
    else
        sh->child.table[i] = c->table;
}

static int create(struct shadow_set *s, struct track *t, enum gtt_level level)
{
    struct shadow *sh;

    if (s->live >= s->c.max_tables)
        return -ENOSPC;
    sh = record(s, level);
    if (!sh)
        return -ENOMEM;
    sh->page = pages_get(s->c.pages);
    if (!sh->page) {
        free(sh);
        return -ENOSPC;
    }
    sh->track = t;
    s->c.format->fill(sh->page->entry, hole(s, level));
    t->at[level] = sh;
    t->users++;
    s->live++;
    crash_point("gtt.shadow.made");
    track_ask(s, t); /* before its entries are first read, which is later work */
    TAILQ_INSERT_TAIL(&s->work, sh, link);
    sh->queued = true;
    return 0;
}

int shadow_get(struct shadow_set *s, uint64_t gfn, enum gtt_level level, struct shadow **out)
{
    struct track *t;
    int rc = track_get(s, gfn, &t);

    if (rc)
        return rc;
    if (!t->at[level])
        rc = create(s, t, level);
    if (rc) {
        track_drop_unused(s, t);
        return rc;
    }
    *out = t->at[level];
    (*out)->refs++;
    return 0;
}

/* The page's parent names it no longer. Its own entries are let go by shadow_work(). */
void shadow_put(struct shadow_set *s, struct shadow *sh)
{
    struct track *t = sh->track;

    assert(sh->refs);
    if (--sh->refs)
        return;
    assert(t->at[sh->level] == sh);
    t->at[sh->level] = NULL;
    t->users--;
    sh->track = NULL;
    sh->next = 0;
    if (!sh->queued)
        TAILQ_INSERT_TAIL(&s->work, sh, link);
    sh->queued = true;
    track_drop_unused(s, t);
}

static void put_child(struct shadow_set *s, const struct child *c)
{
    if (c->gfn1)
        pins_put(s->c.pins, c->gfn1 - 1);
    else if (c->table)
        shadow_put(s, c->table);
}

/* The shadow of one guest entry, with a reference in *child. -ENXIO: the guest's fault. */
static int translate(struct shadow_set *s, enum gtt_level level, uint64_t raw, struct child *child,
                     uint64_t *value)
{
    struct gtt_entry e = s->c.format->entry(raw, level);
    uint64_t dma = 0;
    int rc;

    if (!e.present)
        return 0;
    if (e.bad)
        return -ENXIO;
    if (level == GTT_LEVEL_PTE)
        rc = pins_get(s->c.pins, e.gfn, &dma);
    else
        rc = shadow_get(s, e.gfn, level - 1, &child->table);
    if (rc)
        return rc;
    if (level == GTT_LEVEL_PTE)
        child->gfn1 = (uint32_t)e.gfn + 1;
    else
        dma = child->table->page->dma;
    *value = s->c.format->replace(raw, level, dma);
    return 0;
}

/* True: raw may be shadowed; quarantine_end() follows in any case. */
static bool allowed(struct shadow_set *s, const struct shadow *sh, unsigned i, uint64_t raw)
{
    const uint64_t word[] = {sh->track->node.key, (uint64_t)sh->level << 32 | i, raw};

    if (quarantine_begin(s->c.quarantine, QUARANTINE_INNER, WIRE_INPUT_TABLE_ENTRY, word, 3))
        return true;
    account_event(s->c.account, ACCOUNT_QUARANTINED, "level=%d index=%u entry=0x%" PRIx64,
                  sh->level, i, raw);
    return false;
}

static void follow(struct shadow_set *s, struct shadow *sh, unsigned i, uint64_t raw)
{
    struct child old = get_child(sh, i), now = {0};
    uint64_t value = 0;
    int rc = translate(s, sh->level, raw, &now, &value);

    if (!value)
        value = hole(s, sh->level);
    if (rc)
        account_event(s->c.account, rc == -ENXIO ? ACCOUNT_BAD_PPGTT : ACCOUNT_NO_RESOURCE,
                      "level=%d index=%u entry=0x%" PRIx64, sh->level, i, raw);
    crash_point("gtt.shadow.pinned");
    set_child(sh, i, &now);
    s->c.format->store(sh->page->entry, i, value);
    crash_point("gtt.shadow.written");
    put_child(s, &old);
    crash_point("gtt.shadow.old-put");
}

/* Of a last-level table: does the shadow say already what the guest's entry says? Most of a table
 * that is read again does. */
static bool as_before(const struct shadow_set *s, const struct shadow *sh, unsigned i, uint64_t raw)
{
    const struct gtt_format *f = s->c.format;
    struct gtt_entry e = f->entry(raw, GTT_LEVEL_PTE);
    uint64_t value, dma;

    if (!e.present)
        return !sh->child.gfn1[i];
    if (e.bad || sh->child.gfn1[i] != (uint32_t)e.gfn + 1)
        return false;
    value = f->load(sh->page->entry, i);
    /* The frame has been pinned all the time: it is where it was. */
    dma = f->entry(value, GTT_LEVEL_PTE).gfn * GPU_PAGE_SIZE;
    return value == f->replace(raw, GTT_LEVEL_PTE, dma);
}

/* A quarantined entry is as not present. */
void shadow_entry(struct shadow_set *s, struct shadow *sh, unsigned i)
{
    uint64_t raw = s->c.format->load(sh->track->map, i);

    if (sh->level == GTT_LEVEL_PTE && as_before(s, sh, i, raw))
        return;
    follow(s, sh, i, allowed(s, sh, i, raw) ? raw : 0);
    quarantine_end(s->c.quarantine, QUARANTINE_INNER);
}

void shadow_refill(struct shadow_set *s, struct shadow *sh)
{
    sh->next = 0;
    sh->fetched = false;
    if (!sh->queued)
        TAILQ_INSERT_TAIL(&s->work, sh, link);
    sh->queued = true;
}

static void destroy(struct shadow_set *s, struct shadow *sh)
{
    TAILQ_REMOVE(&s->work, sh, link);
    crash_point("gtt.shadow.going");
    pages_put(s->c.pages, sh->page);
    free(sh);
    s->live--;
}

static void release_slot(struct shadow_set *s, const struct shadow *sh)
{
    quarantine_end(s->c.quarantine, QUARANTINE_BESIDE + sh->slot);
    s->fetching &= ~(1u << sh->slot);
}

/* A fetch is over; the guest may have dropped the table meanwhile. */
static void fetched(void *ctx, void *what)
{
    struct shadow_set *s = ctx;
    struct shadow *sh = what;

    release_slot(s, sh);
    sh->fetched = true;
    TAILQ_INSERT_TAIL(&s->work, sh, link);
}

static bool wants_fetch(const struct shadow_set *s, const struct shadow *sh)
{
    return s->c.workers && !s->stopped && !s->alone && !quarantine_doubts(s->c.quarantine) &&
           sh->refs && sh->level == GTT_LEVEL_PTE && !sh->next && !sh->fetched;
}

static_assert(QUARANTINE_BESIDE + FETCH_MAX <= QUARANTINE_SLOTS, "a slot for each fetch");

/* A table whose fetch killed is filled without. */
static bool try_fetch(struct shadow_set *s, struct shadow *sh)
{
    bool yes;

    sh->slot = (uint8_t)__builtin_ctz(~s->fetching);
    s->fetching |= 1u << sh->slot;
    yes = quarantine_begin(s->c.quarantine, QUARANTINE_BESIDE + sh->slot, WIRE_INPUT_TABLE_AHEAD,
                           &sh->track->node.key, 1) &&
          !fetch_start(s->c.workers, s->c.pins, s->c.format, sh->track->map, fetched, s, sh);
    if (!yes)
        release_slot(s, sh);
    return yes;
}

/* Out of the list of work, if a worker takes it; otherwise it is filled without. */
static void fetch(struct shadow_set *s, struct shadow *sh)
{
    sh->fetched = !try_fetch(s, sh);
    if (!sh->fetched)
        TAILQ_REMOVE(&s->work, sh, link);
}

static void finished(struct shadow_set *s, struct shadow *sh)
{
    TAILQ_REMOVE(&s->work, sh, link);
    sh->queued = false;
    sh->fetched = false;
}

/* A last-level table that is about to be filled, but says what it said. */
static bool no_news(const struct shadow_set *s, const struct shadow *sh)
{
    unsigned i = 0;

    if (!sh->refs || sh->level != GTT_LEVEL_PTE || sh->next || sh->fetched)
        return false;
    while (i < s->c.format->entries && as_before(s, sh, i, s->c.format->load(sh->track->map, i)))
        i++;
    return i == s->c.format->entries;
}

static void step(struct shadow_set *s, struct shadow *sh)
{
    unsigned i = sh->next++;

    if (sh->refs) {
        shadow_entry(s, sh, i);
    } else {
        struct child old = get_child(sh, i);

        set_child(sh, i, &(struct child){0});
        put_child(s, &old);
    }
    if (sh->next < s->c.format->entries)
        return;
    if (sh->refs)
        finished(s, sh);
    else
        destroy(s, sh);
}

bool shadow_busy(const struct shadow_set *s)
{
    return !TAILQ_EMPTY(&s->work) || s->c.pins->fetches;
}

bool shadow_waits(const struct shadow_set *s)
{
    const struct shadow *sh = TAILQ_FIRST(&s->work);

    if (!sh)
        return s->c.pins->fetches > 0;
    return wants_fetch(s, sh) && s->c.pins->fetches >= FETCH_MAX;
}

void shadow_stop(struct shadow_set *s)
{
    fetch_cancel(s->c.workers, s->c.pins);
    s->stopped = true;
}

bool shadow_work(struct shadow_set *s, uint64_t budget)
{
    for (; budget && !TAILQ_EMPTY(&s->work) && !shadow_waits(s); budget--) {
        struct shadow *sh = TAILQ_FIRST(&s->work);

        if (s->stopped && sh->refs)
            finished(s, sh); /* until its parent lets it go */
        else if (no_news(s, sh))
            finished(s, sh);
        else if (wants_fetch(s, sh))
            fetch(s, sh);
        else
            step(s, sh);
    }
    shadow_ask(s);
    return shadow_busy(s) || (s->c.confirmed && s->unconfirmed);
}

void shadow_release(struct shadow_set *s)
{
    assert(!s->live && !s->tracks.count);
    for (int i = 0; i <= SHADOW_LEVELS; i++) {
        if (s->scratch[i])
            pages_put(s->c.pages, s->scratch[i]);
        s->scratch[i] = NULL;
    }
    hash_free(&s->tracks);
}
