/* SPDX-License-Identifier: MIT */
/*
 * A broker with fake services around it, all in one loop over sockets: each fake says Hello,
 * answers what it is told to answer and notes everything in one trace, in order.
 */
#pragma once
#include "proto/vgt.pb-c.h"
#include "services/broker/priv.h"
#include "services/wire/client.h"
#include "vmm/fake/fake.h"

#include <stdbool.h>

/* A picture of the fake display. */
#define SHOT_PIECE  (200u * 1024)
#define SHOT_PIECES 16

struct rig;

struct fake {
    struct rig *rig;
    const char *name; /* as in the trace */
    const char *role;
    uint32_t domid;
    struct chan *chan;
    int cut; /* how often the broker closed the channel */
    /* what it does */
    bool silent, crash_on_add;
    bool mute;                 /* says no Hello */
    bool unknown;              /* it never had the guest it is to remove */
    const char *refuse;        /* text of the Error to GuestAdd */
    int refuse_code;           /* 0: ENOSPC */
    const char *refuse_remove; /* and to GuestRemove */
    uint32_t version;          /* of its Hello; 0: 1 */
    /* what it got */
    unsigned adds, removes;
    uint32_t add_id; /* of the last GuestAdd */
    uint32_t unseen; /* of the last GuestRemove */
    bool restart;
    uint64_t low_base;
    size_t edid_size;
    uint32_t weight;
    Vgt__Resources wanted;    /* of the last GuestAdd */
    Vgt__Monitor monitor;     /* too; all 0: none */
    struct wire_fds own, fds; /* last Wire */
    uint32_t replies;         /* Aperture, Slice */
    char error[300];
};

struct client {
    struct chan *chan;
    uint32_t type; /* of the last reply */
    int code, count;
    uint64_t bytes; /* of screenshot pieces */
    uint32_t vgpu;
    char text[512];
    ProtobufCMessage *body; /* copy of the last reply */
};

struct rig {
    struct loop *loop;
    struct broker *broker;
    struct broker_config config;
    char wire[64], ctl[64];
    struct fake gtt, sched, display, mmio;
    struct client client;
    struct fake_guest *guest[2]; /* domains 7 and 8 */
    char trace[4096];
};

/* The module of all rigs: what is attached, and whether detach says -EBUSY. */
extern struct rig_module {
    bool attached[16];
    unsigned attaches, busy;
    const struct rig *rig; /* set: an attach must stand in its broker's state page by then */
} rig_module;

void rig_start(struct rig *r, unsigned limit_ms);
/* With units of vgt-mmio asked for at this socket. */
void rig_start_units(struct rig *r, const char *units);
/* With descriptors going to NOTIFY_SOCKET. */
void rig_start_kept(struct rig *r);
void rig_stop(struct rig *r);
/* The broker dies and a new one takes what systemd kept. */
void rig_restart_broker(struct rig *r);
void fake_connect(struct fake *f);
void fake_crash(struct fake *f);
/* The three, up. */
void rig_services(struct rig *r);
/* Turn the loop until the condition holds; fails after 10 s. */
#define rig_until(r, condition)                                                                    \
    do {                                                                                           \
        int left_ = 2000;                                                                          \
        while (!(condition) && left_-- > 0)                                                        \
            loop_turn((r)->loop, 5);                                                               \
        assert_true(condition);                                                                    \
    } while (0)
void rig_turns(struct rig *r, unsigned n);
void client_connect(struct rig *r, struct loop *loop);
void client_send(struct rig *r, uint32_t type, const ProtobufCMessage *body);
/* Send Attach for a domain, without waiting. */
void client_attach(struct rig *r, uint32_t domid, const char *type);
/* Attach domain 7 as this asks for, with vgt-mmio coming up. Its name and domid are filled in. */
void rig_attach_as(struct rig *r, Vgt__AttachRequest *request);
/* Attach domain 7 with vgt-mmio coming up, to the end. */
void rig_attach(struct rig *r);
void fake_send(struct fake *f, uint32_t type, uint32_t id, const ProtobufCMessage *body);
