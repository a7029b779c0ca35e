/* SPDX-License-Identifier: MIT */
/*
 * client_priv.h: what the parts of a service's end share: client.c has the channels and the
 * service's own descriptors, guests.c the guests on their way in and out, refuse.c what cannot be
 * served. One thread, that of the loop.
 */
#pragma once
#include "services/wire/client.h"

#define MAX_TYPES 24u

/* One guest on its way in (fds or add are there, the other is missing) or known. */
struct wire_guest {
    bool used, known, have_fds;
    bool lost_fds; /* they came, and we could not take them */
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
    struct loop_source *again, *end;
    int end_with; /* result of the loop when end is due */
    struct wire_guest guest[WIRE_MAX_GUESTS];
    bool device_known, complained;
    bool broker_refused;    /* it speaks another version */
    struct wire_note note;  /* of the descriptors being taken just now */
    uint32_t hello[2];      /* ids: socket, control */
    char refusal[WIRE_WHY]; /* why this service does not serve; empty: it does */
    int refusal_error;      /* errno of its answers then */
    uint32_t status_domid;  /* the guest that our status at systemd is about; 0: none */
};

/* guests.c. Handlers of the channels: */
void wire_guest_add(struct chan *chan, const struct chan_message *m, void *data);
void wire_guest_remove(struct chan *chan, const struct chan_message *m, void *data);
/* Descriptors of a guest; taken. */
void wire_guest_fds(struct wire_client *c, const Vgt__Wire *wire, struct wire_fds *fds);
/* They came, but the kernel dropped some. */
void wire_guest_lost_fds(struct wire_client *c, const Vgt__Wire *wire);
/* The service said that it took the guest: kept, in case this answer is lost. */
void wire_guest_ready(struct wire_client *c, const Vgt__GuestReady *ready);
/* Halves of guests and ids of their requests are of this connection: the next one brings both. */
void wire_guests_lose(struct wire_client *c);
void wire_guests_free(struct wire_client *c);

/* refuse.c */
/* Descriptors are about to be mapped. */
void wire_note_begin(struct wire_client *c, uint32_t domid);
/* ... and they were, or not, for this guest. */
void wire_note_guest(struct wire_client *c, uint32_t domid);
void wire_refuse_all(struct wire_client *c, const char *why);
void wire_tell_refusal(struct wire_client *c);
/* Nothing is left of the try before in a new process. */
void wire_start_anew(struct wire_client *c);
