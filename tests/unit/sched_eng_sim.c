/* SPDX-License-Identifier: MIT */
/*
 * sched_eng_sim.c: see sched_eng_sim.h.
 */
#include "tests/unit/sched_eng_sim.h"

#include <assert.h>
#include <string.h>

#define LRCA(desc) ((uint32_t)(desc) & ~0xfffu)

static unsigned engine_of(uint32_t offset)
{
    unsigned e = 0;

    while (gen8_engine_base(e) != (offset & ~0xfffu))
        e++;
    return e;
}

static void raise_bits(struct sim *s, unsigned engine, uint32_t bits)
{
    static const enum gpu_irq_bank bank[GEN8_ENGINES] = {GPU_IRQ_GT0, GPU_IRQ_GT0, GPU_IRQ_GT1,
                                                         GPU_IRQ_GT3, GPU_IRQ_GT1};
    unsigned shift = engine == GEN8_BCS || engine == GEN8_VCS2 ? 16 : 0;
    uint32_t imr = gpu_fake_get(s->fake, gen8_engine_base(engine) + 0xa8);

    assert(!(imr & bits << shift));
    if (!s->deaf)
        gpu_fake_raise(s->fake, bank[engine], bits << shift);
}

static void event(struct sim *s, unsigned engine, uint32_t status, uint32_t id)
{
    uint32_t base = gen8_engine_base(engine), ptr = gpu_fake_get(s->fake, base + 0x3a0);
    uint32_t write = ctx_gen8_csb_next(ptr & 7);

    gpu_fake_set(s->fake, base + 0x370 + 8 * write, status);
    gpu_fake_set(s->fake, base + 0x374 + 8 * write, id);
    gpu_fake_set(s->fake, base + 0x3a0, (ptr & ~7u) | write);
    raise_bits(s, engine, 1u << 8);
}

void sim_take(struct sim *s, unsigned engine)
{
    struct sim_engine *e = &s->engine[engine];
    uint64_t old = e->run[e->at];

    assert(e->has_pending);
    if (!e->active)
        event(s, engine, CSB_IDLE_TO_ACTIVE, 0);
    else if (LRCA(old) == LRCA(e->pending[0]))
        event(s, engine, CSB_PREEMPTED | CSB_LITE_RESTORE, (uint32_t)(old >> 32));
    else
        event(s, engine, CSB_PREEMPTED, (uint32_t)(old >> 32));
    memcpy(e->run, e->pending, sizeof e->run);
    e->at = 0;
    e->active = true;
    e->has_pending = false;
}

void sim_complete(struct sim *s, unsigned engine)
{
    struct sim_engine *e = &s->engine[engine];
    uint32_t id = (uint32_t)(e->run[e->at] >> 32);

    assert(e->active);
    if (e->at == 0 && e->run[1] & 1) {
        e->at = 1;
        event(s, engine, CSB_COMPLETE | CSB_ELEMENT_SWITCH, id);
        return;
    }
    e->active = false;
    event(s, engine, CSB_COMPLETE | CSB_ACTIVE_TO_IDLE, id);
    if (e->has_pending && !s->no_ack)
        sim_take(s, engine);
}

void sim_wait(struct sim *s, unsigned engine)
{
    struct sim_engine *e = &s->engine[engine];

    assert(e->active && e->at == 0 && e->run[1] & 1);
    event(s, engine, CSB_WAIT_SEMAPHORE | CSB_ELEMENT_SWITCH, (uint32_t)(e->run[0] >> 32));
    e->at = 1;
}

void sim_user_interrupt(struct sim *s, unsigned engine)
{
    raise_bits(s, engine, 1);
}

void sim_move(struct sim *s, unsigned engine)
{
    uint32_t reg = gen8_engine_base(engine) + 0x74;

    gpu_fake_set(s->fake, reg, gpu_fake_get(s->fake, reg) + 4);
}

