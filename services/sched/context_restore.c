/* SPDX-License-Identifier: MIT */
/*
 * context_restore.c: shadow contexts of a former process: their pages are claimed before anything
 * else is allocated, then each guest's set is made of its records. Records are our own writing, but
 * a process that crashed wrote them: what makes no sense is dropped. See context.h.
 */
#include "services/sched/context_priv.h"
#include "services/sched/ring_context.h"

#include "gen/ctx_gen7.h"

#include <errno.h>
#include <string.h>

#define MAX_CHAIN 1024u /* pages of batches of one context */

/* ---- claiming */

static int claim(struct arena *a, uint32_t gma, uint32_t pages)
{
    struct arena_range r;

    return arena_claim(a, gma, pages, &r);
}

static void unclaim(struct arena *a, uint32_t gma, uint32_t pages)
{
    struct arena_range r = arena_range_at(a, gma, pages);

    arena_free(a, &r);
}

static void unclaim_ranges(struct arena *a, const struct context_batches *m, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        unclaim(a, m->range[i].gma, m->range[i].pages);
    unclaim(a, m->self, 1);
}

/* A page that lists batches, and these. */
static int claim_batches(struct arena *a, uint32_t gma)
{
    const struct context_batches *m;
    int rc = claim(a, gma, 1);

    if (rc)
        return rc;
    m = arena_cpu(a, gma);
    if (m->self != gma || m->ranges > CONTEXT_RANGES || m->copies > CONTEXT_BATCHES) {
        unclaim(a, gma, 1);
        return -EBADMSG;
    }
    for (uint32_t i = 0; i < m->ranges; i++) {
        rc = claim(a, m->range[i].gma, m->range[i].pages);
        if (rc) {
            unclaim_ranges(a, m, i);
            return rc;
        }
    }
    return 0;
}

static void unclaim_chain(struct arena *a, uint32_t gma, uint32_t n)
{
    while (n--) {
        const struct context_batches *m = arena_cpu(a, gma);

        gma = m->next;
        unclaim_ranges(a, m, m->ranges);
    }
}

static int claim_chain(struct arena *a, uint32_t first)
{
    uint32_t gma = first, n = 0;
    int rc = 0;

    while (gma && !rc) {
        rc = n < MAX_CHAIN ? claim_batches(a, gma) : -EBADMSG;
        if (rc)
            break;
        n++;
        gma = ((const struct context_batches *)arena_cpu(a, gma))->next;
    }
    if (rc)
        unclaim_chain(a, first, n);
    return rc;
}

int ring_batches_claim(struct arena *a, uint32_t batches)
{
    return claim_batches(a, batches);
}

void ring_batches_unclaim(struct arena *a, uint32_t batches)
{
    unclaim_chain(a, batches, batches ? 1 : 0);
}

static uint32_t chain_length(struct arena *a, uint32_t gma)
{
    uint32_t n = 0;

    for (; gma; n++)
        gma = ((const struct context_batches *)arena_cpu(a, gma))->next;
    return n;
}

static bool makes_sense(const struct sched_journal_context *r)
{
    if (r->engine >= GEN8_ENGINES || r->lrca % 4096 > 4)
        return false;
    if (r->image)
        return !r->placed && !r->resume && (!r->held || r->mem_pages == CTX_GEN7_PAGES);
    return !r->held || (r->ring_size && r->ring_size % 4096 == 0 &&
                        r->ring_size <= CONTEXT_RING_MAX && r->root_slot < GTT_MAP_ROOTS &&
                        r->mem_pages == context_mem_pages(r->engine, r->ring_size));
}

static int claim_record(struct arena *a, struct sched_journal_context *r)
{
    int rc = makes_sense(r) ? 0 : -EBADMSG;

    if (!rc && r->held)
        rc = claim(a, r->mem, r->mem_pages);
    if (rc)
        return rc;
    rc = claim_chain(a, r->placed);
    if (rc && r->held)
        unclaim(a, r->mem, r->mem_pages);
    return rc;
}

static bool believed(const struct sched_journal_context *r)
{
    return r->held || r->resume;
}

unsigned context_records_claim(struct arena *a, struct sched_journal_context *records)
{
    unsigned dropped = 0;

    for (uint32_t i = 0; i < CONTEXT_MAX; i++) {
        struct sched_journal_context *r = &records[i];
        bool bad = believed(r) && claim_record(a, r);

        dropped += bad;
        if ((bad || !believed(r)) && (r->lrca || r->guest_desc || bad))
            memset(r, 0, sizeof(*r));
    }
    return dropped;
}

void context_records_release(struct arena *a, struct sched_journal_context *records)
{
    for (uint32_t i = 0; i < CONTEXT_MAX; i++) {
        struct sched_journal_context *r = &records[i];

        if (!believed(r))
            continue;
        unclaim_chain(a, r->placed, chain_length(a, r->placed));
        if (r->held)
            unclaim(a, r->mem, r->mem_pages);
        memset(r, 0, sizeof(*r));
    }
}

/* ---- contexts of the records */

static uint32_t batch_pages(const struct context_batches *m)
{
    uint32_t pages = 1;

    for (uint32_t i = 0; i < m->ranges; i++)
        pages += m->range[i].pages;
    return pages;
}

static uint32_t pages_of(const struct context *c)
{
    const struct context_batches *m = context_batches_at(c, c->r->placed);
    uint32_t pages = c->mem.pages;

    for (; m; m = context_batches_at(c, m->next))
        pages += batch_pages(m);
    return pages;
}

void ring_batches_hold(struct context_set *s, uint32_t batches)
{
    if (batches)
        s->pages += batch_pages(arena_cpu(s->c.arena, batches));
}

static int make_again(struct context_set *s, uint32_t slot)
{
    struct sched_journal_context *r = &s->c.records[slot];
    struct context *c;
    int rc = context_make(s, slot, r->engine, r->lrca, &c);

    if (rc)
        return rc;
    if (r->held) {
        c->mem = arena_range_at(s->c.arena, r->mem, r->mem_pages);
        c->ready = c->imaged = true;
    } else {
        r->mem_pages = 0;
    }
    s->pages += pages_of(c);
    return 0;
}

/* Quarantined: what it did is lost, as with a record that makes no sense. It may be running: its
 * pages are nobody's as long as this process lives. */
static void drop(struct context_set *s, uint32_t slot)
{
    enum gen8_engine engine = s->c.records[slot].engine;

    memset(&s->c.records[slot], 0, sizeof(s->c.records[slot]));
    if (s->c.lost)
        s->c.lost(s->c.ctx, engine);
}

int context_set_restore(struct context_set *s)
{
    int rc = 0;

    for (uint32_t i = 0; i < CONTEXT_MAX && !rc; i++) {
        if (!believed(&s->c.records[i]))
            continue;
        if (context_may_restore(s, i))
            rc = make_again(s, i);
        else
            drop(s, i);
        context_bad_end(s, QUARANTINE_INNER);
    }
    return rc;
}

struct context *context_hold(struct context_set *s, uint32_t slot)
{
    struct context *c = context_at(s, slot);

    if (!c || !c->r->held)
        return NULL;
    context_set_busy(c, true);
    return c;
}

void context_set_restored(struct context_set *s)
{
    struct context *c;

    TAILQ_FOREACH(c, &s->ages, age)
    {
        if (c->busy || !c->r->held)
            continue;
        if (!c->r->image) /* an image that is nobody's current one was saved, or never loaded */
            context_save(c);
        c->released = s->released = true;
    }
    context_set_settle(s);
}
