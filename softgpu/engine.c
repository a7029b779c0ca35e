/* SPDX-License-Identifier: MIT */
/*
 * engine.c: the public face of the execution half: life of the engine threads, dispatch of MMIO
 * offsets, resets, GTT and aperture access, counters. Called by the transport thread (and display
 * thread for GGTT reads).
 */
#include "softgpu/engine.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "softgpu/engine_kind.h"
#include "softgpu/engine_priv.h"
#include "softgpu/engine_trace.h"
#include "softgpu/fault.h"
#include "softgpu/gdrst.h"
#include "softgpu/model.h"

#define ENGINE_NICE 5
#define GDRST       0x941cu
#define GAM_BASE    0x4000u
#define TLB_FIRST   0x4260u
#define TLB_LAST    0x4270u
#define FLSH_CNTL   0x101008u /* GFX_FLSH_CNTL */

static const uint32_t engine_base[ENGINE_COUNT] = {
    [ENGINE_RCS] = 0x2000,   [ENGINE_BCS] = 0x22000,  [ENGINE_VCS] = 0x12000,
    [ENGINE_VECS] = 0x1a000, [ENGINE_VCS2] = 0x1c000,
};

uint64_t engine_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t engine_ticks(void)
{
    return engine_now_ns() / 80;
}

void engine_raise(struct engine *e, uint32_t bits)
{
    const struct engines_ops *ops = &e->owner->ops;
    uint32_t masked = reg_get(e, R_IMR), all = bits;

    /* RING_IMR has the layout of the bank that the engine shares. */
    for (uint32_t bit = 1; bit && bit <= all; bit <<= 1) {
        if (masked & e->owner->kind->imr_layout(e->id, bit))
            bits &= ~bit;
    }
    if (!bits || engine_fault(e, FAULT_LOST_INTERRUPT))
        return;
    ops->raise(ops->opaque, e->id, bits);
    if (engine_fault(e, FAULT_DOUBLED_INTERRUPT))
        ops->raise(ops->opaque, e->id, bits);
}

void engine_account_slice(struct engine *e)
{
    if (e->ctx_domid == JUDGE_DOM_NONE)
        return;
    if (e->last_domid != e->ctx_domid)
        atomic_fetch_add_explicit(&e->slices, 1, memory_order_relaxed);
    e->last_domid = e->ctx_domid;
}

bool engine_fault(struct engine *e, enum fault_kind kind)
{
    return faults_fire(atomic_load_explicit(&e->owner->injected, memory_order_acquire), kind,
                       e->id);
}

bool engine_no_ack(struct engine *e, enum fault_kind kind)
{
    return faults_fire_ack(atomic_load(&e->owner->injected), kind, e->id);
}

void engine_attention(struct engine *e, unsigned bits)
{
    atomic_fetch_or(&e->attention, bits);
    pthread_cond_broadcast(&e->wake);
}

static void carry_out_reset(struct engine *e)
{
    engine_trace_reset(e, TRACE_RESET_DONE);
    e->owner->kind->reset(e);
    engine_reg_reset(e);
    tlb_invalidate_all(&e->tlb);
    cs_init(e);
    if (e->id == ENGINE_RCS)
        ctx_reg_reset(e->owner);
    e->mode_deaf = false;
    atomic_store(&e->waits, 0);
    atomic_store(&e->kicked, false);
    e->meter = (struct cost_meter){0};
    atomic_store(&e->ctx_loaded_ns, 0);
    e->blt = (struct blt_setup){0};
    atomic_fetch_and(&e->attention, ~(unsigned)ATT_RESET);
    pthread_cond_broadcast(&e->done);
}

/* Until something happens. An engine that hangs still has a watchdog. Lock held. */
static void sleep_on_it(struct engine *e)
{
    uint64_t at = e->hung ? atomic_load(&e->watchdog_at) : 0;
    struct timespec until = {.tv_sec = (time_t)(at / 1000000000u),
                             .tv_nsec = (long)(at % 1000000000u)};

    if (!at) {
        pthread_cond_wait(&e->wake, &e->lock);
        return;
    }
    pthread_cond_timedwait(&e->wake, &e->lock, &until);
    engine_watchdog(e);
}

