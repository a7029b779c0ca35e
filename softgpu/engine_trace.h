/* SPDX-License-Identifier: MIT */
/*
 * engine_trace.h: what an engine puts into the log (trace.h). Each costs one branch when there is
 * no log. Engine's thread, with or without its lock.
 */
#pragma once
#include "softgpu/engine_priv.h"
#include "softgpu/trace.h"

/* ndw: dwords in e->cs.cmd, the header included. */
void engine_trace_put_command(struct engine *e, uint32_t ndw, bool skipped);
void engine_trace_put_place(struct engine *e, enum trace_kind kind, uint64_t addr, uint32_t flags,
                            uint64_t value);
void engine_trace_put_context(struct engine *e, enum trace_kind kind);

/* The command in e->cs.cmd is about to run. */
static inline void engine_trace_command(struct engine *e)
{
    if (TRACE_ON(e->owner->trace, TRACE_COMMANDS))
        engine_trace_put_command(e, e->cs.len, false);
}

static inline void engine_trace_batch_start(struct engine *e, uint64_t addr, uint32_t flags)
{
    if (TRACE_ON(e->owner->trace, TRACE_BATCHES))
        engine_trace_put_place(e, TRACE_BATCH_START, addr, flags, 0);
}

static inline void engine_trace_batch_end(struct engine *e, uint64_t addr, uint32_t flags)
{
    if (TRACE_ON(e->owner->trace, TRACE_BATCHES))
        engine_trace_put_place(e, TRACE_BATCH_END, addr, flags, 0);
}

static inline void engine_trace_hang(struct engine *e)
{
    if (TRACE_ON(e->owner->trace, TRACE_RESETS))
        engine_trace_put_place(e, TRACE_HANG, e->cs.cmd_addr, 0, reg_get(e, R_IPEHR));
}

/* TRACE_CTX_LOAD: its registers are on the engine; TRACE_CTX_SAVE: they still are. */
static inline void engine_trace_context(struct engine *e, enum trace_kind kind)
{
    if (TRACE_ON(e->owner->trace, TRACE_CONTEXTS))
        engine_trace_put_context(e, kind);
}

/* An entry of the context status buffer. */
static inline void engine_trace_event(struct engine *e, uint32_t status, uint32_t ctx_id)
{
    if (TRACE_ON(e->owner->trace, TRACE_CONTEXTS))
        trace_put(e->owner->trace, &(struct trace_record){.kind = TRACE_CTX_EVENT,
                                                          .source = (uint8_t)e->id,
                                                          .ctx = ctx_id,
                                                          .value = status});
}

static inline void engine_trace_reset(struct engine *e, enum trace_kind kind)
{
    if (TRACE_ON(e->owner->trace, TRACE_RESETS))
        trace_access(e->owner->trace, kind, e->id, 0, 0, 0, 0);
}

/* A register access by a command. */
static inline void engine_trace_reg(struct engine *e, enum trace_kind kind, uint32_t addr,
                                    uint32_t value, bool denied)
{
    if (TRACE_ON(e->owner->trace, TRACE_REGS))
        trace_access(e->owner->trace, kind, e->id, addr, 4, value, denied ? TRACE_F_DENIED : 0);
}
