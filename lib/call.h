/* SPDX-License-Identifier: MIT */
/*
 * Call lanes: one request in flight, answered in place, for the few accesses that may wait for
 * another service. The request's and the reply's line each carry their sequence word, so that data
 * and "ready" travel together. One thread per handle; payloads are CALL_PAYLOAD bytes.
 */
#pragma once
#include "lib/lane.h"

#define CALL_PAYLOAD 120u

/* The two lines of the page after the header. */
struct call_line {
    _Atomic uint32_t seq;
    uint32_t reserved;
    uint8_t payload[CALL_PAYLOAD];
};
struct call_page {
    struct call_line request, reply;
};
static_assert(sizeof(struct call_line) == 128, "call line");
static_assert(offsetof(struct call_page, reply) == 128, "reply line");

struct call_tx {
    struct lane_mem mem;
    struct call_page *page;
    uint32_t seq;         /* of the last request sent */
    int wake_fd, done_fd; /* the callee's; ours */
    bool busy, broken;
};

struct call_rx {
    struct lane_mem mem;
    struct call_page *page;
    uint32_t seq; /* of the last request answered */
    int wake_fd, done_fd;
    bool taken, broken;
};

/*
 * Attach as caller. If a predecessor's call is unanswered, the lane is busy until its answer comes
 * (call_begin() says LANE_FULL). Errors as lane_map(), fds borrowed.
 */
int call_tx_attach(struct call_tx *tx, int fd, uint32_t layout, int wake_fd, int done_fd);
void call_tx_detach(struct call_tx *tx);

/* Send a request of size bytes. 0, LANE_FULL (the last one is unanswered), LANE_BROKEN, -errno. */
int call_begin(struct call_tx *tx, const void *request, size_t size);

/* Look once for the answer: 0 (copied into reply), LANE_EMPTY, LANE_BROKEN. */
int call_poll(struct call_tx *tx, void *reply, size_t size);

/*
 * Look `spins` times, then sleep on done_fd up to timeout_ms. 0, LANE_BROKEN, -ETIMEDOUT (the call
 * stays in flight), -errno.
 */
int call_wait(struct call_tx *tx, void *reply, size_t size, unsigned spins, int timeout_ms);

/* Attach as callee: a request its predecessor left unanswered is delivered again. */
int call_rx_attach(struct call_rx *rx, int fd, uint32_t layout, int wake_fd, int done_fd);
void call_rx_detach(struct call_rx *rx);

/* Take the request, if there is one: 0, LANE_EMPTY, LANE_BROKEN. */
int call_take(struct call_rx *rx, void *request, size_t size);

/* Answer the request taken. 0, LANE_BROKEN or -errno. */
int call_answer(struct call_rx *rx, const void *reply, size_t size);

/* About to sleep on wake_fd. 0: sleep; LANE_READY: a request is there; LANE_BROKEN. */
int call_rx_sleep(struct call_rx *rx);
