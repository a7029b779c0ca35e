/* SPDX-License-Identifier: MIT */
/*
 * vchan_bench.c: lanes beside libxenvchan, both between two processes of dom0 on stock Xen, where
 * alone libxenvchan can be had: a stream of 64-byte messages in batches of 32, and a round trip of
 * 64 bytes there and 64 back, in which both sides sleep until the other has something. Run by
 * tests/bench/vchan. A process for each end.
 */
#include <libxenvchan.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/call.h"
#include "tests/bench/lane_stream.h"

#define NODE       "/local/domain/0/data/vgt-bench"
#define RING_BYTES 65536u
#define LAYOUT     1u
#define FOREVER_MS 60000

/* ---- libxenvchan: the caller's end is the server */

struct vchan {
    int cpu; /* the client's */
    unsigned batch;
};

static pid_t fork_client(int cpu, void (*life)(struct libxenvchan *ctrl, uint64_t n), uint64_t n)
{
    struct libxenvchan *ctrl;
    pid_t pid = fork();

    bench_check(pid >= 0);
    if (pid)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    bench_pin(cpu);
    ctrl = libxenvchan_client_init(NULL, 0, NODE);
    bench_check(ctrl);
    ctrl->blocking = 1;
    life(ctrl, n);
    libxenvchan_close(ctrl);
    _exit(0);
}

static struct libxenvchan *open_server(void)
{
    struct libxenvchan *ctrl = libxenvchan_server_init(NULL, 0, NODE, RING_BYTES, RING_BYTES);

    bench_check(ctrl);
    ctrl->blocking = 1;
    return ctrl;
}

static void all_ended(struct libxenvchan *ctrl, pid_t pid)
{
    int status;

    bench_check(waitpid(pid, &status, 0) == pid);
    libxenvchan_close(ctrl);
    if (status)
        bench_fail("libxenvchan: the other process saw wrong, lost or repeated messages");
}

static void take_stream(struct libxenvchan *ctrl, uint64_t n)
{
    struct message m[BATCH_MAX];
    uint64_t got = 0;

    bench_check(libxenvchan_send(ctrl, "r", 1) == 1);
    while (got < n) {
        size_t k = n - got < BATCH_MAX ? n - got : BATCH_MAX;

        bench_check(libxenvchan_recv(ctrl, m, k * sizeof m[0]) == (int)(k * sizeof m[0]));
        for (size_t i = 0; i < k; i++)
            bench_check(!message_wrong(m[i].word, got++));
    }
    bench_check(libxenvchan_send(ctrl, "d", 1) == 1);
}

static double vchan_stream(void *ctx, uint64_t n)
{
    const struct vchan *v = ctx;
    struct libxenvchan *ctrl = open_server();
    pid_t pid = fork_client(v->cpu, take_stream, n);
    struct message m[BATCH_MAX];
    char told;
    double t0;

    bench_check(libxenvchan_recv(ctrl, &told, 1) == 1);
    t0 = bench_now_ns();
    for (uint64_t i = 0; i < n;) {
        size_t k = 0;

        for (; k < v->batch && i < n; k++)
            message_make(m[k].word, i++);
        bench_check(libxenvchan_send(ctrl, m, k * sizeof m[0]) == (int)(k * sizeof m[0]));
    }
    bench_check(libxenvchan_recv(ctrl, &told, 1) == 1);
    t0 = bench_now_ns() - t0;
    all_ended(ctrl, pid);
    return t0;
}

static void answer_calls(struct libxenvchan *ctrl, uint64_t n)
{
    struct message m;

    bench_check(libxenvchan_send(ctrl, "r", 1) == 1);
    for (uint64_t i = 0; i < n; i++) {
        bench_check(libxenvchan_recv(ctrl, &m, sizeof m) == sizeof m);
        bench_check(!message_wrong(m.word, i));
        message_make(m.word, 3 * i);
        bench_check(libxenvchan_send(ctrl, &m, sizeof m) == sizeof m);
    }
}

