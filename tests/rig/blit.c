/* SPDX-License-Identifier: MIT */
/*
 * blit.c: see blit.h. Commands: Broadwell PRM vol. 2a (XY_SRC_COPY_BLT, XY_COLOR_BLT, MI_FLUSH_DW).
 */
#include "tests/rig/blit.h"

#include "gen/cmds_gen8.h"
#include "gen/ctx_gen8.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define PITCH      256u
#define ROWS       (BLIT_BUF_BYTES / PITCH)
#define RING_PAGES 4u
#define RING_BYTES (RING_PAGES * SHM_PAGE)
#define FIRST_SLOT 8u
#define SLOTS      ((DRIVER_PT_SIZE - FIRST_SLOT) / BLIT_PAGES)
#define PAUSE_NS   100000000ull
#define CONTEXT_ID 0x41u

#define XY_COPY     (2u << 29 | 0x53u << 22 | 8u)
#define XY_FILL     (2u << 29 | 0x50u << 22 | 5u)
#define WRITE_ARGB  (3u << 20)
#define ROP_COPY    (0xccu << 16)
#define ROP_PATTERN (0xf0u << 16)
#define FLUSH_DW    (0x26u << 23 | 2u)
#define FLUSH_STORE (1u << 14)
#define FLUSH_TLB   (1u << 18)
#define FLUSH_GGTT  (1u << 2) /* of the address */
#define USER_IRQ    (0x02u << 23)

static uint64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static uint32_t rnd(struct blit *b, uint32_t below)
{
    b->rng ^= b->rng << 13;
    b->rng ^= b->rng >> 7;
    b->rng ^= b->rng << 17;
    return (uint32_t)((b->rng >> 16) % below);
}

static uint8_t *frame(struct blit *b, uint64_t gfn)
{
    return b->d->g->ram + gfn * SHM_PAGE;
}

/* ---- buffers */

static bool taken(const struct blit *b, unsigned slot)
{
    for (unsigned i = 0; i < BLIT_CONTEXTS * BLIT_BUFFERS; i++)
        if (b->c[i / BLIT_BUFFERS].buf[i % BLIT_BUFFERS].slot == slot)
            return true;
    return false;
}

/* Old entries go first: what still reads through them reads nothing. */
static void move(struct blit *b, struct blit_buffer *buf)
{
    unsigned slot;

    do {
        slot = FIRST_SLOT + BLIT_PAGES * rnd(b, SLOTS);
    } while (taken(b, slot));
    for (unsigned i = 0; buf->slot && i < BLIT_PAGES; i++)
        driver_ppgtt(b->d, buf->slot + i, ~0ull);
    buf->slot = slot;
    for (unsigned i = 0; i < BLIT_PAGES; i++)
        driver_ppgtt(b->d, slot + i, buf->gfn[i]);
}

static void make_buffer(struct blit *b, struct blit_buffer *buf)
{
    for (unsigned i = 0; i < BLIT_BUF_BYTES; i++)
        buf->expect[i] = (uint8_t)rnd(b, 256);
    for (unsigned i = 0; i < BLIT_PAGES; i++) {
        buf->gfn[i] = driver_frame(b->d);
        if (!b->d->failed)
            memcpy(frame(b, buf->gfn[i]), buf->expect + i * SHM_PAGE, SHM_PAGE);
    }
    move(b, buf);
}

/* ---- contexts */

