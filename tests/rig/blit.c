/* SPDX-License-Identifier: MIT */
/*
 * blit.c: see blit.h: the work and the judgement; how it is submitted is in blit_gen7.c and
 * blit_gen8.c. Commands: Haswell and Broadwell PRM vol. 2a (XY_SRC_COPY_BLT, XY_COLOR_BLT).
 */
#include "tests/rig/blit.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define PITCH      256u
#define ROWS       (BLIT_BUF_BYTES / PITCH)
#define FIRST_SLOT 8u
#define PAUSE_NS   100000000ull

#define XY_COPY     (2u << 29 | 0x53u << 22)
#define XY_FILL     (2u << 29 | 0x50u << 22)
#define BATCH_END   0x05000000u
#define WRITE_ARGB  (3u << 20)
#define ROP_COPY    (0xccu << 16)
#define ROP_PATTERN (0xf0u << 16)

static uint64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint32_t blit_rnd(struct blit *b, uint32_t below)
{
    b->rng ^= b->rng << 13;
    b->rng ^= b->rng >> 7;
    b->rng ^= b->rng << 17;
    return (uint32_t)((b->rng >> 16) % below);
}

uint8_t *blit_frame(const struct blit *b, uint64_t gfn)
{
    return b->d->m->ram + gfn * SHM_PAGE;
}

/* ---- buffers */

static bool taken(const struct blit *b, unsigned slot)
{
    for (unsigned i = 0; i < BLIT_CONTEXTS * BLIT_BUFFERS; i++)
        if (b->c[i / BLIT_BUFFERS].buf[i % BLIT_BUFFERS].slot == slot)
            return true;
    return false;
}

static void unbind(struct blit *b, unsigned space, struct blit_buffer *buf)
{
    for (unsigned i = 0; buf->slot && i < BLIT_PAGES; i++)
        driver_ppgtt(b->d, space, buf->slot + i, DRIVER_NO_FRAME);
    buf->slot = 0;
}

static void bind(struct blit *b, unsigned space, struct blit_buffer *buf)
{
    unsigned slot, slots = (b->d->gen->slots - FIRST_SLOT) / BLIT_PAGES;

    do {
        slot = FIRST_SLOT + BLIT_PAGES * blit_rnd(b, slots);
    } while (taken(b, slot));
    buf->slot = slot;
    for (unsigned i = 0; i < BLIT_PAGES; i++)
        driver_ppgtt(b->d, space, slot + i, buf->gfn[i]);
}

/* Old entries go first: what still reads through them reads nothing. */
static void move(struct blit *b, unsigned space, struct blit_buffer *buf)
{
    unbind(b, space, buf);
    bind(b, space, buf);
}

static void make_buffer(struct blit *b, unsigned space, struct blit_buffer *buf)
{
    for (unsigned i = 0; i < BLIT_BUF_BYTES; i++)
        buf->expect[i] = (uint8_t)blit_rnd(b, 256);
    for (unsigned i = 0; i < BLIT_PAGES; i++) {
        buf->gfn[i] = driver_frame(b->d);
        if (!b->d->failed)
            memcpy(blit_frame(b, buf->gfn[i]), buf->expect + i * SHM_PAGE, SHM_PAGE);
    }
    move(b, space, buf);
}

static void make_context(struct blit *b, struct blit_context *c, unsigned number)
{
    c->space = number % b->d->gen->spaces;
    c->batch = driver_frame(b->d);
    c->batch_slot = 1 + number;
    driver_ppgtt(b->d, c->space, c->batch_slot, c->batch);
    b->gen->make(b, c, number);
    for (unsigned i = 0; i < BLIT_BUFFERS; i++)
        make_buffer(b, c->space, &c->buf[i]);
}

