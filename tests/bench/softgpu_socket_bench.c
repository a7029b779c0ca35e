/* SPDX-License-Identifier: MIT */
/*
 * softgpu_socket_bench.c: how long a read of a BAR0 register takes at softgpu's socket, from the
 * request to the whole answer, beside an echo that receives and sends as many bytes over the same
 * kind of socket and does nothing else. Both run in processes of their own and are asked in turn,
 * so that what other programs take away hits both. All on one processor: where the scheduler puts
 * the three would be most of what is measured.
 */
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
#include "tests/bench/bench.h"
#include "tests/unit/softgpu_client_rig.h"

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

/* One question and its answer, which softgpu gives with these flags. */
static void ask(int fd, uint32_t flags)
{
    struct exchange e = {
        {.id = 7, .command = VFU_REGION_READ, .size = ASK_BYTES}, {REGISTER, 0, 4}, 0};
    struct exchange answer;

    if (send(fd, &e, ASK_BYTES, 0) != ASK_BYTES ||
        recv(fd, &answer, TELL_BYTES, MSG_WAITALL) != TELL_BYTES)
        bench_fail("softgpu-socket: the other end has gone");
    if (answer.head.flags != flags || answer.head.size != (flags ? TELL_BYTES : ASK_BYTES))
        bench_fail("softgpu-socket: that was no answer");
}

struct end {
    int fd;
    uint32_t flags;
};

static double ask_all(void *ctx, uint64_t n)
{
    const struct end *e = ctx;
    double ns = bench_now_ns();

    for (uint64_t i = 0; i < n; i++)
        ask(e->fd, e->flags);
    return bench_now_ns() - ns;
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

static const struct bench_case reads = {.name = "BAR0 register read", .piece = "read", .n = 4000};

int main(int argc, char **argv)
{
    char dir[] = "/tmp/softgpu-bench-XXXXXX", path[64], other[64];
    struct end gpu = {.flags = VFU_TYPE_REPLY}, plain = {.flags = 0};
    const struct bench_way way[] = {{"softgpu", ask_all, &gpu}, {"echo", ask_all, &plain}};
    pid_t server, peer;
    struct bench b;

    bench_init(&b, "softgpu-socket", argc, argv);
    bench_pin(b.cpu[0]);
    bench_check(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/gpu", dir);
    snprintf(other, sizeof(other), "%s/echo", dir);
    server = serve(path);
    peer = echo(listen_unix(other));
    plain.fd = client_connect(other);
    gpu.fd = client_connect(path);
    client_agree(gpu.fd);
    bench_case(&b, &reads, way, 2);
    close(gpu.fd);
    close(plain.fd);
    waitpid(server, NULL, 0);
    waitpid(peer, NULL, 0);
    unlink(other);
    rmdir(dir);
    return 0;
}
