/* SPDX-License-Identifier: MIT */
/* context.c: the contexts of a guest: look-up, pages, eviction, status page. See context.h. */
#include "services/sched/context_audit.h"
#include "services/sched/context_priv.h"

#include "lib/crash.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int context_set_new(const struct context_config *config, struct context_set **out)
{
    struct gmem_config gmem = {.ops = config->ops,
                               .vmm = config->vmm,
                               .vggtt = config->vggtt,
                               .low_base = config->low_base,
                               .low_size = config->low_size,
                               .high_base = config->high_base,
                               .high_size = config->high_size};
    struct context_set *s;
    int rc;

    if (config->number >= CONTEXT_SETS)
        return -EINVAL;
    s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    s->c = *config;
    s->gen = config->rings ? &context_gen7 : &context_gen8;
    s->given_up = quarantine_full(config->quarantine);
    TAILQ_INIT(&s->ages);
    rc = gmem_new(&gmem, &s->mem);
    if (rc) {
        free(s);
        return rc;
    }
    rc = context_set_restore(s);
    if (rc)
        context_set_leave(s);
    else
        *out = s;
    return rc;
}

void context_pages_free(struct context_set *s, struct arena_range *r)
{
    s->pages -= r->pages;
    arena_free(s->c.arena, r);
}

/* Everything it has in the arena, but what it must resume in. */
static void give_back(struct context *c, bool keep_resume)
{
    arena_busy(c->set->c.arena, &c->user);
    context_batches_drop(c);
    context_batches_free(c, keep_resume);
    context_pages_free(c->set, &c->mem);
    c->r->mem_pages = 0;
    c->ready = c->imaged = false;
}

static void unlink_context(struct context *c)
{
    struct context_set *s = c->set;

    if (c->busy)
        s->busy--;
    LIST_REMOVE(c, same);
    TAILQ_REMOVE(&s->ages, c, age);
    s->slot[c->slot] = NULL;
    s->count--;
    free(c);
}

static void forget(struct context *c)
{
    c->r->held = c->r->resume = 0; /* believed no more, before anything is given back */
    give_back(c, false);
    memset(c->r, 0, sizeof(*c->r));
    unlink_context(c);
}

void context_set_leave(struct context_set *s)
{
    struct context *c;

    if (!s)
        return;
    while ((c = TAILQ_FIRST(&s->ages))) {
        arena_busy(s->c.arena, &c->user);
        unlink_context(c);
    }
    gmem_free(s->mem);
    free(s);
}

void context_set_free(struct context_set *s)
{
    struct context *c;

    if (!s)
        return;
    while ((c = TAILQ_FIRST(&s->ages)))
        forget(c);
    assert(!s->pages && !s->count && !s->busy);
    gmem_free(s->mem);
    free(s);
}

/* A context inside a batch is remembered without its shadow: where it stood is known to nobody
 * else. */
static void evict(struct arena_user *user)
{
    struct context *c = (struct context *)user;

    assert(!c->busy);
    if (c->r->resume)
        give_back(c, true);
    else
        forget(c);
}

/* The least recently used one of the set; false: all are in use. */
static bool evict_own(struct context_set *s)
{
    struct context *c;

    TAILQ_FOREACH(c, &s->ages, age)
    {
        if (!c->user.listed)
            continue;
        evict(&c->user);
        return true;
    }
    return false;
}

int context_pages_raw(struct context_set *s, uint32_t pages, struct arena_range *out)
{
    while (s->c.max_pages && s->pages + pages > s->c.max_pages) {
        if (evict_own(s))
            continue;
        if (s->busy)
            return CONTEXT_NO_ROOM;
        account_event(s->c.account, ACCOUNT_NO_RESOURCE, "context_pages=%u", s->pages + pages);
        return CONTEXT_REFUSED;
    }
    if (arena_alloc_evict(s->c.arena, pages, out))
        return CONTEXT_NO_ROOM;
    s->pages += pages;
    return 0;
}

int context_pages(struct context_set *s, uint32_t pages, struct arena_range *out)
{
    int rc = context_pages_raw(s, pages, out);

    if (!rc)
        memset(out->cpu, 0, (size_t)pages * GPU_PAGE_SIZE);
    return rc;
}

void context_set_hwsp(struct context_set *s, enum gen8_engine engine, uint32_t gma)
{
    assert(engine < GEN8_ENGINES);
    s->hwsp[engine] = gma & ~4095u;
}

void context_set_flush(struct context_set *s)
{
    gmem_flush(s->mem);
}

