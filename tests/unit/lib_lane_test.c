/* SPDX-License-Identifier: MIT */
/*
 * Stream lanes: attach checks, two threads, two processes, consumers killed at random points,
 * impossible indices.
 */
#include "lib/lane.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#define LAYOUT 7

struct ends {
    int fd, wake, room;
};

static struct ends make(uint32_t slots)
{
    struct ends e;

    assert_int_equal(lane_create("test", LANE_STREAM, slots, LAYOUT, &e.fd), 0);
    e.wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    e.room = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    assert_true(e.wake >= 0 && e.room >= 0);
    return e;
}

static void destroy(struct ends *e)
{
    close(e->fd);
    close(e->wake);
    close(e->room);
}

static void attach(struct ends *e, struct lane_tx *tx, struct lane_rx *rx)
{
    assert_int_equal(lane_producer_attach(tx, e->fd, LAYOUT, e->wake, e->room), 0);
    assert_int_equal(lane_consumer_attach(rx, e->fd, LAYOUT, e->wake, e->room), 0);
}

/* Wait for an eventfd; a lost wake-up shows as the time-out. */
static void wait_fd(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int n;

    do
        n = poll(&p, 1, 20000);
    while (n < 0 && errno == EINTR);
    if (n != 1)
        abort();
    lane_drain(fd);
}

struct message {
    uint64_t number, check;
};

static void send_all(struct lane_tx *tx, uint64_t from, uint64_t to, unsigned batch)
{
    struct lane_slot *slot;
    unsigned pending = 0;
    int rc;

    while (from < to) {
        rc = lane_tx_reserve(tx, &slot);
        if (rc == LANE_FULL) {
            rc = lane_tx_want_room(tx);
            if (rc == 0)
                wait_fd(tx->room_fd);
            else if (rc != LANE_READY)
                abort();
            pending = 0;
            continue;
        }
        if (rc)
            abort();
        memcpy(slot, &(struct message){from, ~from}, sizeof(struct message));
        from++;
        if (++pending == batch && lane_tx_commit(tx))
            abort();
        pending %= batch;
    }
    if (lane_tx_commit(tx))
        abort();
}

static void receive_all(struct lane_rx *rx, uint64_t from, uint64_t to, unsigned advance_every)
{
    struct lane_slot copy;
    struct message m;
    uint32_t index;
    int rc;

    while (from < to) {
        rc = lane_rx_next(rx, &copy, &index);
        if (rc == LANE_EMPTY) {
            rc = lane_rx_sleep(rx, 1);
            if (rc == 0)
                wait_fd(rx->wake_fd);
            else if (rc != LANE_READY)
                abort();
            continue;
        }
        memcpy(&m, &copy, sizeof(m));
        if (rc || m.number != from || m.check != ~from || index != (uint32_t)from)
            abort();
        from++;
        if (from % advance_every == 0 && lane_rx_advance(rx))
            abort();
    }
    if (lane_rx_advance(rx))
        abort();
}

/* A consumer is told how much its predecessor left. */
static void test_replayed(void **state)
{
    struct lane_slot copy;
    struct lane_tx tx;
    struct lane_rx rx;
    struct ends e = make(8);

    (void)state;
    attach(&e, &tx, &rx);
    assert_int_equal(rx.replayed, 0);
    send_all(&tx, 0, 5, 1);
    receive_all(&rx, 0, 2, 1);
    assert_int_equal(lane_rx_next(&rx, &copy, NULL), 0); /* copied, not advanced over */
    lane_consumer_detach(&rx);
    assert_int_equal(lane_consumer_attach(&rx, e.fd, LAYOUT, e.wake, e.room), 0);
    assert_int_equal(rx.replayed, 3);
    receive_all(&rx, 2, 5, 1);
    lane_consumer_detach(&rx);
    lane_producer_detach(&tx);
    destroy(&e);
}

#define STRESS 200000u

struct stress {
    struct lane_tx *tx;
    unsigned batch;
};

static void *sender(void *data)
{
    struct stress *s = data;

    send_all(s->tx, 0, STRESS, s->batch);
    return NULL;
}

