/* SPDX-License-Identifier: MIT */
/*
 * engine_reg.c: the register block of one engine as MMIO and commands see it: what both generations
 * have in common, a table of registers that do something and storage for the rest; a generation's
 * own registers come first (engine_kind.h). Any thread.
 */
#include "softgpu/engine_kind.h"
#include "softgpu/engine_priv.h"

#define TICK_NS 80u /* of TIMESTAMP and the watchdog */

/* The generation's own and, after them, those of both. */
static const struct engine_reg *find(const struct engine_reg *list, uint32_t offset)
{
    while (list->offset && list->offset != offset)
        list++;
    return list->offset ? list : NULL;
}

static bool listed(const uint16_t *list, uint32_t r)
{
    while (*list && *list != r)
        list++;
    return *list;
}

/* Upper half = which bits of the lower half to change (PRM vol. 2c, "Mask"). */
static bool is_masked(const struct engine *e, uint32_t r)
{
    const struct engine_kind *k = e->owner->kind;

    return listed(k->masked, r) || (e->id == ENGINE_RCS && listed(k->masked_render, r)) ||
           (e->id == ENGINE_BCS && r == R_SWCTRL);
}

void engine_reg_reset(struct engine *e)
{
    for (uint32_t r = 0; r < ENGINE_REGS_SIZE; r += 4)
        reg_set(e, r, 0);
    reg_set(e, R_IMR, 0xffffffff);
    reg_set(e, R_EMR, 0xffffffff);
    reg_set(e, R_HWSTAM, 0xffffffff);
    reg_set(e, R_CTR_CTL, 1);
    atomic_store(&e->watchdog_at, 0);
    e->owner->kind->reg_reset(e);
}

void engine_reg_read_only(struct engine *e, uint32_t offset, uint32_t value)
{
    (void)e;
    (void)offset;
    (void)value;
}

bool engine_reg_idle(struct engine *e)
{
    bool idle;

    pthread_mutex_lock(&e->lock);
    idle = !e->working && !e->hung && !e->mode_deaf && !e->owner->kind->runnable(e);
    pthread_mutex_unlock(&e->lock);
    return idle;
}

static uint32_t read_mi_mode(struct engine *e, uint32_t offset)
{
    uint32_t v = reg_get(e, offset) & ~MI_MODE_IDLE;

    return v | (engine_reg_idle(e) ? MI_MODE_IDLE : 0);
}

static void write_mi_mode(struct engine *e, uint32_t offset, uint32_t value)
{
    bool was, stop;

    pthread_mutex_lock(&e->lock);
    was = reg_get(e, offset) & MI_MODE_STOP_RING;
    reg_set(e, offset, engine_reg_masked(reg_get(e, offset), value) & ~MI_MODE_IDLE);
    stop = reg_get(e, offset) & MI_MODE_STOP_RING;
    if (stop)
        atomic_fetch_or(&e->attention, ATT_STOP);
    else
        atomic_fetch_and(&e->attention, ~(unsigned)ATT_STOP);
    e->mode_deaf = stop && (was ? e->mode_deaf : engine_no_ack(e, FAULT_MISSING_ACK_MODE));
    pthread_cond_broadcast(&e->wake);
    pthread_mutex_unlock(&e->lock);
}

/* A unit that has nothing to do says that it is done; of a busy engine, its streamer is not. */
static uint32_t read_instdone(struct engine *e, uint32_t offset)
{
    (void)offset;
    return engine_reg_idle(e) ? 0xffffffff : 0xfffffffe;
}

static uint32_t read_timestamp(struct engine *e, uint32_t offset)
{
    (void)e;
    return offset == R_TIMESTAMP ? (uint32_t)engine_ticks()
                                 : (uint32_t)(engine_ticks() >> 32) & 0xf;
}

/* SYNC_FLUSH (bit 5) and TLB invalidate (bit 9) clear themselves. */
static void write_instpm(struct engine *e, uint32_t offset, uint32_t value)
{
    uint32_t v = engine_reg_masked(reg_get(e, offset), value);

    if (v & (1u << 9))
        tlb_invalidate_all(&e->tlb);
    reg_set(e, offset, v & ~(1u << 5 | 1u << 9));
}

static void write_eir(struct engine *e, uint32_t offset, uint32_t value)
{
    reg_set(e, offset, reg_get(e, offset) & ~value);
    reg_set(e, R_ESR, reg_get(e, R_ESR) & ~value);
}

/* --- watchdog: render and video engines have one that raises an interrupt --- */

static bool has_watchdog(const struct engine *e)
{
    return e->id == ENGINE_RCS || e->id == ENGINE_VCS || e->id == ENGINE_VCS2;
}

static void watchdog_start(struct engine *e)
{
    uint64_t now = engine_now_ns(), ticks = reg_get(e, R_CTR_THRSH);

    atomic_store(&e->watchdog_from, now);
    atomic_store(&e->watchdog_at, now + (ticks ? ticks : 1) * TICK_NS);
}

/* PR_CTR_CTL: 0 starts the counter from nothing, anything else stops it. */
static void write_ctr_ctl(struct engine *e, uint32_t offset, uint32_t value)
{
    reg_set(e, offset, value);
    if (!has_watchdog(e))
        return;
    if (value)
        atomic_store(&e->watchdog_at, 0);
    else
        watchdog_start(e);
}

static uint32_t read_ctr(struct engine *e, uint32_t offset)
{
    (void)offset;
    if (!atomic_load(&e->watchdog_at))
        return 0;
    return (uint32_t)((engine_now_ns() - atomic_load(&e->watchdog_from)) / TICK_NS);
}

void engine_watchdog(struct engine *e)
{
    uint64_t at = atomic_load(&e->watchdog_at);

    if (!at || engine_now_ns() < at)
        return;
    watchdog_start(e);
    engine_raise(e, ENGINE_EVENT_WATCHDOG);
}

static const struct engine_reg common[] = {
    {R_MI_MODE, read_mi_mode, write_mi_mode},
    {R_INSTDONE, read_instdone, engine_reg_read_only},
    {R_TIMESTAMP, read_timestamp, engine_reg_read_only},
    {R_TIMESTAMP_UDW, read_timestamp, engine_reg_read_only},
    {R_INSTPM, NULL, write_instpm},
    {R_EIR, NULL, write_eir},
    {R_ESR, NULL, engine_reg_read_only},
    {R_CTR_CTL, NULL, write_ctr_ctl},
    {R_CTR, read_ctr, engine_reg_read_only},
    {0},
};

static const struct engine_reg *special(const struct engine *e, uint32_t offset)
{
    const struct engine_reg *r = find(e->owner->kind->regs, offset);

    return r ? r : find(common, offset);
}

uint32_t engine_reg_read(struct engine *e, uint32_t offset)
{
    const struct engine_reg *r = special(e, offset);

    return r && r->read ? r->read(e, offset) : reg_get(e, offset);
}

void engine_reg_write(struct engine *e, uint32_t offset, uint32_t value)
{
    const struct engine_reg *r = special(e, offset);

    if (r && r->write)
        r->write(e, offset, value);
    else
        reg_set(e, offset,
                is_masked(e, offset) ? engine_reg_masked(reg_get(e, offset), value) : value);
}