static void make_context(struct blit *b, struct blit_context *c, unsigned number)
{
    static uint32_t image[CTX_GEN8_XCS_PAGES * 1024];
    struct ctx_gen8_desc desc = {
        .valid = true, .privileged = true, .coherent = true, .mode = CTX_LEGACY_64};

    c->lrca = driver_gma(b->d, CTX_GEN8_XCS_PAGES);
    c->ring = driver_gma(b->d, RING_PAGES);
    ctx_gen8_init(GEN8_BCS, image);
    ctx_gen8_set_ring(image, c->ring, RING_BYTES, 0, 0);
    ctx_gen8_set_pdp(image, 0, b->d->pml4 << 12);
    for (unsigned i = 0; i < CTX_GEN8_XCS_PAGES && !b->d->failed; i++) {
        c->state = driver_frame(b->d); /* the last one has the registers */
        memcpy(frame(b, c->state), image + i * 1024, SHM_PAGE);
        driver_ggtt(b->d, c->lrca + i * SHM_PAGE, c->state);
    }
    for (unsigned i = 0; i < RING_PAGES; i++) {
        c->ring_gfn[i] = driver_frame(b->d);
        driver_ggtt(b->d, c->ring + i * SHM_PAGE, c->ring_gfn[i]);
    }
    c->batch = driver_frame(b->d);
    c->batch_slot = 1 + number;
    driver_ppgtt(b->d, c->batch_slot, c->batch);
    desc.lrca = c->lrca;
    desc.id = CONTEXT_ID + number;
    c->desc = ctx_gen8_desc_encode(&desc);
    for (unsigned i = 0; i < BLIT_BUFFERS; i++)
        make_buffer(b, &c->buf[i]);
}

int blit_init(struct blit *b, struct driver *d, uint64_t seed, uint64_t limit_ns)
{
    memset(b, 0, sizeof(*b));
    b->d = d;
    b->rng = seed * 0x9e3779b97f4a7c15ull | 1;
    b->limit_ns = limit_ns;
    b->seqno_gma = driver_gma(d, 1);
    b->seqno_gfn[0] = driver_frame(d);
    b->seqno_gfn[1] = driver_frame(d);
    for (unsigned i = 0; i < BLIT_CONTEXTS && !d->failed; i++)
        make_context(b, &b->c[i], i);
    return d->failed;
}

/* ---- commands */

static void emit(struct blit_context *c, uint32_t dw)
{
    c->dw[c->n++] = dw;
}

static void emit_address(struct blit_context *c, unsigned slot)
{
    emit(c, slot * SHM_PAGE);
    emit(c, 0);
}

static void emit_op(struct blit_context *c, const struct blit_op *op)
{
    emit(c, (op->fill ? XY_FILL : XY_COPY) | WRITE_ARGB);
    emit(c, 3u << 24 | (op->fill ? ROP_PATTERN : ROP_COPY) | PITCH);
    emit(c, op->y << 16 | op->x);
    emit(c, (op->y + op->h) << 16 | (op->x + op->w));
    emit_address(c, c->buf[op->to].slot);
    if (op->fill) {
        emit(c, op->colour);
        return;
    }
    emit(c, op->sy << 16 | op->sx);
    emit(c, PITCH);
    emit_address(c, c->buf[op->from].slot);
}

/* The same by the processor. */
static void apply(const struct blit_op *op, uint8_t *to, const uint8_t *from)
{
    for (unsigned y = 0; y < op->h; y++) {
        uint8_t *at = to + (op->y + y) * PITCH + 4 * op->x;

        for (unsigned x = 0; op->fill && x < op->w; x++)
            memcpy(at + 4 * x, &op->colour, 4);
        if (!op->fill)
            memcpy(at, from + (op->sy + y) * PITCH + 4 * op->sx, 4 * op->w);
    }
}

static struct blit_op draw_op(struct blit *b)
{
    struct blit_op op = {.fill = !rnd(b, 3),
                         .to = rnd(b, BLIT_BUFFERS),
                         .w = 1 + rnd(b, PITCH / 4),
                         .h = 1 + rnd(b, ROWS)};

    op.from = (op.to + 1 + rnd(b, BLIT_BUFFERS - 1)) % BLIT_BUFFERS;
    op.x = rnd(b, PITCH / 4 - op.w + 1);
    op.y = rnd(b, ROWS - op.h + 1);
    op.sx = rnd(b, PITCH / 4 - op.w + 1);
    op.sy = rnd(b, ROWS - op.h + 1);
    op.colour = rnd(b, UINT32_MAX);
    return op;
}

