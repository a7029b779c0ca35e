/* SPDX-License-Identifier: MIT */
/*
 * sched_journal.h: all of vgt-sched that must outlive its process: what stands in each engine's
 * port, each guest's virtual execlists and the events it has not been shown, and the shadow
 * contexts that hold work nobody else has. A sealed memfd created by the broker, all zero at first,
 * written by vgt-sched alone; the next process goes on where it says, while the engines run.
 * The small states change in transactions (redo, services/sched/journal.h): a crash leaves all of a
 * change or nothing. Records of contexts are worked on in place: held is their one word of truth.
 */
#pragma once
#include "services/wire/mmio_sched.h"

#define SCHED_JOURNAL_LAYOUT   4u
#define SCHED_JOURNAL_ENGINES  5u
#define SCHED_JOURNAL_GUESTS   64u
#define SCHED_JOURNAL_QUEUE    4u
#define SCHED_JOURNAL_EVENTS   64u
#define SCHED_JOURNAL_CONTEXTS 1024u
#define SCHED_JOURNAL_RESUME   6u /* dwords that say where in a batch a context was */
#define SCHED_JOURNAL_HANGS    6u
#define SCHED_JOURNAL_CHUNKS   8u /* Haswell: in one engine's ring */
#define SCHED_MAILBOXES        3u /* Haswell: of each engine, for the other three's signals */

/* One write of the guest's submit port. */
struct sched_elsp {
    uint64_t seq;   /* MMIO_SCHED_ELSP's */
    uint64_t epoch; /* gtt must have published it before the work may start */
    uint64_t desc[2];
};

/* One virtual engine. */
struct sched_vexec {
    uint64_t run[2]; /* the guest's descriptors; valid while active */
    uint32_t at;     /* element that runs, 0 or 1 */
    uint32_t active;
    uint32_t slot;      /* of the next status event, 0..5 */
    uint32_t count;     /* entries of queue */
    uint32_t hung;      /* runs nothing until the guest resets it */
    uint32_t hwsp;      /* GGTT address of the guest's status page, as told */
    uint32_t resetting; /* its reset waits for the engine: RESET_DONE is to be sent */
    uint32_t iir;       /* interrupts to raise behind the events */
    uint32_t shelf[2];  /* contexts preempted for another guest, to be continued: slot + 1 */
    struct sched_elsp queue[SCHED_JOURNAL_QUEUE];
};
static_assert(sizeof(struct sched_vexec) == 184, "layout");

/* Haswell: one virtual ring (services/sched/vring.h). Places are bytes into it. What a chunk that
 * is in the physical ring will have changed is here already. */
struct sched_vring {
    uint64_t epoch;      /* gtt must have published it before what is before tail may start */
    uint32_t start, ctl; /* as the guest wrote them */
    uint32_t tail;       /* the guest's */
    uint32_t given;      /* up to here in the physical ring, or executed */
    uint32_t head;       /* executed up to here */
    uint32_t directory;  /* GGTT entry of the page directory it loaded, as it names it; 0: none */
    uint32_t ccid;       /* its render image, as it names it (GGTT address); 0: none */
    uint32_t stopped;    /* MI_MODE says so */
    uint32_t news;       /* vgt-mmio is to be told head */
    uint32_t mailbox[SCHED_MAILBOXES];
    uint32_t wait; /* number of a mailbox + 1: nothing goes on until it is above wait_value */
    uint32_t wait_value;
    uint32_t kept;   /* GGTT address of a page of ours: registers while others have the engine; 0 */
    uint32_t chunks; /* of it in the physical ring */
};
static_assert(sizeof(struct sched_vring) == 72, "layout");

struct sched_journal_state {
    uint32_t domid; /* 0: free */
    uint32_t event_at, event_count;
    uint32_t event_shown; /* of event_count: in the status page already; changes by itself, too */
    uint64_t generation;  /* of the attach */
    uint64_t seq;         /* of the last entry taken from mmio */
    uint64_t event_seq;   /* of the last status event */
    uint64_t debt_until;  /* CLOCK_MONOTONIC ns: others go first (services/sched/debt.c), */
    uint64_t hang_until;  /* as to what it owes for hangs */
    uint32_t hangs;       /* engines reset on its account, */
    uint32_t hung_lately; /* those that still count against it, 0..SCHED_JOURNAL_HANGS */
    uint32_t throttled;   /* they are too many; the log has said so */
    uint32_t pad;
    struct sched_vexec engine[SCHED_JOURNAL_ENGINES];
    struct sched_vring ring[SCHED_JOURNAL_ENGINES];
};
static_assert(sizeof(struct sched_journal_state) == 72 + 5 * (184 + 72), "layout");

/* A shadow context. Believed only while held (it stands in a port or on a shelf, or was not saved
 * since), or, as to the batch it is inside of and nothing else, while resume. */
