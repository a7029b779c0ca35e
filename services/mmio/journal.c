/* SPDX-License-Identifier: MIT */
/*
 * journal.c: the per-vCPU record of the access in flight (struct vreg_inflight). It makes a trapped
 * access atomic against the death of this process: every unit is either undone and done again, or
 * known to be done. Called by dispatch.c. Only a dying process matters here, not a dying machine,
 * so program order is enough; release stores keep the compiler to it.
 */
#include <string.h>

#include "services/mmio/priv.h"

#include "lib/crash.h"

enum { FLAG_BACKWARDS = 1, FLAG_INDIRECT = 2 };

uint8_t mmio_journal_flags(const struct vmm_access *a)
{
    return (a->backwards ? FLAG_BACKWARDS : 0) | (a->indirect ? FLAG_INDIRECT : 0);
}

static bool same(const struct vreg_inflight *j, const struct vmm_access *a)
{
    return j->addr == a->addr && j->data == a->data && j->count == a->count &&
           j->space == a->space && j->size == a->size && j->write == a->write &&
           j->flags == mmio_journal_flags(a);
}

void mmio_journal_step(struct vreg_inflight *j, uint64_t unit, enum vreg_stage stage)
{
    __atomic_store_n(&j->progress, unit << 8 | stage, __ATOMIC_RELEASE);
}

static void start(struct vreg_inflight *j, const struct vmm_access *a)
{
    mmio_journal_step(j, 0, VREG_IDLE); /* nobody must take a half-filled record for real */
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    j->addr = a->addr;
    j->data = a->data;
    j->count = a->count;
    j->space = a->space;
    j->size = a->size;
    j->write = a->write;
    j->flags = mmio_journal_flags(a);
    j->result = 0;
    j->crashes = 0;
    j->undo_len = 0;
    crash_point("mmio.journal.filled");
    mmio_journal_step(j, 0, VREG_TAKEN);
}

/* The record to go on from. A replayed access that has none was never begun. */
struct vreg_inflight *mmio_journal_take(struct mmio *m, const struct vmm_access *a)
{
    struct vreg_inflight *j = &m->vreg->inflight[a->vcpu];

    if (!a->replay || mmio_journal_stage(j) == VREG_IDLE || !same(j, a)) {
        start(j, a);
        return j;
    }
    return j;
}

/* Nothing was served since: doing it again changes nothing that anybody has seen. */
static void store_again(struct mmio *m, struct vreg_inflight *j)
{
    uint64_t offset = j->addr - m->vreg->bar0;

    if (offset < VREG_MMIO_BYTES && !(offset & 3))
        *mmio_reg(m, (uint32_t)offset) = (uint32_t)j->data;
    m->display_dirty = true; /* whatever it was */
    crash_point("mmio.journal.stored");
    j->count = 1;
    j->space = VMM_MMIO;
    j->size = 4;
    j->write = 1;
    j->flags = 0;
    j->result = 0;
    j->crashes = 0;
    j->undo_len = 0;
    mmio_journal_step(j, 0, VREG_APPLIED);
}

/* Only one is in the middle of it. What it leaves behind must not be put back later, over what
 * events and other accesses have changed since. */
void mmio_journal_recover(struct mmio *m)
{
    for (unsigned vcpu = 0; vcpu < VMM_MAX_VCPUS; vcpu++) {
        struct vreg_inflight *j = &m->vreg->inflight[vcpu];

        if (mmio_journal_stage(j) == VREG_STORED)
            store_again(m, j);
        if (mmio_journal_stage(j) != VREG_STARTED)
            continue;
        j->crashes++;
        mmio_journal_roll_back(m, j);
    }
}

void mmio_journal_roll_back(struct mmio *m, struct vreg_inflight *j)
{
    uint32_t len = j->undo_len, at = j->undo_at;

    if (len && len <= VREG_UNDO_BYTES && at <= sizeof *m->vreg - len)
        memcpy((uint8_t *)m->vreg + at, j->undo, len);
    crash_point("mmio.journal.undone");
    mmio_journal_step(j, mmio_journal_unit(j), VREG_TAKEN);
}

/* A handler's own choice replaces dispatch's: nothing has changed yet, so a death in between finds
 * nothing to put back. */
void mmio_undo(struct mmio *m, const void *state, uint32_t len)
{
    struct vreg_inflight *j = &m->vreg->inflight[m->serving];

    if (mmio_journal_stage(j) != VREG_STARTED)
        return; /* an event, not a trapped access */
    __atomic_store_n(&j->undo_len, 0, __ATOMIC_RELEASE);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    memcpy(j->undo, state, len);
    j->undo_at = (const uint8_t *)state - (const uint8_t *)m->vreg;
    crash_point("mmio.journal.saved");
    __atomic_store_n(&j->undo_len, len, __ATOMIC_RELEASE);
}
