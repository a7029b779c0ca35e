/* SPDX-License-Identifier: MIT */
/*
 * stub_pin.c: domains, their memory and pins. A domain's memory is a file with frame 0 at its
 * beginning; the device has it at the domain's base, so a frame's bus address is base + gfn * 4096.
 * A pin keeps all of the memory there, also after the domain was forgotten: that is what Xen does
 * with a dying domain.
 */
#include "tests/rig/stub.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GFN_LIMIT (1ull << 40)

static bool bit(const uint8_t *map, uint64_t at)
{
    return map[at / 8] & 1u << at % 8;
}

static void set_bit(uint8_t *map, uint64_t at, bool on)
{
    uint8_t mask = (uint8_t)(1u << at % 8);

    map[at / 8] = (uint8_t)(on ? map[at / 8] | mask : map[at / 8] & ~mask);
}

struct stub_domain *stub_domain_find(struct softstub *s, uint16_t domid)
{
    struct stub_domain *d;

    LIST_FOREACH(d, &s->domains, link)
    if (d->domid == domid)
        return d;
    return NULL;
}

static struct stub_domain *find_or_make(struct softstub *s, uint16_t domid)
{
    struct stub_domain *d = stub_domain_find(s, domid);

    if (d)
        return d;
    d = calloc(1, sizeof(*d));
    if (!d)
        return NULL;
    d->domid = domid;
    d->fd = -1;
    LIST_INSERT_HEAD(&s->domains, d, link);
    return d;
}

static void drop_memory(struct softstub *s, struct stub_domain *d)
{
    if (d->fd < 0)
        return;
    stub_judge_changed(s);
    vfu_client_unmap(s->gpu, d->base, d->frames * STUB_PAGE);
    close(d->fd);
    free(d->pinned);
    free(d->hole);
    d->fd = -1;
    d->pinned = d->hole = NULL;
    d->frames = d->holes = 0;
    d->forgotten = false;
}

/* What nothing holds goes. */
static void tidy(struct softstub *s, struct stub_domain *d)
{
    if (d->forgotten && !d->pins)
        drop_memory(s, d);
    if (d->attached || d->fd >= 0)
        return;
    LIST_REMOVE(d, link);
    free(d);
}

/* ---- memory */

static bool base_taken(struct softstub *s, uint64_t base)
{
    struct stub_domain *d;

    LIST_FOREACH(d, &s->domains, link)
    if (d->fd >= 0 && d->base == base)
        return true;
    return false;
}

/* The slot of its number if it has one, else the last that is free. */
static int choose_base(struct softstub *s, uint16_t domid, uint64_t *base)
{
    unsigned slot = domid < STUB_SLOTS ? domid : STUB_SLOTS - 1;

    for (unsigned i = 0; i < STUB_SLOTS - 1; i++) {
        *base = slot * STUB_SLOT;
        if (!base_taken(s, *base))
            return 0;
        slot = slot > 1 ? slot - 1 : STUB_SLOTS - 1;
    }
    return -ENOSPC;
}

static int take_memory(struct softstub *s, struct stub_domain *d, int fd)
{
    struct stat st;
    int r = fstat(fd, &st) ? -errno : 0;

    if (!r &&
        (!S_ISREG(st.st_mode) || st.st_size < (off_t)STUB_PAGE || (uint64_t)st.st_size > STUB_SLOT))
        r = -EINVAL;
    if (!r)
        r = choose_base(s, d->domid, &d->base);
    if (r)
        return r;
    d->frames = (uint64_t)st.st_size / STUB_PAGE;
    d->pinned = calloc(1, d->frames / 8 + 1);
    d->hole = calloc(1, d->frames / 8 + 1);
    r = d->pinned && d->hole ? vfu_client_map(s->gpu, d->base, d->frames * STUB_PAGE, fd, 0)
                             : -ENOMEM;
    if (!r) {
        d->fd = fd;
        stub_judge_changed(s);
        return 0;
    }
    free(d->pinned);
    free(d->hole);
    d->pinned = d->hole = NULL;
    d->frames = 0;
    return r;
}

