/* SPDX-License-Identifier: MIT */
/*
 * adopt.c: an engine whose former scheduler died while it ran. The journal says what it had been
 * given; pairs_adopt.c and rings_adopt.c find out from the engine what became of it. See engine.h.
 */
#include "services/sched/engine_priv.h"

static uint32_t owner(const struct engine *e)
{
    return e->kind->owner ? e->kind->owner(e) : 0;
}

void engine_left(struct engine *e, const struct sched_journal_engine *left)
{
    e->left = *left;
    e->adopting = left->running || left->asked || left->reset || left->torn || owner(e);
    e->c.hw->csb_read[e->c.id] = left->csb_read < CSB_ENTRIES ? left->csb_read : CSB_ENTRIES - 1;
}

struct guest *engine_find(const struct engine *e, uint32_t domid)
{
    for (unsigned i = 0; i < e->c.guests->count; i++)
        if (e->c.guests->guest[i]->c.domid == domid)
            return e->c.guests->guest[i];
    return NULL;
}

static bool missing(const struct engine *e)
{
    return (e->left.running && !engine_find(e, e->left.now.domid)) ||
           (e->left.asked && !engine_find(e, e->left.next.domid)) ||
           (owner(e) && !engine_find(e, owner(e)));
}

int engine_adopt(struct engine *e, bool alive, bool give_up, uint64_t now)
{
    bool good;
    int rc;

    if (!e->adopting)
        return 1;
    if (missing(e) && !give_up)
        return 0;
    e->charged = e->moved = e->looked = e->asked_at = now;
    e->adopting = false;
    good = e->kind->rebuild(e) && !e->left.reset;
    if (e->running)
        engine_begin_turn(e, e->now.guest, 0, now);
    rc = good && alive ? e->kind->reconcile(e, now) : engine_recover(e, false, now);
    return rc < 0 ? engine_fail(e, rc) : 1;
}
