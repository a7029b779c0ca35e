/* SPDX-License-Identifier: MIT */
/*
 * Stream lanes: sending and receiving. A handle belongs to one thread. Both "publish, then look
 * whether the other sleeps" and "announce sleep, then look again" are a sequentially consistent
 * store followed by a sequentially consistent load. That is the release store and the full fence
 * in one instruction (xchg on x86), once per batch, and the C11 total order of such operations
 * is the proof that never both sides miss each other; ThreadSanitizer understands it too.
 */
#include "lib/lane.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int lane_kick(int fd)
{
    uint64_t one = 1;

    /* EAGAIN: the counter is at its maximum, so the other side is woken already. */
    if (write(fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
        return -errno;
    return 0;
}

int lane_drain(int fd)
{
    uint64_t count;

    if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
        return -errno;
    return 0;
}

static void publish(_Atomic uint64_t *counter, uint64_t value)
{
    atomic_store_explicit(counter, value, memory_order_relaxed);
}

static uint64_t resume(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

/* Has the index the other side asked for just been passed, i.e. is it in [from, to)? */
static bool passed(uint32_t at, uint32_t from, uint32_t to)
{
    return at - from < to - from;
}

/* Read the other side's index once; true if it can be right. */
static bool load_head(struct lane_tx *tx, memory_order order)
{
    uint32_t head = atomic_load_explicit(&tx->mem.shared->consumer.head, order);

    /* The head may neither pass what was published nor go back behind what it said before. */
    if (tx->published - head > tx->published - tx->head_cache)
        tx->broken = true;
    else
        tx->head_cache = head;
    return !tx->broken;
}

static bool load_tail(struct lane_rx *rx, memory_order order)
{
    uint32_t tail = atomic_load_explicit(&rx->mem.shared->producer.tail, order);

    if (tail - rx->head > rx->mem.config.slots || tail - rx->cursor > rx->mem.config.slots)
        rx->broken = true;
    else
        rx->tail_cache = tail;
    return !rx->broken;
}

int lane_producer_attach(struct lane_tx *tx, int fd, uint32_t layout, int wake_fd, int room_fd)
{
    const struct lane_producer_line *line;
    int err;

    memset(tx, 0, sizeof(*tx));
    err = lane_map(fd, LANE_STREAM, layout, &tx->mem);
    if (err)
        return err;
    line = &tx->mem.shared->producer;
    tx->wake_fd = wake_fd;
    tx->room_fd = room_fd;
    tx->tail = tx->published = atomic_load(&line->tail);
    tx->head_cache = atomic_load(&tx->mem.shared->consumer.head);
    tx->batches = resume(&line->batches);
    tx->messages = resume(&line->messages);
    tx->full = resume(&line->full);
    tx->wakes_sent = resume(&line->wakes_sent);
    tx->wakes_suppressed = resume(&line->wakes_suppressed);
    err = tx->tail - tx->head_cache > tx->mem.config.slots ? -EBADMSG : 0;
    if (!err)
        err = lane_kick(wake_fd);
    if (!err)
        err = lane_kick(room_fd);
    if (err)
        lane_producer_detach(tx);
    return err;
}

void lane_producer_detach(struct lane_tx *tx)
{
    lane_unmap(&tx->mem);
}

int lane_tx_room(struct lane_tx *tx)
{
    uint32_t slots = tx->mem.config.slots;

    if (tx->broken)
        return LANE_BROKEN;
    if (tx->tail - tx->head_cache < slots)
        return 0;
    if (!load_head(tx, memory_order_acquire))
        return LANE_BROKEN;
    if (tx->tail - tx->head_cache < slots)
        return 0;
    publish(&tx->mem.shared->producer.full, ++tx->full);
    return LANE_FULL;
}

int lane_tx_reserve(struct lane_tx *tx, struct lane_slot **slot)
{
    int rc = lane_tx_room(tx);

    if (!rc)
        *slot = &tx->mem.slots[tx->tail++ & (tx->mem.config.slots - 1)];
    return rc;
}

static void publish_tx_stats(struct lane_tx *tx)
{
    struct lane_producer_line *line = &tx->mem.shared->producer;

    publish(&line->batches, tx->batches);
    publish(&line->messages, tx->messages);
    publish(&line->wakes_sent, tx->wakes_sent);
    publish(&line->wakes_suppressed, tx->wakes_suppressed);
}

/* Does the consumer have to be woken for it? LANE_BROKEN. */
static int show(struct lane_tx *tx, bool *wake)
{
    uint32_t from = tx->published, wake_at;

    *wake = false;
    if (tx->broken)
        return LANE_BROKEN;
    if (tx->tail == from)
        return 0;
    tx->published = tx->tail;
    atomic_store(&tx->mem.shared->producer.tail, tx->tail);
    wake_at = atomic_load(&tx->mem.shared->consumer.wake_at);
    *wake = passed(wake_at, from, tx->tail);
    tx->batches++;
    tx->messages += tx->tail - from;
    tx->wakes_sent += *wake;
    tx->wakes_suppressed += !*wake;
    publish_tx_stats(tx);
    return 0;
}

int lane_tx_wake(struct lane_tx *tx)
{
    if (!tx->owed)
        return 0;
    tx->owed = false;
    return lane_kick(tx->wake_fd);
}

int lane_tx_commit(struct lane_tx *tx)
{
    bool wake;
    int rc = show(tx, &wake);

    tx->owed |= wake;
    return rc ? rc : lane_tx_wake(tx);
}

static int fill(struct lane_tx *tx, const void *msg, size_t size)
{
    struct lane_slot *slot;
    int rc;

    assert(size <= LANE_SLOT);
    rc = lane_tx_reserve(tx, &slot);
    if (rc)
        return rc;
    memcpy(slot->bytes, msg, size);
    memset(slot->bytes + size, 0, LANE_SLOT - size);
    return 0;
}

int lane_tx_put(struct lane_tx *tx, const void *msg, size_t size)
{
    int rc = fill(tx, msg, size);

    return rc ? rc : lane_tx_commit(tx);
}

int lane_tx_put_quietly(struct lane_tx *tx, const void *msg, size_t size)
{
    int rc = fill(tx, msg, size);
    bool wake = false;

    if (!rc)
        rc = show(tx, &wake);
    tx->owed |= wake;
    return rc;
}

int lane_tx_want_room(struct lane_tx *tx)
{
    int rc = lane_tx_commit(tx); /* room for what the peer has not been shown never comes */

    if (rc)
        return rc;
    /* The slot that frees first is the one at the head we know. */
    atomic_store(&tx->mem.shared->producer.room_at, tx->head_cache);
    if (!load_head(tx, memory_order_seq_cst))
        return LANE_BROKEN;
    return tx->tail - tx->head_cache < tx->mem.config.slots ? LANE_READY : 0;
}

int lane_tx_want_drained(struct lane_tx *tx, uint32_t index)
{
    int rc = lane_tx_commit(tx);

    if (rc)
        return rc;
    atomic_store(&tx->mem.shared->producer.room_at, index - 1);
    if (!load_head(tx, memory_order_seq_cst))
        return LANE_BROKEN;
    return tx->tail - tx->head_cache <= tx->tail - index ? LANE_READY : 0;
}

int lane_consumer_attach(struct lane_rx *rx, int fd, uint32_t layout, int wake_fd, int room_fd)
{
    const struct lane_consumer_line *line;
    int err;

    memset(rx, 0, sizeof(*rx));
    err = lane_map(fd, LANE_STREAM, layout, &rx->mem);
    if (err)
        return err;
    line = &rx->mem.shared->consumer;
    rx->wake_fd = wake_fd;
    rx->room_fd = room_fd;
    rx->head = rx->cursor = atomic_load(&line->head);
    rx->batches = resume(&line->batches);
    rx->messages = resume(&line->messages);
    rx->sleeps = resume(&line->sleeps);
    rx->rearm_lost = resume(&line->rearm_lost);
    rx->wakes_sent = resume(&line->wakes_sent);
    rx->wakes_suppressed = resume(&line->wakes_suppressed);
    err = load_tail(rx, memory_order_acquire) ? 0 : -EBADMSG;
    rx->replayed = rx->tail_cache - rx->head;
    if (!err)
        err = lane_kick(wake_fd);
    if (!err)
        err = lane_kick(room_fd);
    if (err)
        lane_consumer_detach(rx);
    return err;
}

void lane_consumer_detach(struct lane_rx *rx)
{
    lane_unmap(&rx->mem);
}

int lane_rx_next(struct lane_rx *rx, struct lane_slot *copy, uint32_t *index)
{
    if (rx->broken)
        return LANE_BROKEN;
    if (rx->cursor == rx->tail_cache) {
        if (!load_tail(rx, memory_order_acquire))
            return LANE_BROKEN;
        if (rx->cursor == rx->tail_cache)
            return LANE_EMPTY;
    }
    *copy = rx->mem.slots[rx->cursor & (rx->mem.config.slots - 1)];
    if (index)
        *index = rx->cursor;
    rx->cursor++;
    return 0;
}

int lane_rx_advance(struct lane_rx *rx)
{
    struct lane_consumer_line *line = &rx->mem.shared->consumer;
    uint32_t from = rx->head, room_at;
    bool wake;

    if (rx->broken)
        return LANE_BROKEN;
    if (rx->cursor == from)
        return 0;
    rx->head = rx->cursor;
    atomic_store(&line->head, rx->head);
    room_at = atomic_load(&rx->mem.shared->producer.room_at);
    wake = passed(room_at, from, rx->head);
    rx->batches++;
    rx->messages += rx->head - from;
    rx->wakes_sent += wake;
    rx->wakes_suppressed += !wake;
    publish(&line->batches, rx->batches);
    publish(&line->messages, rx->messages);
    publish(&line->wakes_sent, rx->wakes_sent);
    publish(&line->wakes_suppressed, rx->wakes_suppressed);
    return wake ? lane_kick(rx->room_fd) : 0;
}

int lane_rx_sleep(struct lane_rx *rx, uint32_t batch)
{
    struct lane_consumer_line *line = &rx->mem.shared->consumer;
    int rc = lane_rx_advance(rx);

    if (rc)
        return rc;
    assert(batch >= 1 && batch <= rx->mem.config.slots);
    atomic_store(&line->wake_at, rx->head + batch - 1);
    if (!load_tail(rx, memory_order_seq_cst))
        return LANE_BROKEN;
    if (rx->tail_cache - rx->head >= batch) {
        publish(&line->rearm_lost, ++rx->rearm_lost);
        return LANE_READY;
    }
    publish(&line->sleeps, ++rx->sleeps);
    return 0;
}
