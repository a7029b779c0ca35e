/* SPDX-License-Identifier: MIT */
/*
 * irq_event.c: which bit of which bank an event of an engine, a pipe or an AUX channel has on
 * either chip (irq.h). Facts: PRM BDW vol. 2c, "GT Interrupt", "DE Pipe Interrupt", "DE Port
 * Interrupt"; PRM HSW vol. 2c, "GTIIR", "PMIIR", "DEIIR", "ERR_INT". Constant data; called by
 * engines' threads and, with the register lock held, by register handlers and the loop.
 */
#include "softgpu/irq.h"

#include "softgpu/model.h"
#include "softgpu/regs.h"

#include <assert.h>
#include <stdbool.h>

#define PIPES        3u
#define PIPE_EVENTS  4u
#define AUX_CHANNELS 4u

static bool haswell(const struct irq *i)
{
    return irq_model(i)->family == MODEL_HASWELL;
}

/* --- engines --- */

/* Broadwell: sixteen bits for each, the same in all. */
static void gen8_engine(struct irq *i, enum engine_id engine, uint32_t events)
{
    static const struct {
        enum irq_bank bank;
        unsigned shift;
    } to[ENGINE_COUNT] = {
        [ENGINE_RCS] = {IRQ_GT0, 0},  [ENGINE_BCS] = {IRQ_GT0, 16},  [ENGINE_VCS] = {IRQ_GT1, 0},
        [ENGINE_VECS] = {IRQ_GT3, 0}, [ENGINE_VCS2] = {IRQ_GT1, 16},
    };

    irq_raise(i, to[engine].bank, (events & 0xffff) << to[engine].shift);
}

/* Haswell: an event bit's place in the engine's bank. RCS's are where they are on Broadwell; the
 * others have fewer, each its own. What is not listed does not exist. */
struct place {
    uint32_t event;
    uint32_t bit;
};

#define USER    ENGINE_EVENT_USER
#define ERROR   ENGINE_EVENT_ERROR
#define NOTIFY  ENGINE_EVENT_PIPECTL /* MI_FLUSH_DW's for these three */
#define TIMEOUT (1u << 6)            /* the ring's watchdog */

static const struct place gen7_vcs[] = {
    {USER, 1u << 12}, {ERROR, 1u << 15}, {NOTIFY, 1u << 16}, {TIMEOUT, 1u << 18}, {0, 0}};
static const struct place gen7_bcs[] = {
    {USER, 1u << 22}, {ERROR, 1u << 25}, {NOTIFY, 1u << 26}, {0, 0}};
static const struct place gen7_vecs[] = {
    {USER, 1u << 10}, {ERROR, 1u << 12}, {NOTIFY, 1u << 13}, {0, 0}};

static uint32_t translate(const struct place *p, uint32_t events)
{
    uint32_t bits = 0;

    for (; p->event; p++)
        bits |= events & p->event ? p->bit : 0;
    return bits;
}

static void gen7_engine(struct irq *i, enum engine_id engine, uint32_t events)
{
    switch (engine) {
    case ENGINE_VCS:
        irq_raise(i, IRQ_GT, translate(gen7_vcs, events));
        break;
    case ENGINE_BCS:
        irq_raise(i, IRQ_GT, translate(gen7_bcs, events));
        break;
    case ENGINE_VECS:
        irq_raise(i, IRQ_PM, translate(gen7_vecs, events));
        break;
    default:
        irq_raise(i, IRQ_GT, events & 0xfff);
    }
}

void irq_engine(struct irq *i, enum engine_id engine, uint32_t events)
{
    if (haswell(i))
        gen7_engine(i, engine, events);
    else
        gen8_engine(i, engine, events);
}

/* --- pipes --- */

static void gen8_pipe(struct irq *i, unsigned pipe, uint32_t events)
{
    static const uint32_t bit[PIPE_EVENTS] = {1u << 0, 1u << 4, 1u << 5, 1u << 28};
    uint32_t bits = 0;

    for (unsigned e = 0; e < PIPE_EVENTS; e++)
        bits |= events & 1u << e ? bit[e] : 0;
    irq_raise_locked(i, IRQ_PIPE_A + pipe, bits);
}

/* Five bits of DE for each pipe; the end of a CRC is among the display's errors, three bits for
 * each. */
static void gen7_pipe(struct irq *i, unsigned pipe, uint32_t events)
{
    static const uint32_t bit[] = {1u << 0, 1u << 3, 1u << 4};
    uint32_t bits = 0;

    for (unsigned e = 0; e < sizeof(bit) / sizeof(bit[0]); e++)
        bits |= events & 1u << e ? bit[e] << 5 * pipe : 0;
    irq_raise_locked(i, IRQ_DE, bits);
    if (events & IRQ_CRC_DONE)
        irq_error_locked(i, 1u << 2 << 3 * pipe);
}

void irq_pipe_locked(struct irq *i, unsigned pipe, uint32_t events)
{
    assert(pipe < PIPES);
    if (haswell(i))
        gen7_pipe(i, pipe, events);
    else
        gen8_pipe(i, pipe, events);
}

/* --- AUX channels --- */

void irq_aux_locked(struct irq *i, unsigned channel)
{
    assert(channel < AUX_CHANNELS);
    if (channel)
        irq_raise_locked(i, IRQ_PCH, IRQ_PCH_AUX_B << (channel - 1));
    else if (haswell(i))
        irq_raise_locked(i, IRQ_DE, 1u << 26);
    else
        irq_raise_locked(i, IRQ_PORT, 1u << 0);
}
