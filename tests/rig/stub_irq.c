/* SPDX-License-Identifier: MIT */
/*
 * stub_irq.c: interrupt banks (docs/stub.md, "Interrupts"): the MSI's handler takes and clears
 * every bank with something in it, remembers the bits for the owning row and wakes it.
 */
#include "tests/rig/stub.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define IMR           4u
#define IIR           8u
#define IER           12u
#define MASTER        0x44200u /* gen8 */
#define MASTER_ENABLE (1u << 31)
#define DEIER         0x4400cu /* gen7 */
#define DE_MASTER     (1u << 31)
#define DE_PCH_EVENT  (1u << 28)
#define SDEIER        0xc400cu

/* Without waiting: a counter that is full has been raised. */
static void signal_node(const struct stub_node *n)
{
    struct pollfd p = {n->event, POLLOUT, 0};
    uint64_t one = 1;

    if (n->event >= 0 && poll(&p, 1, 0) == 1 && write(n->event, &one, sizeof(one)) < 0)
        log_write(n->s->log, LOG_WARNING, "a row's eventfd cannot be written", "row=%u", n->index);
}

static bool any_pending(const struct stub_node *n)
{
    for (unsigned i = 0; i < VGT_BANKS; i++)
        if (n->pending[i])
            return true;
    return false;
}

/* A bank's bits, cleared on the device and given to its row. */
static uint32_t take(struct softstub *s, unsigned bank)
{
    const struct vgt_bank_info *b = vgt_bank(&s->access, bank);
    uint32_t bits = stub_rd(s, b->isr + IIR);

    if (bits)
        stub_wr(s, b->isr + IIR, bits);
    s->node[b->row].pending[bank] |= bits;
    return bits;
}

static unsigned handle_gen8(struct softstub *s)
{
    uint32_t master = stub_rd(s, MASTER) & ~MASTER_ENABLE;
    unsigned rows = 0;

    stub_wr(s, MASTER, 0);
    for (unsigned bank = 0; bank < VGT_BANKS; bank++) {
        const struct vgt_bank_info *b = vgt_bank(&s->access, bank);

        if (b && master & b->master && take(s, bank))
            rows |= 1u << b->row;
    }
    stub_wr(s, MASTER, MASTER_ENABLE);
    return rows;
}

/* DEIIR's PCH bit is an edge of (SDEIIR & SDEIER): the PCH's bank is emptied first, with SDEIER
 * shut, and opening it again makes a new edge for what came meanwhile. */
static unsigned handle_gen7(struct softstub *s)
{
    uint32_t de_ier = stub_rd(s, DEIER), sde_ier = stub_rd(s, SDEIER);
    unsigned rows = 0;

    stub_wr(s, DEIER, de_ier & ~DE_MASTER);
    stub_wr(s, SDEIER, 0);
    if (take(s, VGT_BANK_GT0))
        rows |= 1u << VGT_ROW_SCHED;
    if (take(s, VGT_BANK_GT2))
        rows |= 1u << VGT_ROW_SCHED;
    if (stub_rd(s, vgt_bank(&s->access, VGT_BANK_DE)->isr + IIR) & DE_PCH_EVENT &&
        take(s, VGT_BANK_PCH))
        rows |= 1u << VGT_ROW_DISPLAY;
    if (take(s, VGT_BANK_DE) & ~DE_PCH_EVENT)
        rows |= 1u << VGT_ROW_DISPLAY;
    s->node[VGT_ROW_DISPLAY].pending[VGT_BANK_DE] &= ~DE_PCH_EVENT;
    stub_wr(s, SDEIER, sde_ier);
    stub_wr(s, DEIER, de_ier | DE_MASTER);
    return rows;
}

void stub_irq_handle(struct softstub *s)
{
    unsigned rows = s->access.gen == 8 ? handle_gen8(s) : handle_gen7(s);

    for (unsigned i = 0; i < VGT_ROWS; i++)
        if (rows & 1u << i)
            signal_node(&s->node[i]);
}

