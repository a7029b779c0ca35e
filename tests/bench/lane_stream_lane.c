/* SPDX-License-Identifier: MIT */
/*
 * lane_stream_lane.c: a stream lane as a queue of lane_stream.h: ours, beside which
 * lane_stream_bench.c and vchan_bench.c put others; and how any of them is run.
 */
#include "tests/bench/lane_stream.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/lane.h"

#define LAYOUT 1u

static void lane_make(struct queue *q)
{
    bench_check(lane_create("bench", LANE_STREAM, SLOTS, LAYOUT, &q->fd[0]) == 0);
    for (unsigned i = 1; i < 3; i++)
        bench_check((q->fd[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) >= 0);
}

static void lane_unmake(struct queue *q)
{
    for (unsigned i = 0; i < 3; i++)
        close(q->fd[i]);
}

static void lane_send(struct queue *q, uint64_t n)
{
    struct lane_slot *slot;
    struct lane_tx tx;

    bench_check(lane_producer_attach(&tx, q->fd[0], LAYOUT, q->fd[1], q->fd[2]) == 0);
    for (uint64_t i = 0; i < n;) {
        for (unsigned k = 0; k < q->batch && i < n; k++, i++) {
            if (lane_tx_reserve(&tx, &slot))
                break;
            message_make((uint64_t *)slot->bytes, i);
        }
        bench_check(lane_tx_commit(&tx) == 0);
        while (lane_tx_room(&tx) == LANE_FULL)
            pair_relax();
    }
    lane_producer_detach(&tx);
}

static uint64_t lane_take(struct queue *q, uint64_t n)
{
    uint64_t got = 0, wrong = 0;
    struct lane_slot slot;
    struct lane_rx rx;

    bench_check(lane_consumer_attach(&rx, q->fd[0], LAYOUT, q->fd[1], q->fd[2]) == 0);
    while (got < n) {
        unsigned k = 0;

        for (; k < BATCH_MAX && lane_rx_next(&rx, &slot, NULL) == 0; k++)
            wrong += message_wrong((const uint64_t *)slot.bytes, got++) != 0;
        if (k)
            bench_check(lane_rx_advance(&rx) == 0);
        else
            pair_relax();
    }
    wrong += lane_rx_next(&rx, &slot, NULL) != LANE_EMPTY;
    lane_consumer_detach(&rx);
    return wrong;
}

const struct queue queue_lane = {
    .name = "lane", .make = lane_make, .unmake = lane_unmake, .send = lane_send, .take = lane_take};

/* ---- any queue */

static void mine(void *ctx, uint64_t n)
{
    struct queue_side *s = ctx;

    s->queue.send(&s->queue, n);
}

static uint64_t other(void *ctx, uint64_t n)
{
    struct queue_side *s = ctx;

    return s->queue.take(&s->queue, n);
}

double queue_run(void *ctx, uint64_t n)
{
    struct queue_side *s = ctx;
    double ns;

    s->queue.make(&s->queue);
    ns = pair_run(&s->pair, mine, other, s, n);
    if (s->queue.unmake)
        s->queue.unmake(&s->queue);
    return ns;
}
