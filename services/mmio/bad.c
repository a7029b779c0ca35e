/* SPDX-License-Identifier: MIT */
/*
 * bad.c: accesses that kill this process. Their deaths are counted in the record of the access in
 * flight (journal.c); the second one puts the access into the table of lib/quarantine.h, which
 * outlives it and meets others like it. Called by dispatch.c before an access is served.
 */
#include "services/mmio/priv.h"
#include "services/wire/input.h"

static void words_of(const struct mmio *m, const struct vmm_access *a,
                     uint64_t word[WIRE_ACCESS_WORDS])
{
    word[WIRE_ACCESS_ADDR] = a->addr;
    word[WIRE_ACCESS_DATA] = a->write || a->indirect ? a->data : 0;
    word[WIRE_ACCESS_HOW] =
        WIRE_ACCESS_PACK(a->count, a->space, a->size, a->write, mmio_journal_flags(a));
    word[WIRE_ACCESS_BAR0] = m->vreg->bar0;
}

bool mmio_bad_access(struct mmio *m, const struct vmm_access *a, const struct vreg_inflight *j)
{
    uint64_t word[WIRE_ACCESS_WORDS];

    if (!m->s.quarantine)
        return false;
    if (j->crashes >= QUARANTINE_DEATHS) {
        words_of(m, a, word);
        quarantine_put(m->s.quarantine, WIRE_INPUT_ACCESS, word, WIRE_ACCESS_WORDS);
        return true;
    }
    if (!m->s.quarantine->known)
        return false;
    words_of(m, a, word);
    return quarantine_meets(m->s.quarantine, WIRE_INPUT_ACCESS, word, WIRE_ACCESS_WORDS);
}
