/* SPDX-License-Identifier: MIT */
/*
 * lane_call_bench.c: a round trip of a call lane: 64 bytes there, 64 bytes back, one at a time,
 * between two processes on two processors; beside an eventfd and a futex, with the bytes in shared
 * memory, and a socketpair. Spinning: nobody sleeps, so the lane makes no system call; the others
 * are asked again and again without waiting, and a futex is woken each time, for who wakes cannot
 * know. Sleeping: each side sleeps in the kernel until the other has something.
 */
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/call.h"
#include "tests/bench/pair.h"

#define LAYOUT     1u
#define WORDS      8u
#define FOREVER_MS 10000

struct payload {
    uint64_t word[WORDS];
};

struct shared {
    _Alignas(128) _Atomic uint32_t asked;
    _Alignas(64) struct payload request;
    _Alignas(128) _Atomic uint32_t answered;
    _Alignas(64) struct payload reply;
};

struct talk;

/* A way to talk: the caller's question with its answer, and the callee's whole life. */
struct means {
    const char *name;
    void (*make)(struct talk *t);
    void (*unmake)(struct talk *t);
    void (*begin)(struct talk *t); /* in the caller; NULL */
    void (*ask)(struct talk *t, const struct payload *request, struct payload *reply);
    uint64_t (*serve)(struct talk *t, uint64_t n);
};

struct talk {
    const struct means *means;
    struct pair pair;
    struct shared *s;
    bool spin;
    int fd[3];
    struct call_tx tx;
    uint32_t seq;
};

static void fill(struct payload *p, uint64_t number)
{
    for (unsigned i = 0; i < WORDS; i++)
        p->word[i] = number + i;
}

static uint64_t wrong(const struct payload *p, uint64_t number)
{
    uint64_t bits = 0;

    for (unsigned i = 0; i < WORDS; i++)
        bits |= p->word[i] ^ (number + i);
    return bits != 0;
}

/* The question's number is n, the answer's n * 3. */
static uint64_t answer(const struct payload *request, uint64_t number, struct payload *reply)
{
    fill(reply, number * 3);
    return wrong(request, number);
}

/* ---- ours */

static void lane_make(struct talk *t)
{
    bench_check(lane_create("bench", LANE_CALL, 1, LAYOUT, &t->fd[0]) == 0);
    for (unsigned i = 1; i < 3; i++)
        bench_check((t->fd[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) >= 0);
}

static void lane_unmake(struct talk *t)
{
    call_tx_detach(&t->tx);
    for (unsigned i = 0; i < 3; i++)
        close(t->fd[i]);
}

static void lane_begin(struct talk *t)
{
    bench_check(call_tx_attach(&t->tx, t->fd[0], LAYOUT, t->fd[1], t->fd[2]) == 0);
}

static void lane_ask(struct talk *t, const struct payload *request, struct payload *reply)
{
    bench_check(call_begin(&t->tx, request, sizeof(*request)) == 0);
    bench_check(call_wait(&t->tx, reply, sizeof(*reply), t->spin ? UINT32_MAX : 0, FOREVER_MS) ==
                0);
}

static void lane_wait(struct talk *t, struct call_rx *rx)
{
    struct pollfd p = {.fd = t->fd[1], .events = POLLIN};

    if (t->spin) {
        pair_relax();
        return;
    }
    if (call_rx_sleep(rx) == 0)
        bench_check(poll(&p, 1, FOREVER_MS) == 1);
    bench_check(lane_drain(t->fd[1]) == 0);
}

static uint64_t lane_serve(struct talk *t, uint64_t n)
{
    struct payload request, reply;
    struct call_rx rx;
    uint64_t bad = 0;

    bench_check(call_rx_attach(&rx, t->fd[0], LAYOUT, t->fd[1], t->fd[2]) == 0);
    for (uint64_t i = 0; i < n; i++) {
        while (call_take(&rx, &request, sizeof(request)) == LANE_EMPTY)
            lane_wait(t, &rx);
        bad += answer(&request, i, &reply);
        bench_check(call_answer(&rx, &reply, sizeof(reply)) == 0);
    }
    call_rx_detach(&rx);
    return bad;
}

/* ---- shared memory and eventfds */

static void event_make(struct talk *t)
{
    int flags = EFD_CLOEXEC | (t->spin ? EFD_NONBLOCK : 0);

    for (unsigned i = 0; i < 2; i++)
        bench_check((t->fd[i] = eventfd(0, flags)) >= 0);
}

static void two_unmake(struct talk *t)
{
    close(t->fd[0]);
    close(t->fd[1]);
}

static void event_put(int fd)
{
    uint64_t one = 1;

    bench_check(write(fd, &one, sizeof(one)) == sizeof(one));
}

static void event_get(int fd)
{
    uint64_t count;

    while (read(fd, &count, sizeof(count)) < 0)
        bench_check(errno == EAGAIN);
}

static void event_ask(struct talk *t, const struct payload *request, struct payload *reply)
{
    t->s->request = *request;
    event_put(t->fd[0]);
    event_get(t->fd[1]);
    *reply = t->s->reply;
}

static uint64_t event_serve(struct talk *t, uint64_t n)
{
    uint64_t bad = 0;

    for (uint64_t i = 0; i < n; i++) {
        event_get(t->fd[0]);
        bad += answer(&t->s->request, i, &t->s->reply);
        event_put(t->fd[1]);
    }
    return bad;
}

/* ---- shared memory and futexes */

static void futex_make(struct talk *t)
{
    t->seq = 0;
    t->s->asked = t->s->answered = 0;
}

static void futex_unmake(struct talk *t)
{
    (void)t;
}

static void futex_put(_Atomic uint32_t *word, uint32_t value)
{
    atomic_store(word, value);
    bench_check(syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0) >= 0);
}

