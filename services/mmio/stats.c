/* SPDX-License-Identifier: MIT */
/*
 * stats.c: what vgt-mmio knows of its guest, for vgtctl. Called through mmio_wire_ops.
 */
#include "services/mmio/service.h"

#define MAX_COUNTERS (ACCOUNT_EVENTS + MMIO_FAULTS + 12u)

struct counters {
    Vgt__ServiceStats stats;
    Vgt__Counter counter[MAX_COUNTERS], *list[MAX_COUNTERS];
};

static void add(struct counters *c, const char *name, uint64_t value)
{
    Vgt__Counter *n = &c->counter[c->stats.n_counters];

    vgt__counter__init(n);
    n->name = (char *)name;
    n->value = value;
    c->list[c->stats.n_counters++] = n;
}

static void fill(struct counters *c, const struct mmio_service *s)
{
    uint64_t events[ACCOUNT_EVENTS];
    struct lane_stats lane;

    account_snapshot(&s->account, events);
    for (unsigned i = 0; i < ACCOUNT_EVENTS; i++)
        add(c, account_event_name(i), events[i]);
    add(c, "accesses", s->mmio.accesses);
    add(c, "gtt_epoch", s->mmio.vreg->gtt_epoch);
    add(c, "submissions", s->mmio.vreg->submit.seq);
    lane_stats(&s->to_gtt.mem, &lane);
    add(c, "to_gtt_full", lane.full);
    lane_stats(&s->to_sched.mem, &lane);
    add(c, "to_sched_full", lane.full);
}

void mmio_stats(void *ctx, uint32_t id)
{
    struct mmio_service *s = ctx;
    struct counters c;
    Vgt__ServiceStats *list[1] = {&c.stats};
    Vgt__StatsReply reply = VGT__STATS_REPLY__INIT;

    vgt__service_stats__init(&c.stats);
    c.stats.domid = s->domid;
    c.stats.counters = c.list;
    if (s->attached)
        fill(&c, s);
    reply.stats = list;
    reply.n_stats = 1;
    wire_reply(s->client, id, VGT__TYPE__TYPE_STATS_REPLY, &reply.base);
}
