/* SPDX-License-Identifier: MIT */
/*
 * execlists.h: the submission port of an engine: ELSP, the two-element run list, context switches
 * and the context status buffer.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct engine;

/* A dword written to ELSP; true when it completes a list. Any thread, lock held. */
bool execlists_write_elsp(struct engine *e, uint32_t value, uint64_t list[2]);
/* Makes a list the one to run next. Any thread, lock held. */
void execlists_submit(struct engine *e, const uint64_t list[2]);
/* EXECLIST_STATUS, low or high dword. Lock held. */
uint32_t execlists_status(struct engine *e, bool high);
/* True when the engine's thread has something to run. Lock held. */
bool execlists_runnable(struct engine *e);
/* Run until there is nothing to do or attention is called. Engine's thread, lock not held. */
void execlists_run(struct engine *e);
/* Back to empty. Engine's thread or before it runs; lock held. */
void execlists_reset(struct engine *e);
