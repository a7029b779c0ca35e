/* SPDX-License-Identifier: MIT */
/*
 * poison_gtt.c: what makes vgt-gtt-poisoned of vgt-gtt: the linker puts this before
 * quarantine_begin(), so the process dies where it would begin to apply one of poison.h's inputs.
 */
#include "lib/quarantine.h"
#include "services/wire/input.h"
#include "tests/rig/poison.h"

bool __real_quarantine_begin(struct quarantine *q, unsigned slot, uint32_t kind,
                             const uint64_t *word, unsigned words);
bool __wrap_quarantine_begin(struct quarantine *q, unsigned slot, uint32_t kind,
                             const uint64_t *word, unsigned words);

static bool poison(uint32_t kind, const uint64_t *word)
{
    switch (kind) {
    case WIRE_INPUT_GGTT_ENTRY:
        return word[1] == POISON_GGTT;
    case WIRE_INPUT_TABLE_ENTRY:
        return word[2] == POISON_ENTRY;
    case WIRE_INPUT_ROOT:
        return word[1] == POISON_ROOT;
    }
    return false;
}

bool __wrap_quarantine_begin(struct quarantine *q, unsigned slot, uint32_t kind,
                             const uint64_t *word, unsigned words)
{
    bool go = __real_quarantine_begin(q, slot, kind, word, words);

    if (go && poison(kind, word))
        __builtin_trap();
    return go;
}
