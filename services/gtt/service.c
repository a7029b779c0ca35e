/* SPDX-License-Identifier: MIT */
/*
 * service.c: guests of vgt-gtt: attach, turns of their lanes, detach. Every guest gets a bounded
 * budget per turn of the loop, so a guest with much work delays the others by one budget at most.
 * See service.h.
 */
#include "services/gtt/service.h"

#include "gpu/node/node.h"
#include "lib/crash.h"
#include "services/wire/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MIB           (UINT64_C(1) << 20)
#define MAX_PINS      (UINT64_C(1) << 20)
#define MAX_TABLES    8192u
#define TICK_NS       (20u * 1000 * 1000)
#define DETACH_BUDGET 65536u

struct gtt_member *gtt_member_find(struct gtt_service *s, uint32_t domid)
{
    for (unsigned i = 0; i < WIRE_MAX_GUESTS; i++)
        if (s->member[i].used && s->member[i].domid == domid)
            return &s->member[i];
    return NULL;
}

/* ---- a guest's lanes */

static void on_wake(void *data, uint32_t events)
{
    struct gtt_member *m = data;

    (void)events;
    lane_drain(m->from_mmio.wake_fd);
    loop_trigger(m->service->turn);
}

static void on_room(void *data, uint32_t events)
{
    struct gtt_member *m = data;

    (void)events;
    lane_drain(m->to_mmio.room_fd);
    m->lane_full = false;
    loop_trigger(m->service->turn);
}

static void lane_lost(struct gtt_member *m, const char *lane)
{
    Vgt__LaneBroken b = VGT__LANE_BROKEN__INIT;

    if (m->lane_broken)
        return;
    m->lane_broken = true;
    account_event(&m->account, ACCOUNT_LANE_BROKEN, "lane=%s", lane);
    b.domid = m->domid;
    b.lane = (char *)lane;
    wire_request(m->service->client, VGT__TYPE__TYPE_LANE_BROKEN, &b.base);
}

/* Asks mmio to trap writes to gfn, or not to. */
static int protect(void *ctx, uint64_t gfn, bool on)
{
    struct gtt_member *m = ctx;
    struct gtt_mmio msg = {.kind = on ? GTT_MMIO_PROTECT : GTT_MMIO_UNPROTECT, .gfn = gfn};
    int rc = LANE_FULL;

    if (m->lane_broken)
        return -EPIPE;
    while (!m->lane_full && rc == LANE_FULL) {
        rc = lane_tx_put(&m->to_mmio, &msg, sizeof(msg));
        if (rc == LANE_FULL && lane_tx_want_room(&m->to_mmio) != LANE_READY)
            m->lane_full = true;
    }
    if (rc == LANE_BROKEN)
        lane_lost(m, WIRE_GTT_MMIO);
    return rc;
}

/* sched looks again at what waits for an epoch or an invalidation. */
static void ring_bell(struct gtt_member *m)
{
    uint64_t epoch = m->guest->epoch, clear = m->guest->tlb.map->clear_seq;

    if (epoch == m->told_epoch && clear == m->told_clear)
        return;
    m->told_epoch = epoch;
    m->told_clear = clear;
    crash_point("gtt.bell.due");
    if (m->service->to_sched.mem.shared)
        lane_kick(m->service->to_sched.wake_fd);
}

/* True: there is more to do at once. */
static bool consume(struct gtt_member *m)
{
    int rc = gtt_guest_consume(m->guest, &m->from_mmio, GTT_BUDGET);

    if (!rc)
        rc = lane_rx_sleep(&m->from_mmio, 1);
    if (rc == LANE_BROKEN)
        lane_lost(m, WIRE_MMIO_GTT);
    if (rc < 0) {
        log_write(m->service->log, LOG_ERR, "the GPU refused a GTT write", "domid=%u error=%d",
                  m->domid, rc);
        loop_stop(m->service->loop, rc);
        return false;
    }
    return rc == GTT_GUEST_MORE || rc == LANE_READY;
}

static_assert((int)GTT_GUEST_MORE != (int)LANE_READY && (int)GTT_GUEST_WAITS > (int)LANE_READY,
              "told apart");

/* ---- leaving */

static void detach_lanes(struct gtt_member *m)
{
    loop_remove(m->wake);
    loop_remove(m->room);
    if (m->from_mmio.mem.shared)
        lane_consumer_detach(&m->from_mmio);
    if (m->to_mmio.mem.shared)
        lane_producer_detach(&m->to_mmio);
}

