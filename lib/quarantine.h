/* SPDX-License-Identifier: MIT */
/*
 * quarantine.h: inputs that kill the process that applies them. Before a process applies an input
 * of a guest it notes the input's bytes in a slot of a table in shared memory, and afterwards that
 * it got through. Who finds a slot in use when he takes the table up knows what his predecessor
 * died in; an input that two processes died in is quarantined: never applied again, kept with its
 * bytes to be shown.
 *
 * Only a death that left an input noted counts, and only twice the same input, with no end of that
 * input in between. A process that says so itself when it ends by its own fault announces that;
 * one that announced it and said nothing was ended from outside (kill -9, want of memory), and its
 * death counts half: an input may well be why memory was wanting, but four times running it is not
 * chance that a service is hit while it applies one and the same input.
 *
 * One table per guest and service, in a region of its own (lib/region.h), written by that service
 * alone. A process that dies stops at an instruction: program order is all that counts, machines
 * that stop are not meant. Slots are used by one thread at a time, everything else by the owner's.
 */
#pragma once
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUARANTINE_LAYOUT 1u
#define QUARANTINE_WORDS  8u
#define QUARANTINE_ITEMS  8u
#define QUARANTINE_SLOTS  6u
#define QUARANTINE_DEATHS 2u

/* Slots of the thread that applies one input as part of another: dying, it died in the innermost.
 * The rest are of inputs that are worked on beside it: each is suspected. */
enum { QUARANTINE_OUTER, QUARANTINE_INNER, QUARANTINE_BESIDE };

/* Its identity: kind and words. The kinds are the user's. */
struct quarantine_input {
    uint32_t kind, words;
    uint64_t word[QUARANTINE_WORDS];
};
static_assert(sizeof(struct quarantine_input) == 72, "layout");

struct quarantine_slot {
    uint64_t life; /* of the process that applies it; 0: nobody */
    struct quarantine_input input;
    uint64_t pad[6];
};
static_assert(sizeof(struct quarantine_slot) == 128, "layout");

struct quarantine_item {
    uint64_t mark;    /* deaths, and << 32 the life that ended with the last of them; 0: free */
    uint64_t at_s;    /* Unix time when that was found */
    uint64_t skipped; /* how often it was met, and not applied, since it is quarantined */
    uint32_t slot;    /* and << 16 the half death that no other has completed yet, 0 or 1 */
    uint32_t told;    /* the owner has said so in its log */
    struct quarantine_input input;
};
static_assert(sizeof(struct quarantine_item) == 104, "layout");

struct quarantine_table {
    uint64_t life;      /* processes that took the table up */
    uint64_t announced; /* of these the last that says so when it ends by its own fault */
    uint64_t fatal;     /* the last that has said so */
    uint64_t pad[13];
    struct quarantine_slot slot[QUARANTINE_SLOTS];
    struct quarantine_item item[QUARANTINE_ITEMS];
};
static_assert(offsetof(struct quarantine_table, slot) == 128, "layout");

/* The owner's handle. All zero, or a NULL pointer to one: nothing is noted, everything applied. */
struct quarantine {
    struct quarantine_table *table;
    uint64_t life;
    unsigned known;    /* items in use */
    unsigned suspects; /* of them those seen to kill once */
    unsigned doubts;   /* of these those of the nested slots */
};

/* Take the table up, in a new process; every former owner is dead. */
void quarantine_attach(struct quarantine *q, struct quarantine_table *table);

/* This process will store q->life in *quarantine_fatal(q) when it ends by its own fault. */
uint64_t *quarantine_fatal(struct quarantine *q);
void quarantine_announce(struct quarantine *q);

/* True: apply it. False: it is quarantined, do something harmless in its place. In both cases
 * quarantine_end() follows. words is at most QUARANTINE_WORDS; word is copied. */
bool quarantine_begin(struct quarantine *q, unsigned slot, uint32_t kind, const uint64_t *word,
                      unsigned words);
/* The same in two steps, for an input whose words the caller makes where they are noted, and of
 * which none is known (q->known is 0, and there is a table): the slot's words, not yet valid; and
 * they are. */
static inline uint64_t *quarantine_open(struct quarantine *q, unsigned slot, uint32_t kind,
                                        unsigned words)
{
    struct quarantine_input *input = &q->table->slot[slot].input;

    assert(slot < QUARANTINE_SLOTS && words <= QUARANTINE_WORDS);
    input->kind = kind;
    input->words = words;
    return input->word;
}
void quarantine_go(struct quarantine *q, unsigned slot);
/* It is over and this process lives: the input is cleared of suspicion. */
void quarantine_end(struct quarantine *q, unsigned slot);
/* All that was in flight when the predecessor died has been met again or is no more: nothing is
 * suspected. */
void quarantine_settled(struct quarantine *q);

/* Something that kills was applied by this process's own thread and has not been met again: better
 * do one thing at a time until it has. */
bool quarantine_doubts(const struct quarantine *q);
/* No more can be quarantined, or one kills even when it is not applied: this guest is not to be
 * served any more. */
bool quarantine_full(const struct quarantine *q);

/* For who counts deaths himself: put an input in, in place of the oldest if there is no room. Once
 * is enough, further calls change nothing. */
void quarantine_put(struct quarantine *q, uint32_t kind, const uint64_t *word, unsigned words);
/* Is it in there? Then it was met once more. */
bool quarantine_meets(struct quarantine *q, uint32_t kind, const uint64_t *word, unsigned words);

/* Quarantined item i as a copy whose fields make sense; false: there is none. */
bool quarantine_get(const struct quarantine *q, unsigned i, struct quarantine_item *out);
unsigned quarantine_deaths(const struct quarantine_item *item);
/* A quarantined item nobody was told of yet; each once, over all processes. */
bool quarantine_news(struct quarantine *q, struct quarantine_item *out);
