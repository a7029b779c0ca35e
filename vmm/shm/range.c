/* SPDX-License-Identifier: MIT */
/*
 * range.c: guest-physical ranges: those that trap, noted in the service's memory first and in the
 * guest's state after, and machine ranges shown to the guest. Called by the device's thread and by
 * the broker's.
 */
#include "vmm/shm/priv.h"

#include <errno.h>

bool shm_trapped(const struct vmm_resume *keep, uint64_t first, uint64_t last)
{
    for (uint32_t i = 0; i < VMM_MAX_RANGES; i++) {
        uint64_t start = keep->range[i].start, len = keep->range[i].len;

        if (len && first >= start && last - start < len)
            return true;
    }
    return false;
}

static void show(struct shm_range *r, uint64_t start, uint64_t len)
{
    __atomic_store_n(&r->len, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&r->start, start, __ATOMIC_SEQ_CST);
    __atomic_store_n(&r->len, len, __ATOMIC_SEQ_CST);
}

/* A former process may have died between the note and the deed. What is right stays untouched: the
 * guest is running. */
void shm_restore_ranges(struct vmm *v)
{
    for (uint32_t i = 0; i < VMM_MAX_RANGES; i++) {
        uint64_t start = v->keep->range[i].start, len = v->keep->range[i].len;
        struct shm_range *r = &v->g->range[i];

        if (__atomic_load_n(&r->len, __ATOMIC_ACQUIRE) != len || (len && r->start != start))
            show(r, start, len);
    }
}

static int trap_on(struct vmm *v, uint64_t start, uint64_t len)
{
    int unused = -1;

    for (int i = 0; i < VMM_MAX_RANGES; i++) {
        uint64_t at = v->keep->range[i].start, n = v->keep->range[i].len;

        if (!n)
            unused = i;
        else if (at == start && n == len)
            return 0;
        else if (start <= at + (n - 1) && at <= start + (len - 1))
            return -EEXIST;
    }
    if (unused < 0)
        return -ENOSPC;
    v->keep->range[unused].start = start;
    v->keep->range[unused].len = len;
    show(&v->g->range[unused], start, len);
    return 0;
}

int shm_trap(struct vmm *v, uint64_t start, uint64_t len, bool on)
{
    if (v->kind != SHM_DEVICE)
        return -EPERM;
    if (!len || start + len - 1 < start)
        return -EINVAL;
    if (on)
        return trap_on(v, start, len);
    for (int i = 0; i < VMM_MAX_RANGES; i++) {
        if (v->keep->range[i].start != start || v->keep->range[i].len != len)
            continue;
        show(&v->g->range[i], 0, 0);
        v->keep->range[i].len = 0;
    }
    return 0;
}

static struct shm_map *find(struct vmm *v, uint64_t gfn, uint64_t mfn, uint64_t nr)
{
    for (unsigned i = 0; i < SHM_MAX_MAPS; i++) {
        struct shm_map *m = &v->g->map[i];

        if (__atomic_load_n(&m->nr, __ATOMIC_ACQUIRE) == nr &&
            (!nr || (m->gfn == gfn && m->mfn == mfn)))
            return m;
    }
    return NULL;
}

int shm_map_machine(struct vmm *v, uint64_t gfn, uint64_t mfn, uint64_t nr, bool on)
{
    struct shm_map *m;

    if (v->kind != SHM_CONTROL)
        return -EPERM;
    if (!nr)
        return -EINVAL;
    m = find(v, gfn, mfn, nr);
    if (!on && m)
        __atomic_store_n(&m->nr, 0, __ATOMIC_RELEASE);
    if (!on || m)
        return m ? 0 : -ENOENT;
    m = find(v, 0, 0, 0);
    if (!m)
        return -ENOSPC;
    m->gfn = gfn;
    m->mfn = mfn;
    __atomic_store_n(&m->nr, nr, __ATOMIC_RELEASE);
    return 0;
}
