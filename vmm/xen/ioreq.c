/* SPDX-License-Identifier: MIT */
/*
 * ioreq.c: the shared ioreq page and its event channels: one slot and one channel per vCPU. A slot
 * goes READY (Xen) → INPROCESS (us) → IORESP_READY (us) → NONE (Xen); while it is in our hands the
 * vCPU stands still, so its fields cannot change, yet each is read once into a copy. One thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "vmm/xen/priv.h"

/* The state shares its byte with flags that only the other side's next turn changes, so a byte
 * access is atomic enough for the hand-over; acquire and release order the other fields. */
#define STATE_MASK 0x0fu

static uint8_t *state_byte(struct ioreq *slot)
{
    return (uint8_t *)slot + offsetof(struct ioreq, _pad0) + sizeof slot->_pad0;
}

static uint8_t state_of(struct ioreq *slot)
{
    return __atomic_load_n(state_byte(slot), __ATOMIC_ACQUIRE) & STATE_MASK;
}

static void set_state(struct ioreq *slot, uint8_t state)
{
    uint8_t flags = __atomic_load_n(state_byte(slot), __ATOMIC_RELAXED) & (uint8_t)~STATE_MASK;

    __atomic_store_n(state_byte(slot), flags | state, __ATOMIC_RELEASE);
}

/* Each field once, so that what is checked is what is used. */
static void take_copy(const struct ioreq *slot, struct ioreq *out)
{
    const volatile uint64_t *from = (const volatile uint64_t *)slot;
    uint64_t words[sizeof *out / 8];

    static_assert(sizeof *out == 32, "ioreq layout");
    for (size_t i = 0; i < sizeof words / 8; i++)
        words[i] = from[i];
    memcpy(out, words, sizeof *out);
}

static struct ioreq *slot_of(struct vmm *v, uint16_t vcpu)
{
    return &v->page->vcpu_ioreq[vcpu];
}

static int bind_vcpu(struct vmm *v, uint16_t i)
{
    evtchn_port_t remote = *(volatile uint32_t *)&slot_of(v, i)->vp_eport;
    int port;

    if (!remote)
        return -EPROTO; /* the page was mapped after the server was enabled */
    port = xenevtchn_bind_interdomain(v->ev, v->domid, remote);
    if (port < 0)
        return -errno;
    v->vcpu[i].local = port;
    v->vcpu[i].remote = remote;
    return 0;
}

/* Events sent while nobody was bound are lost: look at every slot once. INPROCESS is what the dead
 * process had taken; READY it never saw, even if it looks like the access it finished last. An
 * answer that was written but not announced is announced now. */
static int pick_up(struct vmm *v, uint16_t i)
{
    uint8_t state = state_of(slot_of(v, i));

    v->vcpu[i].look = true;
    v->vcpu[i].replay = state == STATE_IOREQ_INPROCESS;
    v->vcpu[i].inherited = true;
    if (state == STATE_IORESP_READY && xenevtchn_notify(v->ev, v->vcpu[i].local) < 0)
        return -errno;
    return 0;
}

int xen_bind_vcpus(struct vmm *v, bool resumed)
{
    int fd = xenevtchn_fd(v->ev);
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return -errno;
    for (uint16_t i = 0; i < v->nr_vcpus; i++) {
        int rc = bind_vcpu(v, i);

        if (!rc && resumed)
            rc = pick_up(v, i);
        if (rc)
            return rc;
    }
    return 0;
}

int xen_fd(struct vmm *v)
{
    return v->ev ? xenevtchn_fd(v->ev) : -EPERM;
}

static int answer(struct vmm *v, uint16_t i, uint64_t data)
{
    struct ioreq *slot = slot_of(v, i);

    *(volatile uint64_t *)&slot->data = data;
    set_state(slot, STATE_IORESP_READY);
    return xenevtchn_notify(v->ev, v->vcpu[i].local) < 0 ? -errno : 0;
}

bool xen_busy(struct vmm *v, uint64_t gfn)
{
    for (uint16_t i = 0; i < v->nr_vcpus; i++) {
        struct ioreq copy;
        uint64_t first, last;

        if (state_of(slot_of(v, i)) == STATE_IOREQ_NONE)
            continue;
        take_copy(slot_of(v, i), &copy);
        if (copy.type == IOREQ_TYPE_COPY && xen_extent(&copy, &first, &last) &&
            first / XC_PAGE_SIZE <= gfn && gfn <= last / XC_PAGE_SIZE)
            return true;
    }
    return false;
}

static int give_out(struct vmm *v, uint16_t i, struct vmm_access *out)
{
    bool inherited = v->vcpu[i].inherited;

    out->vcpu = i;
    out->replay = v->vcpu[i].replay;
    v->vcpu[i].replay = false;
    v->vcpu[i].inherited = false;
    v->vcpu[i].held = true;
    if (out->space == VMM_GUEST)
        xen_met(v, out, inherited);
    return 1;
}

/* 1: *out is an access to serve; 0: nothing (any more) in this slot. */
static int look_at(struct vmm *v, uint16_t i, struct vmm_access *out)
{
    struct ioreq *slot = slot_of(v, i);
    uint8_t state = state_of(slot);
    bool again = v->vcpu[i].replay && state == STATE_IOREQ_INPROCESS;
    struct ioreq copy;

    if (v->vcpu[i].held || (state != STATE_IOREQ_READY && !again))
        return 0;
    take_copy(slot, &copy);
    set_state(slot, STATE_IOREQ_INPROCESS);
    switch (xen_decode(v->keep, &copy, out)) {
    case XEN_IOREQ_ACCESS:
        return give_out(v, i, out);
    case XEN_IOREQ_REFUSED:
        v->refused++;
        break;
    case XEN_IOREQ_IGNORE:
        break;
    }
    v->vcpu[i].replay = false;
    return answer(v, i, ~0ull);
}

static int look_unasked(struct vmm *v, struct vmm_access *out)
{
    for (uint16_t i = 0; i < v->nr_vcpus; i++) {
        int rc;

        if (!v->vcpu[i].look)
            continue;
        v->vcpu[i].look = false;
        rc = look_at(v, i, out);
        if (rc)
            return rc;
    }
    return 0;
}

static struct xen_vcpu *by_port(struct vmm *v, evtchn_port_t port)
{
    for (uint16_t i = 0; i < v->nr_vcpus; i++)
        if (v->vcpu[i].local == port)
            return &v->vcpu[i];
    return NULL;
}

int xen_next(struct vmm *v, struct vmm_access *out)
{
    int rc;

    if (!v->page)
        return -EPERM;
    rc = look_unasked(v, out);
    while (!rc) {
        xenevtchn_port_or_error_t port = xenevtchn_pending(v->ev);
        struct xen_vcpu *c;

        if (port < 0)
            return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        /* Unmask first: an event for the next request must not fall between look and unmask. */
        if (xenevtchn_unmask(v->ev, port) < 0)
            return -errno;
        c = by_port(v, port);
        if (c)
            rc = look_at(v, c - v->vcpu, out);
    }
    return rc;
}

int xen_complete(struct vmm *v, uint16_t vcpu, uint64_t data)
{
    if (vcpu >= v->nr_vcpus || !v->vcpu[vcpu].held)
        return -EINVAL;
    v->vcpu[vcpu].held = false;
    return answer(v, vcpu, data);
}
