/* SPDX-License-Identifier: MIT */
/*
 * softgpu_socket_bench.c: how long a read of a BAR0 register takes at softgpu's socket, from the
 * request to the whole answer, beside an echo that receives and sends as many bytes over the same
 * kind of socket and does nothing else. Both run in processes of their own and are asked in turn,
 * so that what other programs take away hits both. Times depend on the machine. With --require US
 * the program fails when the median of the reads is longer than so many microseconds.
 */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "softgpu/listen.h"
#include "softgpu/server.h"
#include "softgpu/vfu_priv.h"
#include "tests/unit/softgpu_client_rig.h"

#define ROUNDS     20000
#define WARM       500
#define REGISTER   0x44040u /* plain storage on either side of the lock */
#define ASK_BYTES  32u      /* header and what is to be read */
#define TELL_BYTES 36u      /* the same and the register */

struct exchange {
    struct vfu_header head;
    struct {
        uint64_t offset;
        uint32_t region, count;
    } access;
    uint32_t value;
};

static double now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

/* One question and its answer, which softgpu gives with these flags; microseconds. */
static double ask(int fd, uint32_t flags)
{
    struct exchange e = {
        {.id = 7, .command = VFU_REGION_READ, .size = ASK_BYTES}, {REGISTER, 0, 4}, 0};
    double begin = now_us();
    struct exchange answer;
    double end;

    if (send(fd, &e, ASK_BYTES, 0) != ASK_BYTES ||
        recv(fd, &answer, TELL_BYTES, MSG_WAITALL) != TELL_BYTES) {
        fprintf(stderr, "softgpu_socket_bench: the other end has gone\n");
        exit(1);
    }
    end = now_us();
    if (answer.head.flags != flags || answer.head.size != (flags ? TELL_BYTES : ASK_BYTES)) {
        fprintf(stderr, "softgpu_socket_bench: that was no answer\n");
        exit(1);
    }
    return end - begin;
}

static pid_t serve(const char *path)
{
    struct server_options o = {.socket = path, .once = true};
    pid_t pid = fork();

    if (!pid)
        _exit(server_run(&o) ? 1 : 0);
    return pid;
}

static pid_t echo(int listener)
{
    char buf[TELL_BYTES] = "";
    pid_t pid = fork();
    int fd;

    if (pid)
        return pid;
    fd = accept(listener, NULL, NULL);
    while (recv(fd, buf, ASK_BYTES, MSG_WAITALL) == ASK_BYTES)
        if (send(fd, buf, TELL_BYTES, MSG_NOSIGNAL) != TELL_BYTES)
            break;
    _exit(0);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double report(const char *name, double *us)
{
    qsort(us, ROUNDS, sizeof(*us), by_size);
    printf("%-22s median %6.1f us   p99 %7.1f us\n", name, us[ROUNDS / 2], us[ROUNDS * 99 / 100]);
    return us[ROUNDS / 2];
}

/* All on one processor: where the scheduler puts the three would be most of what is measured. */
static void stay_here(void)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET((size_t)sched_getcpu(), &set);
    sched_setaffinity(0, sizeof(set), &set);
}

static double measure(int gpu, int plain)
{
    static double us[2][ROUNDS];
    double read, bare;

    for (int i = 0; i < WARM; i++) {
        ask(plain, 0);
        ask(gpu, VFU_TYPE_REPLY);
    }
    for (int i = 0; i < ROUNDS; i++) {
        us[0][i] = ask(plain, 0);
        us[1][i] = ask(gpu, VFU_TYPE_REPLY);
    }
    bare = report("bare echo", us[0]);
    read = report("BAR0 register read", us[1]);
    printf("%-22s %.2f\n", "ratio of the medians", read / bare);
    return read;
}

int main(int argc, char **argv)
{
    char dir[] = "/tmp/softgpu-bench-XXXXXX", path[64], other[64];
    double required = 1e9, median;
    pid_t server, peer;
    int gpu, plain, l;

    if (argc == 3 && !strcmp(argv[1], "--require")) {
        required = atof(argv[2]);
    } else if (argc != 1) {
        fprintf(stderr, "usage: softgpu_socket_bench [--require MICROSECONDS]\n");
        return 2;
    }
    if (!mkdtemp(dir))
        return 1;
    stay_here();
    snprintf(path, sizeof(path), "%s/gpu", dir);
    snprintf(other, sizeof(other), "%s/echo", dir);
    server = serve(path);
    l = listen_unix(other);
    peer = echo(l);
    plain = client_connect(other);
    gpu = client_connect(path);
    client_agree(gpu);
    median = measure(gpu, plain);
    close(gpu);
    close(plain);
    waitpid(server, NULL, 0);
    waitpid(peer, NULL, 0);
    unlink(other);
    rmdir(dir);
    return median > required;
}