struct sched_journal_context {
    uint32_t held;
    uint32_t resume; /* it was switched out inside a batch */
    uint32_t stale;  /* the guest reset the engine: its image is no business of this shadow */
    uint32_t engine, lrca, mode;
    uint64_t guest_desc;
    uint32_t mem, mem_pages; /* GGTT address and pages of image, context batches, ring, page0 */
    uint32_t root_slot, root_seq;
    uint64_t pdp[4], shadow[4];
    uint32_t ring_start, ring_size;      /* the guest's, bytes */
    uint32_t head, tail;                 /* of the shadow; head as far as known */
    uint32_t guest_head;                 /* dword in the guest's image */
    uint32_t placed;                     /* GGTT address of the first page that lists its batches */
    uint32_t at[SCHED_JOURNAL_RESUME];   /* where inside a batch, in the shadow */
    uint32_t told[SCHED_JOURNAL_RESUME]; /* ... as the guest's image has it */
    uint32_t mark;                       /* in the guest's image while it is this one; 0: none */
    uint32_t image;                      /* Haswell's: no ring, only the render engine's state */
    uint32_t pad[2];
};
static_assert(sizeof(struct sched_journal_context) == 200, "layout");

struct sched_journal_guest {
    struct sched_journal_state state;
    struct sched_mmio event[SCHED_JOURNAL_EVENTS]; /* event_count of them from event_at on, round */
    struct sched_journal_context context[SCHED_JOURNAL_CONTEXTS];
};

/* A pair of contexts in the port. */
struct sched_journal_pair {
    uint32_t domid;
    uint32_t slot[2]; /* + 1; 0: none */
    uint32_t take;    /* the head of the guest's queue */
};

struct sched_journal_engine {
    struct sched_journal_pair now, next;
    uint32_t running, at; /* of now */
    uint32_t asked;       /* next is being, or was, written to the port and not acknowledged */
    uint32_t written;     /* ... whole */
    uint32_t csb_read;    /* last status event that counted */
    uint32_t reset;       /* a reset was begun: what the engine says counts no more */
    uint32_t torn;        /* the port holds some dwords of nothing; a reset is needed */
    uint32_t pad;
};
static_assert(sizeof(struct sched_journal_engine) == 64, "layout");

/* Haswell: a piece of the guest's ring in the engine's, between a prelude and an end of ours. */
struct sched_chunk {
    uint32_t number;    /* stored in memory when it is done */
    uint32_t end;       /* of it in the engine's ring, bytes */
    uint32_t guest_end; /* of it in the guest's ring */
    uint32_t batches;   /* GGTT address of the page that lists its copied batches; 0: none */
    uint32_t save;      /* slot of the image it leaves, + 1: to be put into the guest's memory */
    uint32_t cut;       /* nothing is given after it until it is done */
    uint32_t mailbox;   /* it signals: engine << 2 | mailbox + 1; 0: no */
    uint32_t value;     /* ... this */
    uint32_t from;      /* its prelude saves what this guest left in the engine; 0: nobody */
    uint32_t pad[3];
};
static_assert(sizeof(struct sched_chunk) == 48, "layout");

/* Haswell: one engine's ring. Its chunks are all one guest's: sched_journal_engine.now.domid. */
struct sched_journal_ring {
    uint32_t gma;    /* GGTT address of the ring; 0: not made yet */
    uint32_t head;   /* behind the last chunk that is done, bytes into the ring */
    uint32_t tail;   /* behind the last one */
    uint32_t number; /* of the last one */
    uint32_t count;  /* of chunk, oldest first */
    uint32_t owner;  /* whose state the engine has; 0: nobody's */
    uint32_t stored; /* its registers are in its page already: those of the engine are nobody's */
    uint32_t pad;
    struct sched_chunk chunk[SCHED_JOURNAL_CHUNKS];
};
static_assert(sizeof(struct sched_journal_ring) == 416, "layout");

/* Pieces {at, length, bytes} of a change that is to be made; bytes 0: none. at counts from the
 * beginning of the region. */
#define SCHED_JOURNAL_REDO (128u << 10)
struct sched_journal_redo {
    uint32_t bytes;
    uint32_t fill; /* of a change that is being collected */
    uint8_t data[SCHED_JOURNAL_REDO];
};

struct sched_journal {
    uint64_t started; /* 1: an earlier process brought the engines up */
    uint32_t
        hwsp[SCHED_JOURNAL_ENGINES]; /* our own status pages; Haswell: where chunks' numbers go */
    uint32_t pad;
    struct sched_journal_redo redo;
    struct sched_journal_engine engine[SCHED_JOURNAL_ENGINES];
    struct sched_journal_ring ring[SCHED_JOURNAL_ENGINES];
    struct sched_journal_guest guest[SCHED_JOURNAL_GUESTS];
};
