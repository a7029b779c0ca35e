/* SPDX-License-Identifier: MIT */
/*
 * service.c: see service.h.
 */
#include "services/sched/service.h"

#include "gpu/node/node.h"
#include "services/wire/names.h"

#include <errno.h>

/* ---- what sched.c reports */

static void on_up(void *ctx)
{
    struct sched_service *v = ctx;

    loop_ready(v->loop);
}

static void on_failed(void *ctx, int err)
{
    struct sched_service *v = ctx;

    loop_stop(v->loop, err);
}

static void on_gone(void *ctx, uint32_t domid, bool final, uint32_t id)
{
    struct sched_service *v = ctx;
    Vgt__GuestRemoved removed = VGT__GUEST_REMOVED__INIT;

    removed.domid = domid;
    if (final)
        wire_forget(v->client, domid);
    wire_reply(v->client, id, VGT__TYPE__TYPE_GUEST_REMOVED, &removed.base);
    log_write(v->log, LOG_INFO, final ? "guest detached" : "guest off the engines", "domid=%u",
              domid);
}

static void on_lane_broken(void *ctx, uint32_t domid, const char *lane)
{
    struct sched_service *v = ctx;
    Vgt__LaneBroken broken = VGT__LANE_BROKEN__INIT;

    broken.domid = domid;
    broken.lane = (char *)lane;
    wire_request(v->client, VGT__TYPE__TYPE_LANE_BROKEN, &broken.base);
}

/* ---- what the broker asks */

static int device(void *ctx, struct wire_fds *fds, const Vgt__Device *d)
{
    struct sched_service *v = ctx;
    struct gpu *gpu;
    int rc = gpu_node_open_fd(wire_fd(fds, WIRE_DEV), &gpu);

    if (rc)
        wire_fds_close(fds);
    else
        rc = sched_device(v->sched, gpu, fds, d->engines);
    if (rc)
        log_write(v->log, LOG_ERR, "cannot take the engines over", "error=%d", rc);
    return rc;
}

static void guest_add(void *ctx, const Vgt__GuestAdd *add, struct wire_fds *fds, uint32_t id)
{
    struct sched_service *v = ctx;
    Vgt__GuestReady ready = VGT__GUEST_READY__INIT;
    int rc = sched_guest_add(v->sched, add, fds);

    if (rc) {
        log_write(v->log, LOG_WARNING, "guest not attached", "domid=%u error=%d", add->domid, rc);
        wire_forget(v->client, add->domid);
        wire_error(v->client, id, -rc, "vgt-sched could not attach the guest");
        return;
    }
    ready.domid = add->domid;
    wire_reply(v->client, id, VGT__TYPE__TYPE_GUEST_READY, &ready.base);
    log_write(v->log, LOG_INFO, "guest attached", "domid=%u weight=%u restart=%d", add->domid,
              add->weight, add->restart);
}

static void guest_remove(void *ctx, uint32_t domid, bool final, uint32_t id)
{
    struct sched_service *v = ctx;
    struct sched_guest *sg = sched_guest_find(v->sched, domid);

    if (sg)
        sched_guest_remove(v->sched, sg, final, id);
    else
        on_gone(v, domid, final, id);
}

/* What it had in the GPU's translations went with the reset: nobody need wait for our word. */
static void guest_stale(void *ctx, uint32_t domid, bool final, uint32_t id)
{
    struct sched_service *v = ctx;
    Vgt__GuestRemoved removed = VGT__GUEST_REMOVED__INIT;

    (void) final;
    sched_guest_stale(v->sched, domid);
    removed.domid = domid;
    removed.unknown =
        v->sched->arena != NULL; /* before that we do not know what a former process left */
    wire_reply(v->client, id, VGT__TYPE__TYPE_GUEST_REMOVED, &removed.base);
}

static void stats(void *ctx, uint32_t id)
{
    sched_stats(ctx, id);
}

const struct wire_ops sched_wire_ops = {.device = device,
                                        .guest_add = guest_add,
                                        .guest_remove = guest_remove,
                                        .guest_stale = guest_stale,
                                        .stats = stats};

int sched_service_init(struct sched_service *v, struct loop *loop, const struct log *log,
                       const struct sched_service_options *options)
{
    const struct sched_config config = {
        .loop = loop,
        .log = log,
        .vmm = options->vmm,
        .quantum_ns = options->quantum_ns,
        .watchdog_ns = options->watchdog_ns,
        .arena_pages = options->arena_pages,
        .no_quarantine = options->no_quarantine,
        .events = {on_up, on_failed, on_gone, on_lane_broken, v},
    };

    *v = (struct sched_service){.loop = loop, .log = log};
    return sched_new(&config, &v->sched);
}
