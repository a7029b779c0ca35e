/* SPDX-License-Identifier: MIT */
/*
 * lane_stream.h: one-way queues of 64-byte messages between two processes, as
 * lane_stream_bench.c drives them: ours and those of lane_stream_peers.c. Each is used as its own
 * documentation has it: messages are made where the queue takes them, and where it has calls for
 * many messages at once these are used, BATCH_MAX at most.
 */
#pragma once
#include "tests/bench/pair.h"

#define SLOTS     1024u
#define BATCH_MAX 32u
#define WORDS     8u

/* A message: its number and seven words made of it. */
struct message {
    _Alignas(64) uint64_t word[WORDS];
};

static inline void message_make(uint64_t *word, uint64_t number)
{
    for (unsigned i = 0; i < WORDS; i++)
        word[i] = number + i;
}

/* Not zero: it is not message `number`. */
static inline uint64_t message_wrong(const uint64_t *word, uint64_t number)
{
    uint64_t wrong = 0;

    for (unsigned i = 0; i < WORDS; i++)
        wrong |= word[i] ^ (number + i);
    return wrong;
}

/* How one process sends n messages, `batch` at a time, and the other takes them. */
struct queue {
    const char *name;
    size_t bytes;                    /* of shared memory */
    void (*make)(struct queue *q);   /* anew, empty, before the other process begins */
    void (*unmake)(struct queue *q); /* NULL: nothing */
    void (*send)(struct queue *q, uint64_t n);
    uint64_t (*take)(struct queue *q, uint64_t n); /* how many were wrong */
    unsigned batch;
    void *memory;
    int fd[3];
};

/* A queue between the two processes of a pair. */
struct queue_side {
    struct pair pair;
    struct queue queue;
};

/* bench_way's run, of a struct queue_side: makes the queue, sends and takes n, unmakes it. */
double queue_run(void *ctx, uint64_t n);

extern const struct queue queue_lane, queue_dpdk, queue_ck, queue_urcu, queue_socket;
