/* SPDX-License-Identifier: MIT */
/*
 * lift.c: pages with page tables that the guest writes without a trap for each entry: out of sync
 * until it submits next, when they trap again and vgt-gtt reads the whole of them before sched runs
 * what was submitted. vgt-gtt chooses them (track.c). The list is in the vreg file: a process that
 * dies leaves it to the next. Called by events.c and post.c; one thread.
 */
#include <assert.h>

#include "lib/crash.h"
#include "services/mmio/priv.h"

/* What is before it is there whenever the process dies. */
static void set_count(struct vreg_lifted *l, uint32_t n)
{
    __atomic_store_n(&l->n, n, __ATOMIC_RELEASE);
}

static uint32_t find(const struct vreg_lifted *l, uint64_t gfn)
{
    uint32_t i = 0;

    assert(l->n <= VREG_LIFTED);
    while (i < l->n && l->gfn[i] != gfn)
        i++;
    return i;
}

bool mmio_lift_note(struct mmio *m, uint64_t gfn)
{
    struct vreg_lifted *l = &m->vreg->lifted;

    if (find(l, gfn) < l->n)
        return true;
    if (l->n == VREG_LIFTED || gfn > UINT32_MAX)
        return false;
    l->gfn[l->n] = (uint32_t)gfn;
    set_count(l, l->n + 1);
    m->lifts++;
    crash_point("mmio.lift.noted");
    return true;
}

void mmio_lift(struct mmio *m, uint64_t gfn)
{
    if (!mmio_lift_note(m, gfn))
        return; /* it goes on trapping */
    if (m->s.ops->protect(m->s.vmm, gfn, false))
        mmio_fault(m, MMIO_FAULT_RANGE);
    crash_point("mmio.lift.untrapped");
}

void mmio_lift_forget(struct mmio *m, uint64_t gfn)
{
    struct vreg_lifted *l = &m->vreg->lifted;
    uint32_t i;

    while ((i = find(l, gfn)) < l->n) {
        l->gfn[i] = l->gfn[l->n - 1];
        set_count(l, l->n - 1);
    }
}

/* A table that gtt found a moment ago: it said so before it read the table, and what the guest has
 * written since is known to nobody, so gtt's lane is emptied before the submission gets its epoch.
 * (lane_tx_put() is a full fence: what gtt reads after it is older than the guest's later writes
 * only if we see the message.) A lane that broke is made anew, with all of gtt's tables. */
static int gtt_said_all(struct mmio *m)
{
    int rc = mmio_events_gtt(m);

    return rc == LANE_BROKEN ? MMIO_LATER : rc;
}

int mmio_lift_end(struct mmio *m)
{
    struct vreg_lifted *l = &m->vreg->lifted;
    int rc = gtt_said_all(m);

    assert(l->n <= VREG_LIFTED);
    while (!rc && l->n) {
        uint64_t gfn = l->gfn[l->n - 1];

        if (m->s.ops->protect(m->s.vmm, gfn, true))
            mmio_fault(m, MMIO_FAULT_RANGE);
        crash_point("mmio.lift.traps");
        rc = mmio_post_table_write(m, gfn, 0, 4096);
        if (rc)
            return rc;
        set_count(l, l->n - 1);
        crash_point("mmio.lift.ended");
    }
    return rc;
}
