/* SPDX-License-Identifier: MIT */
/*
 * sched_ends.h: vgt-sched's other ends, as fuzz targets of its lanes make them: a gtt that answers,
 * and two guests' descriptors and memory: GOOD's, which submits and checks what it gets, and BAD's,
 * which is the fuzz target's. What guests and engines do is for sched_world.c and ring_world.c,
 * which use this. One thread.
 */
#pragma once
#include "gpu/fake/fake.h"
#include "services/sched/sched.h"
#include "services/wire/names.h"
#include "services/wire/vggtt.h"
#include "tests/fuzz/peer.h"
#include "vmm/fake/fake.h"

enum { BAD, GOOD, GUESTS };

#define ENGINES     2u         /* of both guests' work: RCS and BCS */
#define PAGES       64u        /* of a guest */
#define PART        (1u << 20) /* of graphics memory */
#define LOW(who)    ((16u << 20) + (who)*PART)
#define HIGH(who)   ((40u << 20) + (who)*PART)
#define DOMID(who)  (5u + (who))
#define PATIENCE_NS UINT64_C(400000000) /* until the good guest is served */

/* One guest as its vgt-mmio and gtt see it. */
struct end {
    struct wire_fds fds; /* ours; the service gets copies */
    struct region vggtt, map, inval, bad;
    struct lane_tx tx;
    struct lane_rx rx;
    struct fake_guest *ram;
};

struct ends {
    struct gpu_fake *fake; /* this and the next four are the world's to say, before ends_make() */
    uint64_t *dma;         /* of WIRE_HOST_HIGH / 4096 entries: the host's high share */
    bool high;             /* guests have a high part, too */
    void (*engines)(void *ctx); /* part of each turn: engines run, GOOD looks what it is told */
    void *ctx;
    struct loop *loop;
    struct sched *s;
    struct wire_fds own;
    struct region journal;
    struct lane_rx gtt_rx;
    struct lane_tx gtt_tx;
    struct end of[GUESTS];
    uint64_t generation;
    unsigned up, gone;    /* gone: guests that left for good */
    unsigned told, hangs; /* of this run: lanes of BAD said to be broken; its engine hangs */
    unsigned restarts;
};

void ends_make(struct ends *e);
/* Both guests' descriptors are new and their memory is clear. */
void ends_renew(struct ends *e);
/* The service runs. */
void ends_start(struct ends *e);
void ends_attach(struct ends *e, unsigned who, bool restart);
/* The service dies, and another one is there, to which nobody is attached yet. */
void ends_restart(struct ends *e);
void ends_turn(struct ends *e);
/* Nothing is held against GOOD. */
void ends_check_good(const struct ends *e);
/* gtt cleared entries of both; what is GOOD's is acknowledged. */
void ends_clear(struct ends *e);
/* An index, a slot of BAD's lanes, a dword of its memory is what the input says. */
void ends_spoil_index(struct ends *e, struct peer_input *in);
void ends_spoil_slot(struct ends *e, struct peer_input *in);
void ends_spoil_page(struct ends *e, struct peer_input *in);
/* Both go, and of the arena no more than the host's own `pages` are in use. */
void ends_leave(struct ends *e, uint32_t pages);
