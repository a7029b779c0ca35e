/* SPDX-License-Identifier: MIT */
/*
 * softstub.c: vgt-softstub, which stands where vgt_stub.ko stands on a machine without the GPU: a
 * vfio-user client of softgpu that keeps the module's rules for the services (docs/rig.md). This
 * file: options, start and end. One thread, its loop.
 */
#include "tests/rig/stub.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

struct options {
    const char *gpu, *socket, *ctl, *judge;
    struct stub_limits limits;
};

static void usage(FILE *out)
{
    fputs(
        "usage: vgt-softstub --gpu PATH --socket PATH [options]\n"
        "Stands in for vgt_stub.ko, with softgpu as the GPU (docs/rig.md).\n"
        "  --gpu PATH          softgpu's vfio-user socket\n"
        "  --socket PATH       listen here for nodes: vgt-broker --gpu soft:PATH\n"
        "  --ctl PATH          listen here for lines: memory, forget, hole, fill, status, frames\n"
        "  --max-dma-pages N   pages one row may hold (65536)\n"
        "  --max-pins N        frames pinned at once, all domains together (4194304)\n"
        "  --aperture-slice-mb N\n"
        "                      MiB at the end of the aperture that row display may read (16)\n"
        "  --help\n",
        out);
}

static bool number(const char *text, uint32_t most, uint32_t *out)
{
    char *end;
    unsigned long v = strtoul(text, &end, 10);

    *out = (uint32_t)v;
    return *text >= '0' && *text <= '9' && !*end && v <= most;
}

/* -1: go on; else the exit status. */
static int parse(int argc, char **argv, struct options *o)
{
    static const struct option longs[] = {
        {"gpu", 1, NULL, 'g'},      {"socket", 1, NULL, 's'},
        {"ctl", 1, NULL, 'c'},      {"max-dma-pages", 1, NULL, 'd'},
        {"max-pins", 1, NULL, 'p'}, {"aperture-slice-mb", 1, NULL, 'a'},
        {"judge", 1, NULL, 'j'},    {"help", 0, NULL, 'h'},
        {NULL, 0, NULL, 0}};
    bool good = true;
    int opt;

    while (good && (opt = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        const char **text = opt == 'g'   ? &o->gpu
                            : opt == 's' ? &o->socket
                            : opt == 'c' ? &o->ctl
                            : opt == 'j' ? &o->judge
                                         : NULL;

        if (text)
            *text = optarg;
        else if (opt == 'd')
            good = number(optarg, 1u << 20, &o->limits.dma_pages);
        else if (opt == 'p')
            good = number(optarg, INT32_MAX, &o->limits.pins);
        else if (opt == 'a')
            good = number(optarg, 4096, &o->limits.slice_mb);
        else if (opt == 'h')
            return usage(stdout), 0;
        else
            good = false;
    }
    if (good && optind == argc && o->gpu && o->socket)
        return -1;
    usage(stderr);
    return 2;
}

static void on_signal(void *data, uint32_t events)
{
    (void)events;
    loop_stop(data, 0);
}

static int catch_signals(struct loop *loop)
{
    struct loop_source *source;
    sigset_t set;
    int fd;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? -errno : loop_fd(loop, fd, EPOLLIN, on_signal, loop, &source);
}

/* A descriptor per block, and each row may have thousands. */
static void raise_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit))
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static int fail(const struct softstub *s, int r, const char *what, const char *about)
{
    if (r)
        log_write(s->log, LOG_ERR, what, "at=%s error=%s", about, strerror(-r));
    return r;
}

static int start(struct softstub *s, const struct options *o)
{
    int r = fail(s, vfu_client_new(o->gpu, &s->gpu), "softgpu cannot be reached", o->gpu);

    if (!r)
        r = fail(s, stub_gpu_start(s), "the GPU cannot be taken over", o->gpu);
    if (!r && o->judge)
        r = fail(s, stub_judge_start(s, o->judge), "the judge cannot be reached", o->judge);
    if (!r && o->ctl)
        r = fail(s, stub_listen_ctl(s, o->ctl), "cannot listen", o->ctl);
    if (!r)
        r = fail(s, stub_listen_nodes(s, o->socket), "cannot listen", o->socket);
    if (!r)
        r = loop_ready(s->loop);
    return r;
}

static void end(struct softstub *s, const struct options *o)
{
    if (s->listener)
        unlink(o->socket);
    if (s->ctl)
        unlink(o->ctl);
    stub_nodes_end(s);
    stub_domains_end(s);
    stub_ctl_end(s);
    stub_judge_end(s);
    loop_remove(s->on_msi);
    loop_remove(s->on_end);
    vfu_client_free(s->gpu);
}

int main(int argc, char **argv)
{
    struct options o = {.limits = {.dma_pages = 65536, .pins = 4u << 20, .slice_mb = 16}};
    struct log log = {.fd = 2, .level = LOG_INFO, .name = "vgt-softstub"};
    struct softstub s = {.log = &log, .scratch = -1, .msi = -1};
    int r = parse(argc, argv, &o);

    if (r >= 0)
        return r;
    s.limits = o.limits;
    stub_nodes_init(&s);
    raise_limit();
    r = loop_new(&s.loop);
    if (r)
        return 1;
    r = catch_signals(s.loop);
    if (!r)
        r = start(&s, &o);
    if (!r)
        r = loop_run(s.loop);
    end(&s, &o);
    loop_free(s.loop);
    return r ? 1 : 0;
}
