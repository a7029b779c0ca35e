/* SPDX-License-Identifier: MIT */
/*
 * poison_mmio.c: what makes vgt-mmio-poisoned of vgt-mmio: the linker puts this before
 * mmio_journal_step(), so the process dies when the first unit of poison.h's access has begun.
 */
#include "services/mmio/priv.h"
#include "tests/rig/driver.h"
#include "tests/rig/poison.h"

void __real_mmio_journal_step(struct vreg_inflight *j, uint64_t unit, enum vreg_stage stage);
void __wrap_mmio_journal_step(struct vreg_inflight *j, uint64_t unit, enum vreg_stage stage);

void __wrap_mmio_journal_step(struct vreg_inflight *j, uint64_t unit, enum vreg_stage stage)
{
    __real_mmio_journal_step(j, unit, stage);
    if (stage == VREG_STARTED && j->write && j->space == VMM_MMIO &&
        j->addr == DRIVER_BAR0 + POISON_REG && j->data == POISON_VALUE)
        __builtin_trap();
}
