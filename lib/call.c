/* SPDX-License-Identifier: MIT */
/*
 * Call lanes, both sides. The sleep flags live in the header's room_at (caller) and wake_at
 * (callee) words; they are 1 while the owner sleeps. Same fence argument as in lane.c. A flag left
 * behind by a crash costs one needless wake, never a lost one.
 */
#include "lib/call.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>

static int attach(struct lane_mem *mem, struct call_page **page, int fd, uint32_t layout)
{
    int err = lane_map(fd, LANE_CALL, layout, mem);

    if (!err)
        *page = (struct call_page *)mem->slots;
    return err;
}

/* Legal states are idle (equal) and in flight (request one ahead). */
static bool in_flight(uint32_t request, uint32_t reply, bool *broken)
{
    uint32_t ahead = request - reply;

    if (ahead > 1)
        *broken = true;
    return ahead == 1;
}

int call_tx_attach(struct call_tx *tx, int fd, uint32_t layout, int wake_fd, int done_fd)
{
    int err;

    memset(tx, 0, sizeof(*tx));
    err = attach(&tx->mem, &tx->page, fd, layout);
    if (err)
        return err;
    tx->wake_fd = wake_fd;
    tx->done_fd = done_fd;
    tx->seq = atomic_load(&tx->page->request.seq);
    tx->busy = in_flight(tx->seq, atomic_load(&tx->page->reply.seq), &tx->broken);
    err = tx->broken ? -EBADMSG : lane_kick(wake_fd);
    if (err)
        call_tx_detach(tx);
    return err;
}

void call_tx_detach(struct call_tx *tx)
{
    lane_unmap(&tx->mem);
}

static int wake_if_asleep(_Atomic uint32_t *asleep, int fd)
{
    return atomic_load(asleep) ? lane_kick(fd) : 0;
}

/* Is the reply there? 0, LANE_EMPTY, LANE_BROKEN; clears busy. */
static int look_for_reply(struct call_tx *tx)
{
    uint32_t seq = atomic_load(&tx->page->reply.seq);

    if (tx->broken)
        return LANE_BROKEN;
    if (in_flight(tx->seq, seq, &tx->broken))
        return LANE_EMPTY;
    if (tx->broken)
        return LANE_BROKEN;
    tx->busy = false;
    return 0;
}

int call_begin(struct call_tx *tx, const void *request, size_t size)
{
    struct call_line *line = &tx->page->request;
    int rc;

    assert(size <= CALL_PAYLOAD);
    if (tx->broken)
        return LANE_BROKEN;
    if (tx->busy) {
        rc = look_for_reply(tx);
        if (rc)
            return rc == LANE_EMPTY ? LANE_FULL : rc;
    }
    memcpy(line->payload, request, size);
    memset(line->payload + size, 0, CALL_PAYLOAD - size);
    tx->busy = true;
    atomic_store(&line->seq, ++tx->seq);
    return wake_if_asleep(&tx->mem.shared->consumer.wake_at, tx->wake_fd);
}

int call_poll(struct call_tx *tx, void *reply, size_t size)
{
    int rc = look_for_reply(tx);

    assert(size <= CALL_PAYLOAD);
    if (!rc)
        memcpy(reply, tx->page->reply.payload, size);
    return rc;
}

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

/* Sleep until done_fd fires or the deadline passes. */
static int sleep_for_reply(int fd, int64_t deadline)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int64_t left = deadline - now_ms();
    int n;

    if (left <= 0)
        return -ETIMEDOUT;
    n = poll(&p, 1, (int)left);
    if (n < 0)
        return errno == EINTR ? 0 : -errno;
    return n ? lane_drain(fd) : -ETIMEDOUT;
}

int call_wait(struct call_tx *tx, void *reply, size_t size, unsigned spins, int timeout_ms)
{
    _Atomic uint32_t *asleep = &tx->mem.shared->producer.room_at;
    int64_t deadline;
    int rc = LANE_EMPTY, err = 0;

    for (unsigned i = 0; i < spins && rc == LANE_EMPTY; i++) {
        rc = call_poll(tx, reply, size);
        if (rc == LANE_EMPTY)
            __builtin_ia32_pause();
    }
    if (rc != LANE_EMPTY)
        return rc;
    deadline = now_ms() + timeout_ms;
    atomic_store(asleep, 1);
    while ((rc = call_poll(tx, reply, size)) == LANE_EMPTY && !err)
        err = sleep_for_reply(tx->done_fd, deadline);
    atomic_store(asleep, 0);
    return rc == LANE_EMPTY ? err : rc;
}

int call_rx_attach(struct call_rx *rx, int fd, uint32_t layout, int wake_fd, int done_fd)
{
    int err;

    memset(rx, 0, sizeof(*rx));
    err = attach(&rx->mem, &rx->page, fd, layout);
    if (err)
        return err;
    rx->wake_fd = wake_fd;
    rx->done_fd = done_fd;
    rx->seq = atomic_load(&rx->page->reply.seq);
    in_flight(atomic_load(&rx->page->request.seq), rx->seq, &rx->broken);
    err = rx->broken ? -EBADMSG : lane_kick(wake_fd);
    /* The predecessor may have died between its answer and the wake. */
    if (!err)
        err = lane_kick(done_fd);
    if (err)
        call_rx_detach(rx);
    return err;
}

void call_rx_detach(struct call_rx *rx)
{
    lane_unmap(&rx->mem);
}

static int look_for_request(struct call_rx *rx)
{
    uint32_t seq = atomic_load(&rx->page->request.seq);
    bool there;

    if (rx->broken)
        return LANE_BROKEN;
    there = in_flight(seq, rx->seq, &rx->broken);
    if (rx->broken)
        return LANE_BROKEN;
    return there && !rx->taken ? 0 : LANE_EMPTY;
}

int call_take(struct call_rx *rx, void *request, size_t size)
{
    int rc = look_for_request(rx);

    assert(size <= CALL_PAYLOAD);
    if (rc)
        return rc;
    atomic_store_explicit(&rx->mem.shared->consumer.wake_at, 0, memory_order_relaxed);
    memcpy(request, rx->page->request.payload, size);
    rx->taken = true;
    return 0;
}

int call_answer(struct call_rx *rx, const void *reply, size_t size)
{
    struct call_line *line = &rx->page->reply;

    assert(size <= CALL_PAYLOAD && rx->taken);
    if (rx->broken)
        return LANE_BROKEN;
    memcpy(line->payload, reply, size);
    memset(line->payload + size, 0, CALL_PAYLOAD - size);
    rx->taken = false;
    atomic_store(&line->seq, ++rx->seq);
    return wake_if_asleep(&rx->mem.shared->producer.room_at, rx->done_fd);
}

int call_rx_sleep(struct call_rx *rx)
{
    int rc;

    atomic_store(&rx->mem.shared->consumer.wake_at, 1);
    rc = look_for_request(rx);
    if (rc == LANE_EMPTY)
        return 0;
    return rc ? rc : LANE_READY;
}
