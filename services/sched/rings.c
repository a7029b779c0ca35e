/* SPDX-License-Identifier: MIT */
/*
 * rings.c: Haswell: an engine's ring and the chunks in it (docs/haswell.md): giving it the next
 * piece of a guest's ring, and taking what is done. All chunks in the ring are one guest's; when it
 * is empty the engine may change hands. See engine.h, ring_context.h.
 */
#include "services/sched/engine_priv.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "lib/crash.h"
#include "services/sched/ring_context.h"
#include "services/sched/vring.h"

/* ---- giving */

static const struct sched_chunk *newest(const struct engine_ring *r)
{
    return &r->w.chunk[r->w.count - 1];
}

static bool takes_more(const struct engine *e, const struct guest *g)
{
    const struct engine_ring *r = &e->ring;

    if (!e->running)
        return true;
    return e->now.guest == g && r->w.count < SCHED_JOURNAL_CHUNKS && !newest(r)->cut;
}

/* Never runs: the guest's virtual engine stands still until it resets it. */
static int refuse(struct engine *e, struct guest *g)
{
    engine_part(e, g)->v->hung = 1;
    return CONTEXT_REFUSED;
}

/* The page that store-index commands go to. It can only be changed while nothing runs. */
static int status_page(struct engine *e, struct guest *g)
{
    uint32_t page = ring_status_page(g->c.contexts, e->c.id);

    if (!page) {
        account_event(g->c.account, ACCOUNT_BAD_GUEST_ADDR, "engine=%u no status page", e->c.id);
        return CONTEXT_REFUSED;
    }
    if (e->running)
        return page == e->c.hw->hwsp[e->c.id] ? 0 : CONTEXT_LATER;
    return hw_ring_page(e->c.hw, e->c.id, page);
}

static int current_image(struct engine *e, struct guest *g)
{
    struct guest_engine *ge = engine_part(e, g);

    if (e->c.id != GEN8_RCS || ge->ctx[0])
        return 0;
    return ring_image(g->c.contexts, ge->r->ccid, &ge->ctx[0]);
}

static int take_piece(struct engine *e, struct guest *g, uint32_t loaded, struct ring_piece *p)
{
    const struct guest_engine *ge = engine_part(e, g);
    const struct ring_want want = {.engine = e->c.id,
                                   .start = vring_start(ge->r),
                                   .size = vring_size(ge->r),
                                   .from = ge->r->given,
                                   .to = ge->r->tail,
                                   .room = rings_room(e),
                                   .directory = ge->r->directory,
                                   .loaded = loaded,
                                   .image = ge->ctx[0]};
    int rc = want.room ? ring_take(g->c.contexts, &want, p) : CONTEXT_LATER;

    if (rc != CONTEXT_LATER || e->running)
        return rc;
    account_event(g->c.account, ACCOUNT_BAD_COMMAND, "engine=%u command too long", e->c.id);
    return CONTEXT_REFUSED;
}

/* What another guest has in the engine's registers, before they are anybody else's; who dies after
 * that does not take them for its own. Its image follows with the chunk's prelude. */
static int put_aside(struct engine *e, const struct guest *g)
{
    struct sched_journal_ring *w = &e->ring.w;
    struct guest *owner = w->owner ? engine_find(e, w->owner) : NULL;
    int rc;

    if (w->owner == g->c.domid || w->stored || !owner)
        return 0;
    assert(!e->running);
    rc = rings_regs_store(e, owner);
    if (rc)
        return rc;
    w->stored = 1;
    engine_commit(e);
    crash_point("sched.ring.stored");
    return 0;
}

/* The engine's registers become g's. */
static int hand_over(struct engine *e, struct guest *g)
{
    struct sched_journal_ring *w = &e->ring.w;

    if (w->owner == g->c.domid && !w->stored)
        return 0;
    assert(!e->running);
    ring_directory_used(g->c.contexts, engine_part(e, g)->r->directory);
    return rings_regs_load(e, g);
}

static void add_chunk(struct engine *e, struct guest *g, const struct ring_piece *p, uint32_t end)
{
    struct engine_ring *r = &e->ring;
    struct sched_chunk *c = &r->w.chunk[r->w.count++];
    struct guest_engine *ge = engine_part(e, g);

    *c = (struct sched_chunk){.number = r->w.number,
                              .end = end,
                              .guest_end = p->end,
                              .batches = p->batches,
                              .cut = p->cut,
                              .value = p->value};
    if (r->w.owner != g->c.domid)
        c->from = r->w.owner;
    if (p->signals)
        c->mailbox = (uint32_t)p->engine << 2 | (p->mailbox + 1);
    if (p->image) {
        c->save = context_slot(ge->ctx[0]) + 1;
        ge->ctx[0] = p->image;
        ge->r->ccid = ring_image_gma(p->image);
    }
    r->w.tail = end;
    r->w.owner = g->c.domid;
    r->w.stored = 0;
    r->flush = false;
    ge->r->given = p->end;
    ge->r->chunks = r->w.count;
    ge->r->directory = p->directory;
    ge->r->wait = p->wait;
    ge->r->wait_value = p->wait_value;
}

