/* SPDX-License-Identifier: MIT */
/* service.c: see service.h. */
#include "services/display/service.h"

#include "gpu/node/node.h"
#include "lib/crash.h"
#include "lib/region.h"
#include "services/display/display.h"
#include "services/wire/client.h"
#include "services/wire/names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MONITOR_NAME "vgt monitor"

/* What a guest's display looks at; unmapped after the guest is forgotten. */
struct memory {
    bool used;
    uint32_t domid;
    struct wire_fds fds;
    struct region vreg, map, inval, timing;
};

struct service {
    struct loop *loop;
    const struct log *log;
    const struct service_options *options;
    struct wire_config config;
    struct wire_client *wire;
    struct wire_fds fds;
    struct region screen;
    struct gpu *gpu;
    struct display *display; /* NULL until our descriptors came */
    struct memory memory[WIRE_MAX_GUESTS];
};

static uint64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* ---- answers */

static void on_switched(void *ctx, uint32_t id, uint32_t ms)
{
    struct service *s = ctx;
    Vgt__SwitchReply reply = VGT__SWITCH_REPLY__INIT;

    reply.ms = ms;
    wire_reply(s->wire, id, VGT__TYPE__TYPE_SWITCH_REPLY, &reply.base);
}

static void on_error(void *ctx, uint32_t id, int err, const char *text)
{
    struct service *s = ctx;

    wire_error(s->wire, id, err, text);
}

static void on_removed(void *ctx, uint32_t id, uint32_t domid)
{
    struct service *s = ctx;
    Vgt__GuestRemoved removed = VGT__GUEST_REMOVED__INIT;

    removed.domid = domid;
    wire_reply(s->wire, id, VGT__TYPE__TYPE_GUEST_REMOVED, &removed.base);
}

static uint32_t on_slice(void *ctx, uint32_t domid, uint32_t first, uint32_t pages)
{
    struct service *s = ctx;
    Vgt__SliceRequest request = VGT__SLICE_REQUEST__INIT;

    request.domid = domid;
    request.first = first;
    request.pages = pages;
    return wire_request(s->wire, VGT__TYPE__TYPE_SLICE, &request.base);
}

static void on_piece(void *ctx, uint32_t id, const struct shot_piece *piece)
{
    struct service *s = ctx;
    Vgt__ScreenshotReply reply = VGT__SCREENSHOT_REPLY__INIT;

    reply.width = piece->width;
    reply.height = piece->height;
    reply.stride = piece->stride;
    reply.format = piece->format;
    reply.offset = piece->offset;
    reply.pixels.data = (uint8_t *)piece->pixels;
    reply.pixels.len = piece->len;
    reply.last = piece->last;
    wire_reply(s->wire, id, VGT__TYPE__TYPE_SCREENSHOT_REPLY, &reply.base);
}

static const struct display_ops display_ops = {on_switched, on_error, on_removed, on_slice,
                                               on_piece};

/* ---- the device */

static int start_display(struct service *s)
{
    bool record = s->screen.data != NULL;
    struct display_config c = {.loop = s->loop,
                               .gpu = s->gpu,
                               .log = s->log,
                               .screen = record ? s->screen.data : NULL,
                               .now_ns = now_ns,
                               .slow = s->options->slow,
                               .no_auto = s->options->no_auto,
                               .ops = &display_ops,
                               .ctx = s};

    return display_new(&c, &s->display);
}

static int on_device(void *ctx, struct wire_fds *fds, const Vgt__Device *device)
{
    struct service *s = ctx;
    int dev, rc;

    (void)device;
    s->fds = *fds;
    dev = wire_fd(&s->fds, WIRE_DEV);
    rc = dev < 0 ? dev : gpu_node_open_fd(dev, &s->gpu);
    crash_point("display.start.opened");
    if (rc) {
        log_write(s->log, LOG_ERR, "cannot open the display's node", "error=%d", rc);
        return rc;
    }
    rc = wire_region(&s->fds, WIRE_SCREEN, WIRE_REGION_SCREEN, SCREEN_LAYOUT,
                     sizeof(struct screen_record), true, &s->screen);
    if (rc == -EPROTONOSUPPORT || rc == -EBADMSG)
        return rc;
    if (rc) {
        s->screen.data = NULL;
        log_write(s->log, LOG_WARNING, "who is on the screen will be forgotten", "error=%d", rc);
    }
    rc = start_display(s);
    crash_point("display.start.up");
    if (!rc)
        rc = loop_ready(s->loop);
    crash_point("display.start.ready");
    return rc;
}

/* ---- guests */

static struct memory *memory_of(struct service *s, uint32_t domid, bool used)
{
    for (unsigned i = 0; i < WIRE_MAX_GUESTS; i++)
        if (s->memory[i].used == used && (!used || s->memory[i].domid == domid))
            return &s->memory[i];
    return NULL;
}