static void *engine_main(void *arg)
{
    struct engine *e = arg;

    /* This thread's alone on Linux: where processors are short, the registers' thread and whoever
     * emulates the guest come first, or a GPU that works hard would stop the guest. */
    (void)!nice(ENGINE_NICE);
    pthread_mutex_lock(&e->lock);
    while (!(atomic_load(&e->attention) & ATT_QUIT)) {
        if (atomic_load(&e->attention) & ATT_RESET) {
            carry_out_reset(e);
        } else if (e->owner->kind->runnable(e)) {
            pthread_mutex_unlock(&e->lock);
            e->owner->kind->run(e);
            pthread_mutex_lock(&e->lock);
        } else {
            sleep_on_it(e);
        }
    }
    pthread_mutex_unlock(&e->lock);
    return NULL;
}

static void engine_init(struct engines *es, enum engine_id id)
{
    struct engine *e = &es->engine[id];
    pthread_condattr_t attr;

    e->owner = es;
    e->id = id;
    e->base = engine_base[id];
    e->last_domid = JUDGE_DOM_NONE;
    e->ctx_domid = JUDGE_DOM_NONE;
    pthread_mutex_init(&e->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&e->wake, &attr);
    pthread_cond_init(&e->done, &attr);
    pthread_condattr_destroy(&attr);
    tlb_init(&e->tlb);
    engine_reg_reset(e);
}

static void engine_stop(struct engine *e)
{
    pthread_mutex_lock(&e->lock);
    engine_attention(e, ATT_QUIT);
    pthread_mutex_unlock(&e->lock);
    pthread_join(e->thread, NULL);
}

static void engine_destroy(struct engine *e)
{
    pthread_cond_destroy(&e->done);
    pthread_cond_destroy(&e->wake);
    pthread_mutex_destroy(&e->lock);
}

struct engines *engines_new(const struct model *m, struct dma *dma, struct judge *judge,
                            const struct engines_ops *ops)
{
    struct engines *es = calloc(1, sizeof(*es));
    unsigned started = 0;

    assert(m && dma && judge && ops);
    if (!es)
        return NULL;
    es->model = m;
    es->count = m->engines;
    es->dma = dma;
    es->judge = judge;
    es->ops = *ops;
    es->kind = m->family == MODEL_HASWELL ? &engine_gen7 : &engine_gen8;
    es->gtt = gtt_new(m->pte_bytes);
    es->swizzle = TILE_SWIZZLE_9_10;
    es->blt_addr_dwords = m->family == MODEL_HASWELL ? 1 : 2;
    pthread_mutex_init(&es->atomic_lock, NULL);
    for (unsigned i = 0; i < es->count; i++)
        engine_init(es, i);
    for (unsigned i = 0; es->gtt && i < es->count; i++)
        tlb_set_clock(&es->engine[i].tlb, gtt_clock(es->gtt));
    while (es->gtt && started < es->count &&
           !pthread_create(&es->engine[started].thread, NULL, engine_main, &es->engine[started]))
        started++;
    if (started == es->count)
        return es;
    while (started--)
        engine_stop(&es->engine[started]);
    for (unsigned i = 0; i < es->count; i++)
        engine_destroy(&es->engine[i]);
    pthread_mutex_destroy(&es->atomic_lock);
    gtt_free(es->gtt);
    free(es);
    return NULL;
}

void engines_set_trace(struct engines *es, struct trace *t)
{
    es->trace = t;
}

void engines_set_cost(struct engines *es, const struct cost *c)
{
    es->cost = c;
}

struct engines *engines_free(struct engines *es)
{
    if (!es)
        return NULL;
    for (unsigned i = 0; i < es->count; i++)
        engine_stop(&es->engine[i]);
    for (unsigned i = 0; i < es->count; i++)
        engine_destroy(&es->engine[i]);
    pthread_mutex_destroy(&es->atomic_lock);
    gtt_free(es->gtt);
    free(es);
    return NULL;
}

void engines_set_faults(struct engines *es, struct faults *f)
{
    atomic_store(&es->injected, f);
}

