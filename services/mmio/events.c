/* SPDX-License-Identifier: MIT */
/*
 * events.c: what gtt and sched tell mmio: pages to protect, interrupts, what engines did. Called by
 * the main loop. Each message is applied, then the lane's index moves: one that a crash repeats
 * does no harm (an interrupt may come once too often).
 */
#include <string.h>

#include "lib/crash.h"
#include "services/mmio/priv.h"
#include "services/wire/mmio_gtt.h"
#include "services/wire/mmio_sched.h"

static void set_trap(struct mmio *m, uint64_t gfn, bool on)
{
    if (m->s.ops->protect(m->s.vmm, gfn, on))
        mmio_fault(m, MMIO_FAULT_RANGE);
    crash_point("mmio.event.protected");
    mmio_lift_forget(m, gfn);
}

/* A page the guest gave back meanwhile cannot be protected: gtt learns that from its own map. Once
 * a page is protected gtt is told that all of it may have changed: what the guest wrote between
 * gtt's first look and the protection is in nobody's message. MMIO_LATER: no room for that notice.
 */
static int trap_now(struct mmio *m, uint64_t gfn)
{
    set_trap(m, gfn, true);
    return mmio_post_table_write(m, gfn, 0, 4096);
}

static int from_gtt(struct mmio *m, const struct lane_slot *slot)
{
    struct gtt_mmio msg;

    memcpy(&msg, slot, sizeof msg);
    switch (msg.kind) {
    case GTT_MMIO_PROTECT:
        return trap_now(m, msg.gfn);
    case GTT_MMIO_UNPROTECT:
        set_trap(m, msg.gfn, false);
        return 0;
    case GTT_MMIO_LIFT:
        mmio_lift(m, msg.gfn);
        return 0;
    case GTT_MMIO_PROTECT_LATER:
        return mmio_lift_note(m, msg.gfn) ? 0 : trap_now(m, msg.gfn);
    default:
        return 0;
    }
}

static int from_sched(struct mmio *m, const struct lane_slot *slot)
{
    struct sched_mmio msg;

    memcpy(&msg, slot, sizeof msg);
    if (msg.kind == SCHED_MMIO_IIR)
        return mmio_irq_engine(m, msg.engine, msg.bits);
    /* Not of SCHED_MMIO_RESET_DONE: the guest saw its reset end long ago. */
    m->model->status(m, &msg);
    return 0;
}

/* One by one, so that gtt gets room in its lane while it makes room in ours. */
int mmio_events_gtt(struct mmio *m)
{
    struct lane_rx *rx = m->s.from_gtt;

    while (rx) {
        int rc = m->gtt_waits ? 0 : lane_rx_next(rx, &m->parked_gtt, NULL);

        if (rc)
            return rc == LANE_EMPTY ? 0 : rc;
        m->gtt_waits = true;
        crash_point("mmio.event.taken");
        rc = from_gtt(m, &m->parked_gtt);
        if (rc)
            return rc;
        m->gtt_waits = false;
        crash_point("mmio.event.applied");
        rc = lane_rx_advance(rx);
        crash_point("mmio.event.advanced");
        if (rc)
            return rc;
    }
    return 0;
}

static int drain_sched(struct mmio *m)
{
    struct lane_slot slot;
    int rc, failed = 0;

    while (!failed && (rc = lane_rx_next(m->s.from_sched, &slot, NULL)) == 0)
        failed = from_sched(m, &slot);
    crash_point("mmio.event.sched");
    if (failed || rc == LANE_BROKEN)
        return failed ? failed : LANE_BROKEN;
    return lane_rx_advance(m->s.from_sched);
}

int mmio_events(struct mmio *m)
{
    int rc = mmio_events_gtt(m);

    if (rc && rc != MMIO_LATER)
        return rc;
    return m->s.from_sched ? drain_sched(m) : 0;
}
