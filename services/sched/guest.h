/* SPDX-License-Identifier: MIT */
/*
 * guest.h: everything sched holds for one guest: its two lanes, its virtual engines (in the
 * journal), its shadow contexts, its counters. Takes entries from vgt-mmio in order, and sends what
 * the virtual engines show: status entries into the guest's status page and, after that, events to
 * vgt-mmio. Events stand in the journal from the change that made them until they are in the lane:
 * a crash repeats them at worst, and a repeated one changes nothing. A full lane makes them wait
 * there (bounded: while something waits, nothing new of this guest is taken or submitted), never
 * the loop.
 * What an entry means for the physical engines is up to the owner (sched.c), through guest_hooks.
 * The service's loop only; one thread.
 */
#pragma once
#include "lib/account.h"
#include "lib/lane.h"
#include "lib/quarantine.h"
#include "services/sched/context.h"
#include "services/sched/execlist.h"
#include "services/wire/gtt_map.h"
#include "services/wire/mmio_sched.h"
#include "services/wire/sched_journal.h"

#include <stdbool.h>
#include <stdint.h>

#define GUEST_TAKE_MAX 64u /* entries of one turn */

/* The guest's part in one engine. */
struct guest_engine {
    struct sched_vexec *v;  /* in guest.w */
    struct sched_vring *r;  /* too; Haswell */
    struct context *ctx[2]; /* of the running pair while another guest has the engine; busy */
    bool blocked;           /* the head waits for gtt, room or its own context */
    bool served;            /* had work there since the last user interrupt was passed on */
    uint64_t wanted;        /* the engine: when it last had work there, or was on it; 0: never */
    uint64_t over_ns;       /* had beyond its turns; its next ones are so much shorter */
    uint64_t gpu_ns, batches;
};

struct guest_stats {
    uint64_t submissions, slices, preemptions, resets;
};

struct guest;

struct guest_hooks {
    /* The virtual engine was reset: get the guest off it. The answer is guest_reset_done(). */
    void (*reset)(void *ctx, struct guest *g, unsigned engine);
    /* Something may be ready to run. */
    void (*work)(void *ctx, struct guest *g, unsigned engine);
    /* All that changed is to be made lasting, together. */
    void (*commit)(void *ctx);
    void *ctx;
};

struct guest_config {
    uint32_t domid, weight;
    uint64_t generation;
    bool restart; /* the journal's record is to be continued */
    bool rings;   /* its virtual engines have rings (Haswell), not submit ports */
    struct account *account;
    struct sched_journal_guest *journal;
    struct context_set *contexts;
    const struct gtt_map *map;
    struct gtt_inval *inval;
    struct lane_rx *rx;            /* from vgt-mmio@N, */
    struct lane_tx *tx;            /* to it; attached, borrowed like all the rest */
    struct quarantine *quarantine; /* NULL: nothing is noted */
    struct guest_hooks hooks;
};

struct guest_kind;

struct guest {
    struct guest_config c;
    const struct guest_kind *kind;
    struct sched_journal_state w; /* the journal's state, being worked on */
    struct guest_engine engine[GEN8_ENGINES];
    struct guest_stats stats;
    uint64_t inval_done; /* clear_seq last acknowledged */
    bool leaving;        /* takes nothing any more */
    bool broken;         /* a lane broke */
    bool drained;        /* the lane was empty when last looked at */
    bool given_up;       /* too many inputs that kill: nothing of it is applied or run */
    uint32_t posted;     /* events that are in the lane, and not yet visible there */
    struct log_limit hang_lines, throttle_lines;
};

/* Only fills the struct; continues, or begins, the journal's record. Contexts on the shelf are
 * held again. */
void guest_init(struct guest *g, const struct guest_config *config);

/*
 * Take entries from the lane. 0: empty, and announced as asleep; GUEST_MORE: call again after
 * others had their turn; GUEST_HELD: the backlog must go first; LANE_BROKEN; -errno of a wake.
 */
enum { GUEST_MORE = 16, GUEST_HELD };
int guest_take(struct guest *g);

/* Takes nothing more, shows nothing more; hooks.reset for each engine. */
void guest_leave(struct guest *g);
/* It is given up: what it has on engines is taken off. Its lane goes on being emptied. */
void guest_give_up(struct guest *g);

/* What the journal shall say of it: w, complete. */
const struct sched_journal_state *guest_state(struct guest *g);
/* After a commit: events into the status page and the lane. */
void guest_post(struct guest *g);
/* Events wait for room in the lane. */
bool guest_held(const struct guest *g);

/* A status event of the virtual engine, and its interrupt. */
void guest_event(struct guest *g, unsigned engine, struct vexec_event event);
/* Interrupt bits (of 16) of the virtual engine. */
void guest_interrupt(struct guest *g, unsigned engine, uint32_t bits);
/* Its reset of the engine is over. */
void guest_reset_done(struct guest *g, unsigned engine);
/* Events leave, at the end of a turn or when the lane has room, and are the journal's no more at
 * its next commit. 0, LANE_BROKEN, -errno. */
int guest_flush(struct guest *g);

/* The epoch of the head is published. */
bool guest_epoch_reached(const struct guest *g, uint64_t epoch);
/* Could it use the engine now? (Not whether it is on it.) */
bool guest_ready(const struct guest *g, unsigned engine);
/* Does it wait for something that may come without a word? */
bool guest_waits(const struct guest *g);
bool guest_hung(const struct guest *g);
/* Nothing that it said is left to be done; what is on hardware is not known here. */
bool guest_idle(const struct guest *g);
