/* SPDX-License-Identifier: MIT */
/*
 * service.c: the loop of vgt-mmio@DOMID; see service.h. Whatever wakes it ends in one turn: serve
 * trapped accesses, take events in, raise vblanks that are due, ring display's bell once.
 */
#include "services/mmio/service.h"

#include "gen/gen8_engine.h"
#include "gen/pvinfo.h"
#include "lib/crash.h"
#include "services/wire/input.h"
#include "services/wire/mmio_gtt.h"
#include "services/wire/mmio_sched.h"
#include "services/wire/names.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MS              UINT64_C(1000000)
#define WATCH_NS        (2000 * MS) /* how long after a display write a pipe may start */
#define WATCH_PERIOD_NS (4 * MS)
#define APERTURE_AGAIN  (2000 * MS)
#define APERTURE_UNSENT (200 * MS) /* there was no broker to ask */
#define SETTLE_NS       MS
#define QUIET_NS        MS /* how long gtt may sleep while GGTT entries wait for it */

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void give_up(struct mmio_service *s, const char *what, int rc)
{
    log_write(s->log, LOG_ERR, what, "domid=%u error=%d", s->domid, rc);
    loop_stop(s->loop, rc);
}

/* ---- the aperture: the broker maps it, the guest's write waits until it is so */

static int aperture(void *ctx, uint64_t base)
{
    struct mmio_service *s = ctx;
    Vgt__ApertureRequest r = VGT__APERTURE_REQUEST__INIT;

    s->aperture.waits = s->aperture.shown != base || s->aperture.id;
    if (!s->aperture.waits)
        return 0;
    if (s->aperture.id && now_ns() - s->aperture.sent_ns < APERTURE_AGAIN)
        return MMIO_LATER;
    r.domid = s->domid;
    r.at = base;
    s->aperture.want = base;
    s->aperture.sent_ns = now_ns();
    s->aperture.id = wire_request(s->client, VGT__TYPE__TYPE_APERTURE, &r.base);
    crash_point("mmio.aperture.asked");
    return MMIO_LATER;
}

/* A place Xen refuses is the guest's own: it sees nothing there. */
static void other(void *ctx, const struct chan_message *message)
{
    struct mmio_service *s = ctx;

    if (message->id != s->aperture.id || !s->aperture.id)
        return;
    if (message->type == VGT__TYPE__TYPE_ERROR) {
        s->aperture.failed++;
        account_event(&s->account, ACCOUNT_BAD_ACCESS, "aperture=0x%llx",
                      (unsigned long long)s->aperture.want);
    }
    s->aperture.id = 0;
    s->aperture.shown = s->aperture.want;
    crash_point("mmio.aperture.told");
    loop_trigger(s->turn);
}

/* ---- the turn */

static const enum account_event account_of[MMIO_FAULTS] = {
    [MMIO_FAULT_WIDTH] = ACCOUNT_BAD_ACCESS,       [MMIO_FAULT_UNKNOWN] = ACCOUNT_UNKNOWN_REG,
    [MMIO_FAULT_READ_ONLY] = ACCOUNT_BAD_ACCESS,   [MMIO_FAULT_RANGE] = ACCOUNT_BAD_ACCESS,
    [MMIO_FAULT_OPERAND] = ACCOUNT_BAD_GUEST_ADDR, [MMIO_FAULT_QUARANTINE] = ACCOUNT_QUARANTINED,
    [MMIO_FAULT_NOTIFY] = ACCOUNT_BAD_ACCESS,      [MMIO_FAULT_RING] = ACCOUNT_BAD_DESCRIPTOR,
};

static void account_faults(struct mmio_service *s)
{
    for (unsigned i = 0; i < MMIO_FAULTS; i++)
        for (; s->faults_told[i] < s->mmio.fault[i]; s->faults_told[i]++)
            account_event(&s->account, account_of[i], "what=\"%s\" at=0x%llx", mmio_fault_name(i),
                          (unsigned long long)s->mmio.fault_at[i]);
}

static void lane_lost(struct mmio_service *s)
{
    Vgt__LaneBroken b = VGT__LANE_BROKEN__INIT;

    account_event(&s->account, ACCOUNT_LANE_BROKEN, NULL);
    b.domid = s->domid;
    b.lane = s->from_gtt.broken ? WIRE_GTT_MMIO : WIRE_SCHED_MMIO;
    wire_request(s->client, VGT__TYPE__TYPE_LANE_BROKEN, &b.base);
    if (s->from_gtt.broken)
        s->mmio.s.from_gtt = NULL;
    if (s->from_sched.broken)
        s->mmio.s.from_sched = NULL;
    loop_trigger(s->turn); /* an access that waited for what the lane would bring */
}

