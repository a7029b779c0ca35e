/* SPDX-License-Identifier: MIT */
/*
 * lane_stream_bench.c: a stream lane beside other queues for one producer and one consumer in two
 * processes on two processors that do nothing else: 64-byte messages, all of which are made, sent,
 * taken and compared. In batches of 32, as a busy service sends and takes them, and one by one, as
 * a vCPU's trapped accesses come.
 */
#include "tests/bench/lane_stream.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- a socketpair */

static void socket_make(struct queue *q)
{
    bench_check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, q->fd) == 0);
}

static void socket_unmake(struct queue *q)
{
    close(q->fd[0]);
    close(q->fd[1]);
}

static void socket_send(struct queue *q, uint64_t n)
{
    struct message m[BATCH_MAX];

    for (uint64_t i = 0; i < n;) {
        size_t k = 0;

        for (; k < q->batch && i < n; k++)
            message_make(m[k].word, i++);
        for (size_t at = 0; at < k * sizeof(m[0]);) {
            ssize_t sent = write(q->fd[0], (char *)m + at, k * sizeof(m[0]) - at);

            bench_check(sent > 0);
            at += (size_t)sent;
        }
    }
}

static uint64_t socket_take(struct queue *q, uint64_t n)
{
    struct message m[BATCH_MAX];
    uint64_t got = 0, wrong = 0;
    size_t have = 0;

    while (got < n) {
        ssize_t more = read(q->fd[1], (char *)m + have, sizeof(m) - have);
        size_t k = 0;

        bench_check(more > 0);
        have += (size_t)more;
        for (; (k + 1) * sizeof(m[0]) <= have; k++)
            wrong += message_wrong(m[k].word, got++) != 0;
        have -= k * sizeof(m[0]);
        memmove(m, &m[k], have);
    }
    return wrong;
}

const struct queue queue_socket = {.name = "socketpair",
                                   .make = socket_make,
                                   .unmake = socket_unmake,
                                   .send = socket_send,
                                   .take = socket_take};

/* ---- */

static void one_case(const struct bench *b, const struct bench_case *c, unsigned batch)
{
    static const struct queue *const queue[] = {&queue_lane, &queue_dpdk, &queue_ck, &queue_urcu,
                                                &queue_socket};
    enum { QUEUES = sizeof(queue) / sizeof(queue[0]) };
    struct bench_way way[QUEUES];
    struct queue_side side[QUEUES];

    for (unsigned i = 0; i < QUEUES; i++) {
        side[i].queue = *queue[i];
        side[i].queue.batch = batch;
        pair_init(&side[i].pair, b, queue[i]->bytes + 1);
        side[i].queue.memory = side[i].pair.shared;
        way[i] = (struct bench_way){queue[i]->name, queue_run, &side[i]};
    }
    bench_case(b, c, way, QUEUES);
}

int main(int argc, char **argv)
{
    static const struct bench_case many = {.name = "batches of 32",
                                           .piece = "message",
                                           .bytes = 64,
                                           .n = 2000000,
                                           .max_ratio = 1 / 1.2};
    static const struct bench_case single = {
        .name = "one by one", .piece = "message", .bytes = 64, .n = 200000, .max_ratio = 1 / 1.2};
    struct bench b;

    bench_init(&b, "lane-stream", argc, argv);
    one_case(&b, &many, BATCH_MAX);
    one_case(&b, &single, 1);
    return 0;
}
