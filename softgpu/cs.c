/* SPDX-License-Identifier: MIT */
/*
 * cs.c: the run loop of a command streamer: position, fetch, decode, privilege, arbitration. The
 * commands themselves are in cs_mi*.c, cs_3d.c and blt_*.c. Engine's thread only.
 */
#include "softgpu/cs.h"

#include <string.h>
#include <time.h>

#include "softgpu/engine_cost.h"
#include "softgpu/engine_kind.h"
#include "softgpu/engine_priv.h"
#include "softgpu/engine_trace.h"
#include "softgpu/mem.h"

#define WAIT_NS       20000 /* between two looks at a semaphore, unless SEMA_WAIT_POLL says longer */
#define WAIT_MOST_NS  10000000 /* a wait must notice what else happens */
#define HEAD_WITHIN   0x1fffffu
#define LOOP_PATIENCE 64u /* turns of a loop before it rests */
#define LOOP_REST_NS  400000

void cs_drop_line(struct engine *e)
{
    e->cs.line_valid = false;
}

void cs_init(struct engine *e)
{
    memset(&e->cs, 0, sizeof(e->cs));
}

bool cs_privileged(const struct engine *e)
{
    const struct cs *cs = &e->cs;

    return cs->in_wa || cs->level == CS_RING || !cs->user[cs->level];
}

static uint32_t ring_size(struct engine *e)
{
    return (reg_get(e, R_CTL) & 0x1ff000u) + GTT_PAGE;
}

/* Bytes between the position and the tail. TAIL has bits 20:3; the size need not be a power of two,
 * nor the position lie inside, when software says so. What lay behind the old tail in the fetch
 * buffer is worth nothing once the tail has moved. */
static uint32_t ring_left(struct engine *e)
{
    uint32_t size = ring_size(e);
    uint32_t tail = atomic_load_explicit(&e->reg[R_TAIL / 4], memory_order_acquire) & 0x1ffff8u;

    if (tail != e->cs.tail)
        cs_drop_line(e);
    e->cs.tail = tail;
    tail %= size;

    return (tail + size - (uint32_t)(e->cs.ip[CS_RING] & ~7ull) % size) % size;
}

static bool in_ppgtt(const struct cs *cs)
{
    return cs->level != CS_RING && cs->ppgtt[cs->level];
}

/* Address of the dword n places after the position. */
static uint64_t fetch_addr(struct engine *e, uint32_t n)
{
    struct cs *cs = &e->cs;

    if (cs->level == CS_RING)
        return (reg_get(e, R_START) & ~0xfffull) + (cs->ip[0] + n * 4) % ring_size(e);
    return (cs->ip[cs->level] + n * 4ull) & ((1ull << 48) - 1);
}

static uint32_t fetch(struct engine *e, uint32_t n)
{
    struct cs *cs = &e->cs;
    uint64_t addr = fetch_addr(e, n), line = addr & ~63ull;
    bool ppgtt = in_ppgtt(cs);
    uint32_t v;

    if (!cs->line_valid || cs->line_addr != line || cs->line_ppgtt != ppgtt) {
        mem_read(e, ppgtt, line, cs->line, sizeof(cs->line));
        cs->line_addr = line;
        cs->line_ppgtt = ppgtt;
        cs->line_valid = true;
    }
    memcpy(&v, cs->line + (addr & 63), sizeof(v));
    return v;
}

void cs_advance_ring(struct engine *e, uint32_t dwords)
{
    uint64_t at = e->cs.ip[CS_RING] + dwords * 4, size = ring_size(e);
    uint32_t wraps = reg_get(e, R_HEAD) & ~HEAD_WITHIN;

    if (e->owner->kind->head_wraps && at >= size)
        wraps += HEAD_WITHIN + 1;
    e->cs.ip[CS_RING] = at % size;
    reg_set(e, R_HEAD, (e->owner->kind->head_wraps ? wraps : 0) | (uint32_t)e->cs.ip[CS_RING]);
}

void cs_leave_behind(struct engine *e, uint32_t len)
{
    struct cs *cs = &e->cs;

    if (cs->level == CS_RING)
        cs_advance_ring(e, len);
    else
        cs->ip[cs->level] += len * 4ull;
}

const struct cs_command *cs_mi_command(const struct engine *e, uint32_t header)
{
    const struct cs_command *c = &e->owner->kind->mi[header >> 23 & 63];

    return c->name ? c : NULL;
}

