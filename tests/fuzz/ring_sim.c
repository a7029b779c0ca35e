/* SPDX-License-Identifier: MIT */
/* ring_sim.c: see ring_sim.h. */
#include "tests/fuzz/ring_sim.h"

#include "gen/cmds_gen7.h"
#include "gen/ctx_gen7.h"
#include "tests/fuzz/peer.h"

#include <string.h>

#define TAIL        0x30u
#define HEAD        0x34u
#define START       0x38u
#define CTL         0x3cu
#define PLACE       0x1ffffcu
#define CCID        0x2180u
#define GPR0        0x2600u
#define PP_DIR_BASE 0x228u
#define OPCODE(dw)  ((dw) >> 23)

static const uint16_t hws_pga[GEN8_ENGINES] = {
    [GEN8_RCS] = 0x4080, [GEN8_BCS] = 0x4280, [GEN8_VCS] = 0x4180, [GEN8_VECS] = 0x4380};

static uint32_t reg(const struct ring_sim *s, unsigned engine, uint32_t offset)
{
    return gpu_fake_get(s->fake, gen8_engine_base(engine) + offset);
}

/* Ours, or the guest's. */
static uint32_t *arena_at(struct ring_sim *s, uint32_t gma)
{
    uint8_t *page;

    if (gma / 4096 < SIM_HOST)
        return NULL;
    page = gpu_fake_dma_page(s->fake, s->dma[gma / 4096 - SIM_HOST]);
    return page ? (uint32_t *)(page + gma % 4096) : NULL;
}

static uint32_t *any_at(struct ring_sim *s, unsigned engine, uint32_t gma)
{
    uint32_t *at = arena_at(s, gma);

    return at ? at : s->memory(s->ctx, engine, gma);
}

uint32_t *ring_sim_gpr(uint32_t *image)
{
    for (unsigned i = 0; i < 1023; i++)
        if (image[i] == GPR0)
            return &image[i + 1];
    return NULL;
}

/* ---- commands */

static void on_lri(struct ring_sim *s, unsigned engine, const uint32_t *dw, uint32_t len)
{
    for (uint32_t i = 1; i + 1 < len; i += 2) {
        if (dw[i] == gen8_engine_base(engine) + PP_DIR_BASE)
            peer_check(s->directory(s->ctx, engine, dw[i + 1]));
        if (dw[i] == GPR0)
            s->gpr[engine] = dw[i + 1];
    }
}

/* Both images are ours; a shadow that has no GPR0 was made so by its guest. */
static void on_context(struct ring_sim *s, unsigned engine, const uint32_t *dw)
{
    uint32_t now = gpu_fake_get(s->fake, CCID), to = dw[1] & ~0xfffu;
    uint32_t *image = arena_at(s, to), *left = now & 1 ? arena_at(s, now & ~0xfffu) : NULL;

    peer_check(engine == GEN8_RCS && image && (!(now & 1) || left));
    if (left && (now & ~0xfffu) != to && ring_sim_gpr(left))
        *ring_sim_gpr(left) = s->gpr[engine];
    if (!(dw[1] & 1) && ((now & ~0xfffu) != to || dw[1] & 2))
        s->gpr[engine] = ring_sim_gpr(image) ? *ring_sim_gpr(image) : 0;
    gpu_fake_set(s->fake, CCID, to | 1);
}

static void on_store(struct ring_sim *s, unsigned engine, uint32_t gma, uint32_t value)
{
    uint32_t *at = any_at(s, engine, gma & ~3u);

    peer_check(at != NULL);
    *at = value;
}

static void on_index(struct ring_sim *s, unsigned engine, uint32_t index, uint32_t value)
{
    uint32_t *page = s->memory(s->ctx, engine, gpu_fake_get(s->fake, hws_pga[engine]));

    peer_check(page && index < 4096);
    page[index / 4] = value;
}

/* What runs with privilege is ours, and not from a PPGTT. */
static void on_batch(struct ring_sim *s, unsigned engine, const uint32_t *dw)
{
    uint32_t safe = engine == GEN8_RCS ? MI_BB_UNPRIVILEGED | MI_BB_PPGTT : MI_BB_PPGTT;

    if ((dw[0] & safe) != safe)
        peer_check(!(dw[0] & MI_BB_PPGTT) && arena_at(s, dw[1] & ~3u));
}

static void raise(struct ring_sim *s, unsigned engine)
{
    static const uint8_t shift[GEN8_ENGINES] = {
        [GEN8_RCS] = 0, [GEN8_BCS] = 22, [GEN8_VCS] = 12, [GEN8_VECS] = 10};

    gpu_fake_raise(s->fake, engine == GEN8_VECS ? GPU_IRQ_GT2 : GPU_IRQ_GT0, 1u << shift[engine]);
}

static void run_mi(struct ring_sim *s, unsigned engine, const uint32_t *dw, uint32_t len)
{
    bool stores = dw[0] >> 14 & 3;

    if (OPCODE(dw[0]) == OPCODE(MI_LRI))
        on_lri(s, engine, dw, len);
    if (OPCODE(dw[0]) == OPCODE(MI_SET_CONTEXT_GEN7))
        on_context(s, engine, dw);
    if (OPCODE(dw[0]) == 0x20 && dw[0] & 1u << 22)
        on_store(s, engine, dw[2], dw[3]);
    if (OPCODE(dw[0]) == 0x21)
        on_index(s, engine, dw[1], dw[2]);
    if (OPCODE(dw[0]) == 0x26 && stores && !(dw[0] & 1u << 21) && dw[1] & 4)
        on_store(s, engine, dw[1] & ~7u, dw[2]);
    if (OPCODE(dw[0]) == OPCODE(MI_BB_START_GEN7))
        on_batch(s, engine, dw);
    if (OPCODE(dw[0]) == 2)
        raise(s, engine);
}