int stub_domain_memory(struct softstub *s, uint16_t domid, int fd, uint64_t *base)
{
    struct stub_domain *d = NULL;
    int r = domid && domid <= STUB_MAX_DOMID ? 0 : -EINVAL;

    if (!r) {
        d = find_or_make(s, domid);
        r = !d ? -ENOMEM : d->fd >= 0 ? -EEXIST : take_memory(s, d, fd);
    }
    if (!r)
        *base = d->base;
    else
        close(fd);
    if (d)
        tidy(s, d);
    return r;
}

int stub_domain_forget(struct softstub *s, uint16_t domid)
{
    struct stub_domain *d = stub_domain_find(s, domid);

    if (!d || d->fd < 0 || d->forgotten)
        return -ENOENT;
    d->forgotten = true;
    tidy(s, d);
    return 0;
}

void stub_domains_end(struct softstub *s)
{
    struct stub_domain *d, *next;

    for (d = LIST_FIRST(&s->domains); d; d = next) {
        next = LIST_NEXT(d, link);
        assert(!d->attached && !d->pins);
        d->forgotten = true;
        tidy(s, d);
    }
}

int stub_domain_holes(struct softstub *s, uint16_t domid, uint64_t gfn, uint64_t count, bool hole)
{
    struct stub_domain *d = stub_domain_find(s, domid);

    if (!d || d->fd < 0)
        return -ENOENT;
    if (gfn > d->frames || count > d->frames - gfn)
        return -EINVAL;
    for (uint64_t i = gfn; i < gfn + count; i++) {
        if (bit(d->hole, i) == hole)
            continue;
        set_bit(d->hole, i, hole);
        d->holes = hole ? d->holes + 1 : d->holes - 1;
    }
    stub_judge_changed(s);
    return 0;
}

bool stub_domain_lost(const struct stub_domain *d, uint64_t gfn)
{
    return bit(d->hole, gfn) && !bit(d->pinned, gfn);
}

/* ---- pins */

/* Is there memory to pin, or is it pinned already? */
static bool can_pin(const struct stub_domain *d, uint64_t gfn)
{
    return gfn < d->frames && (bit(d->pinned, gfn) || (!bit(d->hole, gfn) && !d->forgotten));
}

static int check_gfns(const struct stub_call *c, const struct vgt_stub_pin *arg)
{
    if (arg->reserved || arg->domid > STUB_MAX_DOMID || !arg->count ||
        arg->count > VGT_PIN_MAX_COUNT || c->m->words != arg->count)
        return -EINVAL;
    for (uint32_t i = 0; i < arg->count; i++)
        if (c->m->payload[i] >= GFN_LIMIT)
            return -EINVAL;
    return 0;
}

/* All of them can be, and how many are to be new, counting doubles as often as they stand there. */
static int check_pin(const struct stub_call *c, const struct stub_domain *d, uint32_t count)
{
    uint32_t fresh = 0;

    for (uint32_t i = 0; i < count; i++) {
        if (!can_pin(d, c->m->payload[i]))
            return -ENXIO;
        fresh += !bit(d->pinned, c->m->payload[i]);
    }
    return fresh > c->s->limits.pins - c->s->pins ? -ENOSPC : 0;
}

int stub_call_pin(struct stub_call *c)
{
    const struct vgt_stub_pin *arg = &c->m->arg.pin;
    uint32_t count = c->m->words;
    struct stub_domain *d;
    int r = check_gfns(c, arg);

    c->m->words = 0;
    if (r)
        return r;
    d = stub_domain_find(c->s, arg->domid);
    if (!d || !d->attached)
        return -EACCES;
    r = check_pin(c, d, count);
    if (r)
        return r;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t gfn = c->m->payload[i];

        if (!bit(d->pinned, gfn)) {
            set_bit(d->pinned, gfn, true);
            d->pins++;
            c->s->pins++;
        }
        c->m->payload[i] = d->base + gfn * STUB_PAGE;
    }
    c->m->words = count;
    return 0;
}