uint64_t context_set_copied(const struct context_set *s, bool written)
{
    return gmem_copied(s->mem, written);
}

/* --- look-up --- */

static struct context_bucket *bucket_of(struct context_set *s, enum gen8_engine engine,
                                        uint32_t lrca)
{
    return &s->bucket[(lrca / 4096 + (uint32_t)engine * 37) % CONTEXT_BUCKETS];
}

static struct context *find(struct context_set *s, enum gen8_engine engine, uint32_t lrca)
{
    struct context *c;

    LIST_FOREACH(c, bucket_of(s, engine, lrca), same)
    {
        if (c->r->lrca == lrca && c->engine == engine)
            return c;
    }
    return NULL;
}

/* A slot for one more; the least recently used that is not on hardware goes if it must. */
static int free_slot(struct context_set *s)
{
    struct context *c;

    if (s->count == CONTEXT_MAX) {
        TAILQ_FOREACH(c, &s->ages, age)
        {
            if (!c->busy && !c->released)
                break;
        }
        if (!c)
            return CONTEXT_NO_ROOM;
        forget(c);
    }
    while (s->slot[s->next_slot])
        s->next_slot = (s->next_slot + 1) % CONTEXT_MAX;
    return 0;
}

int context_make(struct context_set *s, uint32_t slot, enum gen8_engine engine, uint32_t lrca,
                 struct context **out)
{
    struct context *c = calloc(1, sizeof(*c));

    if (!c)
        return -ENOMEM;
    c->user.evict = evict;
    c->set = s;
    c->r = &s->c.records[slot];
    c->engine = engine;
    c->slot = slot;
    s->slot[slot] = c;
    s->count++;
    LIST_INSERT_HEAD(bucket_of(s, engine, lrca), c, same);
    TAILQ_INSERT_TAIL(&s->ages, c, age);
    *out = c;
    return 0;
}

static int make(struct context_set *s, enum gen8_engine engine, uint32_t lrca, struct context **out)
{
    int rc = free_slot(s);

    rc = rc ? rc : context_make(s, s->next_slot, engine, lrca, out);
    if (rc)
        return rc;
    s->next_slot = (s->next_slot + 1) % CONTEXT_MAX;
    *(*out)->r = (struct sched_journal_context){.engine = engine, .lrca = lrca};
    return 0;
}

uint32_t context_slot(const struct context *c)
{
    return c->slot;
}

struct context *context_at(struct context_set *s, uint32_t slot)
{
    return slot < CONTEXT_MAX ? s->slot[slot] : NULL;
}

struct context *context_find(struct context_set *s, uint32_t id)
{
    uint32_t slot = id & ((1u << CONTEXT_ID_SHIFT) - 1);

    if (id >> CONTEXT_ID_SHIFT != s->c.number + 1 || slot >= CONTEXT_MAX)
        return NULL;
    return s->slot[slot];
}

/* --- preparing --- */

static int check_desc(struct context_set *s, enum gen8_engine engine, const struct ctx_gen8_desc *d)
{
    bool legacy = d->mode == CTX_LEGACY_32 || d->mode == CTX_LEGACY_64;

    if (d->valid && d->privileged && legacy &&
        gmem_inside(s->mem, d->lrca, ctx_gen8_pages(engine) * 4096))
        return 0;
    account_event(s->c.account, ACCOUNT_BAD_DESCRIPTOR, "engine=%u lrca=0x%x mode=%u",
                  (unsigned)engine, d->lrca, (unsigned)d->mode);
    return CONTEXT_REFUSED;
}

int context_obtain(struct context_set *s, enum gen8_engine engine, uint32_t lrca,
                   struct context **out)
{
    struct context *c = find(s, engine, lrca);
    int rc = c ? 0 : make(s, engine, lrca, &c);

    if (rc)
        return rc;
    TAILQ_REMOVE(&s->ages, c, age);
    TAILQ_INSERT_TAIL(&s->ages, c, age);
    *out = c;
    return 0;
}

static int prepare(struct context_set *s, enum gen8_engine engine, uint64_t desc,
                   struct context **out)
{
    struct ctx_gen8_desc d = ctx_gen8_desc_decode(desc);
    struct context *c;
    int rc;

    rc = check_desc(s, engine, &d);
    rc = rc ? rc : context_obtain(s, engine, d.lrca, &c);
    if (rc)
        return rc;
    arena_busy(s->c.arena, &c->user); /* not evicted by its own wants */
    rc = c->busy ? context_append(c, d.mode, desc) : context_refresh(c, d.mode, desc);
    if (!c->busy && c->mem.pages)
        arena_idle(s->c.arena, &c->user);
    if (rc)
        return rc;
    c->r->guest_desc = desc;
    *out = c;
    return 0;
}

