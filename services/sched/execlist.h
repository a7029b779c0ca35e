/* SPDX-License-Identifier: MIT */
/*
 * execlist.h: one guest's virtual engine: which pair of contexts it believes to be running, what it
 * submitted after that, and the status events it gets to see. The events are those of hardware that
 * the guest has for itself: IDLE_TO_ACTIVE or PREEMPTED when a pair is taken, one completion per
 * element; never two completions of one element, never two pairs taken without a reason between.
 * That its contexts meanwhile leave the engine for another guest's does not show here.
 * Pure functions on the journal's struct; called by engine.c and guest.c.
 * Facts: Broadwell PRM vol. 6 "Execlists", vol. 2d "Context Status".
 */
#pragma once
#include "gen/ctx_gen8.h"
#include "services/wire/sched_journal.h"

/* What a change shows to the guest. */
struct vexec_event {
    uint32_t slot;   /* 0..5 */
    uint64_t csb;    /* id << 32 | CSB_* */
    uint64_t status; /* EXECLIST_STATUS after it */
};

/* How often the guest may write its port before the first pair is taken. */
enum vexec_push {
    VEXEC_PUSHED,
    VEXEC_OVERWROTE, /* an earlier pair that was never taken is gone, as on hardware */
    VEXEC_INVALID,   /* element 0 is not valid, or both name one context: nothing happens */
};

/* After a restart: true, or it cannot be believed and was reset. */
bool vexec_check(struct sched_vexec *v);
/* As a reset engine; the status page stays. */
void vexec_reset(struct sched_vexec *v);

enum vexec_push vexec_push(struct sched_vexec *v, const struct sched_elsp *elsp);
/* The pair to be taken next, NULL for none. */
const struct sched_elsp *vexec_head(const struct sched_vexec *v);
/* It must be dropped: it never runs. */
void vexec_drop_head(struct sched_vexec *v);
/* What is left of the running pair: 0, 1 or 2 descriptors. */
unsigned vexec_rest(const struct sched_vexec *v, uint64_t desc[2]);

/* The head was taken by the engine. */
struct vexec_event vexec_take(struct sched_vexec *v);
/* The running element ended. */
struct vexec_event vexec_complete(struct sched_vexec *v);
/* The running element waits and let the other one run; why: CSB_WAIT_*. */
struct vexec_event vexec_wait(struct sched_vexec *v, uint32_t why);
