/* SPDX-License-Identifier: MIT */
/*
 * execlists_reg.c: registers of an engine's block that only Broadwell has, or has otherwise: the
 * submission port, the context status buffer's pointers, RING_RESET_CTL, the context's timestamp
 * (Broadwell PRM vol. 2c). Any thread.
 */
#include "softgpu/conduct.h"
#include "softgpu/engine_kind.h"
#include "softgpu/engine_priv.h"
#include "softgpu/execlists.h"

static uint32_t read_status(struct engine *e, uint32_t offset)
{
    uint32_t v;

    pthread_mutex_lock(&e->lock);
    v = execlists_status(e, offset == R_EL_STATUS_HI);
    pthread_mutex_unlock(&e->lock);
    return v;
}

/* Counts 80 ns ticks while the context is on the engine. */
static uint32_t read_ctx_timestamp(struct engine *e, uint32_t offset)
{
    uint64_t since = atomic_load(&e->ctx_loaded_ns);

    if (!since)
        return reg_get(e, offset);
    return atomic_load(&e->ctx_timestamp) + (uint32_t)((engine_now_ns() - since) / 80);
}

static uint32_t read_elsp(struct engine *e, uint32_t offset)
{
    (void)e;
    (void)offset;
    return 0;
}

/* A reset request (bit 0) is answered at once: ready (bit 1). */
static void write_reset_ctl(struct engine *e, uint32_t offset, uint32_t value)
{
    uint32_t old = reg_get(e, offset), v = engine_reg_masked(old, value) & ~2u;

    conduct_ready(e, value);
    if (!(v & ~old & 1)) /* no new request */
        v |= v & 1 ? old & 2 : 0;
    else if (!engine_no_ack(e, FAULT_MISSING_ACK_READY))
        v |= 2;
    reg_set(e, offset, v);
}

static void write_elsp(struct engine *e, uint32_t offset, uint32_t value)
{
    unsigned state = conduct_state(e);
    uint64_t list[2];

    (void)offset;
    pthread_mutex_lock(&e->lock);
    if (execlists_write_elsp(e, value, list) && conduct_submit(e, list[0], list[1], state))
        execlists_submit(e, list);
    pthread_mutex_unlock(&e->lock);
}

static void write_tail(struct engine *e, uint32_t offset, uint32_t value)
{
    conduct_tail(e, value);
    reg_set(e, offset, value);
}

/* The engine's thread moves the write pointer: both change it under the lock. */
static void write_csb_ptr(struct engine *e, uint32_t offset, uint32_t value)
{
    pthread_mutex_lock(&e->lock);
    reg_set(e, offset, engine_reg_masked(reg_get(e, offset), value));
    pthread_mutex_unlock(&e->lock);
}

/* With what the command streamer waits for, which is not for software to change. */
static uint32_t read_ctl(struct engine *e, uint32_t offset)
{
    return reg_get(e, offset) | atomic_load(&e->waits);
}

static void write_ctl(struct engine *e, uint32_t offset, uint32_t value)
{
    reg_set(e, offset, value & ~(CTL_WAIT_SEMAPHORE | CTL_WAIT_EVENT));
}

const struct engine_reg execlists_regs[] = {
    {R_CTL, read_ctl, write_ctl},
    {R_RESET_CTL, NULL, write_reset_ctl},
    {R_ELSP, read_elsp, write_elsp},
    {R_TAIL, NULL, write_tail},
    {R_CSB_PTR, NULL, write_csb_ptr},
    {R_CTX_TIMESTAMP, read_ctx_timestamp, NULL},
    {R_EL_STATUS_LO, read_status, engine_reg_read_only},
    {R_EL_STATUS_HI, read_status, engine_reg_read_only},
    {0},
};
