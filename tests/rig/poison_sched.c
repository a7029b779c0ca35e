/* SPDX-License-Identifier: MIT */
/*
 * poison_sched.c: what makes vgt-sched-poisoned of vgt-sched: the linker puts this before
 * quarantine_begin() and quarantine_go(), so the process dies where it would begin to look at
 * poison.h's command.
 */
#include "lib/quarantine.h"
#include "services/wire/input.h"
#include "tests/rig/poison.h"

bool __real_quarantine_begin(struct quarantine *q, unsigned slot, uint32_t kind,
                             const uint64_t *word, unsigned words);
bool __wrap_quarantine_begin(struct quarantine *q, unsigned slot, uint32_t kind,
                             const uint64_t *word, unsigned words);

void __real_quarantine_go(struct quarantine *q, unsigned slot);
void __wrap_quarantine_go(struct quarantine *q, unsigned slot);

static void die_of(uint32_t kind, const uint64_t *word)
{
    const uint64_t poison = (uint64_t)POISON_AT << 32 | POISON_COMMAND;

    if (kind == WIRE_INPUT_COMMAND && word[WIRE_COMMAND_BYTES] == poison)
        __builtin_trap();
}

bool __wrap_quarantine_begin(struct quarantine *q, unsigned slot, uint32_t kind,
                             const uint64_t *word, unsigned words)
{
    bool go = __real_quarantine_begin(q, slot, kind, word, words);

    if (go)
        die_of(kind, word);
    return go;
}

void __wrap_quarantine_go(struct quarantine *q, unsigned slot)
{
    __real_quarantine_go(q, slot);
    die_of(q->table->slot[slot].input.kind, q->table->slot[slot].input.word);
}