static void two_threads(uint32_t slots, unsigned batch, unsigned advance)
{
    struct ends e = make(slots);
    struct lane_tx tx;
    struct lane_rx rx;
    struct stress s = {&tx, batch};
    struct lane_stats stats;
    pthread_t thread;

    attach(&e, &tx, &rx);
    assert_int_equal(pthread_create(&thread, NULL, sender, &s), 0);
    receive_all(&rx, 0, STRESS, advance);
    pthread_join(thread, NULL);
    lane_stats(&rx.mem, &stats);
    assert_int_equal(stats.messages, STRESS);
    assert_int_equal(stats.consumed, STRESS);
    assert_int_equal(stats.depth, 0);
    assert_int_equal(stats.wakes_sent + stats.wakes_suppressed, stats.batches);
    lane_producer_detach(&tx);
    lane_consumer_detach(&rx);
    destroy(&e);
}

static void test_two_threads(void **state)
{
    (void)state;
    two_threads(1, 1, 1);
    two_threads(16, 1, 1);
    two_threads(256, 16, 8);
    two_threads(1024, 64, 1000);
}

static int finish(pid_t pid)
{
    int status;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void test_two_processes(void **state)
{
    struct ends e = make(128);
    struct lane_tx tx;
    struct lane_rx rx;
    pid_t pid;

    (void)state;
    attach(&e, &tx, &rx);
    pid = fork();
    if (!pid) {
        receive_all(&rx, 0, STRESS, 5);
        _exit(0);
    }
    send_all(&tx, 0, STRESS, 7);
    assert_int_equal(finish(pid), 0);
    lane_producer_detach(&tx);
    lane_consumer_detach(&rx);
    destroy(&e);
}

/* What the dying consumers applied: times[] must be at least one each, order must hold. */
#define DEATHS   60
#define TO_APPLY 30000u
struct applied {
    uint64_t next; /* all below have been applied */
    uint64_t replayed, broken_order;
    uint8_t times[TO_APPLY];
};

static void apply(struct applied *a, uint64_t number)
{
    if (number > a->next || number >= TO_APPLY)
        a->broken_order++;
    else if (number < a->next)
        a->replayed++;
    if (number < TO_APPLY && a->times[number] < 255)
        a->times[number]++;
    if (number == a->next)
        a->next++;
}

/* Never applies more than up to `last`: there it waits for its end. */
static void mortal_consumer(struct ends *e, struct applied *a, uint64_t last)
{
    struct lane_slot copy;
    struct lane_rx rx;
    struct message m;
    unsigned n = 0;
    int rc;

    if (lane_consumer_attach(&rx, e->fd, LAYOUT, e->wake, e->room))
        _exit(1);
    while (a->next < TO_APPLY) {
        if (a->next == last)
            pause();
        rc = lane_rx_next(&rx, &copy, NULL);
        if (rc == LANE_EMPTY) {
            rc = lane_rx_sleep(&rx, 1);
            if (rc == 0)
                wait_fd(e->wake);
            else if (rc != LANE_READY)
                _exit(2);
            continue;
        }
        if (rc)
            _exit(3);
        memcpy(&m, &copy, sizeof(m));
        apply(a, m.number);
        if (++n % 3 == 0)
            lane_rx_advance(&rx);
    }
    lane_rx_advance(&rx);
    _exit(0);
}

/* The producer runs at its own pace in a child; consumers are killed wherever they are. */
static void test_consumer_killed(void **state)
{
    struct ends e = make(64);
    struct applied *a =
        mmap(NULL, sizeof(*a), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct lane_tx tx;
    pid_t producer, consumer;
    int status = 0, killed = 0;

    (void)state;
    assert_int_equal(lane_producer_attach(&tx, e.fd, LAYOUT, e.wake, e.room), 0);
    producer = fork();
    if (!producer) {
        send_all(&tx, 0, TO_APPLY, 4);
        _exit(0);
    }
    for (;;) {
        uint64_t until = (uint64_t)(killed + 1) * (TO_APPLY / (DEATHS + 1)) + (unsigned)rand() % 97;

        consumer = fork();
        if (!consumer)
            mortal_consumer(&e, a, killed < DEATHS ? until + 150 : UINT64_MAX);
        while (killed < DEATHS && *(volatile uint64_t *)&a->next < until)
            sched_yield();
        if (killed < DEATHS)
            kill(consumer, SIGKILL);
        status = finish(consumer);
        if (!WIFSIGNALED(status) || killed++ >= DEATHS)
            break;
    }
    assert_int_equal(status, 0);
    assert_int_equal(killed, DEATHS);
    assert_int_equal(finish(producer), 0);
    assert_int_equal(a->next, TO_APPLY);
    assert_int_equal(a->broken_order, 0);
    for (unsigned i = 0; i < TO_APPLY; i++)
        assert_true(a->times[i] >= 1);
    /* Advanced every third: a death replays no more than what one step held. */
    assert_true(a->replayed <= DEATHS * 3);
    munmap(a, sizeof(*a));
    lane_producer_detach(&tx);
    destroy(&e);
}

/* Exactly what was not advanced over comes again; a new producer goes on behind the old one. */
static void test_reattach(void **state)
{
    struct ends e = make(8);
    struct lane_tx tx;
    struct lane_rx rx;
    struct lane_slot copy;
    uint32_t index;

    (void)state;
    attach(&e, &tx, &rx);
    send_all(&tx, 0, 5, 2);
    receive_all(&rx, 0, 2, 1);
    assert_int_equal(lane_rx_next(&rx, &copy, &index), 0);
    lane_consumer_detach(&rx);
    lane_producer_detach(&tx);
    attach(&e, &tx, &rx);
    send_all(&tx, 5, 10, 1);
    receive_all(&rx, 2, 10, 1);
    assert_int_equal(lane_rx_next(&rx, &copy, &index), LANE_EMPTY);
    /* both sides' eventfds were kicked by the attach */
    wait_fd(e.wake);
    wait_fd(e.room);
    lane_consumer_detach(&rx);
    lane_producer_detach(&tx);
    destroy(&e);
}

/* One wake for a batch the consumer waits for, none while it is awake, none below its index. */
static void test_event_index(void **state)
{
    struct ends e = make(16);
    struct lane_tx tx;
    struct lane_rx rx;

    (void)state;
    attach(&e, &tx, &rx);
    send_all(&tx, 0, 3, 3);
    assert_int_equal(tx.wakes_sent, 1);
    send_all(&tx, 3, 4, 1);
    assert_int_equal(tx.wakes_sent, 1);
    assert_int_equal(lane_rx_sleep(&rx, 1), LANE_READY);
    receive_all(&rx, 0, 4, 4);
    assert_int_equal(lane_rx_sleep(&rx, 3), 0);
    send_all(&tx, 4, 6, 1);
    assert_int_equal(tx.wakes_sent, 1);
    send_all(&tx, 6, 7, 1);
    assert_int_equal(tx.wakes_sent, 2);
    lane_consumer_detach(&rx);
    lane_producer_detach(&tx);
    destroy(&e);
}

static bool kicked(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    bool yes = poll(&p, 1, 0) == 1;

    lane_drain(fd);
    return yes;
}

static int want_all(struct lane_tx *tx)
{
    return lane_tx_want_drained(tx, tx->tail);
}

/* The consumer sleeps until something wants it, and then has all that was put. */
static void test_quiet(void **state)
{
    int (*const wants[])(struct lane_tx *) = {lane_tx_wake, want_all, lane_tx_want_room,
                                              lane_tx_commit};
    struct ends e = make(8);
    struct lane_tx tx;
    struct lane_rx rx;
    struct lane_slot copy;

    (void)state;
    attach(&e, &tx, &rx);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(lane_rx_sleep(&rx, 1), 0);
        kicked(e.wake);
        assert_int_equal(lane_tx_wake(&tx), 0);
        assert_int_equal(lane_tx_put_quietly(&tx, "x", 1), 0);
        assert_int_equal(lane_tx_put_quietly(&tx, "y", 1), 0);
        assert_false(kicked(e.wake));
        if (i == 4)
            assert_int_equal(lane_tx_put(&tx, "z", 1), 0);
        else
            wants[i](&tx);
        assert_true(kicked(e.wake));
        assert_int_equal(lane_tx_wake(&tx), 0);
        assert_false(kicked(e.wake));
        assert_int_equal(lane_rx_next(&rx, &copy, NULL), 0);
        assert_int_equal(copy.bytes[0], 'x');
        while (!lane_rx_next(&rx, &copy, NULL))
            ;
        lane_rx_advance(&rx);
    }
    lane_consumer_detach(&rx);
    lane_producer_detach(&tx);
    destroy(&e);
}

static void test_full(void **state)
{
    struct ends e = make(4);
    struct lane_tx tx;
    struct lane_rx rx;

    (void)state;
    attach(&e, &tx, &rx);
    send_all(&tx, 0, 4, 4);
    assert_int_equal(lane_tx_put(&tx, "x", 1), LANE_FULL);
    assert_int_equal(lane_tx_want_room(&tx), 0);
    lane_drain(e.room);
    receive_all(&rx, 0, 1, 1);
    wait_fd(e.room);
    assert_int_equal(lane_tx_want_room(&tx), LANE_READY);
    assert_int_equal(lane_tx_put(&tx, "x", 1), 0);
    lane_consumer_detach(&rx);
    lane_producer_detach(&tx);
    destroy(&e);
}

/* A wake for all of it, not for the first that goes. */
static void test_drained(void **state)
{
    struct pollfd kicked = {.events = POLLIN};
    struct ends e = make(8);
    struct lane_tx tx;
    struct lane_rx rx;

    (void)state;
    attach(&e, &tx, &rx);
    kicked.fd = e.room;
    assert_int_equal(lane_tx_want_drained(&tx, 0), LANE_READY);
    send_all(&tx, 0, 3, 1);
    assert_int_equal(lane_tx_want_drained(&tx, 3), 0);
    lane_drain(e.room);
    receive_all(&rx, 0, 2, 1);
    assert_int_equal(poll(&kicked, 1, 0), 0);
    assert_int_equal(lane_tx_want_drained(&tx, 3), 0);
    send_all(&tx, 3, 5, 1); /* not waited for */
    assert_int_equal(lane_tx_want_drained(&tx, 3), 0);
    receive_all(&rx, 2, 3, 1);
    assert_int_equal(poll(&kicked, 1, 0), 1);
    assert_int_equal(lane_tx_want_drained(&tx, 3), LANE_READY);
    assert_int_equal(lane_tx_want_drained(&tx, 5), 0);
    receive_all(&rx, 3, 5, 1);
    assert_int_equal(lane_tx_want_drained(&tx, 3), LANE_READY);
    assert_int_equal(lane_tx_want_drained(&tx, 5), LANE_READY);
    lane_consumer_detach(&rx);
    lane_producer_detach(&tx);
    destroy(&e);
}

static void test_broken_indices(void **state)
{
    static const uint32_t tails[] = {17, 0x80000000u, 0xffffffffu};
    static const uint32_t heads[] = {4, 0x80000000u, 0xffffffffu};
    struct ends e;
    struct lane_tx tx;
    struct lane_rx rx;
    struct lane_slot copy;

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        e = make(16);
        attach(&e, &tx, &rx);
        atomic_store(&tx.mem.shared->producer.tail, tails[i]);
        assert_int_equal(lane_rx_next(&rx, &copy, NULL), LANE_BROKEN);
        assert_int_equal(lane_rx_advance(&rx), LANE_BROKEN);
        assert_int_equal(lane_rx_sleep(&rx, 1), LANE_BROKEN);
        send_all(&tx, 0, 3, 3);
        atomic_store(&rx.mem.shared->consumer.head, heads[i]);
        assert_int_equal(lane_tx_want_room(&tx), LANE_BROKEN);
        assert_int_equal(lane_tx_put(&tx, "x", 1), LANE_BROKEN);
        lane_consumer_detach(&rx);
        lane_producer_detach(&tx);
        destroy(&e);
    }
}