void engines_set_strict(struct engines *es, bool strict)
{
    atomic_store(&es->strict, strict);
}

bool engines_strict(struct engines *es)
{
    return atomic_load(&es->strict);
}

void engines_set_swizzle(struct engines *es, enum tile_swizzle s)
{
    atomic_store(&es->swizzle, s);
}

enum tile_swizzle engine_swizzle(struct engine *e)
{
    struct engines *es = e->owner;
    bool on = atomic_load(&es->gam[es->kind->swizzle_reg / 4]) & es->kind->swizzle_bit;

    return on ? atomic_load(&es->swizzle) : TILE_SWIZZLE_NONE;
}

unsigned engines_count(const struct engines *es)
{
    return es->count;
}

void engines_awoken(struct engines *es)
{
    atomic_store(&es->awoken, true);
}

static struct engine *engine_at(struct engines *es, uint32_t offset)
{
    for (unsigned i = 0; i < es->count; i++) {
        if (offset - engine_base[i] < ENGINE_REGS_SIZE)
            return &es->engine[i];
    }
    return NULL;
}

bool engines_owns(const struct engines *es, uint32_t offset)
{
    for (unsigned i = 0; i < es->count; i++) {
        if (offset - engine_base[i] < ENGINE_REGS_SIZE)
            return true;
    }
    return offset - GAM_BASE < 0x1000 || ctx_reg_owns(offset & ~3u) || (offset & ~3u) == GDRST ||
           (offset & ~3u) == FLSH_CNTL;
}

/* 0x4260 RTCR, 64 M1TCR, 68 M2TCR, 6c BTCR, 70 VTCR. */
static void invalidate_tlb(struct engines *es, uint32_t offset)
{
    static const uint8_t of[] = {ENGINE_RCS, ENGINE_VCS, ENGINE_VCS2, ENGINE_BCS, ENGINE_VECS};
    unsigned id = of[(offset - TLB_FIRST) / 4];

    if (id < es->count)
        tlb_invalidate_all(&es->engine[id].tlb);
}

/* The register that holds the swizzle bit (ARB_MODE, GAMTARBMODE) is masked, the rest of the block
 * is stored. */
static void write_gam(struct engines *es, uint32_t offset, uint32_t value)
{
    _Atomic uint32_t *r = &es->gam[(offset - GAM_BASE) / 4];

    if (offset - GAM_BASE == es->kind->swizzle_reg)
        value = (atomic_load(r) & ~(value >> 16)) | (value & value >> 16);
    atomic_store(r, value);
}

uint32_t engines_mmio_read(struct engines *es, uint32_t offset)
{
    struct engine *e;

    offset &= ~3u;
    e = engine_at(es, offset);
    if (e)
        return engine_reg_read(e, offset - e->base);
    if (offset - GAM_BASE < 0x1000)
        return atomic_load(&es->gam[(offset - GAM_BASE) / 4]);
    if (ctx_reg_owns(offset))
        return ctx_reg_read(es, offset);
    if (offset == FLSH_CNTL)
        return atomic_load(&es->flsh_cntl);
    return offset == GDRST ? gdrst_read(es) : 0;
}

void engines_mmio_write(struct engines *es, uint32_t offset, uint32_t value)
{
    struct engine *e;

    offset &= ~3u;
    e = engine_at(es, offset);
    if (e) {
        engine_reg_write(e, offset - e->base, value);
    } else if (es->kind->tlb_regs && offset >= TLB_FIRST && offset <= TLB_LAST) {
        if (value & 1)
            invalidate_tlb(es, offset);
    } else if (offset - GAM_BASE < 0x1000) {
        write_gam(es, offset, value);
    } else if (ctx_reg_owns(offset)) {
        ctx_reg_write(es, offset, value);
    } else if (offset == GDRST) {
        gdrst_write(es, value);
    } else if (offset == FLSH_CNTL) {
        atomic_store(&es->flsh_cntl, value);
        engines_ggtt_flush(es);
    }
}

