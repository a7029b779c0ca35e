/* SPDX-License-Identifier: MIT */
/*
 * Stream lanes against a hostile peer. The input is a list of operations on one lane, some of which
 * are the peer scribbling over indices, flags and slots. Oracle: with an honest peer every message
 * arrives in order, exactly once, and full and empty are told truthfully; with a hostile one the
 * handles stay inside their memory (ASan) and answer LANE_BROKEN or a copy.
 */
#include "lib/lane.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct machine {
    int fd, wake, room;
    struct lane_tx tx;
    struct lane_rx rx;
    uint32_t sent, received, advanced; /* the model: plain counters */
    uint32_t slots;
    bool hostile;
};

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void op_send(struct machine *m, uint32_t batch)
{
    struct lane_slot *slot;
    int rc = 0;

    for (uint32_t i = 0; i <= batch % 8 && !rc; i++) {
        rc = lane_tx_reserve(&m->tx, &slot);
        if (!m->hostile)
            check(rc == (m->sent - m->advanced < m->slots ? 0 : LANE_FULL));
        if (rc)
            continue;
        memcpy(slot, &m->sent, sizeof(m->sent));
        m->sent++;
    }
    rc = lane_tx_commit(&m->tx);
    check(rc == 0 || (m->hostile && rc == LANE_BROKEN));
}

static void op_receive(struct machine *m, uint32_t count)
{
    struct lane_slot copy;
    uint32_t number;
    int rc;

    for (uint32_t i = 0; i <= count % 8; i++) {
        rc = lane_rx_next(&m->rx, &copy, NULL);
        check(rc == 0 || rc == LANE_EMPTY || rc == LANE_BROKEN);
        if (m->hostile)
            continue;
        check(rc == (m->received == m->sent ? LANE_EMPTY : 0));
        if (rc)
            continue;
        memcpy(&number, &copy, sizeof(number));
        check(number == m->received++);
    }
}

static void op_advance(struct machine *m, uint32_t argument)
{
    int rc = lane_rx_advance(&m->rx);

    (void)argument;
    check(rc == 0 || (m->hostile && rc == LANE_BROKEN));
    m->advanced = m->received;
}

static void op_sleep(struct machine *m, uint32_t batch)
{
    int rc;

    batch = 1 + batch % m->slots;
    rc = lane_rx_sleep(&m->rx, batch);
    m->advanced = m->received;
    if (m->hostile)
        check(rc == 0 || rc == LANE_READY || rc == LANE_BROKEN);
    else
        check(rc == (m->sent - m->received >= batch ? LANE_READY : 0));
}

static void op_want_room(struct machine *m, uint32_t argument)
{
    int rc = lane_tx_want_room(&m->tx);

    (void)argument;
    if (m->hostile)
        check(rc == 0 || rc == LANE_READY || rc == LANE_BROKEN);
    else
        check(rc == (m->sent - m->advanced < m->slots ? LANE_READY : 0));
}

static void attach_both(struct machine *m)
{
    int a = lane_producer_attach(&m->tx, m->fd, 1, m->wake, m->room);
    int b = lane_consumer_attach(&m->rx, m->fd, 1, m->wake, m->room);

    /* A lane whose indices are impossible is refused; begin again with a fresh pair. */
    if (a || b) {
        check(m->hostile);
        if (!a)
            lane_producer_detach(&m->tx);
        if (!b)
            lane_consumer_detach(&m->rx);
        close(m->fd);
        check(!lane_create("fuzz", LANE_STREAM, m->slots, 1, &m->fd));
        check(!lane_producer_attach(&m->tx, m->fd, 1, m->wake, m->room));
        check(!lane_consumer_attach(&m->rx, m->fd, 1, m->wake, m->room));
    }
}

static void op_reattach(struct machine *m, uint32_t argument)
{
    (void)argument;
    lane_producer_detach(&m->tx);
    lane_consumer_detach(&m->rx);
    attach_both(m);
    m->received = m->advanced; /* replay */
}

static void op_scribble(struct machine *m, uint32_t argument)
{
    struct lane_header *h = m->tx.mem.shared;
    _Atomic uint32_t *words[] = {&h->producer.tail, &h->producer.room_at, &h->consumer.head,
                                 &h->consumer.wake_at};

    m->hostile = true;
    atomic_store(words[argument & 3], argument * 2654435761u >> (argument >> 2 & 31));
}

/* The config line is not read again after attach: nonsense in it changes nothing. */
static void op_scribble_config(struct machine *m, uint32_t argument)
{
    m->hostile = true;
    memset(&m->tx.mem.shared->config, (int)argument, sizeof(struct lane_config));
}

static void (*const operations[])(struct machine *, uint32_t) = {
    op_send,      op_receive,  op_advance,  op_sleep,
    op_want_room, op_reattach, op_scribble, op_scribble_config,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct machine m = {0};

    if (size < 1)
        return 0;
    m.slots = 1u << (data[0] % 6);
    m.wake = eventfd(0, EFD_NONBLOCK);
    m.room = eventfd(0, EFD_NONBLOCK);
    check(!lane_create("fuzz", LANE_STREAM, m.slots, 1, &m.fd));
    attach_both(&m);
    for (size_t i = 1; i + 1 < size && i < 400; i += 2)
        operations[data[i] & 7](&m, (uint32_t)data[i] >> 3 | (uint32_t)data[i + 1] << 5);
    lane_producer_detach(&m.tx);
    lane_consumer_detach(&m.rx);
    close(m.fd);
    close(m.wake);
    close(m.room);
    return 0;
}
