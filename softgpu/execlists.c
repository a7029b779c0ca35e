/* SPDX-License-Identifier: MIT */
/*
 * execlists.c: which context is on the engine. ELSP writes arrive on the transport thread and only
 * leave a pending list; every transition is made by the engine's thread. Events go to the context
 * status buffer in the registers and to its copy in the hardware status page, then the
 * context-switch event is raised (Broadwell PRM vol. 6, "Execlists"; vol. 2d, "Context Status").
 */
#include "softgpu/execlists.h"

#include <string.h>

#include "softgpu/context.h"
#include "softgpu/engine_cost.h"
#include "softgpu/engine_priv.h"
#include "softgpu/engine_trace.h"
#include "softgpu/mem.h"

#define CSB_ENTRIES      6u
#define CSB_IDLE_ACTIVE  (1u << 0)
#define CSB_PREEMPTED    (1u << 1)
#define CSB_SWITCH       (1u << 2)
#define CSB_ACTIVE_IDLE  (1u << 3)
#define CSB_COMPLETE     (1u << 4)
#define CSB_WAIT_SEMA    (1u << 7)
#define CSB_LITE_RESTORE (1u << 15)
#define HWSP_CSB         0x40u /* dword 0x10 */
#define HWSP_CSB_WRITE   0x7cu /* dword 0x1f */

bool execlists_write_elsp(struct engine *e, uint32_t value, uint64_t list[2])
{
    e->elsp[e->elsp_count++] = value;
    if (e->elsp_count < 4)
        return false;
    e->elsp_count = 0;
    list[1] = (uint64_t)e->elsp[0] << 32 | e->elsp[1];
    list[0] = (uint64_t)e->elsp[2] << 32 | e->elsp[3];
    return true;
}

void execlists_submit(struct engine *e, const uint64_t list[2])
{
    memcpy(e->pending, list, sizeof(e->pending));
    engine_attention(e, ATT_PENDING);
}

static bool has_pending(struct engine *e)
{
    return atomic_load(&e->attention) & ATT_PENDING;
}

uint32_t execlists_status(struct engine *e, bool high)
{
    unsigned at = e->run_at & 1;

    if (high)
        return e->active ? DESC_ID(e->run[at]) : 0;
    return (has_pending(e) ? 1u << 2 | 1u << 3 : 0) | (e->active ? 1u << 4 : 0) |
           (e->active ? (1u + at) << 14 | 1u << 16 | 1u << 18 : 0);
}

bool execlists_runnable(struct engine *e)
{
    if (e->hung || (atomic_load(&e->attention) & ATT_STOP))
        return false;
    return e->active || has_pending(e);
}

void execlists_reset(struct engine *e)
{
    e->elsp_count = 0;
    memset(e->pending, 0, sizeof(e->pending));
    memset(e->run, 0, sizeof(e->run));
    e->run_at = 0;
    e->active = false;
    e->hung = false;
    e->loaded = false;
    atomic_fetch_and(&e->attention, ~(unsigned)(ATT_PENDING | ATT_STOP));
    reg_set(e, R_CSB_PTR, 0x0505);
}

/* Add an event. Lock held. Entry first, then the index, then the interrupt. */
static void post_event(struct engine *e, uint32_t status, uint32_t ctx_id)
{
    uint32_t ptr = reg_get(e, R_CSB_PTR), write = ptr & 7;
    uint64_t hwsp = reg_get(e, R_HWS_PGA) & ~0xfffu;

    engine_trace_event(e, status, ctx_id);
    write = write >= CSB_ENTRIES - 1 ? 0 : write + 1;
    reg_set(e, R_CSB + 8 * write, status);
    reg_set(e, R_CSB + 8 * write + 4, ctx_id);
    reg_set(e, R_CSB_PTR, (ptr & ~7u) | write);
    if (hwsp) {
        mem_write64(e, false, hwsp + HWSP_CSB + 8 * write, (uint64_t)ctx_id << 32 | status);
        mem_write32(e, false, hwsp + HWSP_CSB_WRITE, write);
    }
    engine_raise(e, ENGINE_EVENT_CTX);
}

static void take_pending(struct engine *e)
{
    memcpy(e->run, e->pending, sizeof(e->run));
    e->run_at = 0;
    atomic_fetch_and(&e->attention, ~(unsigned)ATT_PENDING);
}

