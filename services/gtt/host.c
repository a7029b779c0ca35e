/* SPDX-License-Identifier: MIT */
/*
 * host.c: the host's share of the GGTT: entries for sched's own pages on its lane's request, roots
 * sched met before anybody told of them, and display's slice of the aperture. Called by service.c.
 */
#include "services/gtt/service.h"

#include "lib/crash.h"
#include "services/wire/names.h"

#include <errno.h>
#include <string.h>

static uint32_t host_first(const struct gpu *gpu)
{
    return gpu->info.ggtt_entries - WIRE_HOST_HIGH / GPU_PAGE_SIZE;
}

/* What a former process showed in display's slice is not pinned by us. */
static int clear_slice(struct gtt_service *s)
{
    const struct gpu_info *i = &s->gpu->info;
    uint64_t none = gtt_format_of(i->gen)->ggtt_encode(i->scratch_dma);
    uint32_t first = i->aperture_slice_at / GPU_PAGE_SIZE;
    int rc = 0;

    for (uint32_t n = 0; !rc && n < i->aperture_slice / GPU_PAGE_SIZE; n++)
        rc = gpu_gtt_write(s->gpu, first + n, none);
    return rc ? rc : gpu_gtt_flush(s->gpu);
}

struct directories *gtt_host_directories(struct gtt_service *s)
{
    return gtt_format_of(s->gpu->info.gen)->directory ? &s->directories : NULL;
}

/* At the end of the whole space, for sched's pages and, where there are any, directories. */
static struct partition_range host_high(struct gtt_service *s)
{
    uint64_t gm = (uint64_t)s->gpu->info.ggtt_entries * GPU_PAGE_SIZE, size = WIRE_HOST_HIGH;

    if (gtt_host_directories(s))
        size += WIRE_HOST_DIRECTORIES;
    return (struct partition_range){gm - size, size};
}

int gtt_host_claim(struct gtt_service *s)
{
    const struct gpu_info *i = &s->gpu->info;
    struct partition_grant zero = {.owner = PARTITION_NOBODY,
                                   .range = {[PARTITION_LOW] = {0, WIRE_HOST_LOW}}};
    struct partition_grant host = {.owner = PARTITION_HOST};
    int rc;

    if (!gtt_format_of(i->gen))
        return -ENOTSUP;
    rc = partition_init(&s->partition, i->aperture_size, (uint64_t)i->ggtt_entries * GPU_PAGE_SIZE,
                        PARTITION_FENCES);
    if (rc)
        return rc;
    host.range[PARTITION_LOW] = (struct partition_range){i->aperture_slice_at, i->aperture_slice};
    host.range[PARTITION_HIGH] = host_high(s);
    rc = partition_claim(&s->partition, &host);
    rc = rc ? rc : partition_claim(&s->partition, &zero);
    if (!rc && gtt_host_directories(s))
        rc = directories_init(&s->directories, s->gpu);
    return rc ? rc : clear_slice(s);
}

static int map_pages(struct gtt_service *s, const struct sched_gtt *m)
{
    const struct gtt_format *f = gtt_format_of(s->gpu->info.gen);
    uint32_t end = WIRE_HOST_HIGH / GPU_PAGE_SIZE;

    if (!m->count || m->count > SCHED_GTT_MAP_PAGES || m->first >= end || m->count > end - m->first)
        return -EINVAL;
    for (uint32_t i = 0; i < m->count; i++) {
        int rc = m->dma[i] & ~GTT_ADDR ? -EINVAL : 0;

        if (!rc)
            rc =
                gpu_gtt_write(s->gpu, host_first(s->gpu) + m->first + i, f->ggtt_encode(m->dma[i]));
        crash_point("gtt.host.written");
        if (rc)
            return rc;
        s->host_entries++;
    }
    return 0;
}

static int new_root(struct gtt_service *s, const struct sched_gtt *m)
{
    struct gtt_member *member = gtt_member_find(s, m->domid);
    struct mmio_gtt msg = {.kind = MMIO_GTT_PPGTT_NEW, .level = m->count};

    if (!member || member->leaving || !member->guest)
        return -ENOENT;
    memcpy(msg.pdp, m->dma, sizeof(msg.pdp));
    return gtt_guest_apply(member->guest, &msg);
}