static void release(struct gtt_member *m)
{
    struct gtt_service *s = m->service;

    detach_lanes(m);
    region_unmap(&m->vggtt);
    region_unmap(&m->map);
    region_unmap(&m->bad);
    for (unsigned i = 0; i < TLB_READERS; i++)
        region_unmap(&m->inval[i]);
    if (m->vmm)
        s->ops->close(m->vmm);
    wire_fds_close(&m->fds);
    m->used = false;
}

static void left(struct gtt_member *m)
{
    struct gtt_service *s = m->service;
    Vgt__GuestRemoved removed = VGT__GUEST_REMOVED__INIT;

    removed.domid = m->domid;
    m->guest = NULL;
    crash_point("gtt.remove.detached");
    gpu_unpin_domain(s->gpu, (uint16_t)m->domid);
    crash_point("gtt.remove.unpinned");
    partition_free(&s->partition, m->domid);
    release(m);
    wire_forget(s->client, m->domid);
    wire_reply(s->client, m->remove_id, VGT__TYPE__TYPE_GUEST_REMOVED, &removed.base);
    crash_point("gtt.remove.told");
    log_write(s->log, LOG_INFO, "guest detached", "domid=%u", m->domid);
}

static void leave(struct gtt_member *m)
{
    int rc = gtt_guest_detach(m->guest, DETACH_BUDGET);

    if (rc == 0) {
        left(m);
        return;
    }
    if (rc < 0)
        loop_stop(m->service->loop, rc);
    else
        ring_bell(m); /* the rest waits for invalidations; the tick looks again */
}

static void turn_of(struct gtt_member *m)
{
    if (m->leaving) {
        leave(m);
        return;
    }
    if (m->lane_broken)
        return;
    if (consume(m))
        loop_trigger(m->service->turn);
    ring_bell(m);
}

static bool anybody_waits(const struct gtt_service *s)
{
    for (unsigned i = 0; i < WIRE_MAX_GUESTS; i++)
        if (s->member[i].used && (s->member[i].leaving || s->member[i].guest->pages.waiting ||
                                  s->member[i].guest->pins.queue.tqh_first))
            return true;
    return false;
}

void gtt_service_turn(struct gtt_service *s)
{
    if (!s->gpu)
        return;
    gtt_host_turn(s);
    gtt_bad_careful(s);
    for (unsigned i = 0; i < WIRE_MAX_GUESTS; i++)
        if (s->member[i].used)
            turn_of(&s->member[i]);
    loop_timer_arm(s->tick, anybody_waits(s) ? TICK_NS : 0, 0);
}

static void on_turn(void *data, uint32_t events)
{
    (void)events;
    gtt_service_turn(data);
}

/* ---- coming */

static int grant(struct gtt_service *s, const Vgt__GuestAdd *add, struct partition_grant *out,
                 char *why, size_t size)
{
    const Vgt__Resources *r = add->resources;

    if (!add->restart)
        return partition_take(&s->partition, add->domid, r->low_size, r->high_size, r->fences, out,
                              why, size);
    *out = (struct partition_grant){.owner = add->domid};
    out->range[PARTITION_LOW] = (struct partition_range){r->low_base, r->low_size};
    out->range[PARTITION_HIGH] = (struct partition_range){r->high_base, r->high_size};
    out->range[PARTITION_FENCE] = (struct partition_range){r->fence_base, r->fences};
    return partition_claim(&s->partition, out);
}

static int map_regions(struct gtt_member *m)
{
    static const char *const inval[TLB_READERS] = {WIRE_INVAL_SCHED, WIRE_INVAL_DISPLAY};
    int rc = wire_region(&m->fds, WIRE_VGGTT, WIRE_REGION_VGGTT, VGGTT_LAYOUT, sizeof(struct vggtt),
                         false, &m->vggtt);

    if (!rc)
        rc = wire_region(&m->fds, WIRE_GTT_MAP, WIRE_REGION_GTT_MAP, GTT_MAP_LAYOUT,
                         sizeof(struct gtt_map), true, &m->map);
    for (unsigned i = 0; i < TLB_READERS && !rc; i++)
        rc = wire_region(&m->fds, inval[i], WIRE_REGION_INVAL, GTT_INVAL_LAYOUT,
                         sizeof(struct gtt_inval), false, &m->inval[i]);
    return rc ? rc : gtt_bad_attach(m);
}

static int attach_lanes(struct gtt_member *m)
{
    struct loop *loop = m->service->loop;
    int rc = wire_consumer(&m->fds, WIRE_MMIO_GTT, MMIO_GTT_LAYOUT, &m->from_mmio);

    if (!rc)
        rc = wire_producer(&m->fds, WIRE_GTT_MMIO, MMIO_GTT_LAYOUT, &m->to_mmio);
    if (!rc)
        rc = loop_fd(loop, m->from_mmio.wake_fd, EPOLLIN, on_wake, m, &m->wake);
    if (!rc)
        rc = loop_fd(loop, m->to_mmio.room_fd, EPOLLIN, on_room, m, &m->room);
    return rc;
}