/* Found by taking events in, or by an access that had to. */
static bool lane_breaks(const struct mmio_service *s)
{
    return (s->mmio.s.from_gtt && s->from_gtt.broken) ||
           (s->mmio.s.from_sched && s->from_sched.broken);
}

/* Times at which something is due; 0: never. */
static uint64_t sooner(uint64_t a, uint64_t b)
{
    return !a || (b && b < a) ? b : a;
}

/* In ns from now, or when the timer goes off anyway before that. */
static uint64_t within(const struct mmio_service *s, uint64_t now, uint64_t ns)
{
    return s->due_ns > now && s->due_ns < now + ns ? s->due_ns : now + ns;
}

/* gtt sleeps and has not been woken for GGTT entries. */
static uint64_t quiet(struct mmio_service *s, uint64_t now)
{
    if (!s->to_gtt.owed)
        s->quiet_until_ns = 0;
    else if (!s->quiet_until_ns)
        s->quiet_until_ns = now + QUIET_NS;
    else if (now >= s->quiet_until_ns) {
        s->quiet_until_ns = 0;
        lane_tx_wake(&s->to_gtt);
    }
    return s->quiet_until_ns;
}

/* When something is due next: a vblank, a look whether display has started the pipe that the
 * guest asked for, a wake for gtt, or (settling) a page that has to wait for a vCPU before it traps
 * no more. */
static int vblanks(struct mmio_service *s, bool settling)
{
    uint64_t at, now = now_ns();
    int rc = mmio_vblank(&s->mmio, &at);

    if (rc)
        return rc;
    at = sooner(at, quiet(s, now));
    if (now < s->watch_until_ns)
        at = sooner(at, within(s, now, WATCH_PERIOD_NS));
    if (settling)
        at = sooner(at, within(s, now, SETTLE_NS));
    if (s->aperture.waits && !at)
        at = within(s, now, s->aperture.id ? APERTURE_AGAIN : APERTURE_UNSENT);
    s->due_ns = at;
    return loop_timer_at(s->vblank, at);
}

static void ring_bell(struct mmio_service *s)
{
    if (!s->mmio.display_dirty)
        return;
    s->mmio.display_dirty = false;
    s->watch_until_ns = now_ns() + WATCH_NS;
    crash_point("mmio.bell.due");
    lane_kick(wire_fd(&s->fds, WIRE_BELL));
    crash_point("mmio.bell.rung");
}

/* False: the lane has something again, another turn is due. */
static bool asleep(struct mmio_service *s, struct lane_rx *rx)
{
    if (rx->broken || (rx == &s->from_gtt && s->mmio.gtt_waits))
        return true;
    return lane_rx_sleep(rx, 1) != LANE_READY;
}

static void on_turn(void *data, uint32_t events)
{
    struct mmio_service *s = data;
    bool settling;
    int rc;

    (void)events;
    if (!s->attached)
        return;
    rc = mmio_events(&s->mmio);
    crash_point("mmio.turn.events");
    if (rc >= 0)
        rc = mmio_pump(&s->mmio);
    if (lane_breaks(s))
        lane_lost(s);
    ring_bell(s);
    /* It fails for a guest that is going away, whose end reaches us through the broker. */
    settling = s->ops->settle(s->vmm) == 1;
    if (rc >= 0)
        rc = vblanks(s, settling);
    if (rc < 0) {
        give_up(s, "the guest's device broke", rc);
        return;
    }
    account_faults(s);
    wire_input_tell(&s->quarantine, s->log, s->domid);
    if (!asleep(s, &s->from_gtt) || !asleep(s, &s->from_sched))
        loop_trigger(s->turn);
}

static void on_guest(void *data, uint32_t events)
{
    struct mmio_service *s = data;

    (void)events;
    loop_trigger(s->turn);
}

/* An eventfd of a lane: which one does not matter, the turn looks at all. */
static void on_lane(void *data, uint32_t events)
{
    struct mmio_service *s = data;

    (void)events;
    lane_drain(s->from_gtt.wake_fd);
    lane_drain(s->from_sched.wake_fd);
    lane_drain(s->to_gtt.room_fd);
    lane_drain(s->to_sched.room_fd);
    loop_trigger(s->turn);
}

/* ---- attaching */

static int map_quarantine(struct mmio_service *s)
{
    int rc;

    /* A broker of an older version has none. */
    if (wire_fd(&s->fds, WIRE_BAD_MMIO) < 0)
        return 0;
    rc = wire_region(&s->fds, WIRE_BAD_MMIO, WIRE_REGION_QUARANTINE, QUARANTINE_LAYOUT,
                     sizeof(struct quarantine_table), true, &s->bad);
    if (rc)
        return rc;
    quarantine_attach(&s->quarantine, s->bad.data);
    return 0;
}

