/* SPDX-License-Identifier: MIT */
/*
 * cs_sema.c: Broadwell's memory semaphores (PRM vol. 2a, MI_SEMAPHORE_WAIT, MI_SEMAPHORE_SIGNAL).
 * A wait in polling mode looks at memory again and again, one in signal mode only when it begins
 * and when a signal for its context arrives. Engine's thread; a signal reaches for another
 * engine's lock.
 */
#include "softgpu/cs_mi.h"

#include "softgpu/engine_priv.h"
#include "softgpu/mem.h"
#include "softgpu/ring.h"

#define WAIT_POLL (1u << 15)

static bool holds(uint32_t op, uint32_t memory, uint32_t data)
{
    switch (op) {
    case 0:
        return memory > data;
    case 1:
        return memory >= data;
    case 2:
        return memory < data;
    case 3:
        return memory <= data;
    case 4:
        return memory == data;
    default:
        return memory != data;
    }
}

/* The context stays on the engine while it waits; software may want to know and take it off. */
static void begin_wait(struct engine *e)
{
    ring_waits(e, CTL_WAIT_SEMAPHORE);
    if ((reg_get(e, R_CTX_CONTROL) & CTX_CTRL_INHIBIT_SYNC) || e->cs.arb_off)
        engine_raise(e, ENGINE_EVENT_SEMAPHORE);
}

enum cs_result mi_semaphore_wait(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    bool signalled = atomic_exchange(&e->signalled, false);

    (void)len;
    if (e->cs.again && !signalled && !(cmd[0] & WAIT_POLL))
        return CS_WAIT;
    if (holds(cmd[0] >> 12 & 7, mem_read32(e, cs_ppgtt_bit22(cmd[0]), cs_addr(cmd + 2)), cmd[1])) {
        ring_waits(e, 0);
        return CS_ARB;
    }
    if (!e->cs.again)
        begin_wait(e);
    return CS_WAIT;
}

/* Header bits 17:15: the engine; the other dword: its context, as in the descriptor's upper half.
 * A signal for another context than the one on the engine is lost: that context looks at memory
 * when it comes back. */
enum cs_result mi_semaphore_signal(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    static const enum engine_id target[] = {ENGINE_RCS, ENGINE_VCS, ENGINE_BCS, ENGINE_VECS,
                                            ENGINE_VCS2};
    uint32_t n = cmd[0] >> 15 & 7;
    struct engine *t;

    (void)len;
    if (n >= sizeof(target) / sizeof(target[0]) || target[n] >= e->owner->count)
        return CS_NEXT; /* there is no such engine */
    t = &e->owner->engine[target[n]];
    pthread_mutex_lock(&t->lock);
    if (t->active && DESC_ID(t->run[t->run_at]) == cmd[1]) {
        atomic_store(&t->signalled, true);
        pthread_cond_broadcast(&t->wake);
    }
    pthread_mutex_unlock(&t->lock);
    return CS_NEXT;
}
