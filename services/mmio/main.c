/* SPDX-License-Identifier: MIT */
/*
 * main.c: vgt-mmio@DOMID: options, then the loop; everything else is service.c's.
 */
#include "services/mmio/service.h"

#include "lib/resident.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define ROLE "vgt-mmio"

struct options {
    const char *wire, *vmm;
    uint32_t domid;
    bool trace, no_sandbox, no_quarantine;
};

static void usage(FILE *out)
{
    fputs("usage: vgt-mmio [options] --domid N\n"
          "Emulates the virtual GPU of one domain; started by vgt-mmio@DOMID.service.\n"
          "  --domid N    the domain\n"
          "  --wire URI   the broker's wiring socket (" WIRE_DEFAULT ")\n"
          "  --vmm NAME   hypervisor: xen (default), fake or shm:DIR\n"
          "  --trace      log every access of the guest, at level debug\n"
          "  --no-sandbox no filter of system calls (to debug)\n"
          "  --no-quarantine  serve every access, however often it killed (to debug)\n"
          "  --help\n",
          out);
}

static int parse(int argc, char **argv, struct options *o)
{
    static const struct option longs[] = {
        {"domid", 1, NULL, 'd'},      {"wire", 1, NULL, 'w'},
        {"vmm", 1, NULL, 'v'},        {"trace", 0, NULL, 't'},
        {"no-sandbox", 0, NULL, 'S'}, {"no-quarantine", 0, NULL, 'Q'},
        {"help", 0, NULL, 'h'},       {0}};
    const char *domid = "";
    char *end;
    int opt;

    while ((opt = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
        if (opt == 'h') {
            usage(stdout);
            exit(0);
        } else if (opt == 'd') {
            domid = optarg;
        } else if (opt == 'S') {
            o->no_sandbox = true;
        } else if (opt == 'Q') {
            o->no_quarantine = true;
        } else if (opt == 't') {
            o->trace = true;
        } else if (opt == 'w') {
            o->wire = optarg;
        } else if (opt == 'v') {
            o->vmm = optarg;
        } else {
            usage(stderr);
            return 2;
        }
    }
    o->domid = (uint32_t)strtoul(domid, &end, 10);
    if (optind != argc || !o->domid || *end || o->domid > 0x7fef) {
        usage(stderr);
        return 2;
    }
    return 0;
}

static int run(const struct options *o, const struct log *log, struct mmio_service *s)
{
    const struct vmm_ops *ops = vmm_find(o->vmm);
    struct wire_config config = {.role = ROLE,
                                 .domid = o->domid,
                                 .socket = o->wire,
                                 .types = mmio_wire_types,
                                 .type_count = 1,
                                 .ops = &mmio_wire_ops,
                                 .log = log};
    struct loop *loop;
    int rc;

    if (!ops) {
        log_write(log, LOG_ERR, "no such hypervisor back end", "vmm=%s", o->vmm);
        return 2;
    }
    resident_keep(log);
    rc = loop_new(&loop);
    if (!rc)
        rc = mmio_service_init(s, loop, log, ops, o->domid);
    if (!rc) {
        s->trace = o->trace;
        s->no_quarantine = o->no_quarantine;
    }
    if (!rc && !o->no_sandbox)
        sandbox_when_ready(loop, &mmio_sandbox);
    if (!rc)
        rc = wire_client_new(loop, NULL, &config, s, &s->client);
    if (!rc)
        rc = loop_run(loop);
    log_write(log, rc ? LOG_ERR : LOG_INFO, "ending", "domid=%u error=%d", o->domid, rc);
    return rc ? 1 : 0;
}

int main(int argc, char **argv)
{
    struct options o = {.wire = WIRE_DEFAULT, .vmm = "xen"};
    struct log log = {.fd = 2, .level = LOG_INFO, .name = ROLE};
    struct mmio_service *s = calloc(1, sizeof(*s));
    int rc = parse(argc, argv, &o);

    if (rc || !s)
        return rc ? rc : 1;
    if (o.trace)
        log.level = LOG_DEBUG;
    signal(SIGPIPE, SIG_IGN);
    return run(&o, &log, s);
}