static void futex_get(const struct talk *t, _Atomic uint32_t *word, uint32_t value)
{
    uint32_t now;

    while ((now = atomic_load(word)) != value) {
        if (t->spin)
            pair_relax();
        else
            syscall(SYS_futex, word, FUTEX_WAIT, now, NULL, NULL, 0);
    }
}

static void futex_ask(struct talk *t, const struct payload *request, struct payload *reply)
{
    t->s->request = *request;
    futex_put(&t->s->asked, ++t->seq);
    futex_get(t, &t->s->answered, t->seq);
    *reply = t->s->reply;
}

static uint64_t futex_serve(struct talk *t, uint64_t n)
{
    uint64_t bad = 0;

    for (uint64_t i = 0; i < n; i++) {
        futex_get(t, &t->s->asked, (uint32_t)i + 1);
        bad += answer(&t->s->request, i, &t->s->reply);
        futex_put(&t->s->answered, (uint32_t)i + 1);
    }
    return bad;
}

/* ---- a socketpair, which carries the bytes */

static void socket_make(struct talk *t)
{
    int flags = SOCK_SEQPACKET | SOCK_CLOEXEC | (t->spin ? SOCK_NONBLOCK : 0);

    bench_check(socketpair(AF_UNIX, flags, 0, t->fd) == 0);
}

static void socket_put(int fd, const struct payload *p)
{
    bench_check(send(fd, p, sizeof(*p), 0) == sizeof(*p));
}

static void socket_get(int fd, struct payload *p)
{
    ssize_t n;

    while ((n = recv(fd, p, sizeof(*p), 0)) < 0)
        bench_check(errno == EAGAIN);
    bench_check(n == sizeof(*p));
}

static void socket_ask(struct talk *t, const struct payload *request, struct payload *reply)
{
    socket_put(t->fd[0], request);
    socket_get(t->fd[0], reply);
}

static uint64_t socket_serve(struct talk *t, uint64_t n)
{
    struct payload request, reply;
    uint64_t bad = 0;

    for (uint64_t i = 0; i < n; i++) {
        socket_get(t->fd[1], &request);
        bad += answer(&request, i, &reply);
        socket_put(t->fd[1], &reply);
    }
    return bad;
}

static const struct means all[] = {
    {"lane", lane_make, lane_unmake, lane_begin, lane_ask, lane_serve},
    {"eventfd", event_make, two_unmake, NULL, event_ask, event_serve},
    {"futex", futex_make, futex_unmake, NULL, futex_ask, futex_serve},
    {"socketpair", socket_make, two_unmake, NULL, socket_ask, socket_serve},
};
enum { MEANS = sizeof(all) / sizeof(all[0]) };

/* ---- */

static void mine(void *ctx, uint64_t n)
{
    struct talk *t = ctx;
    struct payload request, reply;

    for (uint64_t i = 0; i < n; i++) {
        fill(&request, i);
        t->means->ask(t, &request, &reply);
        if (wrong(&reply, i * 3))
            bench_fail("lane-call: %s: a wrong answer", t->means->name);
    }
}

static uint64_t other(void *ctx, uint64_t n)
{
    struct talk *t = ctx;

    return t->means->serve(t, n);
}

static double run(void *ctx, uint64_t n)
{
    struct talk *t = ctx;
    double ns;

    t->means->make(t);
    if (t->means->begin)
        t->means->begin(t);
    ns = pair_run(&t->pair, mine, other, t, n);
    t->means->unmake(t);
    return ns;
}

static void one_case(const struct bench *b, const struct bench_case *c, bool spin)
{
    struct talk talk[MEANS] = {0};
    struct bench_way way[MEANS];

    for (unsigned i = 0; i < MEANS; i++) {
        talk[i].means = &all[i];
        talk[i].spin = spin;
        pair_init(&talk[i].pair, b, sizeof(struct shared));
        talk[i].s = talk[i].pair.shared;
        way[i] = (struct bench_way){all[i].name, run, &talk[i]};
    }
    bench_case(b, c, way, MEANS);
}

int main(int argc, char **argv)
{
    static const struct bench_case spinning = {
        .name = "spinning", .piece = "round trip", .n = 20000, .max_ratio = 0.8};
    static const struct bench_case sleeping = {
        .name = "sleeping", .piece = "round trip", .n = 2000, .max_ratio = 0.8};
    struct bench b;

    bench_init(&b, "lane-call", argc, argv);
    one_case(&b, &spinning, true);
    one_case(&b, &sleeping, false);
    return 0;
}
