/* SPDX-License-Identifier: MIT */
/*
 * engine.h: one physical engine and the guests that share it. Guests with work take turns in a
 * ring, each for quantum * weight; a turn ends early when there is nothing to run. While nobody
 * else waits a guest's submissions go to the engine at once, as they would on its own hardware.
 * When a turn is over the guest's running pair gets one quantum to finish, which comes off its next
 * turns; then the next guest's pair preempts it, and what was preempted is submitted again, as it
 * is, at its guest's next turn.
 * At most one submission is unacknowledged at a time. An engine that neither moves nor lets the
 * next guest on for the watchdog's time, while another guest waits, is reset; the guest whose
 * context ran has lost it and runs no more there until it resets its engine.
 * A guest that kept others from an engine for longer than its turn, and the quantum to finish, owes
 * them that time, and until it is over they go first on every engine (debt.c). A hang costs the
 * more the more there were lately, and from the second on the guest is throttled: then it gets an
 * engine only if nobody else has used it for the watchdog's time, so that it cannot slip into the
 * gaps of another's work and hang there. Nobody owes more than ENGINE_DEBT_MOST watchdog's times,
 * and after as long without a debt its hangs are forgotten.
 * A process may end at any instruction while the engine runs on; the next one finds in the journal
 * what stood in the port, and which events counted already, and goes on from there (adopt.c).
 * The service's loop only; one thread. Times are CLOCK_MONOTONIC ns, passed in.
 */
#pragma once
#include "lib/log.h"
#include "services/sched/guest.h"
#include "services/sched/hw.h"

#define ENGINE_POLL_NS   10000000ull /* look at a busy engine even if no interrupt came */
#define ENGINE_DEBT_MOST 32u         /* times the watchdog's time */

/* All guests, in the order of their turns; shared by the engines, kept by sched.c. */
struct engine_guests {
    struct guest *guest[SCHED_JOURNAL_GUESTS];
    unsigned count;
};

struct engine_config {
    unsigned id; /* enum gen8_engine */
    struct hw *hw;
    const struct engine_guests *guests;
    const struct log *log;
    uint64_t quantum_ns, watchdog_ns;
    void (*commit)(void *ctx); /* all that changed, guests' states included, is made lasting */
    void *ctx;
};

/* What stands in the engine's submit port. Its contexts are busy. */
struct engine_pair {
    struct guest *guest;
    struct context *ctx[2];
    bool take; /* the head of the guest's queue; else the rest of a pair preempted by us */
};

/* Haswell: the engine's ring, and what it has of whom. */
struct engine_ring {
    uint8_t *cpu;
    uint32_t gma;
    uint32_t *number;    /* written by the engine when a chunk is done */
    uint32_t number_gma; /* where */
    uint32_t directory;  /* PP_DIR_BASE as loaded */
    bool flush;          /* what comes next must begin with an invalidation */
    struct sched_journal_ring w;
};

struct engine_kind;

struct engine {
    struct engine_config c;
    const struct engine_kind *kind;
    struct engine_pair now, next; /* running; submitted and not yet acknowledged */
    unsigned at;                  /* element of now that runs */
    bool running, asked;
    bool written; /* next, whole, to the port */
    bool torn;    /* the port was being written when a process died: no submission until a reset */
    bool resetting; /* by us, at the moment */
    bool adopting;  /* waits for the guests of what a former process left in the port */
    struct sched_journal_engine left; /* that, while adopting */
    struct guest *turn;               /* whose turn it is; NULL: nobody's yet */
    unsigned turn_at;                 /* its place in the ring, roughly */
    uint64_t turn_end;                /* when the next may want its own */
    uint64_t drain_since; /* 0, or: over, nothing new of this guest is submitted since */
    uint64_t charged;     /* GPU time is charged to now.guest up to here */
    uint64_t moved;       /* the engine was last seen moving, or nobody waited */
    uint64_t asked_at;    /* of next */
    struct guest *holder; /* who ran when debts were last looked at; NULL: nobody */
    uint64_t due;         /* it should be off the engine, if others wait */
    uint64_t wanted;      /* others wait for it since then; 0: nobody does */
    uint64_t looked;      /* last tick, or the submission that ended an idle time */
    struct hw_progress seen;
    struct engine_ring ring;
    uint64_t busy_ns, batches, submissions, resets, errors;
    int failed; /* -errno: the device does not answer */
};

void engine_init(struct engine *e, const struct engine_config *config);

/* Haswell, before anything else is done: its ring of HW_RING_BYTES, and the page for numbers. left:
 * the journal's. */
void engine_set_ring(struct engine *e, const struct arena_range *ring,
                     const struct arena_range *numbers, const struct sched_journal_ring *left);
/* The hardware is up, and nobody has run yet. -errno. */
int engine_started(struct engine *e);
/* Haswell: the guest's next work begins with an invalidation of the engine's TLB; and, with the
 * answer: nothing of it that was given before is running any more. */
uint32_t engine_flush(struct engine *e, const struct guest *g);
bool engine_flushed(const struct engine *e, const struct guest *g, uint32_t number);
/* A guest of a former process never came: the engine keeps nothing of it; that which another
 * guest's work takes out of the engine is taken by a reset. -errno. */
int engine_forget_stale(struct engine *e, uint32_t domid, uint64_t now);

/* What the journal shall say of it. */
struct sched_journal_engine engine_state(const struct engine *e);
/* A former process left this. Until engine_adopt() nothing is taken from the engine or given to
 * it. */
void engine_left(struct engine *e, const struct sched_journal_engine *left);
/*
 * Go on where the former process stopped, once all guests in the port are in the ring (their
 * contexts held): 1: done; 0: a guest is missing; -errno. alive: the engines were not reset since;
 * else what ran is lost. give_up: what belongs to a missing guest is taken off by a reset.
 */
int engine_adopt(struct engine *e, bool alive, bool give_up, uint64_t now);

/* Take what the engine reports, then give it work. events: bits that were pending. The answers are
 * 0 or -errno of the device. */
int engine_interrupt(struct engine *e, uint32_t bits, uint64_t now);
/* A timer's look: lost interrupts, the end of a turn, the watchdog. */
int engine_tick(struct engine *e, uint64_t now);
/* Something may be ready to run. */
int engine_kick(struct engine *e, uint64_t now);
/* When engine_tick() wants to be called; UINT64_MAX: not before something happens. */
uint64_t engine_deadline(const struct engine *e, uint64_t now);

/* For how many ns from now the guest is throttled; 0: it is not. */
uint64_t engine_throttled(const struct guest *g, uint64_t now);

/*
 * Get the guest off the engine, by a reset if it is on it; what ran is lost. guest_reset_done() is
 * called, now or when an unacknowledged submission of it has come up. engine_uses() is false then.
 */
int engine_evict(struct engine *e, struct guest *g, uint64_t now);
/* Is anything of the guest in the port? */
bool engine_uses(const struct engine *e, const struct guest *g);
/* The guest leaves the ring and will be freed. */
void engine_forget(struct engine *e, const struct guest *g);

/* The commit hook's work: everything that changed in engines and guests into the journal, together;
 * then contexts are settled and events posted. */
void engines_commit(struct sched_journal *j, const struct engine *engines, unsigned count,
                    const struct engine_guests *guests);
