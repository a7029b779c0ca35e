/* SPDX-License-Identifier: MIT */
/*
 * sched_eng_stub.h: shadow contexts without memory, for tests of the engine half: a context is a
 * row of a table, prepared as the test says. One thread.
 */
#pragma once
#include "services/sched/context.h"

#define STUB_CONTEXTS 16u

struct context {
    struct context_set *set;
    uint64_t desc;
    uint32_t id;
    unsigned engine, busy, saved, killed;
    bool used, unmapped, stale, held, released;
};

/* What context_post_csb() put into the guest's status page, in order. */
struct stub_csb {
    unsigned engine, slot;
    uint64_t csb;
};

struct context_set {
    struct context context[STUB_CONTEXTS];
    uint32_t number;
    int answer; /* of the next prepares, until it is 0 again */
    unsigned prepared;
    uint32_t hwsp[GEN8_ENGINES];
    struct stub_csb csb[256];
    unsigned csbs;
    void (*need_root)(void *ctx, uint32_t level, const uint64_t pdp[4]);
    void (*lost)(void *ctx, enum gen8_engine engine);
    void *ctx;
};

/* The context of a guest's descriptor, NULL before its first prepare. */
struct context *stub_context(struct context_set *s, unsigned engine, uint64_t desc);
unsigned stub_busy(const struct context_set *s);
/* The process died: nothing is busy, held is what was. */
void stub_crash(struct context_set *s);
/* Sets are made of records one of which, of this engine, is quarantined. -1: none. */
extern int stub_loses;
/* What ended processes left is gone. */
void stub_forget(void);
