/* SPDX-License-Identifier: MIT */
/*
 * Lanes: single-producer single-consumer queues between two processes, in a sealed memfd with one
 * eventfd per direction. A stream lane carries batches of 64-byte messages; a call lane (call.h)
 * one request at a time. The structures here are the shared memory and never change without a new
 * LANE_VERSION; the private handles are in struct lane_tx and lane_rx, one thread each.
 * The theory (fences, event index, crash and replay) is in docs/lanes.md.
 */
#pragma once
#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LANE_MAGIC     0x31656e616c746776ull /* "vgtlane1" */
#define LANE_VERSION   2u
#define LANE_SLOT      64u
#define LANE_PAGE      4096u
#define LANE_MAX_SLOTS 65536u

enum lane_kind { LANE_STREAM = 1, LANE_CALL = 2 };

/* Positive answers, for the direct caller to handle. */
enum {
    LANE_FULL = 1,   /* no free slot; ask with lane_tx_want_room() */
    LANE_EMPTY = 2,  /* nothing to consume (or no reply yet) */
    LANE_BROKEN = 3, /* peer's index is impossible: detach this lane, count it, go on */
    LANE_READY = 4   /* do not sleep: there is work (or room) now */
};

/* Written by lane_create() only; copied into the private handle once, at attach. */
struct lane_config {
    uint64_t magic;
    uint32_t version;
    uint32_t kind;         /* enum lane_kind */
    uint32_t layout;       /* what the messages mean; owned by the two services */
    uint32_t slots;        /* power of two; 1 on a call lane */
    uint32_t slot_size;    /* LANE_SLOT */
    uint32_t slots_offset; /* from the start of the memfd */
    uint64_t size;         /* of the whole memfd */
    char name[32];
    uint8_t reserved[56];
};

/* Written by the producer (call lane: by the caller). What it asks for stands in a line of its own:
 * the other side looks there after each batch, and it changes only when somebody goes to sleep. */
struct lane_producer_line {
    _Atomic uint32_t tail; /* free running; call lane: sequence of the request */
    uint32_t reserved0;
    _Atomic uint64_t batches, messages, full, wakes_sent, wakes_suppressed;
    uint8_t reserved1[16];
    _Atomic uint32_t room_at; /* wake me when head passes this index; call lane: 1 = asleep */
    uint8_t reserved2[60];
};

/* Written by the consumer (call lane: by the callee); the same. */
struct lane_consumer_line {
    _Atomic uint32_t head; /* free running; call lane: sequence of the reply */
    uint32_t reserved0;
    _Atomic uint64_t batches, messages, sleeps, rearm_lost, wakes_sent, wakes_suppressed;
    uint8_t reserved1[8];
    _Atomic uint32_t wake_at; /* wake me when tail passes this index; call lane: 1 = asleep */
    uint8_t reserved2[60];
};

struct lane_header {
    struct lane_config config;
    struct lane_producer_line producer;
    struct lane_consumer_line consumer;
};
static_assert(sizeof(struct lane_config) == 128, "config line");
static_assert(offsetof(struct lane_header, producer) == 128, "producer line");
static_assert(offsetof(struct lane_header, consumer) == 256, "consumer line");
static_assert(sizeof(struct lane_header) == 384, "lane header");
static_assert(offsetof(struct lane_producer_line, batches) == 8, "producer statistics");
static_assert(offsetof(struct lane_consumer_line, batches) == 8, "consumer statistics");
static_assert(offsetof(struct lane_producer_line, room_at) == 64, "a line of its own");
static_assert(offsetof(struct lane_consumer_line, wake_at) == 64, "a line of its own");
static_assert(sizeof(_Atomic uint32_t) == 4 && sizeof(_Atomic uint64_t) == 8, "plain atomics");

/* A message as copied out of, or prepared in, shared memory. */
struct lane_slot {
    _Alignas(64) uint8_t bytes[LANE_SLOT];
};
static_assert(sizeof(struct lane_slot) == 64, "slot");

/* A checked mapping. config is a private copy: the shared one is not read again. */
struct lane_mem {
    struct lane_header *shared;
    struct lane_slot *slots;
    struct lane_config config;
};

/* Snapshot of both sides' counters, for vgtctl; a peer may lie about its own. */
struct lane_stats {
    uint64_t batches, messages, full, wakes_sent, wakes_suppressed;
    uint64_t consumed, sleeps, rearm_lost, room_sent, room_suppressed;
    uint32_t depth;
};

/* Sender's private handle. wake_fd and room_fd are eventfds, borrowed. */
struct lane_tx {
    struct lane_mem mem;
    uint32_t tail;        /* next index to reserve */
    uint32_t published;   /* what the peer has been told */
    uint32_t head_cache;  /* last head seen */
    int wake_fd, room_fd; /* to the consumer; from the consumer (we wait on it) */
    bool broken;
    bool owed; /* it sleeps, and was not woken for what was put quietly */
    uint64_t batches, messages, full, wakes_sent, wakes_suppressed;
};

