/* SPDX-License-Identifier: MIT */
/*
 * vring.h: one guest's virtual ring on a Haswell engine: its registers, how far it was given to the
 * engine and how far it was executed, its mailboxes. Pure functions on the journal's struct; called
 * by guest_ring.c and rings.c. Facts: Haswell PRM vol. 2c "Ring Buffer", vol. 2a MI_SEMAPHORE_MBOX.
 */
#pragma once
#include "services/wire/sched_journal.h"

#include <stdbool.h>

/* After a restart: true, or it cannot be believed and was reset. */
bool vring_check(struct sched_vring *r);
/* As a reset engine. */
void vring_reset(struct sched_vring *r);

/* The four registers as they now are; head: the guest wrote HEAD, else the ring goes on where it
 * was. What was given and not executed is forgotten. */
void vring_set(struct sched_vring *r, const struct mmio_sched_ring *regs, bool head);
/* There is work up to there. False: no place in the ring; nothing changes. */
bool vring_tail(struct sched_vring *r, uint32_t tail, uint64_t epoch);

bool vring_on(const struct sched_vring *r);
uint32_t vring_start(const struct sched_vring *r); /* GGTT address */
uint32_t vring_size(const struct sched_vring *r);  /* bytes */
/* Could some of it be given to the engine, as far as the ring itself is concerned? */
bool vring_wants(const struct sched_vring *r);
/* Is something of it in the engine's ring? */
bool vring_busy(const struct sched_vring *r);
/* Nothing is left to be executed, or it was stopped and has stopped. */
bool vring_idle(const struct sched_vring *r);
/* A mailbox has a new value. */
void vring_signal(struct sched_vring *r, unsigned mailbox, uint32_t value);