int blit_init(struct blit *b, struct driver *d, uint64_t seed, uint64_t limit_ns, bool rebind)
{
    memset(b, 0, sizeof(*b));
    b->d = d;
    b->gen = d->gen->number == 7 ? &blit_gen7 : &blit_gen8;
    b->rng = seed * 0x9e3779b97f4a7c15ull | 1;
    b->limit_ns = limit_ns;
    b->rebind = rebind;
    b->seqno_gma = driver_gma(d, 1);
    b->seqno_gfn[0] = driver_frame(d);
    b->seqno_gfn[1] = driver_frame(d);
    for (unsigned i = 0; i < BLIT_CONTEXTS && !d->failed; i++)
        make_context(b, &b->c[i], i);
    if (!d->failed && b->gen->begin)
        b->gen->begin(b);
    return d->failed;
}

/* ---- commands */

static void emit(struct blit_context *c, uint32_t dw)
{
    c->dw[c->n++] = dw;
}

/* Two dwords on Broadwell. */
static void emit_address(struct blit *b, struct blit_context *c, unsigned slot)
{
    emit(c, b->d->gen->address(slot));
    if (b->gen->address_dwords == 2)
        emit(c, 0);
}

static void emit_op(struct blit *b, struct blit_context *c, const struct blit_op *op)
{
    uint32_t wide = b->gen->address_dwords - 1;

    emit(c, (op->fill ? XY_FILL | (4 + wide) : XY_COPY | (6 + 2 * wide)) | WRITE_ARGB);
    emit(c, 3u << 24 | (op->fill ? ROP_PATTERN : ROP_COPY) | PITCH);
    emit(c, op->y << 16 | op->x);
    emit(c, (op->y + op->h) << 16 | (op->x + op->w));
    emit_address(b, c, c->buf[op->to].slot);
    if (op->fill) {
        emit(c, op->colour);
        return;
    }
    emit(c, op->sy << 16 | op->sx);
    emit(c, PITCH);
    emit_address(b, c, c->buf[op->from].slot);
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

static struct blit_op draw_op(struct blit *b, unsigned to)
{
    struct blit_op op = {.fill = !blit_rnd(b, 3),
                         .to = b->rebind ? to : blit_rnd(b, BLIT_BUFFERS),
                         .w = 1 + blit_rnd(b, PITCH / 4),
                         .h = 1 + blit_rnd(b, ROWS)};

    op.from = (op.to + 1 + blit_rnd(b, BLIT_BUFFERS - 1)) % BLIT_BUFFERS;
    op.x = blit_rnd(b, PITCH / 4 - op.w + 1);
    op.y = blit_rnd(b, ROWS - op.h + 1);
    op.sx = blit_rnd(b, PITCH / 4 - op.w + 1);
    op.sy = blit_rnd(b, ROWS - op.h + 1);
    op.colour = blit_rnd(b, UINT32_MAX);
    return op;
}

/* With rebind: where it all goes is mapped for this batch alone, somewhere else each time. */
static void bind_for_batch(struct blit *b, struct blit_context *c)
{
    for (unsigned i = 0; b->rebind && i < BLIT_BUFFERS; i++)
        if (i == c->target || !c->buf[i].slot)
            move(b, c->space, &c->buf[i]);
}

static void unbind_after_batch(struct blit *b, struct blit_context *c)
{
    if (b->rebind)
        unbind(b, c->space, &c->buf[c->target]);
}

static void build_batch(struct blit *b, struct blit_context *c)
{
    c->target = blit_rnd(b, BLIT_BUFFERS);
    bind_for_batch(b, c);
    for (unsigned i = 0; i < BLIT_BUFFERS; i++)
        memcpy(c->before[i], c->buf[i].expect, BLIT_BUF_BYTES);
    c->n = 0;
    c->ops = 1 + blit_rnd(b, BLIT_OPS);
    for (unsigned i = 0; i < c->ops; i++) {
        struct blit_op *op = &c->op[i];

        *op = draw_op(b, c->target);
        emit_op(b, c, op);
        apply(op, c->buf[op->to].expect, c->buf[op->from].expect);
    }
    b->count.operations += c->ops;
    emit(c, BATCH_END);
    emit(c, 0);
    memcpy(blit_frame(b, c->batch), c->dw, 4 * c->n);
}

/* ---- completion */

uint32_t blit_seqno(const struct blit *b, unsigned number)
{
    const uint8_t *page = blit_frame(b, b->seqno_gfn[b->round % 2]);

    return __atomic_load_n((const uint32_t *)(page + 64 * number), __ATOMIC_ACQUIRE);
}

/* True when both are there. Anything but the last or the next is wrong. */
static bool both_done(struct blit *b)
{
    bool done = true;

    for (unsigned i = 0; i < BLIT_CONTEXTS; i++) {
        uint32_t s = blit_seqno(b, i), want = b->c[i].seqno;

        done = done && s == want;
        b->count.wrong_seqnos += s != want && s != want - 1;
    }
    return done && (!b->gen->done || b->gen->done(b));
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
    uint64_t done = 0, now;

    for (;;) {
        driver_interrupt(b->d, 20);
        if (b->gen->look)
            b->gen->look(b);
        now = now_ns();
        if (b->d->failed)
            return b->d->failed;
        if (!done && both_done(b))
            done = now;
        if (done && (!b->gen->over || b->gen->over(b) || now - done > b->limit_ns))
            break;
        if (!done && now - since > b->limit_ns)
            return -ETIMEDOUT;
    }
    note_time(b, done - since);
    b->gen->judge(b);
    return 0;
}

/* ---- what came of it */

static uint64_t differences(const struct blit *b, const struct blit_buffer *buf,
                            const uint8_t *shall)
{
    uint64_t wrong = 0;

    for (unsigned i = 0; i < BLIT_PAGES; i++) {
        const uint8_t *is = blit_frame(b, buf->gfn[i]), *page = shall + i * SHM_PAGE;

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
               blit_frame(b, c->buf[i / BLIT_PAGES].gfn[i % BLIT_PAGES]), SHM_PAGE);
}

static void move_things(struct blit *b)
{
    struct blit_context *c = &b->c[blit_rnd(b, BLIT_CONTEXTS)];
    uint8_t *old = blit_frame(b, b->seqno_gfn[b->round % 2]), *new;

    b->round++;
    new = blit_frame(b, b->seqno_gfn[b->round % 2]);
    memcpy(new, old, SHM_PAGE);
    driver_ggtt(b->d, b->seqno_gma, b->seqno_gfn[b->round % 2]);
    if (!b->rebind)
        move(b, c->space, &c->buf[blit_rnd(b, BLIT_BUFFERS)]);
}

int blit_round(struct blit *b)
{
    uint64_t since;
    int rc;

    move_things(b);
    for (unsigned i = 0; i < BLIT_CONTEXTS; i++) {
        build_batch(b, &b->c[i]);
        b->c[i].seqno++;
        b->gen->build(b, &b->c[i], i);
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    since = now_ns();
    b->count.submissions += BLIT_CONTEXTS;
    b->gen->submit(b);
    rc = await(b, since);
    if (rc == -ETIMEDOUT)
        for (unsigned i = 0; i < BLIT_CONTEXTS; i++)
            b->count.lost += blit_seqno(b, i) != b->c[i].seqno;
    if (rc)
        return rc;
    b->count.completed += BLIT_CONTEXTS;
    for (unsigned i = 0; i < BLIT_CONTEXTS; i++) {
        compare(b, &b->c[i]);
        unbind_after_batch(b, &b->c[i]);
    }
    return 0;
}

bool blit_good(const struct blit *b)
{
    const struct blit_count *c = &b->count;

    return c->submissions == c->completed && c->completed && !c->lost && !c->wrong_bytes &&
           !c->wrong_seqnos && !c->wrong_registers && !c->never_idle;
}
