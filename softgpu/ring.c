/* SPDX-License-Identifier: MIT */
/*
 * ring.c: the engine's thread between HEAD and TAIL. Registers are written on other threads
 * (ring_reg.c), under the engine's lock; what must not happen under a running command (a new HEAD,
 * a ring that is switched off) waits in struct ring until the thread looks up.
 */
#include "softgpu/ring.h"

#include "softgpu/engine_cost.h"
#include "softgpu/engine_priv.h"

static uint32_t ring_size(const struct engine *e)
{
    return (reg_get(e, R_CTL) & 0x1ff000u) + GTT_PAGE;
}

static bool has_work(const struct engine *e)
{
    uint32_t size = ring_size(e), tail = (reg_get(e, R_TAIL) & 0x1ffff8u) % size;
    uint32_t head = e->ring.head_moved ? e->ring.head : reg_get(e, R_HEAD);

    return (!e->ring.restart && e->cs.level != CS_RING) ||
           ((head & HEAD_OFFSET & ~7u) % size) != tail;
}

bool ring_runnable(struct engine *e)
{
    if (e->hung || (atomic_load(&e->attention) & ATT_STOP) || !(reg_get(e, R_CTL) & CTL_VALID))
        return false;
    return has_work(e);
}

void ring_reset(struct engine *e)
{
    e->ring = (struct ring){0};
    e->hung = false;
    atomic_store(&e->waits, 0);
    atomic_store(&e->kicked, false);
    atomic_store(&e->moved, true);
    atomic_fetch_and(&e->attention, ~(unsigned)(ATT_STOP | ATT_RING));
}

/* What software did to the ring since the engine last looked. Lock held. */
static void take_changes(struct engine *e)
{
    atomic_fetch_and(&e->attention, ~(unsigned)ATT_RING);
    if (e->ring.restart)
        cs_init(e);
    if (e->ring.restart || e->ring.head_moved) {
        uint32_t head = e->ring.head_moved ? e->ring.head : reg_get(e, R_HEAD);

        reg_set(e, R_HEAD, head);
        e->cs.ip[CS_RING] = head & HEAD_OFFSET;
        e->cs.again = false;
        ring_waits(e, 0);
    }
    e->ring = (struct ring){0};
    cs_drop_line(e);
}

void ring_run(struct engine *e)
{
    uint64_t begin = engine_now_ns();

    engine_cost_begin(e);
    pthread_mutex_lock(&e->lock);
    e->working = true;
    atomic_store(&e->busy_since, begin);
    while (ring_runnable(e) && !(atomic_load(&e->attention) & (ATT_RESET | ATT_QUIT))) {
        enum cs_stop why;

        take_changes(e);
        pthread_mutex_unlock(&e->lock);
        why = cs_run(e);
        pthread_mutex_lock(&e->lock);
        e->hung |= why == CS_STOP_HANG;
    }
    e->working = false;
    pthread_mutex_unlock(&e->lock);
    engine_cost_end(e);
    atomic_store(&e->busy_since, 0);
    atomic_fetch_add_explicit(&e->busy_ns, engine_now_ns() - begin, memory_order_relaxed);
}

bool ring_ppgtt_on(const struct engine *e)
{
    return reg_get(e, R_MODE) & MODE_PPGTT;
}

void ring_space(struct engine *e, struct ppgtt *p)
{
    *p = (struct ppgtt){
        .enabled = ring_ppgtt_on(e),
        .gen7 = true,
        .root = {reg_get(e, R_PP_DIR_BASE)},
        .dclv = reg_get(e, R_PP_DIR_DCLV),
        .tables = 1,
        .gtt = e->owner->gtt,
        .dir = &e->dir,
        /* Both only grow: their sum changes whenever either does. */
        .dir_gen = tlb_gen(&e->tlb, TLB_PPGTT) + atomic_load(&e->dir_loads),
    };
}

uint64_t ring_root(struct engine *e)
{
    return reg_get(e, R_PP_DIR_BASE);
}

uint32_t ring_context(const struct engine *e)
{
    uint32_t ccid = reg_get(e, R_CCID);

    return ccid & 1 ? ccid & ~0xfffu : 0;
}