static int serve(struct gtt_service *s, const struct sched_gtt *m)
{
    switch (m->kind) {
    case SCHED_GTT_MAP:
        return map_pages(s, m);
    case SCHED_GTT_ROOT:
        return new_root(s, m);
    }
    return -ENOTSUP;
}

/* The answers are cumulative: one that found no room is replaced by the next. */
static void answer(struct gtt_service *s)
{
    int rc;

    if (!s->answer_owed)
        return;
    do
        rc = lane_tx_put(&s->to_sched, &s->answer, sizeof(s->answer));
    while (rc == LANE_FULL && lane_tx_want_room(&s->to_sched) == LANE_READY);
    s->answer_owed = rc == LANE_FULL;
}

/* An answer with an error goes out alone, so that it is not lost in the next. */
static void drain(struct gtt_service *s)
{
    struct lane_slot slot;
    struct sched_gtt m;

    while (!(s->answer_owed && s->answer.error) && lane_rx_next(&s->from_sched, &slot, NULL) == 0) {
        memcpy(&m, &slot, sizeof(m));
        s->answer = (struct gtt_sched){.kind = GTT_SCHED_DONE, .seq = m.seq, .error = serve(s, &m)};
        s->answer_owed = true;
        crash_point("gtt.host.served");
        if (s->answer.error)
            log_write(s->log, LOG_ERR, "a request of sched failed", "kind=%u seq=%llu error=%d",
                      m.kind, (unsigned long long)m.seq, s->answer.error);
        if (s->answer.error)
            answer(s);
    }
}

void gtt_host_turn(struct gtt_service *s)
{
    int rc;

    if (!s->from_sched.mem.shared || s->from_sched.broken)
        return;
    do {
        drain(s);
        rc = gpu_gtt_flush(s->gpu);
        if (rc)
            loop_stop(s->loop, rc);
        crash_point("gtt.host.flushed");
        answer(s);
        crash_point("gtt.host.answered");
        if (s->answer_owed && s->answer.error)
            return; /* sched's room wakes us */
        rc = lane_rx_sleep(&s->from_sched, 1);
    } while (rc == LANE_READY);
    if (rc == LANE_BROKEN)
        log_write(s->log, LOG_ERR, "sched's lane is broken", NULL);
}

static void on_wake(void *data, uint32_t events)
{
    struct gtt_service *s = data;

    (void)events;
    lane_drain(s->from_sched.wake_fd);
    loop_trigger(s->turn);
}

static void on_room(void *data, uint32_t events)
{
    struct gtt_service *s = data;

    (void)events;
    lane_drain(s->to_sched.room_fd);
    loop_trigger(s->turn);
}

int gtt_host_attach(struct gtt_service *s)
{
    int rc = wire_consumer(&s->fds, WIRE_SCHED_GTT, SCHED_GTT_LAYOUT, &s->from_sched);

    if (!rc)
        rc = wire_producer(&s->fds, WIRE_GTT_SCHED, SCHED_GTT_LAYOUT, &s->to_sched);
    if (!rc)
        rc = loop_fd(s->loop, s->from_sched.wake_fd, EPOLLIN, on_wake, s, &s->sched_wake);
    if (!rc)
        rc = loop_fd(s->loop, s->to_sched.room_fd, EPOLLIN, on_room, s, &s->sched_room);
    return rc;
}

void gtt_host_slice(struct gtt_service *s, const struct chan_message *message)
{
    const Vgt__SliceRequest *r = (const Vgt__SliceRequest *)message->body;
    struct gtt_member *m = gtt_member_find(s, r->domid);
    Vgt__SliceReply reply = VGT__SLICE_REPLY__INIT;
    int rc;

    if (r->pages && (!m || !m->guest || m->leaving)) {
        wire_error(s->client, message->id, ENOENT, "no such guest");
        return;
    }
    rc = r->pages ? gtt_slice_show(&s->slice, m->guest, r->first, r->pages)
                  : gtt_slice_clear(&s->slice);
    loop_trigger(s->turn);
    if (rc == -EINVAL)
        wire_error(s->client, message->id, EINVAL, "not inside the guest's graphics memory");
    else if (rc)
        wire_error(s->client, message->id, -rc, "the slice could not be filled");
    else
        wire_reply(s->client, message->id, VGT__TYPE__TYPE_SLICE_REPLY, &reply.base);
}