static void release(struct memory *m)
{
    struct region *regions[] = {&m->vreg, &m->map, &m->inval, &m->timing};

    for (unsigned i = 0; i < 4; i++)
        if (regions[i]->data)
            region_unmap(regions[i]);
    wire_fds_close(&m->fds);
    *m = (struct memory){0};
}

static int map_all(struct memory *m)
{
    const struct {
        const char *name;
        uint32_t type, layout;
        uint64_t size;
        bool writable;
        struct region *region;
    } want[] = {
        {WIRE_VREG, WIRE_REGION_VREG, VREG_LAYOUT, sizeof(struct vreg_file), false, &m->vreg},
        {WIRE_GTT_MAP, WIRE_REGION_GTT_MAP, GTT_MAP_LAYOUT, sizeof(struct gtt_map), false, &m->map},
        {WIRE_INVAL_DISPLAY, WIRE_REGION_INVAL, GTT_INVAL_LAYOUT, sizeof(struct gtt_inval), true,
         &m->inval},
        {WIRE_TIMING, WIRE_REGION_TIMING, TIMING_LAYOUT, sizeof(struct timing), true, &m->timing},
    };
    int rc = 0;

    for (unsigned i = 0; i < sizeof(want) / sizeof(want[0]) && !rc; i++) {
        rc = wire_region(&m->fds, want[i].name, want[i].type, want[i].layout, want[i].size,
                         want[i].writable, want[i].region);
        if (rc)
            want[i].region->data = NULL;
    }
    return rc;
}

static int add_guest(struct service *s, const Vgt__GuestAdd *add, struct memory *m)
{
    const Vgt__Resources *r = add->resources;
    int rc = map_all(m);
    struct guest_config c = {.domid = add->domid,
                             .name = add->name,
                             .generation = add->generation,
                             .vreg = m->vreg.data,
                             .map = m->map.data,
                             .inval = m->inval.data,
                             .timing = m->timing.data,
                             .bell = wire_fd(&m->fds, WIRE_BELL)};

    if (rc)
        return rc;
    if (!r || !s->display)
        return -EINVAL;
    c.part[0].base = r->low_base;
    c.part[0].size = r->low_size;
    c.part[1].base = r->high_base;
    c.part[1].size = r->high_size;
    return display_guest_add(s->display, &c);
}

static void answer_ready(struct service *s, const Vgt__GuestAdd *add, uint32_t id)
{
    Vgt__GuestReady ready = VGT__GUEST_READY__INIT;
    const struct service_options *o = s->options;
    const Vgt__Monitor *m = add->monitor;
    uint8_t edid[EDID_SIZE];

    ready.domid = add->domid;
    ready.resources = add->resources;
    if (!edid_build(edid, m ? m->width : o->width, m ? m->height : o->height,
                    m ? m->refresh : o->refresh, MONITOR_NAME, add->domid)) {
        ready.edid.data = edid;
        ready.edid.len = sizeof(edid);
    }
    wire_reply(s->wire, id, VGT__TYPE__TYPE_GUEST_READY, &ready.base);
}

static void on_guest_add(void *ctx, const Vgt__GuestAdd *add, struct wire_fds *fds, uint32_t id)
{
    struct service *s = ctx;
    struct memory *m = memory_of(s, 0, false);
    char text[96];
    int rc;

    if (!m) {
        wire_fds_close(fds);
        wire_forget(s->wire, add->domid);
        wire_error(s->wire, id, ENOSPC, "no room for another virtual monitor");
        return;
    }
    *m = (struct memory){.used = true, .domid = add->domid, .fds = *fds};
    crash_point("display.attach.asked");
    rc = add_guest(s, add, m);
    crash_point("display.attach.made");
    if (!rc) {
        answer_ready(s, add, id);
        crash_point("display.attach.told");
        return;
    }
    release(m);
    /* The client takes what is in *fds for ours, also now. */
    fds->count = 0;
    wire_forget(s->wire, add->domid);
    snprintf(text, sizeof(text), "guest %u gets no virtual monitor: %s", add->domid, strerror(-rc));
    wire_error(s->wire, id, -rc, text);
}

static void on_guest_remove(void *ctx, uint32_t domid, bool final, uint32_t id)
{
    struct service *s = ctx;
    struct memory *m = memory_of(s, domid, true);

    if (s->display)
        display_guest_remove(s->display, domid, final, id);
    if (!final) {
        if (!s->display)
            on_removed(s, id, domid);
        return;
    }
    if (m)
        release(m);
    on_removed(s, id, domid);
    wire_forget(s->wire, domid);
}

/* ---- statistics */

#define MAX_STATS (WIRE_MAX_GUESTS + 1)

/* Everything one StatsReply points to. */
struct report {
    struct display_stats from;
    Vgt__ServiceStats stats[MAX_STATS], *list[MAX_STATS];
    Vgt__Counter counter[MAX_STATS][DISPLAY_COUNTERS], *counters[MAX_STATS][DISPLAY_COUNTERS];
};

