/* SPDX-License-Identifier: MIT */
/*
 * commit.c: one transaction of the journal: what every engine and every guest in the ring is now.
 * Then, and only then, what follows from it: contexts that left the ports may be used for other
 * things, and guests are shown their events. See engine.h.
 */
#include "services/sched/engine.h"
#include "services/sched/journal.h"

void engines_commit(struct sched_journal *j, const struct engine *engines, unsigned count,
                    const struct engine_guests *guests)
{
    for (unsigned e = 0; e < count; e++) {
        const struct sched_journal_engine state = engine_state(&engines[e]);

        journal_put(j, &j->engine[engines[e].c.id], &state, sizeof state);
        if (hw_has_rings(engines[e].c.hw))
            journal_put(j, &j->ring[engines[e].c.id], &engines[e].ring.w, sizeof *j->ring);
    }
    for (unsigned i = 0; i < guests->count; i++) {
        struct guest *g = guests->guest[i];

        journal_put(j, &g->c.journal->state, guest_state(g), sizeof(struct sched_journal_state));
    }
    journal_commit(j);
    for (unsigned i = 0; i < guests->count; i++) {
        context_set_settle(guests->guest[i]->c.contexts);
        guest_post(guests->guest[i]);
    }
}
