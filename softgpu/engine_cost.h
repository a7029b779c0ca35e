/* SPDX-License-Identifier: MIT */
/*
 * engine_cost.h: an engine spends the time that the cost model (cost.h) asks for. Without a model
 * each of these is one branch. Engine's thread, lock not held.
 */
#pragma once
#include "softgpu/cost.h"
#include "softgpu/engine_priv.h"

void engine_cost_begin_run(struct engine *e);
void engine_cost_end_run(struct engine *e);
enum cs_result engine_cost_execute(struct engine *e, const struct cs_command *c);
void engine_cost_charge(struct engine *e, uint32_t header);
bool engine_cost_pay_now(struct engine *e, uint64_t slack);
void engine_cost_waited(struct engine *e);

/* Around a stretch of work. */
static inline void engine_cost_begin(struct engine *e)
{
    if (e->owner->cost)
        engine_cost_begin_run(e);
}

static inline void engine_cost_end(struct engine *e)
{
    if (e->owner->cost)
        engine_cost_end_run(e);
}

/* Runs the command in e->cs.cmd and charges for it once it is done. */
static inline enum cs_result engine_cost_run(struct engine *e, const struct cs_command *c)
{
    return e->owner->cost ? engine_cost_execute(e, c) : c->run(e, e->cs.cmd, e->cs.len);
}

/* Charges for a command that was retired by its length. */
static inline void engine_cost_retire(struct engine *e, uint32_t header)
{
    if (e->owner->cost)
        engine_cost_charge(e, header);
}

/* Between two commands: waits when the engine is well ahead of what its work should take. */
static inline void engine_cost_pay(struct engine *e)
{
    if (e->owner->cost)
        engine_cost_pay_now(e, COST_SLACK_NS);
}

/* At the end of the ring: waits for all of it. False when a stop or reset came in between. */
static inline bool engine_cost_settle(struct engine *e)
{
    return !e->owner->cost || engine_cost_pay_now(e, 0);
}

/* The engine looked at a semaphore in vain. */
static inline void engine_cost_idle(struct engine *e)
{
    if (e->owner->cost)
        engine_cost_waited(e);
}