static void report_one(struct report *r, unsigned n)
{
    Vgt__ServiceStats *out = &r->stats[n];

    vgt__service_stats__init(out);
    r->list[n] = out;
    out->domid = r->from.domid;
    out->foreground = r->from.foreground;
    out->n_counters = r->from.count;
    out->counters = r->counters[n];
    for (unsigned i = 0; i < r->from.count; i++) {
        vgt__counter__init(&r->counter[n][i]);
        r->counter[n][i].name = (char *)r->from.counter[i].name;
        r->counter[n][i].value = r->from.counter[i].value;
        r->counters[n][i] = &r->counter[n][i];
    }
}

static void on_stats(void *ctx, uint32_t id)
{
    struct service *s = ctx;
    Vgt__StatsReply reply = VGT__STATS_REPLY__INIT;
    struct report *r = calloc(1, sizeof(*r));

    if (!r) {
        wire_error(s->wire, id, ENOMEM, "out of memory");
        return;
    }
    while (s->display && reply.n_stats < MAX_STATS &&
           display_stats(s->display, (unsigned)reply.n_stats, &r->from))
        report_one(r, (unsigned)reply.n_stats++);
    reply.stats = r->list;
    wire_reply(s->wire, id, VGT__TYPE__TYPE_STATS_REPLY, &reply.base);
    free(r);
}

/* ---- other messages */

static void take_switch(struct service *s, const struct chan_message *m)
{
    const Vgt__SwitchRequest *r = (const Vgt__SwitchRequest *)m->body;

    display_switch(s->display, r->domid, m->id);
}

static void take_screenshot(struct service *s, const struct chan_message *m)
{
    const Vgt__ScreenshotRequest *r = (const Vgt__ScreenshotRequest *)m->body;

    display_screenshot(s->display, r->domid, m->id);
}

static void take_slice(struct service *s, const struct chan_message *m)
{
    display_slice(s->display, m->id, 0);
}

/* Of our requests there are only those for the slice. */
static void take_error(struct service *s, const struct chan_message *m)
{
    const Vgt__Error *e = (const Vgt__Error *)m->body;

    display_slice(s->display, m->id, e->code && e->code < 4096 ? (int)e->code : EIO);
}

static void on_other(void *ctx, const struct chan_message *m)
{
    static const struct {
        uint32_t type;
        void (*take)(struct service *s, const struct chan_message *m);
    } handlers[] = {{VGT__TYPE__TYPE_SWITCH, take_switch},
                    {VGT__TYPE__TYPE_SCREENSHOT, take_screenshot},
                    {VGT__TYPE__TYPE_SLICE_REPLY, take_slice},
                    {VGT__TYPE__TYPE_ERROR, take_error}};
    struct service *s = ctx;

    if (!s->display) {
        if (m->type != VGT__TYPE__TYPE_ERROR)
            wire_error(s->wire, m->id, EAGAIN, "the display is not up yet");
        return;
    }
    for (unsigned i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++)
        if (handlers[i].type == m->type)
            handlers[i].take(s, m);
}

static const struct wire_ops wire_ops = {.device = on_device,
                                         .guest_add = on_guest_add,
                                         .guest_remove = on_guest_remove,
                                         .stats = on_stats,
                                         .other = on_other};

int service_new(struct loop *loop, const struct log *log, const struct service_options *options,
                struct service **service)
{
    static const struct chan_type types[] = {
        {VGT__TYPE__TYPE_SWITCH, &vgt__switch_request__descriptor, NULL},
        {VGT__TYPE__TYPE_SCREENSHOT, &vgt__screenshot_request__descriptor, NULL},
        {VGT__TYPE__TYPE_SLICE_REPLY, &vgt__slice_reply__descriptor, NULL},
    };
    struct service *s = calloc(1, sizeof(*s));
    int rc;

    if (!s)
        return -ENOMEM;
    *s = (struct service){.loop = loop, .log = log, .options = options};
    s->config = (struct wire_config){.role = "vgt-display",
                                     .socket = options->wire,
                                     .types = types,
                                     .type_count = sizeof(types) / sizeof(types[0]),
                                     .ops = &wire_ops,
                                     .log = log};
    rc = wire_client_new(loop, NULL, &s->config, s, &s->wire);
    if (rc) {
        free(s);
        return rc;
    }
    *service = s;
    return 0;
}

void service_free(struct service *s)
{
    wire_client_free(s->wire);
    if (s->display)
        display_free(s->display);
    for (unsigned i = 0; i < WIRE_MAX_GUESTS; i++)
        if (s->memory[i].used)
            release(&s->memory[i]);
    if (s->screen.data)
        region_unmap(&s->screen);
    if (s->gpu)
        gpu_close(s->gpu);
    wire_fds_close(&s->fds);
    free(s);
}