/* Receiver's private handle. */
struct lane_rx {
    struct lane_mem mem;
    uint32_t cursor;     /* next index to copy out */
    uint32_t head;       /* published: everything before it has been applied */
    uint32_t tail_cache; /* last tail seen */
    int wake_fd, room_fd;
    uint32_t replayed; /* messages not advanced over by a predecessor, found when attaching */
    bool broken;
    uint64_t batches, messages, sleeps, rearm_lost, wakes_sent, wakes_suppressed;
};

/*
 * Make a lane: a memfd of the right size, initialised and sealed (shrink, grow, seal). slots is a
 * power of two up to LANE_MAX_SLOTS, 1 for LANE_CALL. *fd is the caller's. -errno on failure.
 */
int lane_create(const char *name, enum lane_kind kind, uint32_t slots, uint32_t layout, int *fd);

/*
 * Map a lane somebody handed us and check everything about it. -EPROTONOSUPPORT: newer version or
 * another layout; -EBADMSG: not a lane, damaged or wrong kind; -EPERM: not sealed. fd is borrowed.
 */
int lane_map(int fd, enum lane_kind kind, uint32_t layout, struct lane_mem *mem);
void lane_unmap(struct lane_mem *mem);

/* Counters of a mapped lane. */
void lane_stats(const struct lane_mem *mem, struct lane_stats *out);

/*
 * Attach as the one producer, resuming at the shared tail. wake_fd: eventfd the consumer waits on;
 * room_fd: the one we wait on. Both are kicked once, since a predecessor may have died between a
 * store and its wake. Errors as lane_map(); -EBADMSG also for impossible indices.
 */
int lane_producer_attach(struct lane_tx *tx, int fd, uint32_t layout, int wake_fd, int room_fd);
void lane_producer_detach(struct lane_tx *tx);

/*
 * Next free slot of the running batch; fill it (it is visible to the peer from commit on).
 * 0, LANE_FULL or LANE_BROKEN. May be called again before commit: the batch grows.
 */
int lane_tx_reserve(struct lane_tx *tx, struct lane_slot **slot);

/* Is there a free slot? 0: lane_tx_reserve() will find it; LANE_FULL or LANE_BROKEN. */
int lane_tx_room(struct lane_tx *tx);

/* Publish the batch: one store, at most one wake. 0, LANE_BROKEN, or -errno of the eventfd. */
int lane_tx_commit(struct lane_tx *tx);

/* Reserve, copy size (at most LANE_SLOT) bytes, zero the rest, commit. */
int lane_tx_put(struct lane_tx *tx, const void *msg, size_t size);

/*
 * The same for what may wait a little: a consumer that sleeps is not woken. Whatever is committed
 * or waited for next wakes it, or lane_tx_wake(); the caller sees to it that one of these comes. A
 * producer that dies before is made good by the next one's attaching.
 */
int lane_tx_put_quietly(struct lane_tx *tx, const void *msg, size_t size);
/* Wake the consumer if that is owed to it. 0 or -errno of the eventfd. */
int lane_tx_wake(struct lane_tx *tx);

/*
 * The lane is full and the caller is about to wait for room_fd. 0: announced, sleep;
 * LANE_READY: there is room after all; LANE_BROKEN.
 */
int lane_tx_want_room(struct lane_tx *tx);

/*
 * The caller is about to wait for room_fd until the consumer has advanced over all before index,
 * which is what tx->tail was when the wait began: then what is put meanwhile does not prolong it.
 * 0: announced, sleep; LANE_READY: it has; LANE_BROKEN. A lane has one such wait at a time, for
 * room or for this: after a wake, ask again.
 */
int lane_tx_want_drained(struct lane_tx *tx, uint32_t index);

/* Attach as the one consumer: resume at the shared head, i.e. replay what was not advanced over. */
int lane_consumer_attach(struct lane_rx *rx, int fd, uint32_t layout, int wake_fd, int room_fd);
void lane_consumer_detach(struct lane_rx *rx);

/*
 * Copy the next message out and step the private cursor. 0, LANE_EMPTY or LANE_BROKEN.
 * index (may be NULL) gets its free-running index: the same after a replay.
 */
int lane_rx_next(struct lane_rx *rx, struct lane_slot *copy, uint32_t *index);

/* Everything copied out so far has been applied: tell the producer, wake it if it waits. */
int lane_rx_advance(struct lane_rx *rx);

/*
 * About to sleep on wake_fd until at least `batch` (1..slots) messages wait. 0: announced, sleep;
 * LANE_READY: messages are there; LANE_BROKEN. Advances first.
 */
int lane_rx_sleep(struct lane_rx *rx, uint32_t batch);

/* eventfd helpers. kick adds one; drain empties; both never block. 0 or -errno. */
int lane_kick(int fd);
int lane_drain(int fd);
