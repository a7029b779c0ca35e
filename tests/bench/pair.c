/* SPDX-License-Identifier: MIT */
/* pair.c: see pair.h. */
#include "tests/bench/pair.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct pair_state {
    _Atomic uint32_t ready, go, done;
};

static void *shared(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED)
        bench_fail("no %zu bytes of shared memory", size);
    return p;
}

void pair_init(struct pair *p, const struct bench *b, size_t size)
{
    p->bench = b;
    p->size = size;
    p->shared = shared(size);
    p->state = shared(sizeof(*p->state));
    bench_pin(b->cpu[0]);
}

static void child(struct pair *p, pair_other *other, void *ctx, uint64_t n)
{
    int status;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    bench_pin(p->bench->cpu[1]);
    atomic_store(&p->state->ready, 1);
    while (!atomic_load(&p->state->go))
        pair_relax();
    status = other(ctx, n) ? 1 : 0;
    atomic_store(&p->state->done, 1);
    _exit(status);
}

/* Until the other end is through. */
static void until_done(struct pair *p, pid_t pid)
{
    for (unsigned turns = 1; !atomic_load(&p->state->done); turns++) {
        pair_relax();
        if (turns % (1u << 20) == 0 && waitpid(pid, NULL, WNOHANG) == pid)
            bench_fail("%s: the other process has died", p->bench->name);
    }
}

double pair_run(struct pair *p, pair_mine *mine, pair_other *other, void *ctx, uint64_t n)
{
    double begin, ns;
    int status;
    pid_t pid;

    atomic_store(&p->state->ready, 0);
    atomic_store(&p->state->go, 0);
    atomic_store(&p->state->done, 0);
    pid = fork();
    if (pid < 0)
        bench_fail("fork() fails");
    if (!pid)
        child(p, other, ctx, n);
    while (!atomic_load(&p->state->ready))
        usleep(50);
    begin = bench_now_ns();
    atomic_store(&p->state->go, 1);
    mine(ctx, n);
    until_done(p, pid);
    ns = bench_now_ns() - begin;
    if (waitpid(pid, &status, 0) != pid)
        bench_fail("waitpid() fails");
    if (status)
        bench_fail("%s: the other process saw wrong, lost or repeated messages", p->bench->name);
    return ns;
}
