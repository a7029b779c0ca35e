/* SPDX-License-Identifier: MIT */
/*
 * bad.c: inputs of guests that kill vgt-gtt (lib/quarantine.h): the table of each guest is taken up
 * when it attaches, and while something is suspected the service works more carefully. Called by
 * attach.c and service.c; the loop's thread.
 */
#include "services/gtt/service.h"

#include "services/wire/input.h"
#include "services/wire/names.h"

#include <errno.h>

int gtt_bad_attach(struct gtt_member *m)
{
    int rc;

    /* A broker of an older version has none. */
    if (m->service->no_quarantine || wire_fd(&m->fds, WIRE_BAD_GTT) < 0)
        return 0;
    rc = wire_region(&m->fds, WIRE_BAD_GTT, WIRE_REGION_QUARANTINE, QUARANTINE_LAYOUT,
                     sizeof(struct quarantine_table), true, &m->bad);
    if (rc)
        return rc;
    wire_input_attach(&m->quarantine, m->bad.data, m->service->log, m->domid);
    return 0;
}

void gtt_bad_careful(struct gtt_service *s)
{
    bool alone = false;

    for (unsigned i = 0; i < WIRE_MAX_GUESTS; i++)
        alone |= s->member[i].used && quarantine_doubts(&s->member[i].quarantine);
    for (unsigned i = 0; i < WIRE_MAX_GUESTS; i++)
        if (gtt_member_serves(&s->member[i]))
            s->member[i].guest->shadows.alone = alone;
}
