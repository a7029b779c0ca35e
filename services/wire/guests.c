/* SPDX-License-Identifier: MIT */
/*
 * guests.c: guests of a service on their way in and out. Descriptors (Wire) and the request they
 * belong to (GuestAdd) may come over two channels in any order: whichever is first waits here for
 * the other, and so does a removal that overtakes them. Called by client.c; one thread.
 */
#include "services/wire/client_priv.h"

#include "lib/crash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOST_FDS "the guest's descriptors could not be taken: Too many open files"

static struct wire_guest *find(struct wire_client *c, uint32_t domid)
{
    for (unsigned i = 0; i < WIRE_MAX_GUESTS; i++)
        if (c->guest[i].used && c->guest[i].domid == domid)
            return &c->guest[i];
    return NULL;
}

static void drop(struct wire_guest *g)
{
    wire_fds_close(&g->fds);
    if (g->add)
        vgt__guest_add__free_unpacked(g->add, NULL);
    free(g->ready);
    *g = (struct wire_guest){0};
}

static void not_here(struct wire_client *c, uint32_t domid, uint32_t id)
{
    Vgt__GuestRemoved removed = VGT__GUEST_REMOVED__INIT;

    removed.domid = domid;
    /* Before the device came we cannot speak for what a former process left on it. */
    removed.unknown = c->device_known || !c->config->ops->device;
    wire_reply(c, id, VGT__TYPE__TYPE_GUEST_REMOVED, &removed.base);
}

/* Removal of a guest that the service does not have, or refused: what it, or the process before,
 * holds of it nevertheless is its own matter. */
static void remove_stale(struct wire_client *c, const Vgt__GuestRemove *r, uint32_t id)
{
    const struct wire_ops *ops = c->config->ops;

    if (!ops->guest_stale) {
        not_here(c, r->domid, id);
        return;
    }
    if (r->unseen && ops->unseen)
        ops->unseen(c->ctx, r->domid, r->unseen);
    wire_note_begin(c, r->domid);
    ops->guest_stale(c->ctx, r->domid, r->final, id);
    wire_note_guest(c, r->domid);
}

/* The removal that waited comes to that. */
static void remove_waiting(struct wire_client *c, const struct wire_guest *g)
{
    Vgt__GuestRemove r = VGT__GUEST_REMOVE__INIT;

    r.domid = g->domid;
    r.final = g->final;
    r.unseen = g->unseen;
    remove_stale(c, &r, g->remove_id);
}

/* Forget a guest that is not known yet; whoever asked for it is told. */
static void cancel(struct wire_client *c, struct wire_guest *g)
{
    struct wire_guest was = *g;

    if (g->add)
        wire_error(c, g->id, ECANCELED, "the guest was taken back before it was attached");
    drop(g);
    if (was.removing)
        remove_waiting(c, &was);
}

/*
 * The record of this attach of domid; one of an earlier attach that never finished goes. It is of a
 * later attach where a Wire of an earlier one arrives late.
 */
static struct wire_guest *obtain(struct wire_client *c, uint32_t domid, uint64_t generation)
{
    struct wire_guest *g = find(c, domid);

    if (g && !g->known && g->generation < generation)
        cancel(c, g);
    for (unsigned i = 0; (!g || !g->used) && i < WIRE_MAX_GUESTS; i++)
        if (!c->guest[i].used)
            g = &c->guest[i];
    if (g && !g->used)
        *g = (struct wire_guest){.used = true, .domid = domid, .generation = generation};
    return g;
}

static void remove_known(struct wire_client *c, const struct wire_guest *g, bool final,
                         uint32_t unseen, uint32_t id)
{
    uint32_t domid = g->domid;

    if (unseen && c->config->ops->unseen)
        c->config->ops->unseen(c->ctx, domid, unseen);
    c->config->ops->guest_remove(c->ctx, domid, final, id);
    crash_point("wire.guest.removing");
}

/* The removal that waited, unless the service refused the guest. */
static void remove_late(struct wire_client *c, const struct wire_guest *was)
{
    struct wire_guest *g = find(c, was->domid);

    if (g && g->known)
        remove_known(c, g, was->final, was->unseen, was->remove_id);
    else
        remove_waiting(c, was);
}

static void refuse_lost(struct wire_client *c, struct wire_guest *g)
{
    struct wire_guest was = *g;

    drop(g);
    wire_error(c, was.id, EMFILE, LOST_FDS);
    if (was.removing)
        remove_waiting(c, &was);
}

static void try_add(struct wire_client *c, struct wire_guest *g)
{
    Vgt__GuestAdd *add = g->add;
    struct wire_fds fds = g->fds;
    struct wire_guest was = *g;

    if (g->lost_fds && add) {
        refuse_lost(c, g);
        return;
    }
    if (!g->have_fds || !add)
        return;
    g->known = true;
    g->add = NULL;
    g->have_fds = false;
    g->removing = false;
    g->fds.count = 0; /* the service's from here on, also if it forgets the guest at once */
    crash_point("wire.guest.whole");
    wire_note_begin(c, add->domid);
    c->config->ops->guest_add(c->ctx, add, &fds, g->id);
    crash_point("wire.guest.added");
    wire_note_guest(c, add->domid);
    vgt__guest_add__free_unpacked(add, NULL);
    if (was.removing)
        remove_late(c, &was);
}

static Vgt__GuestAdd *copy_of(const Vgt__GuestAdd *add)
{
    size_t size = vgt__guest_add__get_packed_size(add);
    uint8_t *packed = malloc(size ? size : 1);
    Vgt__GuestAdd *copy;

    if (!packed)
        return NULL;
    vgt__guest_add__pack(add, packed);
    copy = vgt__guest_add__unpack(NULL, size, packed);
    free(packed);
    return copy;
}

