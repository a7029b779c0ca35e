/* SPDX-License-Identifier: MIT */
/*
 * main.c: vgt-sched: the engines, shared by all guests. Options, then the loop; everything else is
 * service.c's, in answer to the broker, the lanes and the engines.
 */
#include "services/sched/service.h"

#include "lib/last_words.h"
#include "lib/resident.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define ROLE "vgt-sched"

#define QUANTUM_US  10000ul
#define WATCHDOG_MS 2000ul
#define ARENA_MB    32ul

struct options {
    const char *wire, *core, *store, *vmm;
    unsigned long quantum_us, watchdog_ms, arena_mb;
    bool no_sandbox, no_quarantine;
};

static void usage(FILE *out)
{
    fputs("usage: vgt-sched [options]\n"
          "Runs guests' work on the GPU's engines; started by vgt-sched.service.\n"
          "  --wire URI       the broker's wiring socket (" WIRE_DEFAULT ")\n"
          "  --core URI       control channel of the broker, e.g. vchan:/local/domain/0/vgt/core\n"
          "                   (default: the wiring socket)\n"
          "  --store URI      for vchan: xen: (default) or file:DIR\n"
          "  --vmm NAME       hypervisor: xen (default), fake or shm:DIR\n"
          "  --quantum-us N   a guest's turn on an engine, times its weight (10000)\n"
          "  --watchdog-ms N  an engine that does not move for so long while another guest waits\n"
          "                   is reset (2000)\n"
          "  --arena-mb N     graphics memory for shadow contexts, 2..64 (32)\n"
          "  --no-sandbox     no filter of system calls (to debug)\n"
          "  --no-quarantine  apply every input, however often it killed (to debug)\n"
          "  --help\n",
          out);
}

/* Whole and in range, or 0. */
static unsigned long number(const char *text, unsigned long least, unsigned long most)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    return *text == '-' || !*text || *end || value < least || value > most ? 0 : value;
}

/* 0: ok. */
static int set(struct options *o, int opt)
{
    switch (opt) {
    case 'w':
        o->wire = optarg;
        return 0;
    case 'c':
        o->core = optarg;
        return 0;
    case 's':
        o->store = optarg;
        return 0;
    case 'v':
        o->vmm = optarg;
        return 0;
    case 'q':
        return !(o->quantum_us = number(optarg, 100, 10000000));
    case 'd':
        return !(o->watchdog_ms = number(optarg, 1, 600000));
    case 'S':
        o->no_sandbox = true;
        return 0;
    case 'Q':
        o->no_quarantine = true;
        return 0;
    case 'a':
        return !(o->arena_mb = number(optarg, 2, 64));
    }
    return 1;
}

static int parse(int argc, char **argv, struct options *o)
{
    static const struct option longs[] = {{"wire", 1, NULL, 'w'},
                                          {"core", 1, NULL, 'c'},
                                          {"store", 1, NULL, 's'},
                                          {"vmm", 1, NULL, 'v'},
                                          {"quantum-us", 1, NULL, 'q'},
                                          {"watchdog-ms", 1, NULL, 'd'},
                                          {"arena-mb", 1, NULL, 'a'},
                                          {"no-sandbox", 0, NULL, 'S'},
                                          {"no-quarantine", 0, NULL, 'Q'},
                                          {"help", 0, NULL, 'h'},
                                          {0}};
    int opt;

    while ((opt = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
        if (opt == 'h') {
            usage(stdout);
            exit(0);
        }
        if (set(o, opt)) {
            usage(stderr);
            return 2;
        }
    }
    return optind == argc ? 0 : (usage(stderr), 2);
}

static void on_signal(void *data, uint32_t events)
{
    (void)events;
    loop_stop(data, 0);
}

/* An ordinary end goes through sched_free(), which stops the engines. */
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
    return fd < 0 ? -1 : loop_fd(loop, fd, EPOLLIN, on_signal, loop, &source);
}

static int serve(const struct options *o, const struct log *log, struct loop *loop,
                 const struct vmm_ops *ops)
{
    struct wire_config config = {
        .role = ROLE, .socket = o->wire, .control = o->core, .ops = &sched_wire_ops, .log = log};
    struct sched_service_options options = {.vmm = ops,
                                            .quantum_ns = o->quantum_us * 1000,
                                            .watchdog_ns = o->watchdog_ms * 1000000,
                                            .arena_pages =
                                                (uint32_t)(o->arena_mb + 1) / 2 * ARENA_BLOCK_PAGES,
                                            .no_quarantine = o->no_quarantine};
    struct sched_service v;
    struct store *store = NULL;
    int rc = sched_service_init(&v, loop, log, &options);

    if (rc)
        return rc;
    if (o->core)
        rc = store_open(loop, o->store, &store);
    if (!rc && !o->no_sandbox)
        sandbox_when_ready(loop, &sched_sandbox);
    rc = rc ? rc : wire_client_new(loop, store, &config, &v, &v.client);
    rc = rc ? rc : loop_run(loop);
    sched_free(v.sched);
    wire_client_free(v.client);
    return rc;
}

static int run(const struct options *o, const struct log *log)
{
    const struct vmm_ops *ops = vmm_find(o->vmm);
    struct loop *loop;
    int rc;

    if (!ops) {
        log_write(log, LOG_ERR, "no such hypervisor back end", "vmm=%s", o->vmm);
        return 2;
    }
    resident_keep(log);
    rc = last_words_install();
    rc = rc ? rc : loop_new(&loop);
    rc = rc ? rc : catch_signals(loop);
    rc = rc ? rc : serve(o, log, loop, ops);
    log_write(log, rc ? LOG_ERR : LOG_INFO, "ending", "error=%d", rc);
    return rc ? 1 : 0;
}

int main(int argc, char **argv)
{
    struct options o = {.wire = WIRE_DEFAULT,
                        .store = "xen:",
                        .vmm = "xen",
                        .quantum_us = QUANTUM_US,
                        .watchdog_ms = WATCHDOG_MS,
                        .arena_mb = ARENA_MB};
    struct log log = {.fd = 2, .level = LOG_INFO, .name = ROLE};
    int rc = parse(argc, argv, &o);

    return rc ? rc : run(&o, &log);
}
