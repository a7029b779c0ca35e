/* SPDX-License-Identifier: MIT */
/*
 * engine_reg.c: the register block of one engine as MMIO and commands see it: masked registers,
 * write-one-to-clear, computed ones. Any thread.
 */
#include "softgpu/conduct.h"
#include "softgpu/engine_priv.h"
#include "softgpu/execlists.h"

/* Upper half = which bits of the lower half to change (Broadwell PRM vol. 2c, "Mask"). The render
 * engine's chicken registers of that kind are listed after the common ones. */
static bool is_masked(const struct engine *e, uint32_t r)
{
    static const uint16_t common[] = {R_PSMI_CTL, R_MI_MODE,     R_INSTPM, R_RESET_CTL,
                                      R_MODE,     R_CTX_CONTROL, R_CSB_PTR};
    static const uint16_t render[] = {0x088, 0x090, 0x0d8, 0x0dc, 0x0e0, 0x0e4, 0x0ec, 0x580};

    for (unsigned i = 0; i < sizeof(common) / sizeof(common[0]); i++) {
        if (common[i] == r)
            return true;
    }
    if (e->id == ENGINE_BCS)
        return r == R_SWCTRL;
    for (unsigned i = 0; e->id == ENGINE_RCS && i < sizeof(render) / sizeof(render[0]); i++) {
        if (render[i] == r)
            return true;
    }
    return false;
}

static uint32_t masked(uint32_t old, uint32_t value)
{
    return (old & ~(value >> 16)) | (value & (value >> 16));
}

void engine_reg_reset(struct engine *e)
{
    for (uint32_t r = 0; r < ENGINE_REGS_SIZE; r += 4)
        reg_set(e, r, 0);
    reg_set(e, R_IMR, 0xffffffff);
    reg_set(e, R_EMR, 0xffffffff);
    reg_set(e, R_HWSTAM, 0xffffffff);
    reg_set(e, R_CSB_PTR, 0x0505);
    for (uint32_t i = 0; i < 12; i++)
        reg_set(e, R_FORCE_TO_NONPRIV + 4 * i, e->base + R_NOPID);
}

static uint32_t read_mi_mode(struct engine *e)
{
    uint32_t v = reg_get(e, R_MI_MODE) & ~MI_MODE_IDLE;
    bool idle;

    pthread_mutex_lock(&e->lock);
    idle = !e->working && !e->hung && !e->mode_deaf && !execlists_runnable(e);
    pthread_mutex_unlock(&e->lock);
    return v | (idle ? MI_MODE_IDLE : 0);
}

static uint32_t read_status(struct engine *e, bool high)
{
    uint32_t v;

    pthread_mutex_lock(&e->lock);
    v = execlists_status(e, high);
    pthread_mutex_unlock(&e->lock);
    return v;
}

/* Counts 80 ns ticks while the context is on the engine. */
static uint32_t read_ctx_timestamp(struct engine *e)
{
    uint64_t since = atomic_load(&e->ctx_loaded_ns);

    if (!since)
        return reg_get(e, R_CTX_TIMESTAMP);
    return atomic_load(&e->ctx_timestamp) + (uint32_t)((engine_now_ns() - since) / 80);
}

uint32_t engine_reg_read(struct engine *e, uint32_t offset)
{
    switch (offset) {
    case R_MI_MODE:
        return read_mi_mode(e);
    case R_TIMESTAMP:
        return (uint32_t)engine_ticks();
    case R_TIMESTAMP_UDW:
        return (uint32_t)(engine_ticks() >> 32) & 0xf;
    case R_CTX_TIMESTAMP:
        return read_ctx_timestamp(e);
    case R_EL_STATUS_LO:
        return read_status(e, false);
    case R_EL_STATUS_HI:
        return read_status(e, true);
    case R_ELSP:
        return 0;
    case R_CTL:
        return reg_get(e, R_CTL) | atomic_load(&e->waits);
    default:
        return reg_get(e, offset);
    }
}

