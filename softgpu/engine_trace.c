/* SPDX-License-Identifier: MIT */
/*
 * engine_trace.c: makes the records of engine_trace.h. Called by an engine's thread when a log is
 * written.
 */
#include "softgpu/engine_trace.h"

#include <string.h>

#include "softgpu/engine_kind.h"

static uint32_t place_flags(const struct cs *cs)
{
    return (cs->level != CS_RING && cs->ppgtt[cs->level] ? TRACE_F_PPGTT : 0) |
           (cs->level == CS_BATCH2 ? TRACE_F_SECOND : 0) | (cs->in_wa ? TRACE_F_WA : 0);
}

static uint8_t source(enum engine_id id)
{
    return id == ENGINE_VCS2 ? TRACE_VCS2 : (uint8_t)id;
}

static struct trace_record record(struct engine *e, enum trace_kind kind)
{
    uint64_t desc = e->run[e->run_at];

    return (struct trace_record){.kind = (uint8_t)kind,
                                 .source = source(e->id),
                                 .ctx = DESC_ID(desc),
                                 .lrca = e->owner->kind->context(e)};
}

void engine_trace_put_command(struct engine *e, uint32_t ndw, bool skipped)
{
    struct trace_record r = record(e, TRACE_COMMAND);
    const struct cs *cs = &e->cs;

    r.addr = cs->cmd_addr;
    r.len = cs->len;
    r.flags = place_flags(cs) | (skipped ? TRACE_F_SKIPPED : 0);
    r.ndw = (uint8_t)(ndw < TRACE_DWORDS ? ndw : TRACE_DWORDS);
    memcpy(r.dw, cs->cmd, r.ndw * sizeof(r.dw[0]));
    trace_put(e->owner->trace, &r);
}

void engine_trace_put_place(struct engine *e, enum trace_kind kind, uint64_t addr, uint32_t flags,
                            uint64_t value)
{
    struct trace_record r = record(e, kind);

    r.addr = addr;
    r.value = value;
    r.flags = flags | (kind == TRACE_HANG ? 0 : place_flags(&e->cs));
    trace_put(e->owner->trace, &r);
}

void engine_trace_put_context(struct engine *e, enum trace_kind kind)
{
    struct trace_record r = record(e, kind);

    r.addr = (reg_get(e, R_START) & ~0xfffull) + (reg_get(e, R_HEAD) & 0x1ffffcu);
    r.value = e->run[e->run_at];
    trace_put(e->owner->trace, &r);
}