static int map_regions(struct mmio_service *s)
{
    int rc = wire_region(&s->fds, WIRE_VREG, WIRE_REGION_VREG, VREG_LAYOUT,
                         sizeof(struct vreg_file), true, &s->vreg);

    if (!rc)
        rc = wire_region(&s->fds, WIRE_VGGTT, WIRE_REGION_VGGTT, VGGTT_LAYOUT, sizeof(struct vggtt),
                         true, &s->vggtt);
    if (!rc)
        rc = wire_region(&s->fds, WIRE_TIMING, WIRE_REGION_TIMING, TIMING_LAYOUT,
                         sizeof(struct timing), false, &s->timing);
    return rc ? rc : map_quarantine(s);
}

static int attach_lanes(struct mmio_service *s)
{
    int rc = wire_producer(&s->fds, WIRE_MMIO_GTT, MMIO_GTT_LAYOUT, &s->to_gtt);

    if (!rc)
        rc = wire_consumer(&s->fds, WIRE_GTT_MMIO, MMIO_GTT_LAYOUT, &s->from_gtt);
    if (!rc)
        rc = wire_producer(&s->fds, WIRE_MMIO_SCHED, MMIO_SCHED_LAYOUT, &s->to_sched);
    if (!rc)
        rc = wire_consumer(&s->fds, WIRE_SCHED_MMIO, MMIO_SCHED_LAYOUT, &s->from_sched);
    return rc;
}

static struct mmio_vgpu vgpu_of(const Vgt__GuestAdd *add)
{
    const Vgt__Resources *r = add->resources;
    const Vgt__Device *d = add->device;
    struct mmio_vgpu g = {
        .gen = d->gen ? d->gen : 8, /* a broker from before the field has a Broadwell */
        .device = (uint16_t)d->device_id,
        .revision = (uint8_t)d->revision,
        .vgt_id = add->vgpu,
        .aperture = d->aperture_size,
        .low_base = (uint32_t)r->low_base,
        .low_size = (uint32_t)r->low_size,
        .high_base = (uint32_t)r->high_base,
        .high_size = (uint32_t)r->high_size,
        .fences = r->fences,
        .caps = PVINFO_CAP_FULL_PPGTT,
        .engines = d->engines & GEN8_M_ALL,
    };

    if (g.gen == 8)
        g.caps |= PVINFO_CAP_HWSP; /* of execlists */
    g.monitor = add->edid.len == EDID_SIZE;
    if (g.monitor)
        memcpy(g.edid, add->edid.data, EDID_SIZE);
    return g;
}

static int watch_all(struct mmio_service *s)
{
    int fd[4] = {s->from_gtt.wake_fd, s->from_sched.wake_fd, s->to_gtt.room_fd,
                 s->to_sched.room_fd};
    int rc = loop_fd(s->loop, s->ops->fd(s->vmm), EPOLLIN, on_guest, s, &s->source[4]);

    for (int i = 0; i < 4 && !rc; i++)
        rc = loop_fd(s->loop, fd[i], EPOLLIN, on_lane, s, &s->source[i]);
    return rc;
}

static void trace(void *ctx, const struct vmm_access *a, uint64_t result)
{
    static const char space[] = {[VMM_MMIO] = 'm', [VMM_CONFIG] = 'c', [VMM_GUEST] = 'g'};
    struct mmio_service *s = ctx;
    uint64_t at = a->space == VMM_MMIO ? a->addr - s->mmio.vreg->bar0 : a->addr;

    log_write(s->log, LOG_DEBUG, "access", "%c%c%u %llx=%llx n=%u cpu=%u", space[a->space],
              a->write ? 'w' : 'r', a->size, (unsigned long long)at,
              (unsigned long long)(a->write ? a->data : result), a->count, a->vcpu);
}

static int attach(struct mmio_service *s, const Vgt__GuestAdd *add)
{
    struct mmio_setup setup = {.ops = s->ops,
                               .vgpu = vgpu_of(add),
                               .to_gtt = &s->to_gtt,
                               .to_sched = &s->to_sched,
                               .from_gtt = &s->from_gtt,
                               .from_sched = &s->from_sched,
                               .quarantine = s->no_quarantine ? NULL : &s->quarantine,
                               .aperture = aperture,
                               .aperture_ctx = s,
                               .now_ns = now_ns,
                               .trace = s->trace ? trace : NULL,
                               .trace_ctx = s};
    int rc = map_regions(s);

    if (!rc)
        rc = attach_lanes(s);
    if (rc)
        return rc;
    setup.vreg = s->vreg.data;
    setup.vggtt = s->vggtt.data;
    setup.timing = s->timing.data;
    s->aperture.shown = setup.vreg->bar2;
    crash_point("mmio.attach.lanes");
    rc = s->ops->open_device(s->domid, 0, &setup.vreg->resume, &s->vmm);
    if (rc)
        return rc;
    setup.vmm = s->vmm;
    crash_point("mmio.attach.device");
    rc = mmio_init(&s->mmio, &setup);
    return rc ? rc : watch_all(s);
}