static int release(struct softstub *s, struct stub_domain *d, uint64_t gfn)
{
    if (gfn >= d->frames || !bit(d->pinned, gfn))
        return 0;
    set_bit(d->pinned, gfn, false);
    if (bit(d->hole, gfn))
        stub_judge_changed(s);
    d->pins--;
    s->pins--;
    return 1;
}

int stub_call_unpin(struct stub_call *c)
{
    const struct vgt_stub_pin *arg = &c->m->arg.pin;
    struct stub_domain *d;
    int r = check_gfns(c, arg), released = 0;

    c->m->words = 0;
    if (r)
        return r;
    d = stub_domain_find(c->s, arg->domid);
    if (!d)
        return 0;
    for (uint32_t i = 0; i < arg->count; i++)
        released += release(c->s, d, c->m->payload[i]);
    tidy(c->s, d);
    return released;
}

static int release_all(struct softstub *s, struct stub_domain *d)
{
    int released = 0;

    for (uint64_t gfn = 0; d->pins && gfn < d->frames; gfn++)
        released += release(s, d, gfn);
    return released;
}

static bool good_domain(const struct vgt_stub_domain *arg)
{
    return arg->domid && arg->domid <= STUB_MAX_DOMID &&
           !(arg->reserved[0] | arg->reserved[1] | arg->reserved[2]);
}

int stub_call_unpin_domain(struct stub_call *c)
{
    const struct vgt_stub_domain *arg = &c->m->arg.domain;
    struct stub_domain *d;
    int released;

    if (!good_domain(arg))
        return -EINVAL;
    d = stub_domain_find(c->s, arg->domid);
    if (!d)
        return 0;
    released = release_all(c->s, d);
    d->attached = false;
    tidy(c->s, d);
    return released;
}

int stub_call_pin_list(struct stub_call *c)
{
    const struct vgt_stub_pin_list *arg = &c->m->arg.pin_list;
    const struct stub_domain *d;
    uint32_t n = 0;

    if (arg->reserved || !arg->max || arg->max > VGT_PIN_MAX_COUNT ||
        (arg->after >= GFN_LIMIT && arg->after != UINT64_MAX))
        return -EINVAL;
    d = stub_domain_find(c->s, arg->domid);
    for (uint64_t gfn = arg->after + 1; d && gfn < d->frames && n < arg->max; gfn++) {
        if (!bit(d->pinned, gfn))
            continue;
        c->m->payload[2 * n] = gfn;
        c->m->payload[2 * n++ + 1] = d->base + gfn * STUB_PAGE;
    }
    c->m->words = 2 * n;
    return (int)n;
}

/* ---- the broker's calls */

int stub_call_attach(struct stub_call *c)
{
    const struct vgt_stub_domain *arg = &c->m->arg.domain;
    struct stub_domain *d;

    if (!good_domain(arg))
        return -EINVAL;
    d = find_or_make(c->s, arg->domid);
    if (!d)
        return -ENOMEM;
    d->attached = true;
    return 0;
}

int stub_call_detach(struct stub_call *c)
{
    const struct vgt_stub_domain *arg = &c->m->arg.domain;
    struct stub_domain *d;
    int r;

    if (!good_domain(arg))
        return -EINVAL;
    d = stub_domain_find(c->s, arg->domid);
    if (!d || (!d->attached && !d->pins))
        return -ENOENT;
    d->attached = false;
    r = d->pins ? -EBUSY : 0;
    tidy(c->s, d);
    return r;
}

void stub_detach_all(struct softstub *s)
{
    struct stub_domain *d, *next;

    for (d = LIST_FIRST(&s->domains); d; d = next) {
        next = LIST_NEXT(d, link);
        d->attached = false;
        tidy(s, d);
    }
}

void stub_unpin_all(struct softstub *s)
{
    struct stub_domain *d, *next;

    for (d = LIST_FIRST(&s->domains); d; d = next) {
        next = LIST_NEXT(d, link);
        release_all(s, d);
        tidy(s, d);
    }
}