const struct cs_command *cs_command(const struct engine *e, uint32_t header)
{
    switch (header >> 29) {
    case 0:
        return cs_mi_command(e, header);
    case 2:
        return cs_blt_command(e, header);
    case 3:
        return cs_3d_command(e, header);
    default:
        return NULL;
    }
}

static uint32_t command_length(const struct cs_command *c, uint32_t header)
{
    return c->len_mask ? (header & c->len_mask) + 2 : c->len_min;
}

uint32_t cs_length(const struct engine *e, uint32_t header)
{
    const struct cs_command *c = cs_command(e, header);
    uint32_t len;

    if (!c || !(c->engines & CS_ON(e->id)))
        return 0;
    len = command_length(c, header);
    return len >= c->len_min && len <= c->len_max ? len : 0;
}

static bool must_skip(const struct engine *e, const struct cs_command *c, uint32_t header)
{
    bool set_predicate = header >> 23 == 0x01;

    if (e->cs.skip && !set_predicate && header >> 23 != 0x0a)
        return true;
    if (cs_privileged(e))
        return false;
    return (c->flags & CS_PRIVILEGED) || ((c->flags & CS_GGTT_BIT22) && (header & (1u << 22)));
}

static void publish_position(struct engine *e, uint32_t header)
{
    struct cs *cs = &e->cs;

    reg_set(e, R_ACTHD, (uint32_t)cs->cmd_addr);
    reg_set(e, R_ACTHD_UDW, (uint32_t)(cs->cmd_addr >> 32));
    reg_set(e, R_IPEHR, header);
}

/* A command without effect. Its operands are never fetched, so a log gets the ones that came along
 * with the header: it must not cause accesses of its own. */
static void retire(struct engine *e, uint32_t header, bool skipped)
{
    struct cs *cs = &e->cs;

    if (TRACE_ON(e->owner->trace, TRACE_COMMANDS)) {
        uint32_t n = 0;

        while (n < cs->len && n < TRACE_DWORDS && (fetch_addr(e, n) & ~63ull) == cs->line_addr) {
            cs->cmd[n] = fetch(e, n);
            n++;
        }
        engine_trace_put_command(e, n, skipped);
    }
    if (!skipped)
        engine_cost_retire(e, header);
    cs_leave_behind(e, cs->len);
}

static enum cs_result step(struct engine *e)
{
    struct cs *cs = &e->cs;
    const struct cs_command *c;
    uint32_t header = fetch(e, 0);
    enum cs_result r;
    bool skip;

    cs->cmd_addr = fetch_addr(e, 0);
    publish_position(e, header);
    c = cs_command(e, header);
    cs->len = cs_length(e, header);
    if (!cs->len)
        return CS_BAD;
    if (cs->level == CS_RING && cs->len * 4 > ring_left(e))
        return CS_BAD; /* runs over the tail */
    atomic_fetch_add_explicit(&e->commands, 1, memory_order_relaxed);
    skip = must_skip(e, c, header);
    if (!c->run || skip) {
        retire(e, header, skip);
        return CS_NEXT;
    }
    cs->cmd[0] = header;
    for (uint32_t i = 1; i < cs->len && i < CS_CMD_MAX; i++)
        cs->cmd[i] = fetch(e, i);
    if (!cs->again)
        engine_trace_command(e);
    r = engine_cost_run(e, c);
    cs->again = r == CS_WAIT || r == CS_EVENT;
    if (r == CS_NEXT || r == CS_ARB)
        cs_leave_behind(e, cs->len);
    if (cs->again || r == CS_JUMP)
        cs_drop_line(e);
    return r;
}

/* The engine stops on this command until it is reset. EIR bit 0: instruction error. */
static enum cs_stop hang(struct engine *e)
{
    atomic_fetch_add_explicit(&e->unknown, 1, memory_order_relaxed);
    engine_trace_hang(e);
    reg_set(e, R_IPEIR, reg_get(e, R_IPEHR));
    reg_set(e, R_EIR, reg_get(e, R_EIR) | 1);
    reg_set(e, R_ESR, reg_get(e, R_ESR) | 1);
    if (!(reg_get(e, R_EMR) & 1))
        engine_raise(e, ENGINE_EVENT_ERROR);
    return CS_STOP_HANG;
}

/* CLOCK_MONOTONIC; ns is less than a second. */
static struct timespec in_ns(uint64_t ns)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += (long)ns;
    if (t.tv_nsec >= 1000000000) {
        t.tv_nsec -= 1000000000;
        t.tv_sec++;
    }
    return t;
}