static int make_guest(struct gtt_member *m, const struct partition_grant *grant)
{
    struct gtt_service *s = m->service;
    struct gtt_guest_config c = {.domid = (uint16_t)m->domid,
                                 .gpu = s->gpu,
                                 .ops = s->ops,
                                 .vmm = m->vmm,
                                 .account = &m->account,
                                 .map = m->map.data,
                                 .image = m->vggtt.data,
                                 .grant = *grant,
                                 .protect = protect,
                                 .ctx = m,
                                 .workers = s->workers,
                                 .max_pins = MAX_PINS,
                                 .max_tables = MAX_TABLES,
                                 .confirmed = true,
                                 .quarantine = &m->quarantine};

    for (unsigned i = 0; i < TLB_READERS; i++)
        c.inval[i] = m->inval[i].data;
    return gtt_guest_new(&c, &m->guest);
}

/* A guest that was here before is taken up even if its vgt-mmio has ruined a lane: refused, what
 * the process before this one pinned for it would stay pinned for ever. */
static int attach(struct gtt_member *m, const struct partition_grant *grant, bool restart)
{
    int rc = m->service->ops->open_memory(m->domid, &m->vmm);

    crash_point("gtt.attach.memory");
    if (!rc)
        rc = map_regions(m);
    if (!rc)
        rc = attach_lanes(m);
    crash_point("gtt.attach.lanes");
    if (rc == -EBADMSG && restart && m->inval[TLB_READERS - 1].data) {
        lane_lost(m, m->from_mmio.mem.shared ? WIRE_GTT_MMIO : WIRE_MMIO_GTT);
        rc = 0;
    }
    return rc ? rc : make_guest(m, grant);
}

static struct gtt_member *free_member(struct gtt_service *s)
{
    for (unsigned i = 0; i < WIRE_MAX_GUESTS; i++)
        if (!s->member[i].used)
            return &s->member[i];
    return NULL;
}

static void ready(struct gtt_service *s, uint32_t domid, const struct partition_grant *g,
                  uint32_t id)
{
    Vgt__GuestReady reply = VGT__GUEST_READY__INIT;
    Vgt__Resources r = VGT__RESOURCES__INIT;

    reply.domid = domid;
    reply.resources = &r;
    r.low_base = g->range[PARTITION_LOW].base;
    r.low_size = g->range[PARTITION_LOW].size;
    r.high_base = g->range[PARTITION_HIGH].base;
    r.high_size = g->range[PARTITION_HIGH].size;
    r.fence_base = (uint32_t)g->range[PARTITION_FENCE].base;
    r.fences = (uint32_t)g->range[PARTITION_FENCE].size;
    wire_reply(s->client, id, VGT__TYPE__TYPE_GUEST_READY, &reply.base);
}

static void refuse(struct gtt_service *s, uint32_t domid, struct wire_fds *fds, uint32_t id,
                   int err, const char *why)
{
    log_write(s->log, LOG_WARNING, "guest not attached", "domid=%u error=%d why=\"%s\"", domid, err,
              why);
    wire_fds_close(fds);
    wire_forget(s->client, domid);
    wire_error(s->client, id, err, why);
}

static void guest_add(void *ctx, const Vgt__GuestAdd *add, struct wire_fds *fds, uint32_t id)
{
    struct gtt_service *s = ctx;
    struct gtt_member *m = free_member(s);
    struct partition_grant g;
    char why[512] = "this domain has no room in the table of guests";
    int rc;

    if (!s->gpu || !m || !add->resources || add->domid > UINT16_MAX) {
        refuse(s, add->domid, fds, id, EINVAL, "vgt-gtt has no GPU yet, or the request is odd");
        return;
    }
    rc = grant(s, add, &g, why, sizeof(why));
    if (rc) {
        refuse(s, add->domid, fds, id, -rc, why);
        return;
    }
    crash_point("gtt.attach.granted");
    *m = (struct gtt_member){.service = s, .used = true, .domid = add->domid, .fds = *fds};
    fds->count = 0;
    account_init(&m->account, add->domid, add->name, s->log);
    rc = attach(m, &g, add->restart);
    if (rc) {
        partition_free(&s->partition, add->domid);
        release(m);
        refuse(s, add->domid, fds, id, -rc, "vgt-gtt could not take the guest's memory over");
        return;
    }
    crash_point("gtt.attach.made");
    ready(s, add->domid, &g, id);
    crash_point("gtt.attach.told");
    log_write(s->log, LOG_INFO, "guest attached",
              "domid=%u name=%s low=%llu+%llu MiB high=%llu+%llu MiB", add->domid, m->account.name,
              (unsigned long long)(g.range[PARTITION_LOW].base / MIB),
              (unsigned long long)(g.range[PARTITION_LOW].size / MIB),
              (unsigned long long)(g.range[PARTITION_HIGH].base / MIB),
              (unsigned long long)(g.range[PARTITION_HIGH].size / MIB));
    loop_trigger(s->turn);
}

