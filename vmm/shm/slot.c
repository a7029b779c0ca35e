/* SPDX-License-Identifier: MIT */
/*
 * slot.c: trapped accesses: one slot per vCPU (layout.h). While a slot is in our hands its vCPU
 * stands still, yet its fields are read once into a copy and checked there. Called by the device's
 * one thread.
 */
#include "vmm/shm/priv.h"

#include <errno.h>
#include <unistd.h>

static uint32_t state_of(const struct shm_slot *s)
{
    return __atomic_load_n(&s->state, __ATOMIC_ACQUIRE);
}

static void take_copy(const struct shm_slot *slot, struct shm_slot *out)
{
    const volatile struct shm_slot *s = slot;

    *out = (struct shm_slot){
        .addr = s->addr,
        .data = s->data,
        .count = s->count,
        .size = s->size,
        .kind = s->kind,
        .write = s->write,
        .backwards = s->backwards,
        .indirect = s->indirect,
    };
}

static bool sound(const struct shm_slot *c)
{
    bool size = c->size == 1 || c->size == 2 || c->size == 4 || c->size == 8;

    return size && c->count && c->count <= VMM_MAX_REP;
}

/* The lowest and highest byte of all elements; false when that leaves the address space. */
static bool extent(const struct shm_slot *c, uint64_t *first, uint64_t *last)
{
    uint64_t span = (uint64_t)c->size * (c->count - 1);

    if (c->backwards && c->addr < span)
        return false;
    *first = c->backwards ? c->addr - span : c->addr;
    *last = *first + span + c->size - 1;
    return *last >= *first;
}

static void fill(const struct shm_slot *c, struct vmm_access *out)
{
    *out = (struct vmm_access){
        .addr = c->addr,
        .data = c->data,
        .count = c->count,
        .size = c->size,
        .write = c->write,
        .backwards = c->backwards,
        .indirect = c->indirect,
    };
    if (out->write && !out->indirect && out->size < 8)
        out->data &= (1ull << (8 * out->size)) - 1;
}

static bool decode_config(const struct shm_slot *c, struct vmm_access *out)
{
    if (c->count != 1 || c->size > 4 || c->indirect || c->addr > 256u - c->size)
        return false;
    fill(c, out);
    out->space = VMM_CONFIG;
    return true;
}

static bool decode(const struct vmm_resume *keep, const struct shm_slot *c, struct vmm_access *out)
{
    uint64_t first, last;

    if (!sound(c))
        return false;
    if (c->kind == SHM_CONFIG)
        return decode_config(c, out);
    if (c->kind != SHM_COPY || !extent(c, &first, &last))
        return false;
    fill(c, out);
    out->space = shm_trapped(keep, first, last) ? VMM_MMIO : VMM_GUEST;
    return true;
}

static void answer(struct shm_slot *slot, uint64_t data)
{
    *(volatile uint64_t *)&slot->data = data;
    __atomic_store_n(&slot->state, SHM_RESP, __ATOMIC_RELEASE);
    shm_wake(&slot->state);
}

bool shm_busy(struct vmm *v, uint64_t gfn)
{
    for (uint16_t i = 0; i < v->nr_vcpus; i++) {
        struct shm_slot copy;
        uint64_t first, last;

        if (state_of(&v->g->slot[i]) == SHM_FREE)
            continue;
        take_copy(&v->g->slot[i], &copy);
        if (copy.kind == SHM_COPY && sound(&copy) && extent(&copy, &first, &last) &&
            first / SHM_PAGE <= gfn && gfn <= last / SHM_PAGE)
            return true;
    }
    return false;
}

/* INPROCESS is what the dead process had taken; READY it never saw. An answer it may not have
 * announced is announced now. */
void shm_pick_up(struct vmm *v, bool resumed)
{
    for (uint16_t i = 0; resumed && i < v->nr_vcpus; i++) {
        uint32_t state = state_of(&v->g->slot[i]);

        v->vcpu[i].replay = state == SHM_INPROCESS;
        v->vcpu[i].inherited = true;
        if (state == SHM_RESP)
            shm_wake(&v->g->slot[i].state);
    }
}

int shm_fd(struct vmm *v)
{
    return v->kind == SHM_DEVICE ? v->wake_fd : -EPERM;
}

static int give_out(struct vmm *v, uint16_t i, struct vmm_access *out)
{
    bool inherited = v->vcpu[i].inherited;

    out->vcpu = i;
    out->replay = v->vcpu[i].replay;
    v->vcpu[i] = (struct shm_vcpu){.held = true};
    if (out->space == VMM_GUEST)
        shm_met(v, out, inherited);
    return 1;
}

/* 1: *out is an access to serve; 0: nothing (any more) in this slot. */
static int look_at(struct vmm *v, uint16_t i, struct vmm_access *out)
{
    struct shm_slot *slot = &v->g->slot[i], copy;
    uint32_t state = state_of(slot);
    bool again = v->vcpu[i].replay && state == SHM_INPROCESS;

    if (v->vcpu[i].held || (state != SHM_READY && !again))
        return 0;
    take_copy(slot, &copy);
    __atomic_store_n(&slot->state, SHM_INPROCESS, __ATOMIC_RELEASE);
    if (decode(v->keep, &copy, out))
        return give_out(v, i, out);
    v->refused++;
    v->vcpu[i].replay = false;
    answer(slot, ~0ull);
    return 0;
}

/* What comes after the drain makes the descriptor readable again, so a pass may miss it. */
static int drain(struct vmm *v)
{
    char bytes[512];
    ssize_t n;

    do {
        n = read(v->wake_fd, bytes, sizeof bytes);
    } while (n == (ssize_t)sizeof bytes || (n < 0 && errno == EINTR));
    return n < 0 && errno != EAGAIN ? -errno : 0;
}

/* A pass over all slots, one access per call; it ends with 0. */
int shm_next(struct vmm *v, struct vmm_access *out)
{
    int rc;

    if (v->kind != SHM_DEVICE)
        return -EPERM;
    rc = v->at ? 0 : drain(v);
    if (rc)
        return rc;
    while (v->at < v->nr_vcpus)
        if (look_at(v, v->at++, out))
            return 1;
    v->at = 0;
    return 0;
}

int shm_complete(struct vmm *v, uint16_t vcpu, uint64_t data)
{
    if (v->kind != SHM_DEVICE || vcpu >= v->nr_vcpus || !v->vcpu[vcpu].held)
        return -EINVAL;
    v->vcpu[vcpu].held = false;
    answer(&v->g->slot[vcpu], data);
    return 0;
}
