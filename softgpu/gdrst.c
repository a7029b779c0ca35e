/* SPDX-License-Identifier: MIT */
/*
 * gdrst.c: a write asks the engines' threads to reset; a bit reads as set until its engine has. Two
 * faults play here: a reset that is never acknowledged (nor carried out: the next write tries
 * again), and one whose bit stays set long after. Transport thread, or an engine's whose commands
 * write the register.
 */
#include "softgpu/gdrst.h"

#include <time.h>

#include "softgpu/conduct.h"
#include "softgpu/engine_priv.h"
#include "softgpu/engine_trace.h"
#include "softgpu/fault.h"

#define RESET_PATIENCE_NS 100000000

/* 0 everything, 1 render, 2 media, 3 blitter, 4 video enhancement, 7 the second of media. */
uint32_t gdrst_bits(enum engine_id id)
{
    static const uint8_t bit[ENGINE_COUNT] = {
        [ENGINE_RCS] = 1, [ENGINE_VCS] = 2, [ENGINE_BCS] = 3, [ENGINE_VECS] = 4, [ENGINE_VCS2] = 7};

    return 1u | 1u << bit[id];
}

/* The bits that mean something on this chip. */
static uint32_t known_bits(const struct engines *es)
{
    uint32_t bits = 0;

    for (unsigned i = 0; i < es->count; i++)
        bits |= gdrst_bits(i);
    return bits;
}

/* Hardware resets an engine within microseconds, and a driver counts in those: our engine's thread
 * may be waiting for a processor that long, so give it real time before saying "not yet". */
static void await_resets(struct engines *es)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += RESET_PATIENCE_NS;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    for (unsigned i = 0; i < es->count; i++) {
        struct engine *e = &es->engine[i];
        int rc = 0;

        pthread_mutex_lock(&e->lock);
        while (rc == 0 && (atomic_load(&e->attention) & ATT_RESET))
            rc = pthread_cond_timedwait(&e->done, &e->lock, &until);
        pthread_mutex_unlock(&e->lock);
    }
}

static uint32_t under_way(struct engines *es)
{
    uint32_t left = 0;

    for (unsigned i = 0; i < es->count; i++) {
        if (atomic_load(&es->engine[i].attention) & ATT_RESET)
            left |= gdrst_bits(i);
    }
    return atomic_load(&es->gdrst) & left;
}

/* Bits that only a fault holds. */
static uint32_t held(struct engines *es)
{
    uint32_t late = atomic_load(&es->gdrst_late);

    if (late && engine_now_ns() >= atomic_load(&es->gdrst_late_until))
        late = 0;
    return atomic_load(&es->gdrst_deaf) | late;
}

uint32_t gdrst_read(struct engines *es)
{
    if (under_way(es))
        await_resets(es);
    return under_way(es) | held(es);
}

bool gdrst_busy(struct engine *e)
{
    return (atomic_load(&e->attention) & ATT_RESET) || (held(e->owner) & gdrst_bits(e->id));
}

static void start_reset(struct engine *e)
{
    engine_trace_reset(e, TRACE_RESET_ASKED);
    pthread_mutex_lock(&e->lock);
    engine_attention(e, ATT_RESET);
    pthread_mutex_unlock(&e->lock);
}

void gdrst_write(struct engines *es, uint32_t value)
{
    struct faults *faults = atomic_load(&es->injected);

    value &= known_bits(es);
    conduct_reset(es, value);
    atomic_store(&es->gdrst, under_way(es) | value);
    atomic_fetch_and(&es->gdrst_deaf, value & 1 ? 0 : ~value); /* bit 0 tries all of them again */
    for (unsigned i = 0; i < es->count; i++) {
        uint32_t bits = value & gdrst_bits(i);

        if (!bits)
            continue;
        if (faults_fire_ack(faults, FAULT_MISSING_ACK_GDRST, i)) {
            atomic_fetch_or(&es->gdrst_deaf, bits);
            continue;
        }
        if (faults_fire(faults, FAULT_LATE_RESET, i)) {
            atomic_store(&es->gdrst_late_until, engine_now_ns() + FAULT_LATE_NS);
            atomic_fetch_or(&es->gdrst_late, bits);
        }
        start_reset(&es->engine[i]);
    }
}

void gdrst_reset_all(struct engines *es)
{
    atomic_store(&es->gdrst, 1);
    atomic_store(&es->gdrst_deaf, 0);
    atomic_store(&es->gdrst_late, 0);
    for (unsigned i = 0; i < es->count; i++)
        start_reset(&es->engine[i]);
    for (unsigned i = 0; i < es->count; i++) {
        struct engine *e = &es->engine[i];

        pthread_mutex_lock(&e->lock);
        while (atomic_load(&e->attention) & ATT_RESET)
            pthread_cond_wait(&e->done, &e->lock);
        atomic_store(&e->ready_asked, false);
        pthread_mutex_unlock(&e->lock);
    }
}