static void build_batch(struct blit *b, struct blit_context *c)
{
    for (unsigned i = 0; i < BLIT_BUFFERS; i++)
        memcpy(c->before[i], c->buf[i].expect, BLIT_BUF_BYTES);
    c->n = 0;
    c->ops = 1 + rnd(b, BLIT_OPS);
    for (unsigned i = 0; i < c->ops; i++) {
        struct blit_op *op = &c->op[i];

        *op = draw_op(b);
        emit_op(c, op);
        apply(op, c->buf[op->to].expect, c->buf[op->from].expect);
    }
    b->count.operations += c->ops;
    emit(c, MI_BB_END);
    emit(c, MI_NOOP);
    memcpy(frame(b, c->batch), c->dw, 4 * c->n);
}

/* 16 dwords, so that the ring's end falls between two submissions. */
static void build_ring(struct blit *b, struct blit_context *c, unsigned number)
{
    uint32_t at = b->seqno_gma + 64 * number;
    const uint32_t dw[16] = {
        FLUSH_DW | FLUSH_STORE | FLUSH_TLB,
        (at + 8) | FLUSH_GGTT,
        0,
        0, /* before */
        MI_BB_START | MI_BB_PPGTT,
        c->batch_slot * SHM_PAGE,
        0,
        MI_NOOP, /* the work */
        FLUSH_DW | FLUSH_STORE,
        at | FLUSH_GGTT,
        0,
        ++c->seqno, /* and after it */
        USER_IRQ,
        MI_NOOP,
        MI_NOOP,
        MI_NOOP,
    };

    memcpy(frame(b, c->ring_gfn[c->tail / SHM_PAGE]) + c->tail % SHM_PAGE, dw, sizeof(dw));
    c->tail = (c->tail + (uint32_t)sizeof(dw)) % RING_BYTES;
    driver_poke(b->d, c->state * SHM_PAGE + 4 * CTX_RING_TAIL, 4, c->tail);
}

/* ---- completion */

static uint32_t seqno(struct blit *b, unsigned number)
{
    const uint8_t *page = frame(b, b->seqno_gfn[b->round % 2]);

    return __atomic_load_n((const uint32_t *)(page + 64 * number), __ATOMIC_ACQUIRE);
}

/* True when both are there. Anything but the last or the next is wrong. */
static bool both_done(struct blit *b)
{
    bool done = true;

    for (unsigned i = 0; i < BLIT_CONTEXTS; i++) {
        uint32_t s = seqno(b, i), want = b->c[i].seqno;

        done = done && s == want;
        b->count.wrong_seqnos += s != want && s != want - 1;
    }
    return done;
}

struct status {
    unsigned started, switched, idle;
};

static void read_status(struct blit *b, struct status *st)
{
    uint32_t status, id;

    while (driver_csb(b->d, &status, &id)) {
        bool complete = status & CSB_COMPLETE;

        if (status == CSB_IDLE_TO_ACTIVE)
            st->started++;
        else if (complete && status & CSB_ELEMENT_SWITCH && id == CONTEXT_ID)
            st->switched++;
        else if (complete && status & CSB_ACTIVE_TO_IDLE && id == CONTEXT_ID + 1)
            st->idle++;
        else
            b->count.csb_odd++;
    }
}

static bool status_whole(const struct status *st)
{
    return st->started && st->switched && st->idle;
}

static void judge_status(struct blit *b, const struct status *st)
{
    b->count.csb_lost += !st->started + !st->switched + !st->idle;
    b->count.csb_odd += (st->started > 1) + (st->switched > 1) + (st->idle > 1);
}

static void note_time(struct blit *b, uint64_t took)
{
    if (took > b->count.longest_ns)
        b->count.longest_ns = took;
    if (took > b->count.since_ns)
        b->count.since_ns = took;
    b->count.pauses += took > PAUSE_NS;
}

/* A status entry comes late if its scheduler has to be started first. */
static int await(struct blit *b, uint64_t since)
{
    struct status st = {0};
    uint64_t done = 0, now;

    for (;;) {
        driver_interrupt(b->d, 20);
        read_status(b, &st);
        now = now_ns();
        if (b->d->failed)
            return b->d->failed;
        if (!done && both_done(b))
            done = now;
        if (done && (status_whole(&st) || now - done > b->limit_ns))
            break;
        if (!done && now - since > b->limit_ns)
            return -ETIMEDOUT;
    }
    note_time(b, done - since);
    judge_status(b, &st);
    return 0;
}

