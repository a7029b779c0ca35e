/* SPDX-License-Identifier: MIT */
/*
 * init.c: putting the parts of the virtual device together. Called once by vgt-mmio's main, on a
 * fresh vreg file or on one an earlier process left.
 */
#include <string.h>

#include "services/mmio/priv.h"

#include "lib/crash.h"

static const struct mmio_part *const parts[] = {
    &mmio_part_irq,     &mmio_part_ring,  &mmio_part_pvinfo, &mmio_part_fence,
    &mmio_part_display, &mmio_part_gmbus, &mmio_part_aux,    &mmio_part_power,
};

#define NR_PARTS (sizeof parts / sizeof parts[0])

static void first_start(struct mmio *m)
{
    for (size_t i = 0; i < NR_PARTS; i++)
        parts[i]->reset(m);
    mmio_config_reset(m);
    crash_point("mmio.init.reset");
    m->vreg->initialised = 1;
}

int mmio_init(struct mmio *m, const struct mmio_setup *s)
{
    int rc;

    memset(m, 0, sizeof *m);
    m->s = *s;
    m->vreg = s->vreg;
    rc = mmio_policy_attach(m, !m->vreg->initialised);
    if (rc)
        return rc;
    if (!m->vreg->initialised)
        first_start(m);
    for (size_t i = 0; i < NR_PARTS; i++)
        parts[i]->attach(m);
    rc = mmio_config_apply(m);
    crash_point("mmio.init.trapped");
    /* The line was high: whether its MSI left, the former process took to its grave. */
    if (rc == 0 && m->vreg->irq.line)
        rc = mmio_irq_send(m);
    return rc < 0 ? rc : 0;
}
