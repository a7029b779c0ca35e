/* SPDX-License-Identifier: MIT */
/*
 * ops.c: the seam's side of the fake, called by the service under test through vmm_fake_ops. Same
 * rules as on Xen: one device handle per guest, a held vCPU until complete(), ranges and
 * protection survive the handle. One thread.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/fake/priv.h"

enum fake_kind { DEVICE, MEMORY, CONTROL };

struct vmm {
    struct fake_guest *g;
    enum fake_kind kind;
};

static int open_kind(uint32_t domid, enum fake_kind kind, struct vmm **out)
{
    struct fake_guest *g = fake_find(domid);
    struct vmm *v;

    if (!g)
        return -ESRCH;
    v = calloc(1, sizeof *v);
    if (!v)
        return -ENOMEM;
    v->g = g;
    v->kind = kind;
    *out = v;
    return 0;
}

/* What the former handle had taken comes again; what it had not waits as before. */
static void rearm(struct fake_guest *g)
{
    for (uint16_t i = 0; i < g->nr_vcpus; i++) {
        struct fake_vcpu *c = &g->vcpu[i];

        if (c->state != FAKE_HELD && c->state != FAKE_READY)
            continue;
        c->access.replay = c->state == FAKE_HELD;
        c->state = FAKE_READY;
        eventfd_write(g->fd, 1);
    }
}

static int fake_open_device(uint32_t domid, uint16_t nr_vcpus, struct vmm_resume *keep,
                            struct vmm **out)
{
    struct fake_guest *g = fake_find(domid);
    int rc;

    if (g && (g->device || nr_vcpus > g->nr_vcpus))
        return g->device ? -EBUSY : -EINVAL;
    rc = open_kind(domid, DEVICE, out);
    if (rc)
        return rc;
    g->device = *out;
    if (keep->claimed)
        rearm(g);
    keep->claimed = keep->ready = 1;
    return 0;
}

static int fake_open_memory(uint32_t domid, struct vmm **out)
{
    return open_kind(domid, MEMORY, out);
}

static int fake_open_control(uint32_t domid, struct vmm **out)
{
    return open_kind(domid, CONTROL, out);
}

static void fake_close(struct vmm *v)
{
    if (v->g->device == v)
        v->g->device = NULL;
    free(v);
}

static int fake_fd(struct vmm *v)
{
    return v->kind == DEVICE ? v->g->fd : -EPERM;
}

static int fake_next(struct vmm *v, struct vmm_access *out)
{
    eventfd_t n;

    if (v->kind != DEVICE)
        return -EPERM;
    for (uint16_t i = 0; i < v->g->nr_vcpus; i++) {
        struct fake_vcpu *c = &v->g->vcpu[i];

        if (c->state != FAKE_READY)
            continue;
        c->state = FAKE_HELD;
        *out = c->access;
        return 1;
    }
    eventfd_read(v->g->fd, &n);
    return 0;
}

static int fake_complete(struct vmm *v, uint16_t vcpu, uint64_t data)
{
    struct fake_vcpu *c = &v->g->vcpu[vcpu];

    if (v->kind != DEVICE || vcpu >= v->g->nr_vcpus || c->state != FAKE_HELD)
        return -EINVAL;
    c->answer = data;
    c->state = FAKE_ANSWERED;
    return 0;
}

static int fake_alive(struct vmm *v)
{
    return v->g->why[0] ? -ESHUTDOWN : 0;
}

static int trap_on(struct fake_guest *g, uint64_t start, uint64_t len)
{
    int free_slot = -1;

    for (int i = 0; i < VMM_MAX_RANGES; i++) {
        if (!g->range[i].len) {
            free_slot = i;
            continue;
        }
        if (start < g->range[i].start + g->range[i].len && g->range[i].start < start + len)
            return g->range[i].start == start && g->range[i].len == len ? 0 : -EEXIST;
    }
    if (free_slot < 0)
        return -ENOSPC;
    g->range[free_slot].start = start;
    g->range[free_slot].len = len;
    return 0;
}

