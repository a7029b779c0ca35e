/* SPDX-License-Identifier: MIT */
/*
 * guests.c: guests as a service's end of the wiring knows them. Descriptors (Wire) and the request
 * they belong to (GuestAdd) may come over two channels in any order: whichever is first waits here
 * for the other. Called by client.c; one thread.
 */
#include "services/wire/client_priv.h"

#include <errno.h>
#include <stdlib.h>

#define LOST_FDS "the guest's descriptors could not be taken: Too many open files"

static struct guest *find(struct wire_client *c, uint32_t domid)
{
    for (unsigned i = 0; i < WIRE_MAX_GUESTS; i++)
        if (c->guest[i].used && c->guest[i].domid == domid)
            return &c->guest[i];
    return NULL;
}

void wire_guest_drop(struct guest *g)
{
    wire_fds_close(&g->fds);
    if (g->add)
        vgt__guest_add__free_unpacked(g->add, NULL);
    *g = (struct guest){0};
}

/* Forget a guest that is not known yet; whoever asked for it is told. */
static void cancel(struct wire_client *c, struct guest *g)
{
    if (g->add)
        wire_error(c, g->id, ECANCELED, "the guest was taken back before it was attached");
    wire_guest_drop(g);
}

/*
 * The record of this attach of domid; one of an earlier attach that never finished goes. It is of a
 * later attach where a Wire of an earlier one arrives late.
 */
struct guest *wire_guest_obtain(struct wire_client *c, uint32_t domid, uint64_t generation)
{
    struct guest *g = find(c, domid);

    if (g && !g->known && g->generation < generation)
        cancel(c, g);
    for (unsigned i = 0; (!g || !g->used) && i < WIRE_MAX_GUESTS; i++)
        if (!c->guest[i].used)
            g = &c->guest[i];
    if (g && !g->used)
        *g = (struct guest){.used = true, .domid = domid, .generation = generation};
    return g;
}

void wire_guest_try(struct wire_client *c, struct guest *g)
{
    Vgt__GuestAdd *add = g->add;
    struct wire_fds fds = g->fds;
    uint32_t id = g->id; /* the service may forget g at once */

    if (g->lost_fds && add) {
        wire_error(c, g->id, EMFILE, LOST_FDS);
        wire_guest_drop(g);
        return;
    }
    if (!g->have_fds || !add)
        return;
    g->known = true;
    g->add = NULL;
    g->have_fds = false;
    g->fds.count = 0; /* the service's from here on, also if it forgets the guest at once */
    wire_note_begin(c, add->domid);
    c->config->ops->guest_add(c->ctx, add, &fds, id);
    wire_note_guest(c, add->domid);
    vgt__guest_add__free_unpacked(add, NULL);
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

/* A broker that came back asks again about guests we never lost. */
static void still_here(struct wire_client *c, const Vgt__GuestAdd *add, uint32_t id)
{
    Vgt__GuestReady ready = VGT__GUEST_READY__INIT;

    ready.domid = add->domid;
    ready.resources = add->resources;
    ready.edid = add->edid;
    wire_reply(c, id, VGT__TYPE__TYPE_GUEST_READY, &ready.base);
}

void wire_on_guest_add(struct chan *chan, const struct chan_message *m, void *data)
{
    struct wire_client *c = data;
    const Vgt__GuestAdd *add = (const Vgt__GuestAdd *)m->body;
    struct guest *g;

    (void)chan;
    if (*c->refusal) {
        wire_error(c, m->id, c->refusal_error, c->refusal);
        return;
    }
    g = wire_guest_obtain(c, add->domid, add->generation);
    if (g && g->known) {
        if (g->generation == add->generation)
            still_here(c, add, m->id);
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
    wire_guest_try(c, g);
}

void wire_on_guest_remove(struct chan *chan, const struct chan_message *m, void *data)
{
    struct wire_client *c = data;
    const Vgt__GuestRemove *r = (const Vgt__GuestRemove *)m->body;
    struct guest *g = find(c, r->domid);
    Vgt__GuestRemoved removed = VGT__GUEST_REMOVED__INIT;

    (void)chan;
    if (*c->refusal) {
        wire_error(c, m->id, c->refusal_error, c->refusal);
        return;
    }
    if (g && g->known && r->final)
        wire_note_guest(c, r->domid);
    if (g && g->known) {
        c->config->ops->guest_remove(c->ctx, r->domid, r->final, m->id);
        return;
    }
    if (g)
        cancel(c, g);
    if (c->config->ops->guest_stale) {
        wire_note_begin(c, r->domid);
        c->config->ops->guest_stale(c->ctx, r->domid, r->final, m->id);
        wire_note_guest(c, r->domid);
        return;
    }
    removed.domid = r->domid;
    wire_reply(c, m->id, VGT__TYPE__TYPE_GUEST_REMOVED, &removed.base);
}

void wire_forget(struct wire_client *client, uint32_t domid)
{
    struct guest *g = find(client, domid);

    if (g)
        wire_guest_drop(g);
}
