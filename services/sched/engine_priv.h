/* SPDX-License-Identifier: MIT */
/*
 * engine_priv.h: what the parts of an engine share. engine.c: time, interrupts, resets; turns.c:
 * who runs next; debt.c: who goes last; adopt.c: after a restart. How work gets to an engine and
 * comes back is its kind's: pairs*.c for submit ports (Broadwell), rings*.c for rings (Haswell).
 * Nobody else includes it.
 */
#pragma once
#include "services/sched/engine.h"

/* How long it is since then. now may be older: a caller looked at the clock before another did. */
static inline uint64_t engine_since(uint64_t then, uint64_t now)
{
    return now > then ? now - then : 0;
}

struct engine_kind {
    bool preempts; /* what runs gives way to another guest's work */
    /* Give g's next work to the engine: 0 done; positive: not now; -errno. */
    int (*submit)(struct engine *e, struct guest *g, uint64_t now);
    /* What the engine has done since: number of things that ended, or -errno. */
    int (*take_events)(struct engine *e, uint64_t now);
    /* The engine will be reset: what it is about to put away of others may get there first. NULL:
     * nothing. */
    void (*let_save)(struct engine *e);
    /* The engine was reset: what it had is lost, and the guest that ran hung, on its own account if
     * guilty. */
    void (*lose)(struct engine *e, bool guilty);
    /* Nothing of the guest is on the engine: nor shall what it left there be. -errno. */
    int (*forget)(struct engine *e, struct guest *g);
    /* Is it needed besides running there? */
    bool (*keeps)(const struct engine *e, uint32_t domid);
    /* The rest of what the journal shall say. */
    void (*state)(const struct engine *e, struct sched_journal_engine *j);
    /* From e->left, in a new process; false: it cannot be believed, and a reset follows. */
    bool (*rebuild)(struct engine *e);
    /* Whose state the engine has although nothing runs; 0: nobody's. NULL: it has none. */
    uint32_t (*owner)(const struct engine *e);
    /* Then: bring it together with what the engine says. -errno. */
    int (*reconcile)(struct engine *e, uint64_t now);
};
extern const struct engine_kind engine_pairs, engine_rings;

static inline struct guest_engine *engine_part(const struct engine *e, struct guest *g)
{
    return &g->engine[e->c.id];
}

static inline void engine_commit(const struct engine *e)
{
    e->c.commit(e->c.ctx);
}

/* The GPU time up to now is its guest's. */
void engine_charge(struct engine *e, uint64_t now);
/* Reset; what ran is lost. Nothing of it is on the engine after 0. -errno of the device. */
int engine_recover(struct engine *e, bool guilty, uint64_t now);
/* Work that came up, or ended, although its guest was to leave meanwhile. -errno. */
int engine_settle_doomed(struct engine *e, uint64_t now);
/* Does anybody but g want the engine who may have it before g's debts or its own are over? */
bool engine_others_wait(const struct engine *e, const struct guest *g, uint64_t now);
void engine_begin_turn(struct engine *e, struct guest *g, unsigned at, uint64_t now);
/* The device does not answer: remembered, said once. Returns rc. */
int engine_fail(struct engine *e, int rc);
/* NULL: not in the ring of guests. */
struct guest *engine_find(const struct engine *e, uint32_t domid);

/* ---- debts */

/* Before anything is submitted: who has the engine, and who waits for it? */
void debt_watch(struct engine *e, uint64_t now);
/* What runs hangs, and will be reset. */
void debt_hang(struct engine *e, uint64_t now);
/* Others go before it here. */
bool debt_passed(const struct engine *e, const struct guest *g, uint64_t now);
/* When an engine must be looked at although nothing is on it; UINT64_MAX: need not. */
uint64_t debt_deadline(const struct engine *e, uint64_t now);

/* ---- pairs */

/* Contexts from `from` on are in the port no more. */
void pairs_release(struct engine_pair *p, unsigned from, bool save);
/* The submission that is not acknowledged was none. */
void pairs_withdraw(struct engine *e);
int pairs_submit(struct engine *e, struct guest *g, uint64_t now);
bool pairs_rebuild(struct engine *e);
int pairs_reconcile(struct engine *e, uint64_t now);

/* ---- rings */

/* rings_emit.c: what is in the engine's ring around a guest's piece. */
#define RINGS_PRELUDE 32u /* dwords at most */
#define RINGS_END     160u
/* Dword of the page of numbers: of the last chunk whose prelude saved an image. */
#define RINGS_SAVED 32u
/* Room for a piece: dwords, in one go. 0: none. Pads to the ring's beginning if that helps. */
uint32_t rings_room(struct engine *e);
struct ring_piece;
/* Write a chunk at the ring's tail; the engine is not told. Where it ends, bytes into the ring. */
uint32_t rings_emit(struct engine *e, struct guest *g, const struct ring_piece *p,
                    uint32_t directory, uint32_t number);

/* rings_regs.c: registers that no image holds: what they are before anybody ran; and, of an idle
 * engine, those of the one who leaves, and of the one who comes. -errno; CONTEXT_NO_ROOM. */
int rings_regs_note(struct engine *e);
int rings_regs_store(struct engine *e, struct guest *from);
int rings_regs_load(struct engine *e, struct guest *to);

/* rings_adopt.c */
bool rings_rebuild(struct engine *e);
int rings_reconcile(struct engine *e, uint64_t now);
