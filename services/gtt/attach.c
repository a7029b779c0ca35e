/* SPDX-License-Identifier: MIT */
/*
 * attach.c: guests come to vgt-gtt: their share of graphics memory, their regions and lanes. One
 * that ran before and cannot be taken over keeps its share, so that nobody else gets memory the GPU
 * may still reach, until it can be attached or goes. Called by the wiring in the service's loop.
 */
#include "services/gtt/service.h"

#include "lib/crash.h"
#include "services/wire/names.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MIB        (UINT64_C(1) << 20)
#define MAX_PINS   (UINT64_C(1) << 20)
#define MAX_TABLES 8192u

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

static int map_map(struct gtt_member *m)
{
    return wire_region(&m->fds, WIRE_GTT_MAP, WIRE_REGION_GTT_MAP, GTT_MAP_LAYOUT,
                       sizeof(struct gtt_map), true, &m->map);
}

static int map_inval(struct gtt_member *m, unsigned reader)
{
    static const char *const name[TLB_READERS] = {WIRE_INVAL_SCHED, WIRE_INVAL_DISPLAY};

    return wire_region(&m->fds, name[reader], WIRE_REGION_INVAL, GTT_INVAL_LAYOUT,
                       sizeof(struct gtt_inval), false, &m->inval[reader]);
}

static int map_regions(struct gtt_member *m)
{
    int rc = wire_region(&m->fds, WIRE_VGGTT, WIRE_REGION_VGGTT, VGGTT_LAYOUT, sizeof(struct vggtt),
                         false, &m->vggtt);

    rc = rc ? rc : map_map(m);
    for (unsigned i = 0; i < TLB_READERS && !rc; i++)
        rc = map_inval(m, i);
    return rc ? rc : gtt_bad_attach(m);
}

static int attach_lanes(struct gtt_member *m)
{
    int rc = wire_consumer(&m->fds, WIRE_MMIO_GTT, MMIO_GTT_LAYOUT, &m->from_mmio);

    if (!rc)
        rc = wire_producer(&m->fds, WIRE_GTT_MMIO, MMIO_GTT_LAYOUT, &m->to_mmio);
    return rc ? rc : gtt_member_watch(m);
}

static int make_guest(struct gtt_member *m, const struct partition_grant *grant, bool gone)
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
                                 .protect = gtt_member_protect,
                                 .ctx = m,
                                 .workers = s->workers,
                                 .directories = gtt_host_directories(s),
                                 .max_pins = MAX_PINS,
                                 .max_tables = MAX_TABLES,
                                 .out_of_sync = s->out_of_sync,
                                 .confirmed = true,
                                 .gone = gone,
                                 .quarantine = gone ? NULL : &m->quarantine};

    for (unsigned i = 0; i < TLB_READERS; i++)
        c.inval[i] = m->unseen[i] ? NULL : m->inval[i].data;
    return gtt_guest_new(&c, &m->guest);
}

/* A guest that was here before is taken up even if its vgt-mmio has ruined a lane: refused, what
 * the process before this one pinned for it would stay pinned until it goes. */
