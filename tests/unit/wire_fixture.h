/* SPDX-License-Identifier: MIT */
/*
 * wire_fixture.h: a service with a wire_client and the broker it talks to, in one loop and process.
 * What each side has seen is counted in the world; make_world() and end_world() stand around each
 * test. Sends fail the test if they fail. One thread.
 */
#pragma once
#include "services/wire/client.h"

enum { SOCKET, CONTROL, ENDS };

/* Both sides, and what each has seen. */
struct world {
    struct loop *loop;
    struct wire_client *client;
    struct wire_config config;
    char uri[ENDS][64];
    /* The broker. */
    struct chan_listener *listener[ENDS];
    struct chan *chan[ENDS];
    int hellos, closed, ready, removed, stats_replies, errors, notices, refusals;
    int unknown;           /* of removed */
    uint32_t version;      /* of its Hello */
    const char *no_hello;  /* it answers Hello with this error, and closes */
    char last_text[320];   /* of an Error or a Refused */
    int give;              /* sent instead of the descriptor "one" of Wire messages, if not 0 */
    const char *give_name; /* under this name */
    uint32_t last_id, last_code, last_request;
    char last_edid[16];
    uint32_t send_unseen; /* with the next removals */
    /* The service. */
    int devices, adds, removes, stats, others;
    int device_result;
    int (*map)(const struct wire_fds *fds); /* what device() and guest_add() do with theirs */
    uint32_t add_domid, add_id, remove_id, other_id;
    bool final, refuse, later;
    uint32_t unseen;
    int removes_at_unseen;
    const char *edid; /* in its answer */
    struct wire_fds fds;
};

extern struct world *w;

int make_world(void **state);
/* Nothing may be left open by anybody. */
int end_world(void **state);
void broker_up(void);
void broker_down(void);
/* Both ends up and greeted, with a control channel of its own or without. */
void start(bool two);

/* Turn the loop until *value, one of the world's counters, reaches want. */
void until(const int *value, int want);
/* What is under way arrives. */
void settle(void);

/* The broker's: the control channel, and messages on it (send_wire: on the socket). */
struct chan *control(void);
uint32_t request(uint32_t type, const ProtobufCMessage *body);
void send_wire(uint32_t domid, uint64_t generation);
uint32_t send_add(uint32_t domid, uint64_t generation);
uint32_t send_remove(uint32_t domid, bool final);
uint32_t send_remove_unseen(uint32_t domid, bool final, uint32_t unseen);

/* The service's: a late answer, and the descriptors it took last are those of send_wire(). */
void answer_add(uint32_t domid, uint32_t id);
void expect_fds(void);
