/* SPDX-License-Identifier: MIT */
/*
 * protect.c: guest pages whose writes trap: a bit of the frame's byte, and its end when
 * vmm/release.h says so. Called by the device's one thread.
 */
#include "vmm/shm/priv.h"

#include <errno.h>

/* -EINVAL: no such frame. */
static int set_trap(void *ctx, uint64_t gfn, bool on)
{
    struct vmm *v = ctx;

    if (gfn >= v->pages)
        return -EINVAL;
    if (on)
        __atomic_fetch_or(&v->frame[gfn], SHM_FRAME_PROTECTED, __ATOMIC_SEQ_CST);
    else
        __atomic_fetch_and(&v->frame[gfn], (uint8_t)~SHM_FRAME_PROTECTED, __ATOMIC_SEQ_CST);
    return 0;
}

static bool busy(void *ctx, uint64_t gfn)
{
    return shm_busy(ctx, gfn);
}

static int barrier(void *ctx)
{
    return shm_barrier(ctx);
}

static const struct release_ops ops = {.busy = busy, .barrier = barrier, .trap = set_trap};

int shm_protect(struct vmm *v, uint64_t gfn, bool on)
{
    if (v->kind != SHM_DEVICE)
        return -EPERM;
    if (!on)
        return release_want(&v->release, gfn);
    release_forget(&v->release, gfn);
    /* A frame that is no memory is for whoever maps it to find out. */
    return set_trap(v, gfn, true) ? 0 : shm_barrier(v);
}

int shm_settle(struct vmm *v)
{
    return v->kind == SHM_DEVICE ? release_settle(&v->release, &ops, v) : -EPERM;
}

static void met(struct vmm *v, uint64_t gfn, bool inherited)
{
    if (inherited)
        set_trap(v, gfn, true);
    else
        release_met(&v->release, &ops, v, gfn);
}

/* Which frames the former process had just released is not known to us: all that it left in flight
 * trap again. */
void shm_met(struct vmm *v, const struct vmm_access *a, bool inherited)
{
    uint64_t one = a->addr / SHM_PAGE;
    uint64_t other = (vmm_element_addr(a, a->count - 1) + a->size - 1) / SHM_PAGE;

    met(v, one, inherited);
    if (other != one)
        met(v, other, inherited);
}