static void run_command(struct ring_sim *s, unsigned engine, const uint32_t *dw, uint32_t len)
{
    if (dw[0] >> 29 == 0)
        run_mi(s, engine, dw, len);
    if (dw[0] >> 16 == 0x7a00 && dw[1] >> 14 & 3 && !(dw[1] & 1u << 21) && dw[1] & 1u << 24)
        on_store(s, engine, dw[2] & ~7u, dw[3]);
}

/* ---- the ring */

bool ring_sim_busy(const struct ring_sim *s, unsigned engine)
{
    return reg(s, engine, CTL) & 1 && (reg(s, engine, HEAD) & PLACE) != reg(s, engine, TAIL);
}

/* Up to so many dwords from there on. */
static uint32_t fetch(struct ring_sim *s, unsigned engine, uint32_t at, uint32_t *dw, uint32_t most)
{
    uint32_t tail = reg(s, engine, TAIL), size = (reg(s, engine, CTL) & 0x1ff000) + 4096, n = 0;

    while (n < most && at != tail) {
        const uint32_t *from = arena_at(s, reg(s, engine, START) + at);

        peer_check(from != NULL);
        dw[n++] = *from;
        at = (at + 4) % size;
    }
    return n;
}

/* All that is in a ring was audited: what cannot be read is a fault. */
void ring_sim_run(struct ring_sim *s, unsigned engine)
{
    static uint32_t dw[64 << 10];
    uint32_t at = reg(s, engine, HEAD) & PLACE, size = (reg(s, engine, CTL) & 0x1ff000) + 4096;

    if (!ring_sim_busy(s, engine))
        return;
    for (uint32_t n = fetch(s, engine, at, dw, 64 << 10), i = 0; i < n;) {
        struct cmd cmd;

        peer_check(!cmds_decode(&cmds_gen7, engine, dw + i, n - i, &cmd));
        if (s->hangs[engine] && OPCODE(dw[i]) == OPCODE(MI_BB_START_GEN7))
            break;
        run_command(s, engine, dw + i, cmd.len);
        i += cmd.len;
        at = (at + cmd.len * 4) % size;
    }
    gpu_fake_set(s->fake, gen8_engine_base(engine) + HEAD, at);
}

/* ---- registers */

static void on_head(void *ctx, struct gpu_fake *f, uint32_t offset, uint64_t *value)
{
    struct ring_sim *s = ctx;

    for (unsigned e = 0; e < GEN8_VCS2; e++)
        if (offset == gen8_engine_base(e) + HEAD && s->look)
            s->look(s->ctx, e);
    *value = gpu_fake_get(f, offset);
}

static void on_mi_mode(void *ctx, struct gpu_fake *f, uint32_t offset, uint64_t *value)
{
    (void)ctx;
    (void)f;
    (void)offset;
    *value |= 1u << 9;
}

/* A flush is over at once. */
static void on_instpm(void *ctx, struct gpu_fake *f, uint32_t offset, uint64_t *value)
{
    (void)ctx;
    (void)f;
    (void)offset;
    *value &= ~(1u << 5 | 1u << 9);
}

static void reset(struct ring_sim *s, unsigned engine)
{
    static const uint16_t gone[] = {TAIL, HEAD, START, CTL, 0x29c, 0x94};

    for (unsigned i = 0; i < sizeof(gone) / sizeof(gone[0]); i++)
        gpu_fake_set(s->fake, gen8_engine_base(engine) + gone[i], 0);
    if (engine == GEN8_RCS)
        gpu_fake_set(s->fake, CCID, 0);
    s->gpr[engine] = 0;
    s->resets++;
}

static void on_gdrst(void *ctx, struct gpu_fake *f, uint32_t offset, uint64_t *value)
{
    static const uint8_t bit[GEN8_VCS2] = {
        [GEN8_RCS] = 1, [GEN8_BCS] = 3, [GEN8_VCS] = 2, [GEN8_VECS] = 4};

    (void)f;
    (void)offset;
    for (unsigned e = 0; e < GEN8_VCS2; e++)
        if (*value & (1u | 1u << bit[e]))
            reset(ctx, e);
    *value = 0;
}

static void on_ack(void *ctx, struct gpu_fake *f, uint32_t offset, uint64_t *value)
{
    (void)ctx;
    (void)offset;
    *value = gpu_fake_get(f, 0xa188) & 1;
}

void ring_sim_init(struct ring_sim *s)
{
    struct gpu_fake *f = s->fake = gpu_fake_new(GPU_GEN7, SIM_ENTRIES);

    peer_check(f != NULL);
    gpu_fake_set_masked(f, 0xa188);
    gpu_fake_on_read(f, 0x130044, 0x130044, on_ack, s);
    gpu_fake_on_write(f, 0x941c, 0x941c, on_gdrst, s);
    for (unsigned e = 0; e < GEN8_VCS2; e++) {
        uint32_t base = gen8_engine_base(e);

        gpu_fake_set_masked(f, base + 0x9c);
        gpu_fake_set_masked(f, base + 0xc0);
        gpu_fake_set_masked(f, base + 0x29c);
        gpu_fake_on_read(f, base + HEAD, base + HEAD, on_head, s);
        gpu_fake_on_write(f, base + 0x9c, base + 0x9c, on_mi_mode, s);
        gpu_fake_on_write(f, base + 0xc0, base + 0xc0, on_instpm, s);
    }
}
