/* SPDX-License-Identifier: MIT */
/* load.c: see load.h. Commands: Haswell and Broadwell PRM vol. 2a (XY_COLOR_BLT, MI_NOOP). */
#include "tests/rig/load.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define DATA_SLOT  8u /* pages of the PPGTT */
#define BATCH_SLOT (DATA_SLOT + LOAD_PAGES)

#define XY_FILL     (2u << 29 | 0x50u << 22)
#define WRITE_ARGB  (3u << 20)
#define ROP_PATTERN (0xf0u << 16)
#define NOOP_NUMBER (1u << 22)
#define BATCH_END   0x05000000u
#define COLOUR(seq) (0x5a000000u ^ (seq)*0x9e3779b1u)

static uint64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static uint8_t *frame(const struct load *l, uint64_t gfn)
{
    return l->d->m->ram + gfn * SHM_PAGE;
}

uint32_t load_batch_address(const struct load *l, uint32_t seq)
{
    uint32_t at = seq % LOAD_SLOTS * LOAD_BATCH;

    return l->d->gen->address(BATCH_SLOT + at / SHM_PAGE) + at % SHM_PAGE;
}

int load_init(struct load *l, struct driver *d)
{
    memset(l, 0, sizeof(*l));
    l->d = d;
    l->gen = d->gen->number == 7 ? &load_gen7 : &load_gen8;
    l->status = driver_frame(d);
    l->status_gma = driver_gma(d, 1);
    driver_ggtt(d, l->status_gma, l->status);
    for (unsigned i = 0; i < LOAD_PAGES && !d->failed; i++) {
        l->data[i] = driver_frame(d);
        driver_ppgtt(d, 0, DATA_SLOT + i, l->data[i]);
    }
    for (unsigned i = 0; i < LOAD_BATCHES && !d->failed; i++) {
        l->batch[i] = driver_frame(d);
        driver_ppgtt(d, 0, BATCH_SLOT + i, l->batch[i]);
    }
    if (!d->failed)
        l->gen->make(l);
    return d->failed;
}

/* ---- a batch */

static void build(struct load *l, uint32_t seq)
{
    uint32_t dw[LOAD_BATCH / 4] = {0}, n = 0, line = seq % LOAD_SLOTS;

    dw[n++] = XY_FILL | WRITE_ARGB | (3 + l->gen->address_dwords);
    dw[n++] = 3u << 24 | ROP_PATTERN | LOAD_PITCH;
    dw[n++] = line << 16;
    dw[n++] = (line + 1) << 16 | LOAD_PITCH / 4;
    dw[n++] = l->d->gen->address(DATA_SLOT);
    n += l->gen->address_dwords - 1;
    dw[n++] = COLOUR(seq);
    dw[n++] = NOOP_NUMBER | l->us[line];
    dw[n++] = BATCH_END;
    memcpy(frame(l, l->batch[line * LOAD_BATCH / SHM_PAGE]) + line * LOAD_BATCH % SHM_PAGE, dw,
           sizeof(dw));
}

/* Half a queue at a time, with an interrupt behind it. */
static void fill(struct load *l)
{
    uint32_t half = l->run.depth / 2;

    while (l->emitted - l->seen + half <= l->run.depth) {
        for (uint32_t i = 1; i <= half; i++) {
            uint32_t seq = ++l->emitted;

            l->us[seq % LOAD_SLOTS] = l->run.us[seq % l->run.lengths];
            build(l, seq);
            l->gen->emit(l, seq, i == half);
        }
        l->result.batches += half;
    }
}

static void tell(struct load *l)
{
    if (l->told == l->emitted || l->d->failed)
        return;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (!l->gen->go(l))
        return;
    l->told = l->emitted;
    l->result.submissions++;
}

/* ---- what came of it */

static bool line_is(const struct load *l, uint32_t seq)
{
    uint32_t at = seq % LOAD_SLOTS * LOAD_PITCH;
    const uint32_t *line = (const uint32_t *)(frame(l, l->data[at / SHM_PAGE]) + at % SHM_PAGE);

    for (unsigned i = 0; i < LOAD_PITCH / 4; i++)
        if (line[i] != COLOUR(seq))
            return false;
    return true;
}

/* The part of a batch that lies in the window; the clock's low half goes round. */
static uint64_t inside(const struct load *l, uint32_t ended, uint32_t us)
{
    int64_t end = (int32_t)(ended - (uint32_t)(l->run.from_ns / LOAD_TICK_NS));
    int64_t most = (int64_t)(l->run.to_ns - l->run.from_ns) / LOAD_TICK_NS;
    int64_t begin = end - (int64_t)us * 1000 / LOAD_TICK_NS;

    begin = begin < 0 ? 0 : begin;
    end = end > most ? most : end;
    return end > begin ? (uint64_t)(end - begin) * LOAD_TICK_NS : 0;
}

static void account(struct load *l, uint32_t seq)
{
    uint32_t clock, ended, most;

    memcpy(&clock, frame(l, l->status) + LOAD_CLOCK(seq), sizeof(clock));
    l->result.wrong += !line_is(l, seq);
    l->result.gpu_ns += inside(l, clock, l->us[seq % LOAD_SLOTS]);
    ended = clock - (uint32_t)(l->run.from_ns / LOAD_TICK_NS);
    most = (uint32_t)((l->run.to_ns - l->run.from_ns) / LOAD_TICK_NS);
    l->result.in_window += ended < most;
}

static bool collect(struct load *l)
{
    uint32_t number = l->gen->seqno(l);
    bool any = number != l->seen;

    if (number - l->seen > l->told - l->seen) { /* none of those that were told */
        l->result.wrong++;
        return false;
    }
    while (l->seen != number)
        account(l, ++l->seen);
    return any;
}

static int step(struct load *l, uint64_t *moved, uint64_t limit_ns)
{
    tell(l);
    driver_interrupt(l->d, 20);
    if (l->gen->look)
        l->gen->look(l);
    if (collect(l))
        *moved = now_ns();
    if (l->d->failed)
        return l->d->failed;
    return now_ns() - *moved > limit_ns ? -ETIMEDOUT : 0;
}

int load_go(struct load *l, const struct load_run *run, uint64_t limit_ns)
{
    uint64_t moved = now_ns();
    int rc = 0;

    l->run = *run;
    l->result = (struct load_result){0};
    while (!rc && now_ns() < run->to_ns) {
        fill(l);
        rc = step(l, &moved, limit_ns);
    }
    while (!rc && l->seen != l->emitted)
        rc = step(l, &moved, limit_ns);
    return rc;
}