static void write_mi_mode(struct engine *e, uint32_t value)
{
    bool was, stop;

    pthread_mutex_lock(&e->lock);
    was = reg_get(e, R_MI_MODE) & MI_MODE_STOP_RING;
    reg_set(e, R_MI_MODE, masked(reg_get(e, R_MI_MODE), value) & ~MI_MODE_IDLE);
    stop = reg_get(e, R_MI_MODE) & MI_MODE_STOP_RING;
    if (stop)
        atomic_fetch_or(&e->attention, ATT_STOP);
    else
        atomic_fetch_and(&e->attention, ~(unsigned)ATT_STOP);
    e->mode_deaf = stop && (was ? e->mode_deaf : engine_no_ack(e, FAULT_MISSING_ACK_MODE));
    pthread_cond_broadcast(&e->wake);
    pthread_mutex_unlock(&e->lock);
}

/* A reset request (bit 0) is answered at once: ready (bit 1). */
static void write_reset_ctl(struct engine *e, uint32_t value)
{
    uint32_t old = reg_get(e, R_RESET_CTL), v = masked(old, value) & ~2u;

    conduct_ready(e, value);
    if (!(v & ~old & 1)) /* no new request */
        v |= v & 1 ? old & 2 : 0;
    else if (!engine_no_ack(e, FAULT_MISSING_ACK_READY))
        v |= 2;
    reg_set(e, R_RESET_CTL, v);
}

static void write_elsp(struct engine *e, uint32_t value)
{
    unsigned state = conduct_state(e);
    uint64_t list[2];

    pthread_mutex_lock(&e->lock);
    if (execlists_write_elsp(e, value, list) && conduct_submit(e, list[0], list[1], state))
        execlists_submit(e, list);
    pthread_mutex_unlock(&e->lock);
}

/* SYNC_FLUSH (bit 5) and TLB invalidate (bit 9) clear themselves. */
static void write_instpm(struct engine *e, uint32_t value)
{
    uint32_t v = masked(reg_get(e, R_INSTPM), value);

    if (v & (1u << 9))
        tlb_invalidate_all(&e->tlb);
    reg_set(e, R_INSTPM, v & ~(1u << 5 | 1u << 9));
}

/* The engine's thread moves the write pointer: both change it under the lock. */
static void write_csb_ptr(struct engine *e, uint32_t value)
{
    pthread_mutex_lock(&e->lock);
    reg_set(e, R_CSB_PTR, masked(reg_get(e, R_CSB_PTR), value));
    pthread_mutex_unlock(&e->lock);
}

void engine_reg_write(struct engine *e, uint32_t offset, uint32_t value)
{
    switch (offset) {
    case R_MI_MODE:
        write_mi_mode(e, value);
        break;
    case R_RESET_CTL:
        write_reset_ctl(e, value);
        break;
    case R_ELSP:
        write_elsp(e, value);
        break;
    case R_TAIL:
        conduct_tail(e, value);
        reg_set(e, R_TAIL, value);
        break;
    case R_CTL:
        reg_set(e, R_CTL, value & ~CTL_WAIT_SEMAPHORE);
        break;
    case R_INSTPM:
        write_instpm(e, value);
        break;
    case R_CSB_PTR:
        write_csb_ptr(e, value);
        break;
    case R_EIR:
        reg_set(e, R_EIR, reg_get(e, R_EIR) & ~value);
        reg_set(e, R_ESR, reg_get(e, R_ESR) & ~value);
        break;
    case R_ESR:
    case R_TIMESTAMP:
    case R_TIMESTAMP_UDW:
    case R_EL_STATUS_LO:
    case R_EL_STATUS_HI:
        break; /* read-only */
    default:
        reg_set(e, offset, is_masked(e, offset) ? masked(reg_get(e, offset), value) : value);
    }
}
