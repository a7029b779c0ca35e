/* SPDX-License-Identifier: MIT */
/*
 * client_priv.h: what client.c (channels, the service's own descriptors), guests.c (guests on their
 * way in and out) and refuse.c (what cannot be served) share. One thread.
 */
#pragma once
#include "services/wire/client.h"

#define MAX_TYPES 24u

/* One guest on its way in (fds or add are there, the other is missing) or known. */
struct guest {
    bool used, known, have_fds;
    bool lost_fds; /* they came, and we could not take them */
    uint32_t domid;
    uint64_t generation;
    struct wire_fds fds;
    Vgt__GuestAdd *add;
    uint32_t id;
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
    struct guest guest[WIRE_MAX_GUESTS];
    bool device_known, complained;
    bool broker_refused;    /* it speaks another version */
    struct wire_note note;  /* of the descriptors being taken just now */
    uint32_t hello[2];      /* ids: socket, control */
    char refusal[WIRE_WHY]; /* why this service does not serve; empty: it does */
    int refusal_error;      /* errno of its answers then */
    uint32_t status_domid;  /* the guest that our status at systemd is about; 0: none */
};

/* guests.c */
/* The record of this attach of domid; NULL: no room. Of a later attach, if this one is late. */
struct guest *wire_guest_obtain(struct wire_client *c, uint32_t domid, uint64_t generation);
void wire_guest_drop(struct guest *g);
/* Hand it to the service if both halves are there. */
void wire_guest_try(struct wire_client *c, struct guest *g);
void wire_on_guest_add(struct chan *chan, const struct chan_message *m, void *data);
void wire_on_guest_remove(struct chan *chan, const struct chan_message *m, void *data);

/* refuse.c */
/* Descriptors are about to be mapped. */
void wire_note_begin(struct wire_client *c, uint32_t domid);
/* ... and they were, or not, for this guest. */
void wire_note_guest(struct wire_client *c, uint32_t domid);
void wire_refuse_all(struct wire_client *c, const char *why);
void wire_tell_refusal(struct wire_client *c);
/* Nothing is left of the try before in a new process. */
void wire_start_anew(struct wire_client *c);