static void wait_a_little(struct engine *e)
{
    uint64_t ns = (reg_get(e, R_SEMA_WAIT_POLL) & 0x1fffffu) * 1000ull;
    struct timespec until;

    ns = ns < WAIT_NS ? WAIT_NS : ns > WAIT_MOST_NS ? WAIT_MOST_NS : ns;
    until = in_ns(ns);
    pthread_mutex_lock(&e->lock);
    if (!(atomic_load(&e->attention) & (ATT_RESET | ATT_QUIT)) && !atomic_load(&e->signalled))
        pthread_cond_timedwait(&e->wake, &e->lock, &until);
    pthread_mutex_unlock(&e->lock);
}

/* A batch that spins for the processor to stop it must not keep the processor from it. With a cost
 * model it waits for its own time anyway. */
static void rest_in_loop(struct engine *e)
{
    struct timespec until;

    if (e->cs.loops < LOOP_PATIENCE || e->owner->cost)
        return;
    until = in_ns(LOOP_REST_NS);
    pthread_mutex_lock(&e->lock);
    if (!atomic_load(&e->attention))
        pthread_cond_timedwait(&e->wake, &e->lock, &until);
    pthread_mutex_unlock(&e->lock);
}

/* In a batch only at the commands made for it: starting another batch, as loops do, is none. */
static bool may_arbitrate(struct engine *e, enum cs_result r)
{
    return !e->cs.arb_off && !e->cs.in_wa &&
           (e->cs.level == CS_RING || (r != CS_NEXT && r != CS_JUMP));
}

/* One command and what follows from it; true to go on. */
static bool turn(struct engine *e, enum cs_stop *why)
{
    unsigned attention;
    enum cs_result r = step(e);

    if (r == CS_BAD) {
        *why = hang(e);
        return false;
    }
    if (r == CS_END) {
        *why = CS_STOP_END;
        return false;
    }
    engine_cost_pay(e);
    if (atomic_load_explicit(&e->watchdog_at, memory_order_relaxed))
        engine_watchdog(e);
    attention = atomic_load_explicit(&e->attention, memory_order_acquire);
    if (attention & (ATT_RESET | ATT_QUIT | ATT_RING | (e->cs.in_wa ? 0u : ATT_STOP))) {
        *why = CS_STOP_ATTENTION;
        return false;
    }
    if ((attention & ATT_PENDING) && may_arbitrate(e, r)) {
        *why = CS_STOP_ARBITRATE;
        return false;
    }
    if (e->cs.again) {
        if (r == CS_WAIT && may_arbitrate(e, r) && e->run_at == 0 && (e->run[1] & DESC_VALID) &&
            !(reg_get(e, R_CTX_CONTROL) & CTX_CTRL_INHIBIT_SYNC)) {
            *why = CS_STOP_SWITCH;
            return false;
        }
        wait_a_little(e);
        engine_cost_idle(e);
    }
    if (r == CS_JUMP)
        rest_in_loop(e);
    return true;
}

enum cs_stop cs_run(struct engine *e)
{
    enum cs_stop why = CS_STOP_TAIL;

    for (;;) {
        struct cs *cs = &e->cs;

        if (cs->level == CS_RING && !ring_left(e))
            return engine_cost_settle(e) ? CS_STOP_TAIL : CS_STOP_ATTENTION;
        if (engine_fault(e, FAULT_STUCK_ENGINE))
            return CS_STOP_HANG; /* no error bit: the head just stays */
        if (!turn(e, &why))
            return why;
    }
}

static bool wa_at_end(const struct cs *cs)
{
    return cs->wa_end && cs->level == CS_BATCH && cs->ip[CS_BATCH] >= cs->wa_end;
}

enum cs_stop cs_run_wa(struct engine *e, uint64_t addr, uint32_t size)
{
    struct cs *cs = &e->cs;
    struct cs saved = *cs;
    enum cs_stop why = CS_STOP_END;

    cs->level = CS_BATCH;
    cs->ip[CS_BATCH] = addr;
    cs->ppgtt[CS_BATCH] = false;
    cs->user[CS_BATCH] = false;
    cs->in_wa = true;
    cs->skip = false;
    cs->wa_end = size ? addr + size : 0;
    cs_drop_line(e);
    engine_trace_batch_start(e, addr, 0);
    while (!wa_at_end(cs)) {
        if (!turn(e, &why))
            break;
    }
    if (wa_at_end(cs))
        engine_trace_batch_end(e, cs->wa_end, 0);
    if (why == CS_STOP_END) {
        saved.arb_off = cs->arb_off; /* i915's holds arbitration until the ring lets it go */
        *cs = saved;
    }
    cs_drop_line(e);
    return why;
}
