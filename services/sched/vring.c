/* SPDX-License-Identifier: MIT */
/* vring.c: see vring.h. */
#include "services/sched/vring.h"

#include <string.h>

#define CTL_VALID  (1u << 0)
#define CTL_PAGES  0x1ff000u /* the length less a page */
#define PLACE_BITS 0x1ffff8u /* of HEAD and TAIL; commands come in pairs of dwords */
#define START_BITS 0xfffff000u

bool vring_on(const struct sched_vring *r)
{
    return r->ctl & CTL_VALID;
}

uint32_t vring_start(const struct sched_vring *r)
{
    return r->start & START_BITS;
}

uint32_t vring_size(const struct sched_vring *r)
{
    return (r->ctl & CTL_PAGES) + 4096;
}

bool vring_check(struct sched_vring *r)
{
    uint32_t size = vring_size(r);

    if (r->tail < size && r->given < size && r->head < size && r->wait <= SCHED_MAILBOXES &&
        r->chunks <= SCHED_JOURNAL_CHUNKS)
        return true;
    vring_reset(r);
    return false;
}

void vring_reset(struct sched_vring *r)
{
    uint32_t kept = r->kept;

    memset(r, 0, sizeof *r);
    r->kept = kept;
}

void vring_set(struct sched_vring *r, const struct mmio_sched_ring *regs, bool head)
{
    uint32_t size, at = head ? regs->head & PLACE_BITS : r->head;

    r->start = regs->start;
    r->ctl = regs->ctl;
    size = vring_size(r);
    r->head = r->given = at % size;
    r->tail = (regs->tail & PLACE_BITS) % size;
    r->wait = 0;
    r->news = 1;
}

bool vring_tail(struct sched_vring *r, uint32_t tail, uint64_t epoch)
{
    if (tail & ~PLACE_BITS || tail >= vring_size(r))
        return false;
    r->epoch = epoch;
    r->tail = tail;
    return true;
}

bool vring_wants(const struct sched_vring *r)
{
    return vring_on(r) && !r->stopped && r->given != r->tail &&
           (!r->wait || r->mailbox[r->wait - 1] > r->wait_value);
}

bool vring_busy(const struct sched_vring *r)
{
    return r->chunks;
}

bool vring_idle(const struct sched_vring *r)
{
    return !vring_busy(r) && (r->stopped || !vring_on(r) || r->given == r->tail);
}

void vring_signal(struct sched_vring *r, unsigned mailbox, uint32_t value)
{
    if (mailbox < SCHED_MAILBOXES)
        r->mailbox[mailbox] = value;
}