/* The journal knows before the engine does. */
static int give(struct engine *e, struct guest *g, const struct ring_piece *p, uint32_t directory,
                uint64_t now)
{
    struct engine_ring *r = &e->ring;
    uint32_t end = rings_emit(e, g, p, directory, ++r->w.number);

    crash_point("sched.chunk.written");
    engine_charge(e, now);
    if (!e->running)
        e->looked = e->moved = now;
    add_chunk(e, g, p, end);
    r->directory = p->loaded;
    e->now.guest = g;
    e->running = true;
    e->submissions++;
    g->stats.submissions++;
    engine_part(e, g)->served = true;
    engine_commit(e);
    crash_point("sched.chunk.noted");
    return hw_ring_tail(e->c.hw, e->c.id, end);
}

static int submit_one(struct engine *e, struct guest *g, uint64_t now)
{
    struct guest_engine *ge = engine_part(e, g);
    struct ring_piece piece;
    uint32_t directory = 0;
    int rc;

    if (!guest_ready(g, e->c.id) || !takes_more(e, g))
        return CONTEXT_WAIT;
    rc = status_page(e, g);
    rc = rc ? rc : ring_directory(g->c.contexts, ge->r->directory, &directory);
    rc = rc ? rc : current_image(e, g);
    rc = rc ? rc : put_aside(e, g);
    rc = rc ? rc : take_piece(e, g, directory, &piece);
    if (rc == CONTEXT_REFUSED)
        return refuse(e, g);
    if (rc) {
        ge->blocked |= rc > 0;
        return rc;
    }
    rc = hand_over(e, g);
    if (!rc)
        return give(e, g, &piece, directory, now);
    ring_drop(g->c.contexts, &piece);
    return rc;
}

/* As much as there is: whoever waits for the engine gets it when all of it is done. */
static int submit(struct engine *e, struct guest *g, uint64_t now)
{
    int rc = submit_one(e, g, now), more = rc;

    while (!more)
        more = submit_one(e, g, now);
    return more < 0 ? more : rc;
}

/* ---- taking */

static void let_go(struct guest *g, uint32_t slot, bool save)
{
    struct context *c = slot ? context_at(g->c.contexts, slot - 1) : NULL;

    if (!c)
        return;
    if (save)
        ring_image_save(c);
    else
        context_set_busy(c, false);
}

static bool is_dead(const struct engine *e, struct guest *g)
{
    return engine_part(e, g)->v->resetting || g->leaving;
}

/* The image that it left is in the guest's memory before the guest's next command runs. */
static void finish(struct engine *e, const struct sched_chunk *c)
{
    struct guest *g = e->now.guest;
    struct guest_engine *ge = engine_part(e, g);
    bool dead = is_dead(e, g);

    let_go(g, c->save, !dead);
    ring_batches_free(g->c.contexts, c->batches);
    e->ring.w.head = c->end;
    e->batches++;
    ge->batches++;
    if (dead)
        return;
    ge->r->head = c->guest_end;
    ge->r->chunks = e->ring.w.count - 1;
    ge->r->news = 1;
    if (c->mailbox && c->mailbox >> 2 < GEN8_ENGINES)
        vring_signal(g->engine[c->mailbox >> 2].r, (c->mailbox & 3) - 1, c->value);
}

static void pop(struct engine *e)
{
    struct engine_ring *r = &e->ring;

    r->w.count--;
    memmove(r->w.chunk, r->w.chunk + 1, r->w.count * sizeof r->w.chunk[0]);
    e->running = r->w.count > 0;
}

static bool is_done(const struct engine_ring *r)
{
    uint32_t number = __atomic_load_n(r->number, __ATOMIC_ACQUIRE);

    return r->w.count && (int32_t)(number - r->w.chunk[0].number) >= 0;
}

static int take_events(struct engine *e, uint64_t now)
{
    int n = 0;

    for (; is_done(&e->ring); n++) {
        engine_charge(e, now);
        e->moved = now;
        finish(e, &e->ring.w.chunk[0]);
        crash_point("sched.chunk.done");
        pop(e);
        engine_commit(e);
    }
    return engine_fail(e, engine_settle_doomed(e, now)) ?: n;
}

/* Is the image of the one before, which the first chunk's prelude saves, still in the engine? */
static bool saves(const struct engine *e)
{
    const struct engine_ring *r = &e->ring;
    const struct sched_chunk *c = &r->w.chunk[0];

    return e->c.id == GEN8_RCS && r->w.count && c->from &&
           __atomic_load_n(&r->number[RINGS_SAVED], __ATOMIC_ACQUIRE) != c->number;
}