/* A broker that came back asks again about guests we never lost. It may not have got the answer:
 * the request says what it knew when it asked, not what it was granted. */
static void still_here(struct wire_client *c, struct wire_guest *g, const Vgt__GuestAdd *add,
                       uint32_t id)
{
    Vgt__GuestReady ready = VGT__GUEST_READY__INIT;
    Vgt__GuestReady *given =
        g->ready ? vgt__guest_ready__unpack(NULL, g->ready_size, g->ready) : NULL;

    crash_point("wire.guest.still");
    wire_fds_close(&g->fds);
    g->have_fds = false;
    if (given) {
        wire_reply(c, id, VGT__TYPE__TYPE_GUEST_READY, &given->base);
        vgt__guest_ready__free_unpacked(given, NULL);
        return;
    }
    ready.domid = add->domid;
    ready.resources = add->resources;
    ready.edid = add->edid;
    wire_reply(c, id, VGT__TYPE__TYPE_GUEST_READY, &ready.base);
}

void wire_guest_add(struct chan *chan, const struct chan_message *m, void *data)
{
    struct wire_client *c = data;
    const Vgt__GuestAdd *add = (const Vgt__GuestAdd *)m->body;
    struct wire_guest *g;

    (void)chan;
    if (*c->refusal) {
        wire_error(c, m->id, c->refusal_error, c->refusal);
        return;
    }
    g = obtain(c, add->domid, add->generation);
    if (g && g->known) {
        if (g->generation == add->generation)
            still_here(c, g, add, m->id);
        else
            wire_error(c, m->id, EEXIST, "this domain is still attached from before");
        return;
    }
    if (g && g->generation != add->generation) {
        wire_error(c, m->id, ESTALE, "this domain was attached anew since");
        return;
    }
    if (g && g->add)
        vgt__guest_add__free_unpacked(g->add, NULL);
    if (g)
        g->add = copy_of(add);
    if (!g || !g->add) {
        wire_error(c, m->id, ENOSPC, "no room for another guest");
        return;
    }
    g->id = m->id;
    try_add(c, g);
}

void wire_guest_remove(struct chan *chan, const struct chan_message *m, void *data)
{
    struct wire_client *c = data;
    const Vgt__GuestRemove *r = (const Vgt__GuestRemove *)m->body;
    struct wire_guest *g = find(c, r->domid);

    (void)chan;
    if (*c->refusal) {
        wire_error(c, m->id, c->refusal_error, c->refusal);
        return;
    }
    if (g && g->known && r->final)
        wire_note_guest(c, r->domid);
    if (g && g->known) {
        remove_known(c, g, r->final, r->unseen, m->id);
        return;
    }
    /* The descriptors are under way. What a former process left (pins, clears that wait) can only
     * be let go by taking the guest up and then removing it. */
    if (g && g->add) {
        g->removing = true;
        g->final |= r->final;
        g->unseen = r->unseen;
        g->remove_id = m->id;
        return;
    }
    if (g)
        drop(g);
    remove_stale(c, r, m->id);
}

void wire_forget(struct wire_client *client, uint32_t domid)
{
    struct wire_guest *g = find(client, domid);
    struct wire_fds fds;
    uint64_t generation;

    if (!g)
        return;
    if (!g->known || !g->have_fds) {
        drop(g);
        return;
    }
    /* A broker that came back has sent the descriptors again; its GuestAdd is under way. */
    fds = g->fds;
    generation = g->generation;
    g->fds.count = 0;
    drop(g);
    *g = (struct wire_guest){
        .used = true, .domid = domid, .generation = generation, .have_fds = true, .fds = fds};
}

void wire_guest_fds(struct wire_client *c, const Vgt__Wire *wire, struct wire_fds *fds)
{
    struct wire_guest *g;

    g = obtain(c, wire->domid, wire->generation);
    if (!g || g->generation != wire->generation) {
        wire_fds_close(fds);
        return;
    }
    wire_fds_close(&g->fds);
    g->fds = *fds;
    g->have_fds = true;
    g->lost_fds = false;
    crash_point("wire.guest.fds");
    if (!g->known)
        try_add(c, g);
}

void wire_guest_lost_fds(struct wire_client *c, const Vgt__Wire *wire)
{
    struct wire_guest *g = obtain(c, wire->domid, wire->generation);

    if (!g || g->known || g->generation != wire->generation)
        return;
    g->lost_fds = true;
    try_add(c, g);
}

void wire_guest_ready(struct wire_client *c, const Vgt__GuestReady *ready)
{
    struct wire_guest *g = find(c, ready->domid);
    uint8_t *packed;

    if (!g || !g->known || g->ready)
        return;
    g->ready_size = vgt__guest_ready__get_packed_size(ready);
    packed = malloc(g->ready_size ? g->ready_size : 1);
    if (!packed)
        return;
    vgt__guest_ready__pack(ready, packed);
    g->ready = packed;
}

void wire_guests_lose(struct wire_client *c)
{
    for (unsigned i = 0; i < WIRE_MAX_GUESTS; i++) {
        if (c->guest[i].used && !c->guest[i].known)
            drop(&c->guest[i]);
        wire_fds_close(&c->guest[i].fds);
        c->guest[i].have_fds = false;
    }
}

void wire_guests_free(struct wire_client *c)
{
    for (unsigned i = 0; i < WIRE_MAX_GUESTS; i++)
        drop(&c->guest[i]);
}
