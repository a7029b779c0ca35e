/* SPDX-License-Identifier: MIT */
/*
 * one.c: vgt-rig-one: vgt-gtt, vgt-sched, vgt-display and the vgt-mmio of some guests in one
 * process and one loop, for a benchmark of what it costs that they are several (tests/bench/split).
 * The broker is beside it, with the same wiring; lanes are the same, but who publishes calls the
 * other side instead of waking it (one_direct.c). No sandbox, no restarts. One thread, and
 * vgt-gtt's workers.
 */
#include "services/display/service.h"
#include "services/gtt/service.h"
#include "services/mmio/service.h"
#include "services/sched/service.h"

#include "lib/resident.h"

#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <urcu/urcu-memb.h>

#define MOST       8u
#define QUANTUM_NS 10000000u /* as vgt-sched's own */
#define WATCH_NS   2000000000u

static const struct log log_one = {.fd = 2, .level = LOG_INFO, .name = "vgt-one"};
static struct gtt_service gtt;
static struct sched_service sched;
static struct mmio_service mmio[MOST];
static struct wire_config config[MOST + 2];

static int start_gtt(struct loop *loop, const char *wire, const struct vmm_ops *ops)
{
    int rc = gtt_service_init(&gtt, loop, &log_one, ops, 1);

    config[MOST] = (struct wire_config){.role = "vgt-gtt",
                                        .socket = wire,
                                        .types = gtt_wire_types,
                                        .type_count = 1,
                                        .ops = &gtt_wire_ops,
                                        .log = &log_one};
    return rc ? rc : wire_client_new(loop, NULL, &config[MOST], &gtt, &gtt.client);
}

static int start_sched(struct loop *loop, const char *wire, const struct vmm_ops *ops)
{
    const struct sched_service_options options = {.vmm = ops,
                                                  .quantum_ns = QUANTUM_NS,
                                                  .watchdog_ns = WATCH_NS,
                                                  .arena_pages = 16 * ARENA_BLOCK_PAGES};
    int rc = sched_service_init(&sched, loop, &log_one, &options);

    config[MOST + 1] = (struct wire_config){
        .role = "vgt-sched", .socket = wire, .ops = &sched_wire_ops, .log = &log_one};
    return rc ? rc : wire_client_new(loop, NULL, &config[MOST + 1], &sched, &sched.client);
}

static int start_display(struct loop *loop, const char *wire)
{
    static struct service_options options = {
        .slow = 1, .width = 1024, .height = 768, .refresh = 60};
    struct service *service;

    options.wire = wire;
    return service_new(loop, &log_one, &options, &service);
}

static int start_mmio(struct loop *loop, const char *wire, const struct vmm_ops *ops,
                      uint32_t domid)
{
    struct mmio_service *s = &mmio[domid - 1];
    struct wire_config *c = &config[domid - 1];
    int rc = mmio_service_init(s, loop, &log_one, ops, domid);

    *c = (struct wire_config){.role = "vgt-mmio",
                              .domid = domid,
                              .socket = wire,
                              .types = mmio_wire_types,
                              .type_count = 1,
                              .ops = &mmio_wire_ops,
                              .log = &log_one};
    return rc ? rc : wire_client_new(loop, NULL, c, s, &s->client);
}

static int run(const char *wire, const char *vmm, unsigned guests)
{
    const struct vmm_ops *ops = vmm_find(vmm);
    struct loop *loop = NULL;
    int rc = ops ? loop_new(&loop) : -1;

    resident_keep(&log_one);
    rc = rc ? rc : start_gtt(loop, wire, ops);
    rc = rc ? rc : start_sched(loop, wire, ops);
    rc = rc ? rc : start_display(loop, wire);
    for (unsigned i = 1; i <= guests && !rc; i++)
        rc = start_mmio(loop, wire, ops, i);
    rc = rc ? rc : loop_run(loop);
    log_write(&log_one, LOG_ERR, "ending", "error=%d", rc);
    return 1;
}

int main(int argc, char **argv)
{
    static const struct option longs[] = {
        {"wire", 1, NULL, 'w'}, {"vmm", 1, NULL, 'v'}, {"guests", 1, NULL, 'g'}, {0}};
    const char *wire = NULL, *vmm = NULL;
    unsigned long guests = 0;
    int opt;

    while ((opt = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        if (opt == 'w')
            wire = optarg;
        else if (opt == 'v')
            vmm = optarg;
        else if (opt == 'g')
            guests = strtoul(optarg, NULL, 10);
    }
    if (!wire || !vmm || !guests || guests > MOST || optind != argc) {
        log_write(&log_one, LOG_ERR, "usage: vgt-rig-one --wire URI --vmm shm:DIR --guests N",
                  NULL);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    urcu_memb_register_thread();
    return run(wire, vmm, (unsigned)guests);
}
