/* SPDX-License-Identifier: MIT */
/*
 * service.h: vgt-sched between the broker and sched.c: takes descriptors and requests of the
 * wiring, answers them, reports statistics. Called by main.c and the wire client; one thread.
 */
#pragma once
#include "lib/sandbox.h"
#include "services/sched/sched.h"

struct sched_service {
    struct loop *loop;
    const struct log *log;
    struct sched *sched;
    struct wire_client *client; /* set by whoever makes it */
};

struct sched_service_options {
    const struct vmm_ops *vmm;
    uint64_t quantum_ns, watchdog_ns;
    uint32_t arena_pages;
    bool no_quarantine;
};

/* For wire_client_new(); its ctx is the struct. */
extern const struct wire_ops sched_wire_ops;

/* 0 or -errno. */
int sched_service_init(struct sched_service *v, struct loop *loop, const struct log *log,
                       const struct sched_service_options *options);

/* stats.c: answer request id. */
void sched_stats(struct sched_service *v, uint32_t id);

extern const struct sandbox sched_sandbox; /* sandbox.c */
