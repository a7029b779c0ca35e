/* SPDX-License-Identifier: MIT */
/*
 * engine_priv.h: what the parts of an engine (engine.c: events and resets, turns.c: who runs next,
 * adopt.c: after a restart) share. Nobody else includes it.
 */
#pragma once
#include "services/sched/engine.h"

/* How long it is since then. now may be older: a caller looked at the clock before another did. */
static inline uint64_t engine_since(uint64_t then, uint64_t now)
{
    return now > then ? now - then : 0;
}

/* Contexts from `from` on are in the port no more. */
void engine_release(struct engine_pair *p, unsigned from, bool save);
/* Reset; what ran is lost and its guest hung there, on its own account if guilty. Nothing of it is
 * in the port after 0. -errno of the device. */
int engine_recover(struct engine *e, bool guilty, uint64_t now);
/* The submission that is not acknowledged was none. */
void engine_withdraw(struct engine *e);
/* Number of events that were taken and counted, or -errno. */
int engine_take_events(struct engine *e, uint64_t now);
void engine_begin_turn(struct engine *e, struct guest *g, unsigned at, uint64_t now);
/* The device does not answer: remembered, said once. Returns rc. */
int engine_fail(struct engine *e, int rc);