int context_prepare(struct context_set *s, enum gen8_engine engine, uint64_t desc,
                    struct context **out)
{
    int rc = CONTEXT_REFUSED;

    assert(engine < GEN8_ENGINES && !s->released);
    *out = NULL;
    if (context_may_read(s, engine, desc)) {
        crash_point("sched.context.noted");
        rc = prepare(s, engine, desc, out);
    }
    context_bad_end(s, QUARANTINE_OUTER);
    return rc;
}

uint64_t context_desc(const struct context *c)
{
    struct ctx_gen8_desc d = ctx_gen8_desc_decode(c->r->guest_desc);

    assert(c->ready);
    d.valid = d.privileged = d.coherent = true;
    d.mode = c->r->mode;
    d.priority = 0;
    d.lrca = c->mem.gma;
    d.id = context_id(c);
    return ctx_gen8_desc_encode(&d);
}

uint32_t context_id(const struct context *c)
{
    return (c->set->c.number + 1) << CONTEXT_ID_SHIFT | c->slot;
}

uint64_t context_guest_desc(const struct context *c)
{
    return c->r->guest_desc;
}

enum gen8_engine context_engine(const struct context *c)
{
    return c->engine;
}

void context_set_busy(struct context *c, bool busy)
{
    if (busy) {
        if (!c->busy++)
            c->set->busy++;
        c->released = false;
        __atomic_store_n(&c->r->held, 1, __ATOMIC_RELEASE);
        crash_point("sched.context.held");
        arena_busy(c->set->c.arena, &c->user);
        return;
    }
    assert(c->busy);
    if (--c->busy)
        return;
    c->set->busy--;
    c->released = c->set->released = true;
}

/* From here on it may be evicted, too. */
void context_set_settle(struct context_set *s)
{
    struct context *c;

    if (!s->released)
        return;
    s->released = false;
    TAILQ_FOREACH(c, &s->ages, age)
    {
        if (!c->released)
            continue;
        c->released = false;
        crash_point("sched.context.saved");
        __atomic_store_n(&c->r->held, 0, __ATOMIC_RELEASE);
        if (c->mem.pages)
            arena_idle(s->c.arena, &c->user);
    }
}

bool context_is_busy(const struct context *c)
{
    return c->busy;
}

void context_note_head(struct context *c, uint32_t head)
{
    if (!c->ready || head >= c->r->ring_size || head % 4)
        return;
    if (context_ring_len(c->r->head, head, c->r->ring_size) <=
        context_ring_len(c->r->head, c->r->tail, c->r->ring_size))
        c->r->head = head;
}

bool context_set_roots_mapped(const struct context_set *s)
{
    const struct context *c;

    TAILQ_FOREACH(c, &s->ages, age)
    {
        if (c->busy && !context_root_mapped(c))
            return false;
    }
    return true;
}

void context_reset_engine(struct context_set *s, enum gen8_engine engine)
{
    struct context *c = TAILQ_FIRST(&s->ages), *next;

    for (; c; c = next) {
        next = TAILQ_NEXT(c, age);
        if (c->engine != engine)
            continue;
        if (c->busy || c->released)
            c->r->stale = true;
        else
            forget(c);
    }
    gmem_flush(s->mem);
}

/* --- status page --- */

/* Quarantined: it does not come, as if there were no page. */
int context_post_csb(struct context_set *s, enum gen8_engine engine, unsigned slot, uint64_t csb,
                     unsigned write_ptr)
{
    uint32_t hwsp = s->hwsp[engine];
    int rc = 0;

    assert(engine < GEN8_ENGINES && slot < CSB_ENTRIES);
    if (!hwsp || s->given_up)
        return 0;
    if (context_may_show(s, engine, hwsp)) {
        rc = gmem_store64(s->mem, hwsp + CSB_HWSP_ENTRY(slot) * 4, csb);
        if (!rc)
            rc = gmem_store32(s->mem, hwsp + CSB_HWSP_WRITE * 4, write_ptr);
    }
    context_bad_end(s, QUARANTINE_INNER);
    if (rc)
        account_event(s->c.account, ACCOUNT_BAD_GUEST_ADDR, "status_page=0x%x engine=%u", hwsp,
                      (unsigned)engine);
    return 0;
}
