/* SPDX-License-Identifier: MIT */
/*
 * takeover.c: what a former vgt-sched left: the journal, the arena's pages and engines that run.
 * Either all of it is taken over, or (first start, or the module gave the pages back meanwhile) the
 * engines are halted and the journal's contexts forgotten. Called by sched.c; see journal.h.
 */
#include <errno.h>
#include <string.h>

#include "lib/crash.h"
#include "services/sched/journal.h"
#include "services/sched/ring_context.h"
#include "services/sched/sched_priv.h"

#define GUESTS_LATE_NS 30000000000ull /* the broker names all guests at once */

void sched_commit(void *sched)
{
    struct sched *s = sched;

    engines_commit(s->journal, s->engine, GEN8_ENGINES, &s->ring);
}

/* ---- start */

/* Haswell: pages of ours are gone, and with them what was in an engine's ring. */
static void forget_rings(struct sched_journal_state *state)
{
    for (unsigned e = 0; e < GEN8_ENGINES; e++) {
        state->engine[e].hung |= state->ring[e].chunks > 0;
        state->ring[e].chunks = state->ring[e].kept = 0;
    }
}

static int start_afresh(struct sched *s)
{
    struct sched_journal *j = s->journal;

    j->started = 0;
    memset(j->hwsp, 0, sizeof j->hwsp);
    memset(j->engine, 0, sizeof j->engine);
    memset(j->ring, 0, sizeof j->ring);
    for (unsigned i = 0; i < SCHED_JOURNAL_GUESTS; i++) {
        if (!j->guest[i].state.domid)
            continue;
        memset(j->guest[i].context, 0, sizeof j->guest[i].context);
        forget_rings(&j->guest[i].state);
    }
    return hw_halt(&s->hw);
}

static int claim_status_pages(struct sched *s)
{
    int rc = 0;

    for (unsigned e = 0; e < GEN8_ENGINES && !rc; e++)
        rc = arena_claim(s->arena, s->journal->hwsp[e], 1, &s->hwsp[e]);
    return rc;
}

/* What one virtual ring keeps in the arena. One that cannot be claimed is nobody's. */
static void claim_kept(struct sched *s, struct sched_vring *r)
{
    struct arena_range page;

    if (r->kept && arena_claim(s->arena, r->kept, 1, &page))
        r->kept = 0;
}

/* An engine's ring, and what the chunks in it placed. A damaged one is empty: then the engine does
 * not have what it says, and is reset. */
static int claim_ring(struct sched *s, unsigned e)
{
    struct sched_journal_ring *w = &s->journal->ring[e];
    int rc = arena_claim(s->arena, w->gma, HW_RING_BYTES / GPU_PAGE_SIZE, &s->ring_pages[e]);

    if (rc)
        return rc;
    w->count = w->count <= SCHED_JOURNAL_CHUNKS ? w->count : 0;
    for (uint32_t i = 0; i < w->count; i++)
        if (w->chunk[i].batches && ring_batches_claim(s->arena, w->chunk[i].batches))
            w->chunk[i].batches = 0;
    s->hw.ring[e] = w->gma;
    engine_set_ring(&s->engine[e], &s->ring_pages[e], &s->hwsp[e], w);
    return 0;
}

static int claim_rings(struct sched *s)
{
    int rc = 0;

    if (!hw_has_rings(&s->hw))
        return 0;
    for (unsigned e = 0; e < GEN8_ENGINES && !rc; e++)
        if (s->hw.engines & GEN8_M(e))
            rc = claim_ring(s, e);
    for (unsigned i = 0; i < SCHED_JOURNAL_GUESTS; i++)
        for (unsigned e = 0; e < GEN8_ENGINES && s->journal->guest[i].state.domid; e++)
            claim_kept(s, &s->journal->guest[i].state.ring[e]);
    return rc;
}

static unsigned believed(const struct sched_journal_context *records)
{
    unsigned n = 0;

    for (unsigned i = 0; i < CONTEXT_MAX; i++)
        n += records[i].held || records[i].resume;
    return n;
}

static void claim_contexts(struct sched *s)
{
    for (unsigned i = 0; i < SCHED_JOURNAL_GUESTS; i++) {
        struct sched_journal_guest *g = &s->journal->guest[i];

        if (!g->state.domid)
            continue;
        s->dropped += context_records_claim(s->arena, g->context);
        s->restored += believed(g->context);
    }
}

/* An engine that had nothing, and was being reset. */
static int finish_resets(struct sched *s)
{
    int rc = 0;

    for (unsigned e = 0; e < GEN8_ENGINES && !rc; e++)
        if (s->hw.engines & ~s->alive & GEN8_M(e) && !s->engine[e].adopting)
            rc = hw_reset(&s->hw, e);
    return rc;
}

static int get_ready(struct sched *s)
{
    int rc = claim_status_pages(s);

    rc = rc ? rc : claim_rings(s);
    if (rc)
        return rc;
    claim_contexts(s);
    crash_point("sched.start.claimed");
    rc = hw_adopt(&s->hw, s->journal->hwsp);
    if (rc < 0)
        return rc;
    s->adopt = true;
    s->alive = (uint32_t)rc;
    for (unsigned e = 0; e < GEN8_ENGINES; e++)
        engine_left(&s->engine[e], &s->journal->engine[e]);
    crash_point("sched.start.engines");
    log_write(s->c.log, LOG_WARNING, "an earlier process ended", "contexts=%u dropped=%u alive=%#x",
              s->restored, s->dropped, s->alive);
    return s->alive ? finish_resets(s) : hw_halt(&s->hw);
}

int sched_take_over(struct sched *s)
{
    int rc = journal_redo(s->journal);

    if (rc) {
        log_write(s->c.log, LOG_ERR,
                  "the journal is damaged: stop all guests and vgt.target, and "
                  "start again",
                  "error=%d", rc);
        return rc;
    }
    if (!s->journal->started || !arena_is_old(s->arena))
        return start_afresh(s);
    return get_ready(s);
}

/* Haswell: batches of chunks whose guest does not come; what ran them is reset next. */
static void give_up_batches(struct sched *s, struct engine *e)
{
    const struct sched_journal_engine *left = &e->left;

    if (!e->adopting || (left->running && sched_guest_find(s, left->now.domid)))
        return;
    for (uint32_t i = 0; i < e->ring.w.count; i++) {
        ring_batches_unclaim(s->arena, e->ring.w.chunk[i].batches);
        e->ring.w.chunk[i].batches = 0;
    }
}

int sched_adopt_engines(struct sched *s)
{
    uint64_t now = sched_now();
    bool late = s->lost_guest || now - s->up_at > GUESTS_LATE_NS;
    int rc = 0;

    for (unsigned e = 0; e < GEN8_ENGINES && rc >= 0; e++) {
        if (!(s->hw.engines & GEN8_M(e)))
            continue;
        if (late)
            give_up_batches(s, &s->engine[e]);
        rc = engine_adopt(&s->engine[e], s->alive & GEN8_M(e), late, now);
    }
    s->lost_guest = false;
    return rc < 0 ? rc : 0;
}
