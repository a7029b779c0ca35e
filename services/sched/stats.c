/* SPDX-License-Identifier: MIT */
/*
 * stats.c: what vgt-sched knows of its guests and of the engines, for vgtctl. Called by service.c.
 */
#include "services/sched/service.h"

#include "services/wire/record.h"

#include <stdlib.h>

static const char *const engine_name[GEN8_ENGINES] = {"rcs", "bcs", "vcs", "vecs", "vcs2"};

static void of_guest(struct wire_record *r, const struct sched *s, const struct sched_guest *sg)
{
    const struct guest *g = &sg->guest;
    struct lane_stats lane;

    wire_record_begin(r, g->c.domid);
    wire_record_account(r, &sg->account);
    wire_record_quarantine(r, &sg->quarantine);
    wire_record_count(r, "submissions", g->stats.submissions);
    wire_record_count(r, "bytes_read", context_set_copied(sg->contexts, false));
    wire_record_count(r, "bytes_written", context_set_copied(sg->contexts, true));
    wire_record_count(r, "slices", g->stats.slices);
    wire_record_count(r, "preemptions", g->stats.preemptions);
    wire_record_count(r, "resets", g->stats.resets);
    wire_record_count(r, "hangs", g->w.hangs);
    wire_record_count(r, "replayed", sg->rx.replayed);
    lane_stats(&sg->rx.mem, &lane);
    wire_record_count(r, "lane_messages", lane.messages);
    wire_record_count(r, "lane_full", lane.full);
    lane_stats(&sg->tx.mem, &lane);
    wire_record_count(r, "events", lane.messages);
    wire_record_count(r, "events_full", lane.full);
    for (unsigned e = 0; e < GEN8_ENGINES; e++) {
        r->stats.batches += g->engine[e].batches;
        if (s->hw.engines & GEN8_M(e))
            wire_record_time(r, engine_name[e], g->engine[e].gpu_ns);
    }
    r->stats.hung = guest_hung(g);
    r->stats.hangs = g->w.hangs;
    r->stats.throttled_ms = (engine_throttled(g, sched_now()) + 999999) / 1000000;
}

static void of_service(struct wire_record *r, const struct sched *s)
{
    uint64_t submissions = 0, errors = 0;

    wire_record_begin(r, 0);
    for (unsigned e = 0; e < GEN8_ENGINES; e++) {
        const struct engine *engine = &s->engine[e];

        submissions += engine->submissions;
        errors += engine->errors;
        r->stats.batches += engine->batches;
        if (s->hw.engines & GEN8_M(e))
            wire_record_time(r, engine_name[e], engine->busy_ns);
    }
    wire_record_count(r, "engines_up", s->up);
    wire_record_count(r, "replayed", s->from_gtt.replayed);
    wire_record_count(r, "submissions", submissions);
    wire_record_count(r, "engine_resets", s->hw.resets);
    wire_record_count(r, "engine_errors", errors);
    wire_record_count(r, "contexts_taken_over", s->restored);
    wire_record_count(r, "contexts_dropped", s->dropped);
    wire_record_count(r, "tlb_flushes", s->flushes);
    wire_record_count(r, "tlb_errors", s->flush_errors);
    wire_record_count(r, "arena_free_pages", s->arena ? arena_free_pages(s->arena) : 0);
}

void sched_stats(struct sched_service *v, uint32_t id)
{
    struct wire_record *all = calloc(WIRE_MAX_GUESTS + 1, sizeof *all);
    Vgt__ServiceStats *list[WIRE_MAX_GUESTS + 1];
    Vgt__StatsReply reply = VGT__STATS_REPLY__INIT;
    const struct sched *s = v->sched;

    if (!all) {
        wire_error(v->client, id, 12, "out of memory");
        return;
    }
    reply.stats = list;
    of_service(&all[0], s);
    list[reply.n_stats++] = &all[0].stats;
    for (unsigned i = 0; i < WIRE_MAX_GUESTS; i++) {
        if (!s->guest[i] || s->guest[i]->guest.leaving)
            continue;
        of_guest(&all[reply.n_stats], s, s->guest[i]);
        list[reply.n_stats] = &all[reply.n_stats].stats;
        reply.n_stats++;
    }
    wire_reply(v->client, id, VGT__TYPE__TYPE_STATS_REPLY, &reply.base);
    free(all);
}
