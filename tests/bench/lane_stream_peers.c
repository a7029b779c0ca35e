/* SPDX-License-Identifier: MIT */
/*
 * lane_stream_peers.c: the queues that a stream lane is compared with, of Debian's packages: DPDK's
 * rte_ring, Concurrency Kit's ck_ring, liburcu's wfcqueue. They are made for threads; here they lie
 * in memory shared since before fork(), at the same address in both processes. See lane_stream.h.
 */
#include "tests/bench/lane_stream.h"

#include <ck_ring.h>
#include <string.h>

#define _LGPL_SOURCE /* calls in line, as its own users have them */
#include <urcu/wfcqueue.h>

#include <rte_ring.h>
#include <rte_ring_elem.h>

/* ---- rte_ring, whose elements are the messages */

static void dpdk_make(struct queue *q)
{
    bench_check(rte_ring_get_memsize_elem(sizeof(struct message), SLOTS) <= (ssize_t)q->bytes);
    memset(q->memory, 0, q->bytes);
    bench_check(rte_ring_init(q->memory, "bench", SLOTS, RING_F_SP_ENQ | RING_F_SC_DEQ) == 0);
}

static void dpdk_send(struct queue *q, uint64_t n)
{
    struct message m[BATCH_MAX];

    for (uint64_t i = 0; i < n;) {
        unsigned k = 0;

        for (; k < q->batch && i < n; k++)
            message_make(m[k].word, i++);
        while (!rte_ring_sp_enqueue_bulk_elem(q->memory, m, sizeof(m[0]), k, NULL))
            pair_relax();
    }
}

static uint64_t dpdk_take(struct queue *q, uint64_t n)
{
    struct message m[BATCH_MAX];
    uint64_t got = 0, wrong = 0;

    while (got < n) {
        unsigned k = rte_ring_sc_dequeue_burst_elem(q->memory, m, sizeof(m[0]), BATCH_MAX, NULL);

        for (unsigned i = 0; i < k; i++)
            wrong += message_wrong(m[i].word, got++) != 0;
        if (!k)
            pair_relax();
    }
    return wrong;
}

const struct queue queue_dpdk = {.name = "rte_ring",
                                 .bytes = sizeof(struct rte_ring) + SLOTS * 64 + 4096,
                                 .make = dpdk_make,
                                 .send = dpdk_send,
                                 .take = dpdk_take};

/* ---- ck_ring, of messages; it has no calls for many at once */

CK_RING_PROTOTYPE(message, message)

struct ck_memory {
    struct ck_ring ring;
    struct message buffer[SLOTS];
};

static void ck_make(struct queue *q)
{
    struct ck_memory *m = q->memory;

    memset(m, 0, sizeof(*m));
    ck_ring_init(&m->ring, SLOTS);
}

static void ck_send(struct queue *q, uint64_t n)
{
    struct ck_memory *m = q->memory;

    for (uint64_t i = 0; i < n; i++) {
        struct message *slot;

        while (!(slot = ck_ring_enqueue_reserve_spsc_message(&m->ring, m->buffer)))
            pair_relax();
        message_make(slot->word, i);
        ck_ring_enqueue_commit_spsc(&m->ring);
    }
}

static uint64_t ck_take(struct queue *q, uint64_t n)
{
    struct ck_memory *m = q->memory;
    uint64_t got = 0, wrong = 0;
    struct message copy;

    while (got < n) {
        if (CK_RING_DEQUEUE_SPSC(message, &m->ring, m->buffer, &copy))
            wrong += message_wrong(copy.word, got++) != 0;
        else
            pair_relax();
    }
    return wrong;
}

const struct queue queue_ck = {.name = "ck_ring",
                               .bytes = sizeof(struct ck_memory),
                               .make = ck_make,
                               .send = ck_send,
                               .take = ck_take};

/* ---- wfcqueue: a list; nodes come back by a count of those taken */

struct urcu_node {
    struct message message;
    struct cds_wfcq_node node;
};

struct urcu_memory {
    _Alignas(128) struct __cds_wfcq_head head;
    _Alignas(128) struct cds_wfcq_tail tail;
    _Alignas(128) _Atomic uint64_t taken;
    _Alignas(128) struct urcu_node node[SLOTS];
};

static void urcu_make(struct queue *q)
{
    struct urcu_memory *m = q->memory;

    memset(m, 0, sizeof(*m));
    __cds_wfcq_init(&m->head, &m->tail);
}

/* A batch is a queue of its own, which is joined to the shared one by one exchange. */
static void urcu_send(struct queue *q, uint64_t n)
{
    struct urcu_memory *m = q->memory;
    struct __cds_wfcq_head head;
    struct cds_wfcq_tail tail;
    uint64_t taken = 0;

    __cds_wfcq_init(&head, &tail);
    for (uint64_t i = 0; i < n; i++) {
        struct urcu_node *node = &m->node[i % SLOTS];

        while (i - taken >= SLOTS) {
            __cds_wfcq_splice_blocking(&m->head, &m->tail, &head, &tail);
            taken = atomic_load_explicit(&m->taken, memory_order_acquire);
            pair_relax();
        }
        message_make(node->message.word, i);
        cds_wfcq_node_init(&node->node);
        if (q->batch == 1)
            cds_wfcq_enqueue(&m->head, &m->tail, &node->node);
        else
            cds_wfcq_enqueue(&head, &tail, &node->node);
        if (q->batch > 1 && (i + 1) % q->batch == 0)
            __cds_wfcq_splice_blocking(&m->head, &m->tail, &head, &tail);
    }
    __cds_wfcq_splice_blocking(&m->head, &m->tail, &head, &tail);
}

static uint64_t urcu_take(struct queue *q, uint64_t n)
{
    struct urcu_memory *m = q->memory;
    uint64_t got = 0, wrong = 0;

    while (got < n) {
        struct cds_wfcq_node *node, *next;
        struct __cds_wfcq_head head;
        struct cds_wfcq_tail tail;

        __cds_wfcq_init(&head, &tail);
        if (__cds_wfcq_splice_blocking(&head, &tail, &m->head, &m->tail) ==
            CDS_WFCQ_RET_SRC_EMPTY) {
            pair_relax();
            continue;
        }
        __cds_wfcq_for_each_blocking_safe(&head, &tail, node, next)
        {
            const struct urcu_node *u = caa_container_of(node, struct urcu_node, node);

            wrong += message_wrong(u->message.word, got++) != 0;
            if (got % BATCH_MAX == 0)
                atomic_store_explicit(&m->taken, got, memory_order_release);
        }
        atomic_store_explicit(&m->taken, got, memory_order_release);
    }
    return wrong;
}

const struct queue queue_urcu = {.name = "wfcqueue",
                                 .bytes = sizeof(struct urcu_memory),
                                 .make = urcu_make,
                                 .send = urcu_send,
                                 .take = urcu_take};
