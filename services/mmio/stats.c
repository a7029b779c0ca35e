/* SPDX-License-Identifier: MIT */
/*
 * stats.c: what vgt-mmio knows of its guest, for vgtctl. Called through mmio_wire_ops.
 */
#include "services/mmio/service.h"

#include "services/wire/record.h"

static void fill(struct wire_record *r, const struct mmio_service *s)
{
    struct lane_stats lane;

    wire_record_account(r, &s->account);
    wire_record_quarantine(r, &s->quarantine);
    wire_record_count(r, "accesses", s->mmio.accesses);
    wire_record_count(r, "table_writes", s->mmio.table_writes);
    wire_record_count(r, "lifts", s->mmio.lifts);
    wire_record_count(r, "replayed",
                      s->mmio.replayed + s->from_gtt.replayed + s->from_sched.replayed);
    wire_record_count(r, "gtt_epoch", s->mmio.vreg->gtt_epoch);
    wire_record_count(r, "submissions", s->mmio.vreg->submit.seq);
    lane_stats(&s->to_gtt.mem, &lane);
    wire_record_count(r, "to_gtt_full", lane.full);
    lane_stats(&s->to_sched.mem, &lane);
    wire_record_count(r, "to_sched_full", lane.full);
}

void mmio_stats(void *ctx, uint32_t id)
{
    struct mmio_service *s = ctx;
    struct wire_record r;
    Vgt__ServiceStats *list[1] = {&r.stats};
    Vgt__StatsReply reply = VGT__STATS_REPLY__INIT;

    wire_record_begin(&r, s->domid);
    if (s->attached)
        fill(&r, s);
    reply.stats = list;
    reply.n_stats = 1;
    wire_reply(s->client, id, VGT__TYPE__TYPE_STATS_REPLY, &reply.base);
}
