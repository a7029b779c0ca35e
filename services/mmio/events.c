/* SPDX-License-Identifier: MIT */
/*
 * events.c: what gtt and sched tell mmio: pages to protect, interrupts, context status. Called by
 * the main loop. Each message is applied, then the lane's index moves: one that a crash repeats
 * does no harm (an interrupt may come once too often).
 */
#include <string.h>

#include "services/mmio/priv.h"
#include "services/wire/mmio_gtt.h"
#include "services/wire/mmio_sched.h"

/* A page the guest gave back meanwhile cannot be protected: gtt learns that from its own map. */
static int from_gtt(struct mmio *m, const struct lane_slot *slot)
{
    struct gtt_mmio msg;

    memcpy(&msg, slot, sizeof msg);
    switch (msg.kind) {
    case GTT_MMIO_PROTECT:
    case GTT_MMIO_UNPROTECT:
        if (m->s.ops->protect(m->s.vmm, msg.gfn, msg.kind == GTT_MMIO_PROTECT))
            mmio_fault(m, MMIO_FAULT_RANGE);
    }
    return 0;
}

static int from_sched(struct mmio *m, const struct lane_slot *slot)
{
    struct sched_mmio msg;

    memcpy(&msg, slot, sizeof msg);
    switch (msg.kind) {
    case SCHED_MMIO_IIR:
        return mmio_irq_engine(m, msg.engine, msg.bits);
    case SCHED_MMIO_CSB:
        mmio_csb(m, msg.engine, msg.csb_index, msg.csb, msg.execlist_status);
    }
    return 0; /* SCHED_MMIO_RESET_DONE: the guest saw its reset end long ago */
}

static int drain(struct mmio *m, struct lane_rx *rx,
                 int (*apply)(struct mmio *m, const struct lane_slot *slot))
{
    struct lane_slot slot;
    int rc, failed = 0;

    if (!rx)
        return 0;
    while (!failed && (rc = lane_rx_next(rx, &slot, NULL)) == 0)
        failed = apply(m, &slot);
    if (failed)
        return failed;
    if (rc == LANE_BROKEN)
        return LANE_BROKEN;
    rc = lane_rx_advance(rx);
    return rc;
}

int mmio_events(struct mmio *m)
{
    int rc = drain(m, m->s.from_gtt, from_gtt);

    return rc ? rc : drain(m, m->s.from_sched, from_sched);
}
