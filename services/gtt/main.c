/* SPDX-License-Identifier: MIT */
/*
 * main.c: vgt-gtt: graphics memory of all guests. Options, then the loop; everything else is
 * service.c's, in answer to the broker and the lanes.
 */
#include "services/gtt/service.h"

#include "lib/last_words.h"
#include "lib/resident.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <urcu/urcu-memb.h>

#define ROLE "vgt-gtt"

struct options {
    const char *wire, *core, *store, *vmm;
    unsigned workers;
    bool in_sync, no_sandbox, no_quarantine;
};

static void usage(FILE *out)
{
    fputs("usage: vgt-gtt [options]\n"
          "Shadows the graphics memory of guests; started by vgt-gtt.service.\n"
          "  --wire URI   the broker's wiring socket (" WIRE_DEFAULT ")\n"
          "  --core URI   control channel of the broker, e.g. vchan:/local/domain/0/vgt/core\n"
          "               (default: the wiring socket)\n"
          "  --store URI  for vchan: xen: (default) or file:DIR\n"
          "  --vmm NAME   hypervisor: xen (default), fake or shm:DIR\n"
          "  --workers N  threads that pin guests' frames (1); 0: the loop does it alone\n"
          "  --in-sync    every page table traps at any time, also between two submissions\n"
          "  --no-sandbox no filter of system calls (to debug)\n"
          "  --no-quarantine  apply every input, however often it killed (to debug)\n"
          "  --help\n",
          out);
}

static int parse_workers(const char *text, unsigned *n)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (end == text || *end || value > WORKERS_MAX) {
        fprintf(stderr, ROLE ": --workers: a number from 0 to %u\n", WORKERS_MAX);
        return -1;
    }
    *n = (unsigned)value;
    return 0;
}

static int parse(int argc, char **argv, struct options *o)
{
    static const struct option longs[] = {
        {"wire", 1, NULL, 'w'},          {"core", 1, NULL, 'c'},
        {"store", 1, NULL, 's'},         {"vmm", 1, NULL, 'v'},
        {"workers", 1, NULL, 'n'},       {"no-sandbox", 0, NULL, 'S'},
        {"no-quarantine", 0, NULL, 'Q'}, {"help", 0, NULL, 'h'},
        {"in-sync", 0, NULL, 'i'},       {0}};
    int opt;

    while ((opt = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
        switch (opt) {
        case 'w':
            o->wire = optarg;
            break;
        case 'c':
            o->core = optarg;
            break;
        case 's':
            o->store = optarg;
            break;
        case 'v':
            o->vmm = optarg;
            break;
        case 'n':
            if (parse_workers(optarg, &o->workers))
                return 2;
            break;
        case 'i':
            o->in_sync = true;
            break;
        case 'S':
            o->no_sandbox = true;
            break;
        case 'Q':
            o->no_quarantine = true;
            break;
        case 'h':
            usage(stdout);
            exit(0);
        default:
            usage(stderr);
            return 2;
        }
    }
    return optind == argc ? 0 : (usage(stderr), 2);
}

static int run(const struct options *o, const struct log *log, struct gtt_service *s)
{
    const struct vmm_ops *ops = vmm_find(o->vmm);
    struct wire_config config = {.role = ROLE,
                                 .socket = o->wire,
                                 .control = o->core,
                                 .types = gtt_wire_types,
                                 .type_count = 1,
                                 .ops = &gtt_wire_ops,
                                 .log = log};
    struct store *store = NULL;
    struct loop *loop;
    int rc;

    if (!ops) {
        log_write(log, LOG_ERR, "no such hypervisor back end", "vmm=%s", o->vmm);
        return 2;
    }
    resident_keep(log);
    rc = last_words_install();
    rc = rc ? rc : loop_new(&loop);
    if (!rc && o->core)
        rc = store_open(loop, o->store, &store);
    if (!rc)
        rc = gtt_service_init(s, loop, log, ops, o->workers);
    if (!rc) {
        s->no_quarantine = o->no_quarantine;
        s->out_of_sync = !o->in_sync;
    }
    if (!rc && !o->no_sandbox)
        sandbox_when_ready(loop, &gtt_sandbox);
    if (!rc)
        rc = wire_client_new(loop, store, &config, s, &s->client);
    if (!rc)
        rc = loop_run(loop);
    log_write(log, rc ? LOG_ERR : LOG_INFO, "ending", "error=%d", rc);
    return rc ? 1 : 0;
}

int main(int argc, char **argv)
{
    struct options o = {.wire = WIRE_DEFAULT, .store = "xen:", .vmm = "xen", .workers = 1};
    struct log log = {.fd = 2, .level = LOG_INFO, .name = ROLE};
    struct gtt_service *s = calloc(1, sizeof(*s));
    int rc = parse(argc, argv, &o);

    if (rc || !s)
        return rc ? rc : 1;
    signal(SIGPIPE, SIG_IGN);
    urcu_memb_register_thread();
    return run(&o, &log, s);
}