static void on_elsp(void *ctx, struct gpu_fake *f, uint32_t offset, uint64_t *value)
{
    struct sim *s = ctx;
    unsigned engine = engine_of(offset);
    struct sim_engine *e = &s->engine[engine];

    (void)f;
    if (s->dies_at && e->port_count == s->dies_at)
        return; /* dwords that the process did not live to write */
    e->port[e->port_count++] = (uint32_t)*value;
    if (e->port_count < 4)
        return;
    assert(!e->has_pending); /* one unacknowledged submission at most */
    e->port_count = 0;
    e->pending[1] = (uint64_t)e->port[0] << 32 | e->port[1];
    e->pending[0] = (uint64_t)e->port[2] << 32 | e->port[3];
    e->has_pending = true;
    e->submissions++;
    if (!e->active && !s->no_ack)
        sim_take(s, engine);
}

static void on_status(void *ctx, struct gpu_fake *f, uint32_t offset, uint64_t *value)
{
    const struct sim_engine *e = &((struct sim *)ctx)->engine[engine_of(offset)];

    (void)f;
    *value = (e->active ? 1u << 4 : 0) | (e->has_pending ? 1u << 3 : 0);
}

static void on_mi_mode(void *ctx, struct gpu_fake *f, uint32_t offset, uint64_t *value)
{
    (void)ctx;
    (void)f;
    (void)offset;
    *value |= 1u << 9;
}

static void on_reset_ctl(void *ctx, struct gpu_fake *f, uint32_t offset, uint64_t *value)
{
    (void)ctx;
    (void)f;
    (void)offset;
    *value = *value & 1 ? 3 : 0;
}

static void reset(struct sim *s, unsigned engine)
{
    struct sim_engine *e = &s->engine[engine];
    uint32_t base = gen8_engine_base(engine);

    assert(gpu_fake_get(s->fake, base + 0xd0) & 2);
    e->active = e->has_pending = false;
    e->at = e->port_count = 0;
    e->resets++;
    gpu_fake_set(s->fake, base + 0x3a0, 0x0505);
    gpu_fake_set(s->fake, base + 0xa8, UINT32_MAX);
    gpu_fake_set(s->fake, base + 0x29c, 0);
}

static void on_gdrst(void *ctx, struct gpu_fake *f, uint32_t offset, uint64_t *value)
{
    static const uint8_t bit[GEN8_ENGINES] = {1, 3, 2, 4, 7};
    struct sim *s = ctx;

    (void)f;
    (void)offset;
    s->full_resets += *value & 1;
    for (unsigned e = 0; e < GEN8_VCS2; e++)
        if (*value & (1u | 1u << bit[e]))
            reset(s, e);
    *value = 0;
}

static void on_tlb(void *ctx, struct gpu_fake *f, uint32_t offset, uint64_t *value)
{
    struct sim *s = ctx;

    (void)f;
    s->flushes += offset == 0x4260;
    *value = s->flush_hangs;
}

static void on_ack(void *ctx, struct gpu_fake *f, uint32_t offset, uint64_t *value)
{
    (void)ctx;
    (void)offset;
    *value = gpu_fake_get(f, 0xa188) & 1;
}

void sim_init(struct sim *s)
{
    struct gpu_fake *f = gpu_fake_new(GPU_GEN8, 1u << 20);

    *s = (struct sim){.fake = f};
    assert(f);
    gpu_fake_set_masked(f, 0xa188);
    gpu_fake_on_read(f, 0x130044, 0x130044, on_ack, s);
    gpu_fake_on_write(f, 0x941c, 0x941c, on_gdrst, s);
    gpu_fake_on_write(f, 0x4260, 0x4270, on_tlb, s);
    for (unsigned e = 0; e < GEN8_ENGINES; e++) {
        uint32_t base = gen8_engine_base(e);

        gpu_fake_set_masked(f, base + 0x9c);
        gpu_fake_set_masked(f, base + 0xd0);
        gpu_fake_set_masked(f, base + 0x29c);
        gpu_fake_set_masked(f, base + 0x3a0);
        gpu_fake_on_write(f, base + 0x9c, base + 0x9c, on_mi_mode, s);
        gpu_fake_on_write(f, base + 0xd0, base + 0xd0, on_reset_ctl, s);
        gpu_fake_on_write(f, base + 0x230, base + 0x230, on_elsp, s);
        gpu_fake_on_read(f, base + 0x234, base + 0x234, on_status, s);
    }
}