static int fake_trap(struct vmm *v, uint64_t start, uint64_t len, bool on)
{
    if (v->kind != DEVICE)
        return -EPERM;
    if (!len || start + len - 1 < start)
        return -EINVAL;
    if (on)
        return trap_on(v->g, start, len);
    for (int i = 0; i < VMM_MAX_RANGES; i++)
        if (v->g->range[i].start == start && v->g->range[i].len == len)
            v->g->range[i].len = 0;
    return 0;
}

static int fake_protect(struct vmm *v, uint64_t gfn, bool on)
{
    if (v->kind != DEVICE)
        return -EPERM;
    if (gfn >= v->g->pages)
        return -EINVAL;
    v->g->wp[gfn] = on;
    return 0;
}

/* Nothing is ever put off here. */
static int fake_settle(struct vmm *v)
{
    return v->kind == DEVICE ? 0 : -EPERM;
}

/* One frame is handed out in place; several need a copy-free view, which scattered frames of one
 * allocation cannot give, so only ascending neighbours are supported. */
static void *fake_map(struct vmm *v, const uint64_t *gfns, size_t nr, bool writable)
{
    (void)writable;
    for (size_t i = 0; i < nr; i++) {
        if (gfns[i] >= v->g->pages) {
            errno = EFAULT;
            return NULL;
        }
        if (gfns[i] != gfns[0] + i) {
            errno = ENOTSUP;
            return NULL;
        }
    }
    return v->g->ram + gfns[0] * FAKE_PAGE;
}

static void fake_unmap(struct vmm *v, void *addr, size_t nr)
{
    (void)v;
    (void)addr;
    (void)nr;
}

static int fake_inject_msi(struct vmm *v, uint64_t msi_addr, uint32_t msi_data)
{
    struct fake_guest *g = v->g;

    if (v->kind != DEVICE)
        return -EPERM;
    if (g->nr_msis == FAKE_MAX_MSIS)
        return -ENOSPC;
    g->msi[g->nr_msis++] = (struct fake_msi){.addr = msi_addr, .data = msi_data};
    return 0;
}

static int fake_map_machine(struct vmm *v, uint64_t gfn, uint64_t mfn, uint64_t nr, bool on)
{
    struct fake_guest *g = v->g;

    if (v->kind != CONTROL)
        return -EPERM;
    if (on) {
        if (g->nr_maps == FAKE_MAX_MAPS)
            return -ENOSPC;
        g->map[g->nr_maps++] = (struct fake_map){.gfn = gfn, .mfn = mfn, .nr = nr};
        return 0;
    }
    for (size_t i = 0; i < g->nr_maps; i++) {
        if (g->map[i].gfn == gfn && g->map[i].mfn == mfn && g->map[i].nr == nr) {
            g->map[i] = g->map[--g->nr_maps];
            return 0;
        }
    }
    return -ENOENT;
}

static int fake_pause(struct vmm *v, bool on)
{
    if (v->kind != CONTROL)
        return -EPERM;
    v->g->paused = on;
    return 0;
}

static int fake_kill(struct vmm *v, const char *why)
{
    if (v->kind == MEMORY)
        return -EPERM;
    snprintf(v->g->why, sizeof v->g->why, "%s", *why ? why : "no reason given");
    return 0;
}

const struct vmm_ops vmm_fake_ops = {
    .name = "fake",
    .open_device = fake_open_device,
    .open_memory = fake_open_memory,
    .open_control = fake_open_control,
    .close = fake_close,
    .fd = fake_fd,
    .next = fake_next,
    .complete = fake_complete,
    .alive = fake_alive,
    .trap = fake_trap,
    .protect = fake_protect,
    .settle = fake_settle,
    .map = fake_map,
    .unmap = fake_unmap,
    .inject_msi = fake_inject_msi,
    .map_machine = fake_map_machine,
    .pause = fake_pause,
    .kill = fake_kill,
};
