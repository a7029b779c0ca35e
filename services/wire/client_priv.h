/* SPDX-License-Identifier: MIT */
/*
 * client_priv.h: what the two halves of a service's end share: client.c has the channels, guests.c
 * the guests on their way in and out. One thread, that of the loop.
 */
#pragma once
#include "services/wire/client.h"

#define MAX_TYPES 24u

/* One guest on its way in (fds or add are there, the other is missing) or known. */
struct wire_guest {
    bool used, known, have_fds;
    uint32_t domid;
    uint64_t generation;
    struct wire_fds fds; /* of one that is known: again, from a broker that came back */
    Vgt__GuestAdd *add;
    uint32_t id;
    bool removing; /* asked for before the descriptors came: carried out after guest_add() */
    bool final;
    uint32_t unseen, remove_id;
    uint8_t *ready; /* the packed GuestReady, once the service gave it */
    size_t ready_size;
};

struct wire_client {
    struct loop *loop;
    struct store *store;
    const struct wire_config *config;
    void *ctx;
    struct chan_type types[MAX_TYPES];
    struct chan_user user;
    struct chan *socket, *control; /* the same one without a control uri */
    struct loop_source *again;
    struct wire_guest guest[WIRE_MAX_GUESTS];
    bool device_known, complained;
};

/* guests.c. Handlers of the channels: */
void wire_guest_add(struct chan *chan, const struct chan_message *m, void *data);
void wire_guest_remove(struct chan *chan, const struct chan_message *m, void *data);
/* Descriptors of a guest; taken. */
void wire_guest_fds(struct wire_client *c, const Vgt__Wire *wire, struct wire_fds *fds);
/* The service said that it took the guest: kept, in case this answer is lost. */
void wire_guest_ready(struct wire_client *c, const Vgt__GuestReady *ready);
/* Halves of guests and ids of their requests are of this connection: the next one brings both. */
void wire_guests_lose(struct wire_client *c);
void wire_guests_free(struct wire_client *c);
