/* SPDX-License-Identifier: MIT */
/*
 * main.c: vgt-display, the process: options, the loop, signals. What it owns is in display.h, what
 * it is told in service.h. One thread.
 */
#include "services/display/service.h"
#include "services/wire/client.h"

#include "lib/resident.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define MAX_SLOW 16u

static void usage(FILE *out)
{
    fputs("usage: vgt-display [options]\n"
          "  --wire URI       the broker's wiring socket (" WIRE_DEFAULT ")\n"
          "  --slow N         stretch frame times N times, 1 to 16 (1)\n"
          "  --mode WxH[@HZ]  preferred mode of virtual monitors (1024x768@60)\n"
          "  --no-auto        show no guest that was not asked for\n"
          "  --no-sandbox     no filter of system calls (to debug)\n"
          "  --help\n",
          out);
}

static bool parse_slow(const char *text, unsigned *slow)
{
    char *end;
    unsigned long v = strtoul(text, &end, 10);

    *slow = (unsigned)v;
    return *text && !*end && v >= 1 && v <= MAX_SLOW;
}

static bool parse_mode(const char *text, struct service_options *o)
{
    return edid_parse_mode(text, &o->width, &o->height, &o->refresh) == 0;
}

/* 0: go on; 1: done; 2: wrong. */
static int parse(int argc, char **argv, struct service_options *o)
{
    static const struct option options[] = {{"wire", 1, NULL, 'w'},
                                            {"slow", 1, NULL, 's'},
                                            {"mode", 1, NULL, 'm'},
                                            {"no-auto", 0, NULL, 'n'},
                                            {"no-sandbox", 0, NULL, 'S'},
                                            {"help", 0, NULL, 'h'},
                                            {0}};
    bool good = true;
    int opt;

    while (good && (opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (opt == 'w')
            o->wire = optarg;
        else if (opt == 's')
            good = parse_slow(optarg, &o->slow);
        else if (opt == 'm')
            good = parse_mode(optarg, o);
        else if (opt == 'n')
            o->no_auto = true;
        else if (opt == 'S')
            o->no_sandbox = true;
        else if (opt == 'h')
            return 1;
        else
            good = false;
    }
    return good && optind == argc ? 0 : 2;
}

static void on_signal(void *data, uint32_t events)
{
    (void)events;
    loop_stop(data, 0);
}

static int watch_signals(struct loop *loop)
{
    struct loop_source *source;
    sigset_t set;
    int fd;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? -errno : loop_fd(loop, fd, EPOLLIN, on_signal, loop, &source);
}

static int run(const struct service_options *options, const struct log *log)
{
    struct service *service = NULL;
    struct loop *loop;
    int rc;

    resident_keep(log);
    rc = loop_new(&loop);
    if (rc)
        return rc;
    rc = watch_signals(loop);
    if (!rc && !options->no_sandbox)
        sandbox_when_ready(loop, &display_sandbox);
    if (!rc)
        rc = service_new(loop, log, options, &service);
    if (!rc)
        rc = loop_run(loop);
    if (service)
        service_free(service);
    loop_free(loop);
    return rc;
}

int main(int argc, char **argv)
{
    struct service_options options = {
        .wire = WIRE_DEFAULT, .slow = 1, .width = 1024, .height = 768, .refresh = 60};
    struct log log = {.fd = 2, .level = LOG_INFO, .name = "vgt-display"};
    int rc = parse(argc, argv, &options);

    if (rc) {
        usage(rc == 1 ? stdout : stderr);
        return rc == 1 ? 0 : 2;
    }
    rc = run(&options, &log);
    if (rc)
        log_write(&log, LOG_ERR, "ends", "error=\"%s\"", strerror(-rc));
    return rc ? 1 : 0;
}