/* Indices wrap at 2^32 without anybody noticing. */
static void test_wrap(void **state)
{
    struct ends e = make(8);
    struct lane_mem mem;
    struct lane_tx tx;
    struct lane_rx rx;

    (void)state;
    assert_int_equal(lane_map(e.fd, LANE_STREAM, LAYOUT, &mem), 0);
    atomic_store(&mem.shared->producer.tail, 0xfffffffau);
    atomic_store(&mem.shared->consumer.head, 0xfffffffau);
    lane_unmap(&mem);
    attach(&e, &tx, &rx);
    for (uint64_t i = 0xfffffffaull; i < 0x100000010ull; i += 2) {
        send_all(&tx, i, i + 2, 2);
        receive_all(&rx, i, i + 2, 1);
    }
    lane_consumer_detach(&rx);
    lane_producer_detach(&tx);
    destroy(&e);
}

static int map_damaged(size_t offset, uint32_t value)
{
    struct lane_mem mem;
    int fd, err;

    assert_int_equal(lane_create("damaged", LANE_STREAM, 16, LAYOUT, &fd), 0);
    assert_int_equal(pwrite(fd, &value, sizeof(value), (off_t)offset), sizeof(value));
    err = lane_map(fd, LANE_STREAM, LAYOUT, &mem);
    if (!err)
        lane_unmap(&mem);
    close(fd);
    return err;
}

