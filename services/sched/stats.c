/* SPDX-License-Identifier: MIT */
/*
 * stats.c: what vgt-sched knows of its guests and of the engines, for vgtctl. Called by service.c.
 */
#include "services/sched/service.h"

#include <stdlib.h>

#define MAX_COUNTERS (ACCOUNT_EVENTS + 16u)

static const char *const engine_name[GEN8_ENGINES] = {"rcs", "bcs", "vcs", "vecs", "vcs2"};

struct record {
    Vgt__ServiceStats stats;
    Vgt__Counter counter[MAX_COUNTERS], *counters[MAX_COUNTERS];
    Vgt__EngineTime time[GEN8_ENGINES], *times[GEN8_ENGINES];
};

static void begin(struct record *r, uint32_t domid)
{
    vgt__service_stats__init(&r->stats);
    r->stats.domid = domid;
    r->stats.counters = r->counters;
    r->stats.gpu_time = r->times;
}

static void count(struct record *r, const char *name, uint64_t value)
{
    Vgt__Counter *c = &r->counter[r->stats.n_counters];

    vgt__counter__init(c);
    c->name = (char *)name;
    c->value = value;
    r->counters[r->stats.n_counters++] = c;
}

static void engine_time(struct record *r, unsigned engine, uint64_t ns)
{
    Vgt__EngineTime *t = &r->time[r->stats.n_gpu_time];

    vgt__engine_time__init(t);
    t->engine = (char *)engine_name[engine];
    t->time_us = ns / 1000;
    r->times[r->stats.n_gpu_time++] = t;
}

static void of_guest(struct record *r, const struct sched *s, const struct sched_guest *sg)
{
    const struct guest *g = &sg->guest;
    uint64_t events[ACCOUNT_EVENTS];
    struct lane_stats lane;

    begin(r, g->c.domid);
    account_snapshot(&sg->account, events);
    for (unsigned i = 0; i < ACCOUNT_EVENTS; i++)
        count(r, account_event_name(i), events[i]);
    count(r, "submissions", g->stats.submissions);
    count(r, "slices", g->stats.slices);
    count(r, "preemptions", g->stats.preemptions);
    count(r, "resets", g->stats.resets);
    count(r, "hangs", g->stats.hangs);
    lane_stats(&sg->rx.mem, &lane);
    count(r, "lane_messages", lane.messages);
    count(r, "lane_full", lane.full);
    lane_stats(&sg->tx.mem, &lane);
    count(r, "events", lane.messages);
    count(r, "events_full", lane.full);
    for (unsigned e = 0; e < GEN8_ENGINES; e++) {
        r->stats.batches += g->engine[e].batches;
        if (s->hw.engines & GEN8_M(e))
            engine_time(r, e, g->engine[e].gpu_ns);
    }
    r->stats.hung = guest_hung(g);
}

static void of_service(struct record *r, const struct sched *s)
{
    uint64_t submissions = 0, errors = 0;

    begin(r, 0);
    for (unsigned e = 0; e < GEN8_ENGINES; e++) {
        const struct engine *engine = &s->engine[e];

        submissions += engine->submissions;
        errors += engine->errors;
        r->stats.batches += engine->batches;
        if (s->hw.engines & GEN8_M(e))
            engine_time(r, e, engine->busy_ns);
    }
    count(r, "engines_up", s->up);
    count(r, "submissions", submissions);
    count(r, "engine_resets", s->hw.resets);
    count(r, "engine_errors", errors);
    count(r, "tlb_flushes", s->flushes);
    count(r, "tlb_errors", s->flush_errors);
    count(r, "arena_free_pages", s->arena ? arena_free_pages(s->arena) : 0);
}

void sched_stats(struct sched_service *v, uint32_t id)
{
    struct record *all = calloc(WIRE_MAX_GUESTS + 1, sizeof *all);
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