/* ---- what came of it */

static uint64_t differences(struct blit *b, const struct blit_buffer *buf, const uint8_t *shall)
{
    uint64_t wrong = 0;

    for (unsigned i = 0; i < BLIT_PAGES; i++) {
        const uint8_t *is = frame(b, buf->gfn[i]), *page = shall + i * SHM_PAGE;

        if (!memcmp(is, page, SHM_PAGE))
            continue;
        for (unsigned j = 0; j < SHM_PAGE; j++)
            wrong += is[j] != page[j];
    }
    return wrong;
}

/* The first `begun` operations, then all of them: is that what is there? */
static bool explained(struct blit *b, struct blit_context *c, unsigned begun)
{
    static uint8_t model[BLIT_BUFFERS][BLIT_BUF_BYTES];
    bool same = true;

    memcpy(model, c->before, sizeof(model));
    for (unsigned i = 0; i < begun + c->ops; i++) {
        const struct blit_op *op = &c->op[i < begun ? i : i - begun];

        apply(op, model[op->to], model[op->from]);
    }
    for (unsigned i = 0; i < BLIT_BUFFERS; i++)
        same = same && !differences(b, &c->buf[i], model[i]);
    return same;
}

/* What is there is taken over, so that one error is counted once. */
static void compare(struct blit *b, struct blit_context *c)
{
    uint64_t wrong = 0;
    bool twice = false;

    for (unsigned i = 0; i < BLIT_BUFFERS; i++)
        wrong += differences(b, &c->buf[i], c->buf[i].expect);
    if (!wrong)
        return;
    for (unsigned begun = 1; begun <= c->ops && !twice; begun++)
        twice = explained(b, c, begun);
    b->count.wrong_bytes += wrong;
    b->count.wrong_batches++;
    b->count.run_twice += twice;
    for (unsigned i = 0; i < BLIT_BUFFERS * BLIT_PAGES; i++)
        memcpy(c->buf[i / BLIT_PAGES].expect + i % BLIT_PAGES * SHM_PAGE,
               frame(b, c->buf[i / BLIT_PAGES].gfn[i % BLIT_PAGES]), SHM_PAGE);
}

static void move_things(struct blit *b)
{
    struct blit_context *c = &b->c[rnd(b, BLIT_CONTEXTS)];
    uint8_t *old = frame(b, b->seqno_gfn[b->round % 2]), *new;

    b->round++;
    new = frame(b, b->seqno_gfn[b->round % 2]);
    memcpy(new, old, SHM_PAGE);
    driver_ggtt(b->d, b->seqno_gma, b->seqno_gfn[b->round % 2]);
    move(b, &c->buf[rnd(b, BLIT_BUFFERS)]);
}

int blit_round(struct blit *b)
{
    uint64_t since;
    int rc;

    move_things(b);
    for (unsigned i = 0; i < BLIT_CONTEXTS; i++) {
        build_batch(b, &b->c[i]);
        build_ring(b, &b->c[i], i);
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    since = now_ns();
    b->count.submissions += BLIT_CONTEXTS;
    driver_submit(b->d, b->c[0].desc, b->c[1].desc);
    rc = await(b, since);
    if (rc == -ETIMEDOUT)
        for (unsigned i = 0; i < BLIT_CONTEXTS; i++)
            b->count.lost += seqno(b, i) != b->c[i].seqno;
    if (rc)
        return rc;
    b->count.completed += BLIT_CONTEXTS;
    for (unsigned i = 0; i < BLIT_CONTEXTS; i++)
        compare(b, &b->c[i]);
    return 0;
}

bool blit_good(const struct blit *b)
{
    const struct blit_count *c = &b->count;

    return c->submissions == c->completed && c->completed && !c->lost && !c->wrong_bytes &&
           !c->wrong_seqnos;
}