static void test_map_checks(void **state)
{
    struct lane_mem mem;
    struct lane_tx tx;
    struct ends e = make(16);
    int fd;

    (void)state;
    assert_int_equal(map_damaged(offsetof(struct lane_config, layout), LAYOUT), 0);
    assert_int_equal(map_damaged(offsetof(struct lane_config, magic), 1), -EBADMSG);
    assert_int_equal(map_damaged(offsetof(struct lane_config, version), LANE_VERSION + 1),
                     -EPROTONOSUPPORT);
    assert_int_equal(map_damaged(offsetof(struct lane_config, version), 0), -EBADMSG);
    assert_int_equal(map_damaged(offsetof(struct lane_config, kind), LANE_CALL), -EBADMSG);
    assert_int_equal(map_damaged(offsetof(struct lane_config, layout), 8), -EPROTONOSUPPORT);
    assert_int_equal(map_damaged(offsetof(struct lane_config, slots), 15), -EBADMSG);
    assert_int_equal(map_damaged(offsetof(struct lane_config, slots), 0), -EBADMSG);
    assert_int_equal(map_damaged(offsetof(struct lane_config, slots), 1u << 20), -EBADMSG);
    assert_int_equal(map_damaged(offsetof(struct lane_config, slot_size), 128), -EBADMSG);
    assert_int_equal(map_damaged(offsetof(struct lane_config, slots_offset), 0), -EBADMSG);
    assert_int_equal(map_damaged(offsetof(struct lane_config, size), 1 << 30), -EBADMSG);
    assert_int_equal(lane_create("x", LANE_STREAM, 3, 0, &fd), -EINVAL);
    assert_int_equal(lane_create("x", LANE_CALL, 2, 0, &fd), -EINVAL);
    assert_int_equal(lane_map(e.wake, LANE_STREAM, LAYOUT, &mem), -EPERM);
    fd = memfd_create("unsealed", MFD_ALLOW_SEALING);
    assert_int_equal(ftruncate(fd, 8192), 0);
    assert_int_equal(lane_map(fd, LANE_STREAM, LAYOUT, &mem), -EPERM);
    close(fd);
    assert_int_equal(ftruncate(e.fd, 4096), -1);
    assert_int_equal(lane_map(e.fd, LANE_STREAM, LAYOUT, &mem), 0);
    atomic_store(&mem.shared->producer.tail, 17);
    lane_unmap(&mem);
    assert_int_equal(lane_producer_attach(&tx, e.fd, LAYOUT, e.wake, e.room), -EBADMSG);
    destroy(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replayed),       cmocka_unit_test(test_map_checks),
        cmocka_unit_test(test_event_index),    cmocka_unit_test(test_quiet),
        cmocka_unit_test(test_full),           cmocka_unit_test(test_drained),
        cmocka_unit_test(test_broken_indices), cmocka_unit_test(test_wrap),
        cmocka_unit_test(test_reattach),       cmocka_unit_test(test_two_threads),
        cmocka_unit_test(test_two_processes),  cmocka_unit_test(test_consumer_killed),
    };

    srand(20);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
