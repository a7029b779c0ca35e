/* SPDX-License-Identifier: MIT */
/*
 * engine_priv.h: what the two halves of an engine (engine.c: events and resets, turns.c: who runs
 * next) share. Nobody else includes it.
 */
#pragma once
#include "services/sched/engine.h"

/* Contexts from `from` on are in the port no more. */
void engine_release(struct engine_pair *p, unsigned from, bool save);
/* Reset; what ran is lost and its guest hung there, on its own account if guilty. Nothing of it is
 * in the port after 0. -errno of the device. */
int engine_recover(struct engine *e, bool guilty, uint64_t now);
