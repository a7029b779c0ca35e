/* SPDX-License-Identifier: MIT */
/*
 * fault.h: faults injected on purpose, by name: a GPU that does not answer, loses an interrupt,
 * stops, or reads a wrong page table entry, so that a driver's way out of each can be watched. A
 * fault is armed for one engine or any, for a number of times; whoever plays the hardware's part
 * asks faults_fire() at the place where it would happen. Thread safe. A NULL set never fires.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "softgpu/engine.h"

enum fault_kind {
    FAULT_MISSING_ACK, /* any of the four below, whichever is asked for next */
    FAULT_MISSING_ACK_FORCEWAKE,
    FAULT_MISSING_ACK_GDRST,
    FAULT_MISSING_ACK_MODE,  /* MI_MODE.MODE_IDLE after STOP_RING */
    FAULT_MISSING_ACK_READY, /* RING_RESET_CTL's answer to a request */
    FAULT_LOST_INTERRUPT,
    FAULT_DOUBLED_INTERRUPT,
    FAULT_STUCK_ENGINE,
    FAULT_LATE_RESET,
    FAULT_CORRUPT_PTE,
    FAULT_KINDS
};

#define FAULT_ANY     ENGINE_COUNT /* engine: whichever comes first */
#define FAULT_FOREVER UINT64_MAX
#define FAULT_LATE_NS 50000000ull /* how long FAULT_LATE_RESET keeps a bit of GDRST set */

struct faults;
struct fault_spec {
    enum fault_kind kind;
    unsigned engine; /* enum engine_id or FAULT_ANY */
    uint64_t count;  /* times, or FAULT_FOREVER */
};

struct faults *faults_new(void); /* NULL when out of memory */
struct faults *faults_free(struct faults *f);

/* From words; engine and count may be NULL (any, 1). 0, -ENOENT for an unknown name, -ENODEV for an
 * unknown engine or one with a fault that belongs to none, -ERANGE for a count that is neither
 * 1..1000000000 nor "forever". */
int fault_parse(const char *name, const char *engine, const char *count, struct fault_spec *out);
/* From NAME[:ENGINE[:COUNT]]. The same, and -ENOENT for text that is too long to be one. */
int fault_parse_text(const char *text, struct fault_spec *out);
/* False when it is for an engine that a chip with so many does not have. */
bool fault_fits(const struct fault_spec *s, unsigned engines);
/* One sentence on why fault_parse() refused, with the names that exist. */
void fault_explain(int error, FILE *out);

/* Adds to what is armed already. */
void faults_arm(struct faults *f, const struct fault_spec *s);
/* Disarms all; what has fired stays counted. */
void faults_clear(struct faults *f);

/* True when the fault is to happen now, on this engine (FAULT_ANY: on none in particular, which
 * only a fault armed for any engine matches); counted. Cheap when nothing of the kind is armed. */
bool faults_fire(struct faults *f, enum fault_kind kind, unsigned engine);
/* The same for one of the FAULT_MISSING_ACK_ kinds, which FAULT_MISSING_ACK stands for as well. */
bool faults_fire_ack(struct faults *f, enum fault_kind kind, unsigned engine);

uint64_t faults_fired(struct faults *f, enum fault_kind kind);
/* JSON array, one object per kind: {"name","fired","armed":{"any":N,"rcs":N,...}}; armed holds only
 * what is not 0, -1 for "forever". */
void faults_dump(struct faults *f, FILE *out);