static double vchan_call(void *ctx, uint64_t n)
{
    struct libxenvchan *ctrl = open_server();
    pid_t pid = fork_client(((const struct vchan *)ctx)->cpu, answer_calls, n);
    struct message m;
    char told;
    double t0;

    bench_check(libxenvchan_recv(ctrl, &told, 1) == 1);
    t0 = bench_now_ns();
    for (uint64_t i = 0; i < n; i++) {
        message_make(m.word, i);
        bench_check(libxenvchan_send(ctrl, &m, sizeof m) == sizeof m);
        bench_check(libxenvchan_recv(ctrl, &m, sizeof m) == sizeof m);
        bench_check(!message_wrong(m.word, 3 * i));
    }
    t0 = bench_now_ns() - t0;
    all_ended(ctrl, pid);
    return t0;
}

/* ---- ours */

struct talk {
    struct pair pair;
    int fd[3];
};

static void call_mine(void *ctx, uint64_t n)
{
    struct talk *s = ctx;
    struct call_tx tx;
    struct message m;

    bench_check(call_tx_attach(&tx, s->fd[0], LAYOUT, s->fd[1], s->fd[2]) == 0);
    for (uint64_t i = 0; i < n; i++) {
        message_make(m.word, i);
        bench_check(call_begin(&tx, &m, sizeof m) == 0);
        bench_check(call_wait(&tx, &m, sizeof m, 0, FOREVER_MS) == 0);
        bench_check(!message_wrong(m.word, 3 * i));
    }
    call_tx_detach(&tx);
}

static uint64_t answer_other(void *ctx, uint64_t n)
{
    struct talk *s = ctx;
    struct pollfd p = {.fd = s->fd[1], .events = POLLIN};
    struct call_rx rx;
    struct message m;
    uint64_t wrong = 0;

    bench_check(call_rx_attach(&rx, s->fd[0], LAYOUT, s->fd[1], s->fd[2]) == 0);
    for (uint64_t i = 0; i < n; i++) {
        while (call_take(&rx, &m, sizeof m) == LANE_EMPTY) {
            if (call_rx_sleep(&rx) == 0)
                bench_check(poll(&p, 1, FOREVER_MS) == 1);
            bench_check(lane_drain(s->fd[1]) == 0);
        }
        wrong += message_wrong(m.word, i) != 0;
        message_make(m.word, 3 * i);
        bench_check(call_answer(&rx, &m, sizeof m) == 0);
    }
    call_rx_detach(&rx);
    return wrong;
}

static double lane_call(void *ctx, uint64_t n)
{
    struct talk *s = ctx;
    double ns;

    bench_check(lane_create("bench", LANE_CALL, 1, LAYOUT, &s->fd[0]) == 0);
    for (unsigned i = 1; i < 3; i++)
        bench_check((s->fd[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) >= 0);
    ns = pair_run(&s->pair, call_mine, answer_other, s, n);
    for (unsigned i = 0; i < 3; i++)
        close(s->fd[i]);
    return ns;
}

static void stream_case(const struct bench *b, const char *name, uint64_t n, unsigned batch)
{
    const struct bench_case c = {
        .name = name, .piece = "message", .bytes = 64, .n = n, .max_ratio = 0.01};
    struct queue_side side = {.queue = queue_lane};
    struct vchan vchan = {.cpu = b->cpu[1], .batch = batch};
    const struct bench_way ways[] = {{"lane", queue_run, &side},
                                     {"libxenvchan", vchan_stream, &vchan}};

    pair_init(&side.pair, b, 1);
    side.queue.batch = batch;
    bench_case(b, &c, ways, 2);
}

static void call_case(const struct bench *b)
{
    static const struct bench_case c = {
        .name = "round trip, sleeping", .piece = "call", .n = 500, .max_ratio = 0.8};
    struct talk talk = {0};
    struct vchan vchan = {.cpu = b->cpu[1]};
    const struct bench_way ways[] = {{"lane", lane_call, &talk},
                                     {"libxenvchan", vchan_call, &vchan}};

    pair_init(&talk.pair, b, 1);
    bench_case(b, &c, ways, 2);
}

int main(int argc, char **argv)
{
    struct bench b;

    bench_init(&b, "vchan", argc, argv);
    stream_case(&b, "stream, batches of 32", 200000, BATCH_MAX);
    stream_case(&b, "stream, one by one", 20000, 1);
    call_case(&b);
    return 0;
}
