/* SPDX-License-Identifier: MIT */
/*
 * init.c: putting the parts of the virtual device together. Called once by vgt-mmio's main, on a
 * fresh vreg file or on one an earlier process left.
 */
#include <errno.h>
#include <string.h>

#include "services/mmio/priv.h"

#include "lib/crash.h"

static void first_start(struct mmio *m)
{
    for (const struct mmio_part *const *p = m->model->parts; *p; p++)
        if ((*p)->reset)
            (*p)->reset(m);
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
    m->model = mmio_model(s->vgpu.gen);
    if (!m->model)
        return -EINVAL;
    mmio_journal_recover(m);
    rc = mmio_policy_attach(m, !m->vreg->initialised);
    if (rc)
        return rc;
    if (!m->vreg->initialised)
        first_start(m);
    for (const struct mmio_part *const *p = m->model->parts; *p; p++)
        if ((*p)->attach)
            (*p)->attach(m);
    rc = mmio_config_apply(m);
    crash_point("mmio.init.trapped");
    /* The line was high: whether its MSI left, the former process took to its grave. */
    if (rc == 0 && m->model->irq->line(m))
        rc = mmio_irq_send(m);
    return rc < 0 ? rc : 0;
}
