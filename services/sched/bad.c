/* SPDX-License-Identifier: MIT */
/*
 * bad.c: inputs of guests that kill vgt-sched (lib/quarantine.h): the table of each guest is taken
 * up when it attaches, before anything of it is looked at, and cleared of suspects when all that
 * was in flight has been met again. Called by attach.c; the loop's thread.
 */
#include "services/sched/sched_priv.h"

#include "services/wire/input.h"
#include "services/wire/names.h"

int sched_bad_attach(struct sched *s, struct sched_guest *sg, uint32_t domid)
{
    int rc;

    /* A broker of an older version has none. */
    if (s->c.no_quarantine || wire_fd(&sg->fds, WIRE_BAD_SCHED) < 0)
        return 0;
    rc = wire_region(&sg->fds, WIRE_BAD_SCHED, WIRE_REGION_QUARANTINE, QUARANTINE_LAYOUT,
                     sizeof(struct quarantine_table), true, &sg->bad);
    if (rc)
        return rc;
    wire_input_attach(&sg->quarantine, sg->bad.data, s->c.log, domid);
    return 0;
}

void sched_bad_settle(struct sched_guest *sg, bool on_engines)
{
    if (sg->quarantine.suspects && !on_engines && guest_idle(&sg->guest))
        quarantine_settled(&sg->quarantine);
}
