/* SPDX-License-Identifier: MIT */
/*
 * fake.c: the hypervisor's side of the fake: the guest, its vCPUs and the table of guests by domid,
 * the one piece of process-wide state here: it stands for the machine. Called by tests. One thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vmm/fake/priv.h"

static struct fake_guest *machine[FAKE_GUESTS];

struct fake_guest *fake_find(uint32_t domid)
{
    for (size_t i = 0; i < FAKE_GUESTS; i++)
        if (machine[i] && machine[i]->domid == domid)
            return machine[i];
    return NULL;
}

static int put(struct fake_guest *g)
{
    for (size_t i = 0; i < FAKE_GUESTS; i++)
        if (!machine[i]) {
            machine[i] = g;
            return 0;
        }
    return -ENOSPC;
}

struct fake_guest *fake_guest_new(uint32_t domid, uint64_t pages, uint16_t nr_vcpus)
{
    struct fake_guest *g;

    if (fake_find(domid) || nr_vcpus > VMM_MAX_VCPUS)
        return NULL;
    g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    g->domid = domid;
    g->pages = pages;
    g->nr_vcpus = nr_vcpus;
    g->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    g->ram = aligned_alloc(FAKE_PAGE, pages * FAKE_PAGE);
    g->wp = calloc(pages, sizeof *g->wp);
    if (g->fd < 0 || !g->ram || !g->wp || put(g)) {
        fake_guest_free(g);
        return NULL;
    }
    memset(g->ram, 0, pages * FAKE_PAGE);
    return g;
}

void fake_guest_free(struct fake_guest *g)
{
    for (size_t i = 0; i < FAKE_GUESTS; i++)
        if (machine[i] == g)
            machine[i] = NULL;
    if (g->fd >= 0)
        close(g->fd);
    free(g->ram);
    free(g->wp);
    free(g);
}

void *fake_ram(struct fake_guest *g, uint64_t gpa)
{
    return gpa < g->pages * FAKE_PAGE ? g->ram + gpa : NULL;
}

bool fake_protected(const struct fake_guest *g, uint64_t gfn)
{
    return gfn < g->pages && g->wp[gfn];
}

bool fake_trapped(const struct fake_guest *g, uint64_t gpa)
{
    for (size_t i = 0; i < VMM_MAX_RANGES; i++)
        if (g->range[i].len && gpa - g->range[i].start < g->range[i].len)
            return true;
    return false;
}

/* As Xen has it: all of an access lies in one range, or nobody is asked. */
static bool all_trapped(const struct fake_guest *g, const struct vmm_access *a)
{
    uint64_t first = a->addr, end = vmm_element_addr(a, a->count - 1), last;

    last = (a->backwards ? first : end) + a->size - 1;
    first = a->backwards ? end : first;
    for (size_t i = 0; i < VMM_MAX_RANGES; i++)
        if (g->range[i].len && first >= g->range[i].start &&
            last - g->range[i].start < g->range[i].len)
            return true;
    return false;
}

static int ram_access(struct fake_guest *g, const struct vmm_access *a, uint64_t *data)
{
    uint8_t *at = fake_ram(g, a->addr);

    if (!at || a->count != 1 || a->addr + a->size > g->pages * FAKE_PAGE)
        return -ENXIO;
    if (a->write) {
        memcpy(at, &a->data, a->size);
    } else {
        *data = 0;
        memcpy(data, at, a->size);
    }
    return 0;
}

int fake_start(struct fake_guest *g, const struct vmm_access *a, uint64_t *data)
{
    struct fake_vcpu *c = &g->vcpu[a->vcpu];
    struct vmm_access asked = *a;
    uint64_t one = 1;

    if (a->vcpu >= g->nr_vcpus || c->state != FAKE_IDLE)
        return -EBUSY;
    if (a->space != VMM_CONFIG) {
        bool wp = a->write && fake_protected(g, a->addr / FAKE_PAGE);

        if (!wp && !all_trapped(g, a))
            return ram_access(g, a, data);
        asked.space = wp ? VMM_GUEST : VMM_MMIO;
    }
    asked.replay = false;
    c->access = asked;
    c->state = FAKE_READY;
    return write(g->fd, &one, sizeof one) == sizeof one ? 1 : -EIO;
}

void fake_take(struct fake_guest *g, uint16_t vcpu)
{
    if (g->vcpu[vcpu].state == FAKE_READY)
        g->vcpu[vcpu].state = FAKE_HELD;
}

int fake_done(struct fake_guest *g, uint16_t vcpu, uint64_t *data)
{
    struct fake_vcpu *c = &g->vcpu[vcpu];

    if (c->state == FAKE_IDLE)
        return -ENOENT;
    if (c->state != FAKE_ANSWERED)
        return 0;
    c->state = FAKE_IDLE;
    if (data)
        *data = c->answer;
    return 1;
}

size_t fake_msis(const struct fake_guest *g, const struct fake_msi **out)
{
    *out = g->msi;
    return g->nr_msis;
}

void fake_forget_msis(struct fake_guest *g)
{
    g->nr_msis = 0;
}

size_t fake_maps(const struct fake_guest *g, const struct fake_map **out)
{
    *out = g->map;
    return g->nr_maps;
}

bool fake_paused(const struct fake_guest *g)
{
    return g->paused;
}

const char *fake_killed(const struct fake_guest *g)
{
    return g->why[0] ? g->why : NULL;
}