void engines_ggtt_flush(struct engines *es)
{
    for (unsigned i = 0; i < es->count; i++)
        tlb_invalidate(&es->engine[i].tlb, TLB_GGTT);
}

uint64_t engines_gtt_read(struct engines *es, uint32_t offset, unsigned len)
{
    return gtt_read(es->gtt, offset, len);
}

void engines_gtt_write(struct engines *es, uint32_t offset, unsigned len, uint64_t value)
{
    gtt_write(es->gtt, offset, len, value);
}

static void explain_ggtt(void *opaque, const struct judge_access *a, struct walk *out)
{
    struct engines *es = opaque;

    out->count = 1;
    out->step[0] = (struct walk_step){.entry = gtt_raw(es->gtt, a->gpu_addr),
                                      .index = (uint32_t)(a->gpu_addr / GTT_PAGE)};
}

/* One page of a CPU access; the aperture and the display have no cached translations here. */
static int ggtt_page(struct engines *es, uint64_t addr, void *in, const void *out, uint32_t len,
                     uint16_t *domid)
{
    uint64_t entry = gtt_entry(es->gtt, addr), phys = GTT_ADDR(entry) + (addr & (GTT_PAGE - 1));
    struct judge_access a = {.engine = ENGINE_COUNT,
                             .space = JUDGE_GGTT,
                             .gpu_addr = addr,
                             .mfn = GTT_ADDR(entry) >> 12,
                             .write = out != NULL,
                             .explain = explain_ggtt,
                             .opaque = es};

    if (entry & GTT_PRESENT) {
        judge_check(es->judge, &a, domid);
        if (out ? !dma_write(es->dma, phys, out, len) : !dma_read(es->dma, phys, in, len))
            return 0;
    }
    atomic_fetch_add_explicit(&es->faults, 1, memory_order_relaxed);
    if (in)
        memset(in, 0, len);
    return 1;
}

static int ggtt_access(struct engines *es, uint64_t addr, uint8_t *in, const uint8_t *out,
                       uint32_t len)
{
    uint16_t domid = JUDGE_DOM_NONE;
    int bad = 0;

    while (len) {
        uint32_t room = GTT_PAGE - (uint32_t)(addr & (GTT_PAGE - 1));
        uint32_t n = len < room ? len : room;

        bad |= ggtt_page(es, addr, in, out, n, &domid);
        in = in ? in + n : NULL;
        out = out ? out + n : NULL;
        addr += n;
        len -= n;
    }
    return bad;
}

int engines_ggtt_read(struct engines *es, uint64_t addr, void *buf, uint32_t len)
{
    return ggtt_access(es, addr, buf, NULL, len);
}

int engines_ggtt_write(struct engines *es, uint64_t addr, const void *buf, uint32_t len)
{
    return ggtt_access(es, addr, NULL, buf, len);
}

void engines_reset(struct engines *es)
{
    gdrst_reset_all(es);
    atomic_store(&es->awoken, false);
    gtt_clear(es->gtt);
    atomic_store(&es->flsh_cntl, 0);
    for (unsigned i = 0; i < 0x1000 / 4; i++)
        atomic_store(&es->gam[i], 0);
}

uint64_t engine_busy_ns(struct engine *e, uint64_t now)
{
    uint64_t since = atomic_load(&e->busy_since);

    return atomic_load(&e->busy_ns) + (since && now > since ? now - since : 0);
}

void engines_get_stats(struct engines *es, struct engines_stats *out)
{
    memset(out, 0, sizeof(*out));
    for (unsigned i = 0; i < es->count; i++) {
        struct engine *e = &es->engine[i];

        out->batches[i] = atomic_load(&e->batches);
        out->contexts[i] = atomic_load(&e->contexts);
        out->commands[i] = atomic_load(&e->commands);
        out->unknown[i] = atomic_load(&e->unknown);
        out->busy_ns[i] = engine_busy_ns(e, engine_now_ns());
        out->slices[i] = atomic_load(&e->slices);
    }
    out->blit_bytes = atomic_load(&es->blit_bytes);
    out->blits_skipped = atomic_load(&es->blits_skipped);
    out->faults = atomic_load(&es->faults);
}
