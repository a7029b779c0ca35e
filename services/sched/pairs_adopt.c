/* SPDX-License-Identifier: MIT */
/*
 * pairs_adopt.c: Broadwell: an engine whose former scheduler died while it ran. The journal says
 * what stood in the port and which status events counted; the engine says what happened since.
 * Where the two cannot be brought together the engine was reset in between, and what ran is lost.
 * See engine.h.
 *
 * Two moments need care. The port takes four dwords: if the process died among them nobody knows
 * how many went in, so the pair is taken back, nothing is submitted while what runs runs, and a
 * reset of the idle engine makes the port begin again. And a reset that was begun may have been
 * done: then what the engine says is not about what the journal says, and it is reset once more.
 */
#include "services/sched/engine_priv.h"

#include <errno.h>
#include <string.h>

/* False: a context it names is not there. */
static bool take_pair(const struct engine *e, const struct sched_journal_pair *j, unsigned at,
                      struct engine_pair *p)
{
    *p = (struct engine_pair){.guest = engine_find(e, j->domid), .take = j->take};
    if (!p->guest || at > 1 || !j->slot[at])
        return false;
    for (unsigned i = at; i < 2; i++) {
        if (!j->slot[i])
            continue;
        p->ctx[i] = context_at(p->guest->c.contexts, j->slot[i] - 1);
        if (!p->ctx[i] || !context_is_busy(p->ctx[i]))
            return false;
    }
    return true;
}

/* Contexts of it that are there are let go of as what they are: not known to have run. */
static void let_go(const struct engine *e, const struct sched_journal_pair *j)
{
    struct guest *g = engine_find(e, j->domid);

    for (unsigned i = 0; i < 2 && g; i++) {
        struct context *ctx = j->slot[i] ? context_at(g->c.contexts, j->slot[i] - 1) : NULL;

        if (ctx && context_is_busy(ctx))
            context_set_busy(ctx, false);
    }
    if (g && !j->take)
        g->engine[e->c.id].v->hung = 1; /* its work is gone: its driver resets the engine */
}

/* Whole pairs, or what is left of them; the answer: can all of it be believed? */
bool pairs_rebuild(struct engine *e)
{
    const struct sched_journal_engine *left = &e->left;
    bool good = !left->reset;

    e->at = left->at & 1;
    if (left->running) {
        e->running = take_pair(e, &left->now, e->at, &e->now);
        if (!e->running)
            let_go(e, &left->now);
        good = good && e->running;
    }
    if (left->asked) {
        e->asked = take_pair(e, &left->next, 0, &e->next);
        if (!e->asked)
            let_go(e, &left->next);
        good = good && e->asked;
    }
    e->written = left->written;
    e->torn = left->torn;
    return good;
}

static void withdraw_torn(struct engine *e)
{
    pairs_withdraw(e);
    e->torn = true;
    engine_commit(e);
}

/* Events first, until nothing new comes: then what the engine says it has is what it has. */
int pairs_reconcile(struct engine *e, uint64_t now)
{
    int n, pairs;

    do {
        pairs = hw_pairs(e->c.hw, e->c.id);
        n = pairs < 0 ? pairs : e->kind->take_events(e, now);
    } while (n > 0);
    if (n < 0)
        return engine_fail(e, n);
    if (e->asked && !e->written) {
        if (pairs > (int)e->running)
            e->written = true;
        else
            withdraw_torn(e);
    }
    if (pairs == (int)e->running + (int)e->asked)
        return 0;
    log_write(e->c.log, LOG_WARNING, "an engine has other work than the journal says: reset",
              "engine=%u pairs=%d running=%d asked=%d", e->c.id, pairs, e->running, e->asked);
    return engine_recover(e, false, now);
}
