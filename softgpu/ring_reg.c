/* SPDX-License-Identifier: MIT */
/*
 * ring_reg.c: registers of an engine's block that only Haswell has, or has otherwise: the ring
 * buffer, the page directory, the mailboxes between engines, the sleep indicator (Haswell PRM vol.
 * 2c). Any thread, also that of an engine whose commands write them.
 */
#include "softgpu/conduct.h"
#include "softgpu/engine_kind.h"
#include "softgpu/engine_priv.h"
#include "softgpu/ring.h"

#define CTL_WAITS         (CTL_WAIT_SEMAPHORE | CTL_WAIT_EVENT)
#define PSMI_NO_SLEEP_MSG (1u << 0)
#define PSMI_SLEEPS       (1u << 3)

/* The engine's thread is told when it is in the middle of something. Lock held. */
static void ring_changed(struct engine *e)
{
    engine_attention(e, e->working ? ATT_RING : 0);
}

static void write_tail(struct engine *e, uint32_t offset, uint32_t value)
{
    if (!conduct_tail(e, value))
        return;
    pthread_mutex_lock(&e->lock);
    /* Whoever sees the new tail sees what is in the ring before it. */
    atomic_store_explicit(&e->reg[offset / 4], value & 0x1ffff8u, memory_order_release);
    engine_attention(e, 0);
    pthread_mutex_unlock(&e->lock);
}

/* Bits 31:21 count how often the head came round. */
static void write_head(struct engine *e, uint32_t offset, uint32_t value)
{
    pthread_mutex_lock(&e->lock);
    e->ring.head_moved = true;
    e->ring.head = value & ~3u;
    if (!e->working)
        reg_set(e, offset, value & ~3u);
    ring_changed(e);
    pthread_mutex_unlock(&e->lock);
}

static uint32_t read_head(struct engine *e, uint32_t offset)
{
    uint32_t v;

    pthread_mutex_lock(&e->lock);
    v = e->ring.head_moved ? e->ring.head : reg_get(e, offset);
    pthread_mutex_unlock(&e->lock);
    return v;
}

static uint32_t read_ctl(struct engine *e, uint32_t offset)
{
    return reg_get(e, offset) | atomic_load(&e->waits);
}

/* Writing the bit of a wait ends it. A ring that is switched off gives up what it ran. */
static void write_ctl(struct engine *e, uint32_t offset, uint32_t value)
{
    pthread_mutex_lock(&e->lock);
    if (value & atomic_load(&e->waits))
        atomic_store(&e->kicked, true);
    if ((reg_get(e, offset) & CTL_VALID) && !(value & CTL_VALID))
        e->ring.restart = true;
    reg_set(e, offset, value & ~CTL_WAITS);
    ring_changed(e);
    pthread_mutex_unlock(&e->lock);
}

static void write_start(struct engine *e, uint32_t offset, uint32_t value)
{
    pthread_mutex_lock(&e->lock);
    reg_set(e, offset, value & ~0xfffu);
    atomic_store(&e->moved, true);
    ring_changed(e);
    pthread_mutex_unlock(&e->lock);
}

/* The directory's lines are loaded anew when they are needed next. Translations that are in the TLB
 * stay there: software invalidates those. */
static void write_pp_dir_base(struct engine *e, uint32_t offset, uint32_t value)
{
    reg_set(e, offset, value & 0xffff0000u);
    atomic_fetch_add(&e->dir_loads, 1);
    atomic_store(&e->moved, true);
}

static uint32_t read_pp_dir_base(struct engine *e, uint32_t offset)
{
    (void)offset;
    return reg_get(e, R_PP_DIR_BASE);
}

/* A mailbox: the engine may be waiting for just that. */
static void write_sync(struct engine *e, uint32_t offset, uint32_t value)
{
    pthread_mutex_lock(&e->lock);
    reg_set(e, offset, value);
    engine_attention(e, 0);
    pthread_mutex_unlock(&e->lock);
}

/* An idle engine sleeps unless it is told not to send the message that says so. */
static uint32_t read_psmi_ctl(struct engine *e, uint32_t offset)
{
    uint32_t v = reg_get(e, offset) & ~PSMI_SLEEPS;

    return v | (!(v & PSMI_NO_SLEEP_MSG) && engine_reg_idle(e) ? PSMI_SLEEPS : 0);
}

void ring_waits(struct engine *e, uint32_t bits)
{
    if (atomic_load_explicit(&e->waits, memory_order_relaxed) == bits)
        return;
    atomic_store(&e->waits, bits);
    atomic_store(&e->kicked, false);
}

bool ring_kicked(struct engine *e)
{
    return atomic_load_explicit(&e->kicked, memory_order_relaxed) &&
           atomic_exchange(&e->kicked, false);
}

const struct engine_reg ring_regs[] = {
    {R_TAIL, NULL, write_tail},
    {R_HEAD, read_head, write_head},
    {R_START, NULL, write_start},
    {R_CTL, read_ctl, write_ctl},
    {R_SYNC_0, NULL, write_sync},
    {R_SYNC_1, NULL, write_sync},
    {R_SYNC_2, NULL, write_sync},
    {R_PSMI_CTL, read_psmi_ctl, NULL},
    {R_PP_DIR_BASE, NULL, write_pp_dir_base},
    {R_PP_DIR_BASE_READ, read_pp_dir_base, engine_reg_read_only},
    {0},
};
