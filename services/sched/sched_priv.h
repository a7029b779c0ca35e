/* SPDX-License-Identifier: MIT */
/*
 * sched_priv.h: what the files of the service proper share: sched.c (loop and life), attach.c
 * (guests), ask.c (requests to gtt).
 */
#pragma once
#include "services/sched/sched.h"
#include "services/wire/names.h"
#include "services/wire/sched_gtt.h"

/* Negative err: the service ends. Else nothing. */
void sched_fail(struct sched *s, int err);

/* ask.c: send what is to be sent and there is room for. */
void sched_gtt_flush(struct sched *s);
/* gtt must build shadows of a root that it has not heard of from vgt-mmio. */
void sched_gtt_root(struct sched *s, uint32_t domid, uint32_t level, const uint64_t pdp[4]);
void sched_gtt_broken(struct sched *s, const char *lane);

/* attach.c: take what is in the lanes before looking at the engines: a guest that has reset its
 * engine must not be shown what happened before. */
void sched_guests_take(struct sched *s);
/* attach.c: the guests' part of the turn's end. */
void sched_guests_turn(struct sched *s);
/* leave: what it has is for the next process. */
void sched_guest_free(struct sched *s, struct sched_guest *sg, bool leave);

/* takeover.c: what stands in the journal, once the arena is there: halt the engines or get ready to
 * take them over. 0 or -errno. */
int sched_take_over(struct sched *s);
/* Takes over each engine whose guests have come. -errno. */
int sched_adopt_engines(struct sched *s);
/* Everything that changed, into the journal; then out to the guests. */
void sched_commit(void *sched);

/* bad.c: the guest's table of inputs that kill. 0 or -errno: it is of another layout, or damaged.
 */
int sched_bad_attach(struct sched *s, struct sched_guest *sg, uint32_t domid);
/* Have all inputs been met again that were in flight when a former process died? */
void sched_bad_settle(struct sched_guest *sg, bool on_engines);
