/* SPDX-License-Identifier: MIT */
/*
 * protect.c: guest pages whose writes trap: Xen's page type for it, and its end when release.h says
 * so. Called by the device's one thread.
 */
#include "vmm/xen/priv.h" /* first: it asks for the tools' part of Xen's headers */

#include <errno.h>

#define PAGE_SHIFT 12

static int set_trap(void *ctx, uint64_t gfn, bool on)
{
    struct vmm *v = ctx;

    if (xendevicemodel_set_mem_type(v->dm, v->domid, on ? HVMMEM_ioreq_server : HVMMEM_ram_rw, gfn,
                                    1) < 0)
        return -errno;
    return 0;
}

static bool busy(void *ctx, uint64_t gfn)
{
    return xen_busy(ctx, gfn);
}

/* Xen pauses the domain to enable a server, even one that is enabled, which changes nothing else.
 */
static int barrier(void *ctx)
{
    struct vmm *v = ctx;

    if (xendevicemodel_set_ioreq_server_state(v->dm, v->domid, v->keep->server, 1) < 0)
        return -errno;
    return 0;
}

static const struct release_ops ops = {.busy = busy, .barrier = barrier, .trap = set_trap};

/* Xen answers EINVAL for a page that traps already, and for one that is no memory: the latter is
 * for whoever maps the page to find out. */
int xen_protect(struct vmm *v, uint64_t gfn, bool on)
{
    int rc;

    if (!v->keep)
        return -EPERM;
    if (!on)
        return release_want(&v->release, gfn);
    release_forget(&v->release, gfn);
    rc = set_trap(v, gfn, true);
    return rc == -EINVAL ? 0 : rc;
}

int xen_settle(struct vmm *v)
{
    return v->keep ? release_settle(&v->release, &ops, v) : -EPERM;
}

static void met(struct vmm *v, uint64_t gfn, bool inherited)
{
    if (inherited)
        set_trap(v, gfn, true);
    else
        release_met(&v->release, &ops, v, gfn);
}

/* Which frames the former process had just released is not known to us: all that it left in flight
 * trap again. Where that fails the guest has given the page away while it wrote to it. */
void xen_met(struct vmm *v, const struct vmm_access *a, bool inherited)
{
    uint64_t one = a->addr >> PAGE_SHIFT;
    uint64_t other = (vmm_element_addr(a, a->count - 1) + a->size - 1) >> PAGE_SHIFT;

    met(v, one, inherited);
    if (other != one)
        met(v, other, inherited);
}
