/* SPDX-License-Identifier: MIT */
/*
 * ring.h: submission through the ring buffer's own registers (Haswell PRM vol. 2c, "RING_BUFFER_*";
 * vol. 7, "Ring Buffers"): while RING_CTL says valid and MI_MODE does not stop it, the engine runs
 * from HEAD to TAIL and goes on whenever TAIL moves. There is no context but the one that
 * MI_SET_CONTEXT names in CCID (ring_context.c).
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct engine;
struct ppgtt;

/* engine_kind.h. */
bool ring_runnable(struct engine *e);
void ring_run(struct engine *e);
void ring_reset(struct engine *e);
void ring_space(struct engine *e, struct ppgtt *p);
bool ring_ppgtt_on(const struct engine *e);
uint64_t ring_root(struct engine *e);
uint32_t ring_context(const struct engine *e);

/* --- ring_reg.c --- */
/* Which of CTL_WAIT_* the running command waits for; 0: none any more. Engine's thread. */
void ring_waits(struct engine *e, uint32_t bits);
/* Software wrote RING_CTL's bit of that wait: it is over. Says so once. Engine's thread. */
bool ring_kicked(struct engine *e);
