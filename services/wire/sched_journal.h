/* SPDX-License-Identifier: MIT */
/*
 * sched_journal.h: what vgt-sched must find again after a crash: what each engine was given, and
 * each guest's virtual execlists (which pair runs, what waits, where the next status event goes).
 * A sealed memfd created by the broker, all zero at first, written by vgt-sched alone. sched works
 * on these structs in place. A crash between a guest-visible event and the change here repeats or
 * loses that event; the guest's driver answers either with an engine reset of its own.
 */
#pragma once
#include <assert.h>
#include <stdint.h>

#define SCHED_JOURNAL_LAYOUT  1u
#define SCHED_JOURNAL_ENGINES 5u
#define SCHED_JOURNAL_GUESTS  64u
#define SCHED_JOURNAL_QUEUE   4u

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
    uint32_t slot;  /* of the next status event, 0..5 */
    uint32_t count; /* entries of queue */
    uint32_t hung;  /* runs nothing until the guest resets it */
    uint32_t hwsp;  /* GGTT address of the guest's status page, as told */
    struct sched_elsp queue[SCHED_JOURNAL_QUEUE];
};
static_assert(sizeof(struct sched_vexec) == 168, "layout");

struct sched_journal_guest {
    uint32_t domid; /* 0: free */
    uint32_t pad;
    uint64_t generation; /* of the attach */
    uint64_t seq;        /* of the last entry taken from mmio */
    struct sched_vexec engine[SCHED_JOURNAL_ENGINES];
};
static_assert(sizeof(struct sched_journal_guest) == 24 + 5 * 168, "layout");

/* Written before each ELSP: whose work the engine may be running. */
struct sched_journal_engine {
    uint64_t sequence; /* grows with each submission */
    uint64_t desc[2];  /* as submitted; both 0: known to be idle */
    uint32_t domid;
    uint32_t pad;
};
static_assert(sizeof(struct sched_journal_engine) == 32, "layout");

struct sched_journal {
    uint64_t started; /* 1: an earlier process brought the engines up */
    struct sched_journal_engine engine[SCHED_JOURNAL_ENGINES];
    struct sched_journal_guest guest[SCHED_JOURNAL_GUESTS];
};