/* Whose TLBs never knew the guest need not be waited for. */
static void unseen(void *ctx, uint32_t domid, uint32_t who)
{
    static const uint32_t bit[TLB_READERS] = {WIRE_UNSEEN_SCHED, WIRE_UNSEEN_DISPLAY};
    struct gtt_member *m = gtt_member_find(ctx, domid);

    for (unsigned i = 0; m && m->guest && i < TLB_READERS; i++)
        if (who & bit[i])
            m->guest->tlb.inval[i] = NULL;
}

/* Once is enough for gtt: it goes only after the engines have let the guest go. */
static void guest_remove(void *ctx, uint32_t domid, bool final, uint32_t id)
{
    struct gtt_service *s = ctx;
    struct gtt_member *m = gtt_member_find(s, domid);

    (void) final;
    if (!m)
        return;
    m->remove_id = id;
    if (s->slice.guest == m->guest)
        gtt_slice_clear(&s->slice);
    m->leaving = true;
    crash_point("gtt.remove.asked");
    loop_trigger(s->turn);
}

/* ---- the service */

static int device(void *ctx, struct wire_fds *fds, const Vgt__Device *d)
{
    struct gtt_service *s = ctx;
    int rc;

    (void)d;
    s->fds = *fds;
    rc = gpu_node_open_fd(wire_fd(fds, WIRE_DEV), &s->gpu);
    crash_point("gtt.start.opened");
    if (!rc)
        rc = gtt_service_start(s);
    if (rc)
        log_write(s->log, LOG_ERR, "cannot take the GPU's GTT over", "error=%d", rc);
    return rc;
}

int gtt_service_start(struct gtt_service *s)
{
    int rc = gtt_host_claim(s);

    if (!rc)
        rc = gtt_host_attach(s);
    if (rc)
        return rc;
    crash_point("gtt.start.attached");
    loop_trigger(s->turn);
    rc = loop_ready(s->loop);
    crash_point("gtt.start.ready");
    return rc;
}

/* Guests that waited for a worker go on. */
static void on_came_back(void *data, uint32_t events)
{
    struct gtt_service *s = data;

    (void)events;
    workers_collect(s->workers);
    loop_trigger(s->turn);
}

int gtt_service_init(struct gtt_service *s, struct loop *loop, const struct log *log,
                     const struct vmm_ops *ops, unsigned workers)
{
    int rc;

    *s = (struct gtt_service){.loop = loop, .log = log, .ops = ops};
    rc = loop_defer(loop, on_turn, s, &s->turn);
    if (!rc)
        rc = loop_timer(loop, on_turn, s, &s->tick);
    if (!rc)
        rc = workers_new(workers, &s->workers);
    if (!rc && s->workers)
        rc = loop_fd(loop, workers_fd(s->workers), EPOLLIN, on_came_back, s, &s->came_back);
    return rc;
}

void gtt_service_stop(struct gtt_service *s)
{
    for (unsigned i = 0; i < WIRE_MAX_GUESTS; i++) {
        if (!s->member[i].used)
            continue;
        gtt_guest_forget(s->member[i].guest);
        release(&s->member[i]);
    }
    loop_remove(s->sched_wake);
    loop_remove(s->sched_room);
    if (s->from_sched.mem.shared)
        lane_consumer_detach(&s->from_sched);
    if (s->to_sched.mem.shared)
        lane_producer_detach(&s->to_sched);
    if (s->gpu)
        gpu_close(s->gpu);
    wire_fds_close(&s->fds);
    loop_remove(s->turn);
    loop_remove(s->tick);
    loop_remove(s->came_back);
    workers_free(s->workers);
}

static void other(void *ctx, const struct chan_message *message)
{
    if (message->type == VGT__TYPE__TYPE_SLICE)
        gtt_host_slice(ctx, message);
}

const struct chan_type gtt_wire_types[1] = {
    {VGT__TYPE__TYPE_SLICE, &vgt__slice_request__descriptor, NULL},
};

const struct wire_ops gtt_wire_ops = {
    .device = device,
    .guest_add = guest_add,
    .guest_remove = guest_remove,
    .stats = gtt_stats,
    .other = other,
    .unseen = unseen,
};