/* All masked, none enabled but the stub's own, and IIR, which holds two events, empty. */
static void bank_off(struct softstub *s, const struct vgt_bank_info *b)
{
    stub_wr(s, b->isr + IMR, ~b->keep | DE_MASTER);
    stub_wr(s, b->isr + IER, b->keep);
    stub_wr(s, b->isr + IIR, UINT32_MAX);
    stub_wr(s, b->isr + IIR, UINT32_MAX);
    stub_rd(s, b->isr + IIR);
}

static void master(struct softstub *s, bool on)
{
    if (s->access.gen == 8)
        stub_wr(s, MASTER, on ? MASTER_ENABLE : 0);
    else
        stub_wr(s, DEIER, on ? vgt_bank(&s->access, VGT_BANK_DE)->keep : 0);
}

void stub_irq_off(struct softstub *s)
{
    master(s, false);
    for (unsigned bank = 0; bank < VGT_BANKS; bank++) {
        const struct vgt_bank_info *b = vgt_bank(&s->access, bank);

        if (b)
            bank_off(s, b);
    }
    master(s, false);
}

void stub_irq_on(struct softstub *s)
{
    stub_irq_off(s);
    master(s, true);
}

void stub_irq_node_close(struct stub_node *n)
{
    for (unsigned bank = 0; bank < VGT_BANKS; bank++) {
        const struct vgt_bank_info *b = vgt_bank(&n->s->access, bank);

        if (b && b->row == n->index)
            bank_off(n->s, b);
    }
    memset(n->pending, 0, sizeof(n->pending));
    if (n->event >= 0)
        close(n->event);
    n->event = -1;
}

/* ---- calls */

static bool is_eventfd(int fd)
{
    char path[32], what[64];
    ssize_t n;

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    n = readlink(path, what, sizeof(what) - 1);
    what[n > 0 ? n : 0] = 0;
    return !strcmp(what, "anon_inode:[eventfd]");
}

int stub_call_irq_eventfd(struct stub_call *c)
{
    struct stub_node *n = c->node;
    int copy = -1;

    if (c->m->arg.event >= 0) {
        if (c->in < 0 || !is_eventfd(c->in))
            return -EINVAL;
        copy = fcntl(c->in, F_DUPFD_CLOEXEC, 0);
        if (copy < 0)
            return -errno;
    }
    if (n->event >= 0)
        close(n->event);
    n->event = copy;
    if (any_pending(n))
        signal_node(n);
    return 0;
}

static const struct vgt_bank_info *own_bank(const struct stub_call *c, uint32_t bank)
{
    const struct vgt_bank_info *b = vgt_bank(&c->s->access, bank);

    return b && b->row == c->node->index ? b : NULL;
}

int stub_call_irq_set(struct stub_call *c)
{
    const struct vgt_stub_irq *irq = &c->m->arg.irq;
    const struct vgt_bank_info *b = own_bank(c, irq->bank);
    uint32_t ier;

    if (irq->reserved)
        return -EINVAL;
    if (!b)
        return -EACCES;
    ier = irq->ier | b->keep;
    stub_wr(c->s, b->isr + IER, stub_rd(c->s, b->isr + IER) & ier);
    stub_wr(c->s, b->isr + IMR, irq->imr & ~(b->keep & DE_PCH_EVENT));
    stub_wr(c->s, b->isr + IER, ier);
    stub_rd(c->s, b->isr + IER);
    return 0;
}

int stub_call_irq_get(struct stub_call *c)
{
    struct vgt_stub_irq *irq = &c->m->arg.irq;
    const struct vgt_bank_info *b = own_bank(c, irq->bank);

    if (irq->reserved || irq->imr || irq->ier)
        return -EINVAL;
    if (!b)
        return -EACCES;
    irq->imr = stub_rd(c->s, b->isr + IMR);
    irq->ier = stub_rd(c->s, b->isr + IER) & ~b->keep;
    return 0;
}

int stub_call_irq_fetch(struct stub_call *c)
{
    struct stub_node *n = c->node;
    int any = any_pending(n);

    memcpy(c->m->arg.fetch.pending, n->pending, sizeof(n->pending));
    memset(n->pending, 0, sizeof(n->pending));
    return any;
}