/* A layout does not change by trying again: stay, so that systemd does not give up, and begin anew
 * in a new process when the broker asks again. The guest's accesses wait. What is short may be
 * there a little later: then a new process tries. */
static void not_attached(struct mmio_service *s, int rc)
{
    if (!wire_refused(s->client)) {
        log_write(s->log, LOG_ERR, "cannot claim the guest's device", "domid=%u error=%d", s->domid,
                  rc);
        wire_end_later(s->client, rc);
        return;
    }
    s->refused = true;
    wire_forget(s->client, s->domid);
    loop_ready(s->loop);
}

static void guest_add(void *ctx, const Vgt__GuestAdd *add, struct wire_fds *fds, uint32_t id)
{
    struct mmio_service *s = ctx;
    Vgt__GuestReady ready = VGT__GUEST_READY__INIT;
    int rc;

    if (s->refused) {
        wire_fds_close(fds);
        loop_stop(s->loop, -ERESTART);
        return;
    }
    if (s->attached || add->domid != s->domid || !add->resources || !add->device) {
        wire_fds_close(fds);
        wire_error(s->client, id, EINVAL, "this vgt-mmio serves another domain");
        return;
    }
    s->fds = *fds;
    fds->count = 0;
    account_init(&s->account, add->domid, add->name, s->log);
    rc = attach(s, add);
    if (rc) {
        wire_error(s->client, id, -rc, "vgt-mmio could not claim the guest's device");
        not_attached(s, rc);
        return;
    }
    s->attached = true;
    log_write(s->log, LOG_INFO, "serving", "domid=%u name=%s restart=%d", s->domid, s->account.name,
              add->restart);
    ready.domid = s->domid;
    crash_point("mmio.attach.done");
    wire_reply(s->client, id, VGT__TYPE__TYPE_GUEST_READY, &ready.base);
    crash_point("mmio.attach.told");
    loop_trigger(s->turn);
    loop_ready(s->loop);
}

/* The guest is gone; so is the reason for this process. */
static void guest_remove(void *ctx, uint32_t domid, bool final, uint32_t id)
{
    struct mmio_service *s = ctx;
    Vgt__GuestRemoved removed = VGT__GUEST_REMOVED__INIT;

    (void) final;
    removed.domid = domid;
    crash_point("mmio.remove.asked");
    wire_reply(s->client, id, VGT__TYPE__TYPE_GUEST_REMOVED, &removed.base);
    crash_point("mmio.remove.told");
    wire_forget(s->client, domid);
    s->attached = false;
    loop_stop(s->loop, 0);
}

int mmio_service_init(struct mmio_service *s, struct loop *loop, const struct log *log,
                      const struct vmm_ops *ops, uint32_t domid)
{
    int rc;

    *s = (struct mmio_service){.loop = loop, .log = log, .ops = ops, .domid = domid};
    rc = loop_defer(loop, on_turn, s, &s->turn);
    return rc ? rc : loop_timer(loop, on_guest, s, &s->vblank);
}

void mmio_service_stop(struct mmio_service *s)
{
    for (unsigned i = 0; i < 5; i++)
        loop_remove(s->source[i]);
    loop_remove(s->turn);
    loop_remove(s->vblank);
    if (s->vmm)
        s->ops->close(s->vmm);
    if (s->to_gtt.mem.shared)
        lane_producer_detach(&s->to_gtt);
    if (s->to_sched.mem.shared)
        lane_producer_detach(&s->to_sched);
    if (s->from_gtt.mem.shared)
        lane_consumer_detach(&s->from_gtt);
    if (s->from_sched.mem.shared)
        lane_consumer_detach(&s->from_sched);
    region_unmap(&s->vreg);
    region_unmap(&s->vggtt);
    region_unmap(&s->timing);
    region_unmap(&s->bad);
    wire_fds_close(&s->fds);
}

const struct chan_type mmio_wire_types[1] = {
    {VGT__TYPE__TYPE_APERTURE_REPLY, &vgt__aperture_reply__descriptor, NULL},
};

const struct wire_ops mmio_wire_ops = {
    .guest_add = guest_add,
    .guest_remove = guest_remove,
    .guest_stale = guest_remove,
    .stats = mmio_stats,
    .other = other,
};
