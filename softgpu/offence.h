/* SPDX-License-Identifier: MIT */
/*
 * offence.h: what the judge holds against the driver besides touching other people's frames
 * (judge.h): translations used after they were taken away, and sequences the hardware's protocol
 * forbids. Counted per kind; the first ones of each kind are kept whole. Thread safe.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum offence_kind {
    OFFENCE_STALE_TLB,         /* an access went to a frame its table entry no longer names */
    OFFENCE_GGTT_NOT_FLUSHED,  /* a global entry was used before the write to it was flushed */
    OFFENCE_ELSP_ASLEEP,       /* ELSP written while the GT may be in RC6 */
    OFFENCE_ELSP_SAME_CONTEXT, /* both elements of an execlist are the same context */
    OFFENCE_SUBMIT_IN_RESET,   /* work for an engine whose bit in GDRST has not cleared */
    OFFENCE_RESET_NOT_READY,   /* GDRST for an engine that was not asked to get ready */
    OFFENCE_BAD_FENCE,         /* a fence register as none should be, see fence.h and detail */
    OFFENCE_NOT_INITIALISED,   /* --strict: work refused, see detail */
    OFFENCE_KINDS
};

/* One level of a page-table walk: entry number index of the table at a machine address. For the
 * global table, which is the device's own, table is 0. */
struct walk_step {
    uint64_t table, entry;
    uint32_t index;
};
struct walk {
    unsigned count; /* steps, from the root down; stops at the first entry that is not present */
    struct walk_step step[4];
};
/* JSON array of {"table","index","entry"}. */
void walk_dump(const struct walk *w, FILE *out);

struct offence {
    enum offence_kind kind;
    unsigned engine;    /* enum engine_id; ENGINE_COUNT: none of them */
    uint32_t lrca;      /* context, 0 when none */
    uint64_t cmd_addr;  /* of the command, 0 when a register write did it */
    uint64_t gpu_addr;  /* virtual address, where there is one */
    bool ppgtt;         /* its address space */
    uint64_t mfn;       /* frame that was used */
    uint64_t value;     /* what was written to the register */
    const char *detail; /* static text, NULL when the kind says all */
    struct walk walk;   /* the tables as they stand, where a translation is concerned */
};

struct offences;
struct offences *offences_new(void); /* NULL when out of memory */
struct offences *offences_free(struct offences *o);
void offences_report(struct offences *o, const struct offence *off);
uint64_t offences_count(struct offences *o, enum offence_kind kind);
/* JSON object of all kinds: {"stale-tlb":N,...}. */
void offences_dump_counts(struct offences *o, FILE *out);
/* JSON array of those kept whole. */
void offences_dump(struct offences *o, FILE *out);