/* Nothing of the guest who runs can hold it up: a reset waits for it. */
static void let_save(struct engine *e)
{
    const struct engine_ring *r = &e->ring;

    if (saves(e))
        hw_ring_stored(e->c.hw, e->c.id, &r->number[RINGS_SAVED], r->w.chunk[0].number);
}

/* It lost what it had there, as it would by a reset of its own. */
static void lose_unsaved(struct engine *e)
{
    struct guest *g = saves(e) ? engine_find(e, e->ring.w.chunk[0].from) : NULL;

    if (g && !is_dead(e, g))
        engine_part(e, g)->v->hung = 1;
}

/* What was not done is lost; images that were left may have been saved. */
static void lose(struct engine *e, bool guilty)
{
    struct engine_ring *r = &e->ring;
    struct guest *g = e->now.guest ? e->now.guest : engine_find(e, r->w.owner);
    bool dead = !g || is_dead(e, g);

    lose_unsaved(e);
    for (uint32_t i = 0; i < r->w.count; i++) {
        let_go(g, r->w.chunk[i].save, !dead);
        ring_batches_free(g->c.contexts, r->w.chunk[i].batches);
    }
    if (!dead) {
        engine_part(e, g)->v->hung = 1;
        engine_part(e, g)->r->chunks = 0;
    }
    if (!dead && guilty)
        account_event(g->c.account, ACCOUNT_ENGINE_HANG, "engine=%u head=%#x", e->c.id,
                      engine_part(e, g)->r->head);
    __atomic_store_n(r->number, r->w.number, __ATOMIC_RELAXED);
    r->w.count = r->w.head = r->w.tail = r->w.owner = r->w.stored = 0;
    r->flush = false;
    e->now.guest = NULL;
}

/* ---- who has what */

static bool keeps(const struct engine *e, uint32_t domid)
{
    for (uint32_t i = 0; i < e->ring.w.count; i++)
        if (e->ring.w.chunk[i].from == domid)
            return true;
    return false;
}

static int forget_owner(struct engine *e, uint32_t domid)
{
    if (e->ring.w.owner != domid || e->running)
        return 0;
    e->ring.w.owner = e->ring.w.stored = 0;
    return hw_ring_no_image(e->c.hw, e->c.id);
}

/* Neither image nor registers of it. */
static int forget(struct engine *e, struct guest *g)
{
    struct guest_engine *ge = engine_part(e, g);
    int rc = forget_owner(e, g->c.domid);

    if (ge->ctx[0])
        context_set_busy(ge->ctx[0], false);
    ge->ctx[0] = NULL;
    ring_kept_free(g->c.contexts, &ge->r->kept);
    return rc;
}

int engine_forget_stale(struct engine *e, uint32_t domid, uint64_t now)
{
    if (!hw_has_rings(e->c.hw))
        return 0;
    if (e->running && keeps(e, domid))
        return engine_fail(e, engine_recover(e, false, now));
    return engine_fail(e, forget_owner(e, domid));
}

/* Nobody else's work can use what the engine remembers of this guest's: when it changes hands it
 * forgets everything. */
uint32_t engine_flush(struct engine *e, const struct guest *g)
{
    e->ring.flush |= e->ring.w.owner == g->c.domid;
    return e->ring.w.number;
}

bool engine_flushed(const struct engine *e, const struct guest *g, uint32_t number)
{
    if (e->adopting)
        return e->left.now.domid != g->c.domid;
    return !e->running || e->now.guest != g || (int32_t)(e->ring.w.chunk[0].number - number) > 0;
}

void engine_set_ring(struct engine *e, const struct arena_range *ring,
                     const struct arena_range *numbers, const struct sched_journal_ring *left)
{
    struct engine_ring *r = &e->ring;

    r->cpu = ring->cpu;
    r->number = (uint32_t *)numbers->cpu;
    r->number_gma = numbers->gma;
    r->w = *left;
    r->w.gma = ring->gma;
}

int engine_started(struct engine *e)
{
    return hw_has_rings(e->c.hw) ? rings_regs_note(e) : 0;
}

static uint32_t owner(const struct engine *e)
{
    return e->ring.w.owner;
}

/* Its part is in sched_journal.ring (commit.c). */
static void state(const struct engine *e, struct sched_journal_engine *j)
{
    if (e->running)
        j->now.domid = e->now.guest->c.domid;
}

const struct engine_kind engine_rings = {
    .submit = submit,
    .take_events = take_events,
    .let_save = let_save,
    .lose = lose,
    .forget = forget,
    .keeps = keeps,
    .state = state,
    .rebuild = rings_rebuild,
    .owner = owner,
    .reconcile = rings_reconcile,
};
