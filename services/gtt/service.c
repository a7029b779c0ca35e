/* SPDX-License-Identifier: MIT */
/*
 * service.c: guests of vgt-gtt: turns of their lanes, detach (attach.c has the rest). Every guest
 * gets a bounded budget per turn of the loop, so a guest with much work delays the others by one
 * budget at most. See service.h.
 */
#include "services/gtt/service.h"

#include "gpu/node/node.h"
#include "lib/crash.h"
#include "services/wire/input.h"
#include "services/wire/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TICK_NS       (20u * 1000 * 1000)
#define DETACH_BUDGET 65536u

struct gtt_member *gtt_member_find(struct gtt_service *s, uint32_t domid)
{
    for (unsigned i = 0; i < WIRE_MAX_GUESTS; i++)
        if (s->member[i].used && s->member[i].domid == domid)
            return &s->member[i];
    return NULL;
}

bool gtt_member_serves(const struct gtt_member *m)
{
    return m->used && m->guest;
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

void gtt_member_lane_lost(struct gtt_member *m, const char *lane)
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

int gtt_member_watch(struct gtt_member *m)
{
    struct loop *loop = m->service->loop;
    int rc = loop_fd(loop, m->from_mmio.wake_fd, EPOLLIN, on_wake, m, &m->wake);

    return rc ? rc : loop_fd(loop, m->to_mmio.room_fd, EPOLLIN, on_room, m, &m->room);
}

/* Asks mmio what writes to gfn shall do. */
int gtt_member_protect(void *ctx, uint64_t gfn, enum shadow_trap how)
{
    static const uint32_t kinds[] = {[SHADOW_UNTRAP] = GTT_MMIO_UNPROTECT,
                                     [SHADOW_TRAP] = GTT_MMIO_PROTECT,
                                     [SHADOW_LIFT] = GTT_MMIO_LIFT,
                                     [SHADOW_TRAP_LATER] = GTT_MMIO_PROTECT_LATER};
    struct gtt_member *m = ctx;
    struct gtt_mmio msg = {.kind = kinds[how], .gfn = gfn};
    int rc = LANE_FULL;

    if (m->lane_broken)
        return -EPIPE;
    while (!m->lane_full && rc == LANE_FULL) {
        rc = lane_tx_put(&m->to_mmio, &msg, sizeof(msg));
        if (rc == LANE_FULL && lane_tx_want_room(&m->to_mmio) != LANE_READY)
            m->lane_full = true;
    }
    if (rc == LANE_BROKEN)
        gtt_member_lane_lost(m, WIRE_GTT_MMIO);
    return rc;
}

/* sched looks again at what waits for an epoch, an invalidation or a root. */
static void ring_bell(struct gtt_member *m)
{
    uint64_t epoch = m->guest->epoch, clear = m->guest->tlb.map->clear_seq;
    uint64_t shows = m->guest->ppgtt.shows;

    if (epoch == m->told_epoch && clear == m->told_clear && shows == m->told_shows)
        return;
    m->told_shows = shows;
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
        gtt_member_lane_lost(m, WIRE_MMIO_GTT);
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
    m->wake = m->room = NULL;
    if (m->from_mmio.mem.shared)
        lane_consumer_detach(&m->from_mmio);
    if (m->to_mmio.mem.shared)
        lane_producer_detach(&m->to_mmio);
}

void gtt_member_unmap(struct gtt_member *m)
{
    detach_lanes(m);
    region_unmap(&m->vggtt);
    region_unmap(&m->map);
    wire_input_detach(&m->quarantine);
    region_unmap(&m->bad);
    for (unsigned i = 0; i < TLB_READERS; i++)
        region_unmap(&m->inval[i]);
    if (m->vmm)
        m->service->ops->close(m->vmm);
    m->vmm = NULL;
}

void gtt_member_release(struct gtt_member *m)
{
    gtt_member_unmap(m);
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
    gtt_member_release(m);
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
    if (!m->lane_broken) {
        if (consume(m))
            loop_trigger(m->service->turn);
    } else if (!ppgtt_waits(&m->guest->ppgtt)) {
        return;
    } else if (gtt_guest_settle(m->guest, GTT_BUDGET) < 0) {
        loop_stop(m->service->loop, -EIO);
    }
    ring_bell(m);
}

/* It or another guest waits until nobody uses what was let go. */
static bool waits(const struct gtt_member *m)
{
    return m->leaving || m->guest->pages.waiting || m->guest->pins.queue.tqh_first ||
           ppgtt_waits(&m->guest->ppgtt);
}

static bool anybody_waits(const struct gtt_service *s)
{
    for (unsigned i = 0; i < WIRE_MAX_GUESTS; i++)
        if (gtt_member_serves(&s->member[i]) && waits(&s->member[i]))
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
        if (gtt_member_serves(&s->member[i]))
            turn_of(&s->member[i]);
    if (s->directories.evicted)
        loop_trigger(s->turn); /* what one guest needs is another's to do */
    s->directories.evicted = false;
    loop_timer_arm(s->tick, anybody_waits(s) ? TICK_NS : 0, 0);
}

static void on_turn(void *data, uint32_t events)
{
    (void)events;
    gtt_service_turn(data);
}

/* ---- going */

/* Whose TLBs never knew the guest need not be waited for. */
static void unseen(void *ctx, uint32_t domid, uint32_t who)
{
    static const uint32_t bit[TLB_READERS] = {WIRE_UNSEEN_SCHED, WIRE_UNSEEN_DISPLAY};
    struct gtt_member *m = gtt_member_find(ctx, domid);

    for (unsigned i = 0; m && i < TLB_READERS; i++) {
        m->unseen[i] = who & bit[i];
        if (m->guest && m->unseen[i])
            m->guest->tlb.inval[i] = NULL;
    }
}

/* Once is enough for gtt: it goes only after the engines have let the guest go. */
static void guest_remove(void *ctx, uint32_t domid, bool final, uint32_t id)
{
    struct gtt_service *s = ctx;
    struct gtt_member *m = gtt_member_find(s, domid);

    (void) final;
    if (!m || !m->guest)
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
        if (s->member[i].guest)
            gtt_guest_forget(s->member[i].guest);
        gtt_member_release(&s->member[i]);
    }
    loop_remove(s->sched_wake);
    loop_remove(s->sched_room);
    if (s->from_sched.mem.shared)
        lane_consumer_detach(&s->from_sched);
    if (s->to_sched.mem.shared)
        lane_producer_detach(&s->to_sched);
    directories_free(&s->directories);
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
    .guest_add = gtt_attach,
    .guest_remove = guest_remove,
    .guest_stale = gtt_attach_gone,
    .stats = gtt_stats,
    .other = other,
    .unseen = unseen,
};