static bool second_waits(struct engine *e)
{
    return e->run_at == 0 && (e->run[1] & DESC_VALID);
}

/* The loaded context ran to its tail. Lock held. */
static void complete(struct engine *e)
{
    uint32_t id = DESC_ID(e->run[e->run_at]);

    if (second_waits(e)) {
        post_event(e, CSB_COMPLETE | CSB_SWITCH, id);
        e->run_at = 1;
        return;
    }
    e->active = false;
    post_event(e, CSB_COMPLETE | CSB_ACTIVE_IDLE, id);
}

static bool is_lite_restore(struct engine *e)
{
    return DESC_LRCA(e->pending[0]) == DESC_LRCA(e->run[e->run_at]) && e->loaded &&
           !(e->pending[0] & DESC_FORCE_RESTORE);
}

/* A new list replaces the running one. Lock held: saving touches memory and the engine's own
 * registers only. */
static void preempt(struct engine *e)
{
    uint32_t id = DESC_ID(e->run[e->run_at]);

    if (!(e->pending[0] & DESC_VALID)) {
        atomic_fetch_and(&e->attention, ~(unsigned)ATT_PENDING);
        return;
    }
    if (is_lite_restore(e)) {
        take_pending(e);
        context_reload_tail(e);
        post_event(e, CSB_PREEMPTED | CSB_LITE_RESTORE, id);
        return;
    }
    if (e->loaded)
        context_save(e);
    post_event(e, CSB_PREEMPTED, id);
    take_pending(e);
}

/* From idle. Lock held. */
static void start(struct engine *e)
{
    bool valid = e->pending[0] & DESC_VALID;

    take_pending(e);
    if (!valid)
        return;
    e->active = true;
    e->ctx_domid = JUDGE_DOM_NONE; /* the context before has nothing to do with this event */
    post_event(e, CSB_IDLE_ACTIVE, 0);
}

/* The context waits for a semaphore and lets others run meanwhile. Lock held. */
static void switch_on_wait(struct engine *e)
{
    uint32_t id = DESC_ID(e->run[e->run_at]);

    context_save(e);
    post_event(e, CSB_WAIT_SEMA | CSB_SWITCH, id);
    e->run_at = 1;
}

/* What cs_run() came back with. Lock held. */
static void settle(struct engine *e, enum cs_stop why)
{
    switch (why) {
    case CS_STOP_TAIL:
        if (has_pending(e) && (e->pending[0] & DESC_VALID) && is_lite_restore(e)) {
            preempt(e);
            break;
        }
        context_save(e);
        complete(e);
        break;
    case CS_STOP_ARBITRATE:
        preempt(e);
        break;
    case CS_STOP_SWITCH:
        switch_on_wait(e);
        break;
    case CS_STOP_HANG:
        e->hung = true;
        break;
    case CS_STOP_ATTENTION:
    case CS_STOP_END:
        break;
    }
}

/* One decision and one stretch of commands. Lock held on entry and exit. */
static void round_once(struct engine *e)
{
    enum cs_stop why = CS_STOP_TAIL;
    bool load;

    if (!e->active) {
        start(e);
        if (!e->active)
            return;
    } else if (!e->loaded && has_pending(e)) {
        preempt(e);
    }
    load = !e->loaded;
    pthread_mutex_unlock(&e->lock);
    if (load && !context_load(e))
        why =
            atomic_load(&e->attention) & (ATT_RESET | ATT_QUIT) ? CS_STOP_ATTENTION : CS_STOP_HANG;
    else
        why = cs_run(e);
    pthread_mutex_lock(&e->lock);
    settle(e, why);
}

void execlists_run(struct engine *e)
{
    uint64_t begin = engine_now_ns();

    engine_cost_begin(e);
    pthread_mutex_lock(&e->lock);
    e->working = true;
    atomic_store(&e->busy_since, begin);
    while (execlists_runnable(e) && !(atomic_load(&e->attention) & (ATT_RESET | ATT_QUIT)))
        round_once(e);
    e->working = false;
    pthread_mutex_unlock(&e->lock);
    engine_cost_end(e);
    atomic_store(&e->busy_since, 0);
    atomic_fetch_add_explicit(&e->busy_ns, engine_now_ns() - begin, memory_order_relaxed);
}
