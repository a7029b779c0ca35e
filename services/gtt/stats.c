/* SPDX-License-Identifier: MIT */
/*
 * stats.c: what vgt-gtt knows of its guests and of graphics memory as a whole, for vgtctl. Called
 * through gtt_wire_ops.
 */
#include "services/gtt/service.h"

#include "services/wire/record.h"

#include <stdlib.h>

static void fill(struct wire_record *g, const struct gtt_member *m)
{
    struct lane_stats lane;

    wire_record_begin(g, m->domid);
    wire_record_account(g, &m->account);
    wire_record_quarantine(g, &m->quarantine);
    wire_record_count(g, "pins", m->guest->pins.held);
    wire_record_count(g, "tables", m->guest->shadows.live);
    wire_record_count(g, "roots", m->guest->ppgtt.count);
    wire_record_count(g, "epoch", m->guest->epoch);
    wire_record_count(g, "table_pages", m->guest->pages.used);
    wire_record_count(g, "worker_jobs", m->guest->pins.fetch_jobs);
    wire_record_count(g, "worker_pins", m->guest->pins.fetch_pins);
    wire_record_count(g, "worker_calls", m->guest->pins.fetch_calls);
    wire_record_count(g, "replayed", m->from_mmio.replayed);
    lane_stats(&m->from_mmio.mem, &lane);
    wire_record_count(g, "lane_messages", lane.messages);
    wire_record_count(g, "lane_full", lane.full);
}

/* Of the GPU's memory, with the lists its Gpu points to. */
struct room {
    Vgt__Gpu gpu;
    uint64_t low[PARTITION_PIECES], high[PARTITION_PIECES], fences64[PARTITION_PIECES];
    uint32_t fences[PARTITION_PIECES];
};

static void fill_pieces(const struct partition *p, struct room *room)
{
    Vgt__Gpu *gpu = &room->gpu;

    gpu->low_pieces = room->low;
    gpu->high_pieces = room->high;
    gpu->fence_pieces = room->fences;
    gpu->n_low_pieces = partition_pieces(p, PARTITION_LOW, room->low, PARTITION_PIECES);
    gpu->n_high_pieces = partition_pieces(p, PARTITION_HIGH, room->high, PARTITION_PIECES);
    gpu->n_fence_pieces = partition_pieces(p, PARTITION_FENCE, room->fences64, PARTITION_PIECES);
    for (size_t i = 0; i < gpu->n_fence_pieces; i++)
        room->fences[i] = (uint32_t)room->fences64[i];
}

static void fill_gpu(const struct gtt_service *s, struct room *room)
{
    const struct partition *p = &s->partition;
    Vgt__Gpu *gpu = &room->gpu;

    vgt__gpu__init(gpu);
    fill_pieces(p, room);
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
    struct wire_record *all = calloc(WIRE_MAX_GUESTS + 1, sizeof(*all));
    Vgt__ServiceStats *list[WIRE_MAX_GUESTS + 1];
    Vgt__StatsReply reply = VGT__STATS_REPLY__INIT;
    struct room room;

    if (!all) {
        wire_error(s->client, id, 12, "out of memory");
        return;
    }
    reply.stats = list;
    wire_record_begin(&all[0], 0);
    wire_record_count(&all[0], "host_entries", s->host_entries);
    if (s->gpu && gtt_host_directories(s))
        wire_record_count(&all[0], "directories", directories_held(&s->directories, NULL));
    wire_record_count(&all[0], "replayed", s->from_sched.replayed);
    if (s->gpu) {
        fill_gpu(s, &room);
        all[0].stats.gpu = &room.gpu;
    }
    list[reply.n_stats++] = &all[0].stats;
    for (unsigned i = 0; i < WIRE_MAX_GUESTS; i++) {
        if (!gtt_member_serves(&s->member[i]) || s->member[i].leaving)
            continue;
        fill(&all[reply.n_stats], &s->member[i]);
        list[reply.n_stats] = &all[reply.n_stats].stats;
        reply.n_stats++;
    }
    wire_reply(s->client, id, VGT__TYPE__TYPE_STATS_REPLY, &reply.base);
    free(all);
}
