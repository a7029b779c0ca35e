/* SPDX-License-Identifier: MIT */
/*
 * service.h: vgt-mmio@DOMID as a process: the trap emulator of mmio.h between the hypervisor's
 * event channel, the lanes, display's timing record and the broker. One guest, one thread.
 */
#pragma once
#include "lib/account.h"
#include "lib/region.h"
#include "lib/sandbox.h"
#include "services/mmio/mmio.h"
#include "services/wire/client.h"

struct mmio_service {
    struct loop *loop;
    struct wire_client *client;
    const struct log *log;
    const struct vmm_ops *ops;
    uint32_t domid;
    bool attached, trace, no_quarantine;
    bool refused; /* the guest's regions or lanes are not for this build */
    struct account account;
    struct wire_fds fds;
    struct region vreg, vggtt, timing, bad;
    struct quarantine quarantine;
    struct lane_tx to_gtt, to_sched;
    struct lane_rx from_gtt, from_sched;
    struct vmm *vmm;
    struct mmio mmio;
    struct loop_source *source[5], *turn, *vblank;
    uint64_t watch_until_ns; /* display may start a pipe until then */
    uint64_t quiet_until_ns; /* gtt may sleep until then though entries wait; 0: none do */
    uint64_t due_ns;         /* when the timer goes off; 0: never */
    uint64_t faults_told[MMIO_FAULTS];
    struct {
        uint64_t want, shown; /* guest-physical base asked for; what the broker has confirmed */
        uint32_t id;          /* request in flight, 0 none */
        bool waits;           /* a guest's write does, for one in flight or for a broker */
        uint64_t sent_ns;
        uint64_t failed;
    } aperture;
};

int mmio_service_init(struct mmio_service *s, struct loop *loop, const struct log *log,
                      const struct vmm_ops *ops, uint32_t domid);
void mmio_service_stop(struct mmio_service *s);

extern const struct wire_ops mmio_wire_ops; /* ctx: struct mmio_service */
extern const struct chan_type mmio_wire_types[1];

/* stats.c */
void mmio_stats(void *ctx, uint32_t id);

extern const struct sandbox mmio_sandbox; /* sandbox.c */
