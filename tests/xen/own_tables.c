/* SPDX-License-Identifier: MIT */
/*
 * own_tables.c: see own_tables.h. To learn the root, a thread of ours keeps another vCPU busy, so
 * that this vCPU's CR3 is ours; a candidate counts only if walking from it to a page of random
 * bytes leads to a frame with those bytes. The thread lives only during own_tables_open().
 */
#include "tests/xen/own_tables.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#define PAGE    4096u
#define LEVELS  4
#define ENTRIES 512u
/* x86-64 page-table entry bits: Intel SDM volume 3A, 4.5 */
#define PTE_PRESENT 0x1u
#define PTE_LARGE   0x80u
#define PTE_FRAME   0x000ffffffffff000ull
#define ROOT_TRIES  200

/* One table page of each level stays mapped: neighbours share all but the lowest. */
struct table {
    uint64_t mfn;
    const volatile uint64_t *entries;
};

struct own_tables {
    xenforeignmemory_handle *fmem;
    uint64_t root;
    struct table cache[LEVELS];
};

struct spinner {
    pthread_t thread;
    unsigned cpu;
    atomic_bool running, stop;
};

static const void *map_own(xenforeignmemory_handle *fmem, uint64_t mfn)
{
    xen_pfn_t frame = mfn;
    int err = 0;
    void *p = xenforeignmemory_map(fmem, DOMID_SELF, PROT_READ, 1, &frame, &err);
    if (p && err) {
        xenforeignmemory_unmap(fmem, p, 1);
        return NULL;
    }
    return p;
}

static void unmap_own(xenforeignmemory_handle *fmem, const volatile void *p)
{
    xenforeignmemory_unmap(fmem, (void *)p, 1);
}

static int load_table(struct own_tables *t, struct table *slot, uint64_t mfn)
{
    if (slot->entries && slot->mfn == mfn)
        return 0;
    if (slot->entries)
        unmap_own(t->fmem, slot->entries);
    slot->entries = map_own(t->fmem, mfn);
    slot->mfn = mfn;
    return slot->entries ? 0 : -EFAULT;
}

int own_tables_mfn(struct own_tables *t, const void *va, uint64_t *mfn)
{
    uint64_t frame = t->root;
    for (int level = LEVELS - 1; level >= 0; level--) {
        int rc = load_table(t, &t->cache[level], frame);
        if (rc)
            return rc;
        unsigned index = (unsigned)((uintptr_t)va >> (12 + 9 * level)) % ENTRIES;
        uint64_t pte = t->cache[level].entries[index];
        if (!(pte & PTE_PRESENT) || (level && (pte & PTE_LARGE)))
            return -ENOENT;
        frame = (pte & PTE_FRAME) >> 12;
    }
    *mfn = frame;
    return 0;
}

static void drop_cache(struct own_tables *t)
{
    for (int level = 0; level < LEVELS; level++)
        if (t->cache[level].entries)
            unmap_own(t->fmem, t->cache[level].entries);
    memset(t->cache, 0, sizeof t->cache);
}

static bool root_is_ours(struct own_tables *t, const void *probe)
{
    uint64_t mfn;
    if (own_tables_mfn(t, probe, &mfn))
        return false;
    const void *seen = map_own(t->fmem, mfn);
    bool same = seen && !memcmp(seen, probe, PAGE);
    if (seen)
        unmap_own(t->fmem, seen);
    return same;
}

static int pin_to(unsigned cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return sched_setaffinity(0, sizeof set, &set) ? -errno : 0;
}

static void *spin(void *arg)
{
    struct spinner *s = arg;
    if (pin_to(s->cpu))
        return NULL;
    atomic_store(&s->running, true);
    while (!atomic_load_explicit(&s->stop, memory_order_relaxed))
        ;
    return NULL;
}

/* The user half of a 64-bit PV vCPU's tables is ctrlreg[1], the kernel's (both halves) [3]. */
static bool try_vcpu(struct own_tables *t, xc_interface *xch, unsigned vcpu, const void *probe)
{
    static const unsigned regs[] = {3, 1};
    vcpu_guest_context_any_t ctx;
    if (xc_vcpu_getcontext(xch, 0, vcpu, &ctx))
        return false;
    for (unsigned i = 0; i < sizeof regs / sizeof *regs; i++) {
        uint64_t cr3 = ctx.x64.ctrlreg[regs[i]];
        if (!cr3)
            continue;
        drop_cache(t);
        t->root = cr3 >> 12;
        if (root_is_ours(t, probe))
            return true;
    }
    return false;
}

static int search_root(struct own_tables *t, xc_interface *xch, const void *probe,
                       struct spinner *s)
{
    for (int n = 0; n < ROOT_TRIES; n++) {
        if (atomic_load(&s->running) && try_vcpu(t, xch, s->cpu, probe))
            return 0;
        sched_yield();
    }
    return -EAGAIN;
}

static int find_root(struct own_tables *t, xc_interface *xch, const void *probe)
{
    cpu_set_t before;
    struct spinner s = {.cpu = 1};
    if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
        return -ENODEV;
    if (sched_getaffinity(0, sizeof before, &before))
        return -errno;
    int rc = pin_to(0);
    if (rc)
        return rc;
    rc = -pthread_create(&s.thread, NULL, spin, &s);
    if (!rc) {
        rc = search_root(t, xch, probe, &s);
        atomic_store(&s.stop, true);
        pthread_join(s.thread, NULL);
    }
    sched_setaffinity(0, sizeof before, &before);
    return rc;
}

int own_tables_open(xc_interface *xch, xenforeignmemory_handle *fmem, struct own_tables **out)
{
    struct own_tables *t = calloc(1, sizeof *t);
    void *probe =
        mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
    int rc = -ENOMEM;
    if (t && probe != MAP_FAILED) {
        t->fmem = fmem;
        rc = getrandom(probe, PAGE, 0) == PAGE ? find_root(t, xch, probe) : -EIO;
    }
    if (probe != MAP_FAILED)
        munmap(probe, PAGE);
    if (rc) {
        own_tables_close(t);
        return rc;
    }
    *out = t;
    return 0;
}

void own_tables_close(struct own_tables *t)
{
    if (!t)
        return;
    drop_cache(t);
    free(t);
}
