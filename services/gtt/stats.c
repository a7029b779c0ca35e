/* SPDX-License-Identifier: MIT */
/*
 * stats.c: what vgt-gtt knows of its guests and of graphics memory as a whole, for vgtctl. Called
 * through gtt_wire_ops.
 */
#include "services/gtt/service.h"

#include <stdlib.h>

#define MAX_COUNTERS (ACCOUNT_EVENTS + 12u)

struct guest_stats {
    Vgt__ServiceStats stats;
    Vgt__Counter counter[MAX_COUNTERS], *list[MAX_COUNTERS];
};

static void add(struct guest_stats *g, const char *name, uint64_t value)
{
    Vgt__Counter *c = &g->counter[g->stats.n_counters];

    vgt__counter__init(c);
    c->name = (char *)name;
    c->value = value;
    g->list[g->stats.n_counters++] = c;
}

static void fill(struct guest_stats *g, const struct gtt_member *m)
{
    uint64_t events[ACCOUNT_EVENTS];
    struct lane_stats lane;

    vgt__service_stats__init(&g->stats);
    g->stats.domid = m->domid;
    g->stats.counters = g->list;
    account_snapshot(&m->account, events);
    for (unsigned i = 0; i < ACCOUNT_EVENTS; i++)
        add(g, account_event_name(i), events[i]);
    add(g, "pins", m->guest->pins.held);
    add(g, "tables", m->guest->shadows.live);
    add(g, "roots", m->guest->ppgtt.count);
    add(g, "epoch", m->guest->epoch);
    add(g, "table_pages", m->guest->pages.used);
    add(g, "worker_jobs", m->guest->pins.fetch_jobs);
    add(g, "worker_pins", m->guest->pins.fetch_pins);
    add(g, "worker_calls", m->guest->pins.fetch_calls);
    lane_stats(&m->from_mmio.mem, &lane);
    add(g, "lane_messages", lane.messages);
    add(g, "lane_full", lane.full);
}

static void fill_gpu(const struct gtt_service *s, Vgt__Gpu *gpu)
{
    const struct partition *p = &s->partition;

    vgt__gpu__init(gpu);
    gpu->device_id = s->gpu->info.device;
    gpu->low_total = p->space[PARTITION_LOW].size;
    gpu->low_free = partition_room(p, PARTITION_LOW, NULL);
    gpu->high_total = p->space[PARTITION_HIGH].size;
    gpu->high_free = partition_room(p, PARTITION_HIGH, NULL);
    gpu->fences_total = (uint32_t)p->space[PARTITION_FENCE].size;
    gpu->fences_free = (uint32_t)partition_room(p, PARTITION_FENCE, NULL);
}

void gtt_stats(void *ctx, uint32_t id)
{
    struct gtt_service *s = ctx;
    struct guest_stats *all = calloc(WIRE_MAX_GUESTS + 1, sizeof(*all));
    Vgt__ServiceStats *list[WIRE_MAX_GUESTS + 1];
    Vgt__StatsReply reply = VGT__STATS_REPLY__INIT;
    Vgt__Gpu gpu;

    if (!all) {
        wire_error(s->client, id, 12, "out of memory");
        return;
    }
    reply.stats = list;
    vgt__service_stats__init(&all[0].stats);
    all[0].stats.counters = all[0].list;
    add(&all[0], "host_entries", s->host_entries);
    if (s->gpu) {
        fill_gpu(s, &gpu);
        all[0].stats.gpu = &gpu;
    }
    list[reply.n_stats++] = &all[0].stats;
    for (unsigned i = 0; i < WIRE_MAX_GUESTS; i++) {
        if (!s->member[i].used || s->member[i].leaving)
            continue;
        fill(&all[reply.n_stats], &s->member[i]);
        list[reply.n_stats] = &all[reply.n_stats].stats;
        reply.n_stats++;
    }
    wire_reply(s->client, id, VGT__TYPE__TYPE_STATS_REPLY, &reply.base);
    free(all);
}