static int attach(struct gtt_member *m, const struct partition_grant *grant, bool restart)
{
    int rc = m->service->ops->open_memory(m->domid, &m->vmm);

    crash_point("gtt.attach.memory");
    if (!rc)
        rc = map_regions(m);
    if (rc)
        return rc;
    rc = attach_lanes(m);
    crash_point("gtt.attach.lanes");
    if (rc == -EBADMSG && restart) {
        gtt_member_lane_lost(m, m->from_mmio.mem.shared ? WIRE_GTT_MMIO : WIRE_MMIO_GTT);
        wire_note_drop(&m->fds);
        rc = 0;
    }
    return rc ? rc : make_guest(m, grant, false);
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

/* A guest that ran keeps what it has: its graphics memory is nobody else's, its descriptors are
 * here for the day it goes. */
static void keep_refused(struct gtt_member *m)
{
    gtt_member_unmap(m);
    m->guest = NULL;
}

/* Tried again: with other descriptors, or by a broker that thinks it may work now. */
static void drop_refused(struct gtt_service *s, uint32_t domid)
{
    struct gtt_member *m = gtt_member_find(s, domid);

    if (!m || m->guest)
        return;
    partition_free(&s->partition, domid);
    gtt_member_release(m);
}

static void not_attached(struct gtt_member *m, bool ran, uint32_t id, int rc)
{
    struct gtt_service *s = m->service;
    struct wire_fds none = {0};
    char why[120];

    snprintf(why, sizeof(why), "vgt-gtt could not take the guest's memory over: %s", strerror(-rc));
    if (ran) {
        keep_refused(m);
    } else {
        partition_free(&s->partition, m->domid);
        gtt_member_release(m);
    }
    refuse(s, m->domid, &none, id, -rc, why);
}

static void log_attached(const struct gtt_member *m)
{
    const struct partition_range *low = &m->grant.range[PARTITION_LOW];
    const struct partition_range *high = &m->grant.range[PARTITION_HIGH];

    log_write(m->service->log, LOG_INFO, "guest attached",
              "domid=%u name=%s low=%llu+%llu MiB high=%llu+%llu MiB", m->domid, m->account.name,
              (unsigned long long)(low->base / MIB), (unsigned long long)(low->size / MIB),
              (unsigned long long)(high->base / MIB), (unsigned long long)(high->size / MIB));
}

void gtt_attach(void *ctx, const Vgt__GuestAdd *add, struct wire_fds *fds, uint32_t id)
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
    drop_refused(s, add->domid);
    rc = grant(s, add, &g, why, sizeof(why));
    if (rc) {
        refuse(s, add->domid, fds, id, -rc, why);
        return;
    }
    crash_point("gtt.attach.granted");
    *m = (struct gtt_member){
        .service = s, .used = true, .domid = add->domid, .fds = *fds, .grant = g};
    fds->count = 0;
    account_init(&m->account, add->domid, add->name, s->log);
    rc = attach(m, &g, add->restart);
    if (rc) {
        not_attached(m, add->restart, id, rc);
        return;
    }
    crash_point("gtt.attach.made");
    ready(s, add->domid, &g, id);
    crash_point("gtt.attach.told");
    log_attached(m);
    loop_trigger(s->turn);
}

/* ---- a guest that is gone, and cannot be attached any more, or never was */

/* vgt-display is not trusted with memory: where its word cannot be read, it is not waited for. */
static int map_gone(struct gtt_member *m)
{
    int rc = map_map(m);

    rc = rc ? rc : map_inval(m, 0);
    if (!rc && map_inval(m, 1))
        wire_note_drop(&m->fds);
    return rc;
}

/* A former process may have died at the beginning of its attach. Pins are another matter: without a
 * grant nobody can say which entries name them. */
static void never_attached(struct gtt_service *s, uint32_t domid, uint32_t id)
{
    Vgt__GuestRemoved removed = VGT__GUEST_REMOVED__INIT;
    struct gpu_pin pin;
    int rc = s->gpu && domid <= UINT16_MAX
                 ? gpu_pin_list(s->gpu, (uint16_t)domid, UINT64_MAX, &pin, 1)
                 : 0;

    if (rc > 0)
        rc = -EBUSY;
    else if (!rc && s->gpu)
        rc = pages_free_left(s->gpu, (uint16_t)domid);
    if (rc) {
        wire_error(s->client, id, -rc, "vgt-gtt holds memory of a guest it was not told of");
        return;
    }
    removed.domid = domid;
    wire_reply(s->client, id, VGT__TYPE__TYPE_GUEST_REMOVED, &removed.base);
}

void gtt_attach_gone(void *ctx, uint32_t domid, bool final, uint32_t id)
{
    struct gtt_service *s = ctx;
    struct gtt_member *m = gtt_member_find(s, domid);
    int rc;

    (void) final;
    if (!m) {
        never_attached(s, domid, id);
        return;
    }
    m->remove_id = id;
    if (m->leaving)
        return;
    rc = map_gone(m);
    rc = rc ? rc : make_guest(m, &m->grant, true);
    if (rc) {
        keep_refused(m);
        wire_error(s->client, id, -rc, "vgt-gtt cannot take the guest's memory back now");
        return;
    }
    m->lane_broken = m->leaving = true;
    crash_point("gtt.remove.asked");
    loop_trigger(s->turn);
}
