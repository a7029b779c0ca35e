/* SPDX-License-Identifier: MIT */
/*
 * softgpu_ctx_rig.h: contexts with a batch of their own and a page or two of data, for tests of
 * what Broadwell's engines do with several of them. On top of softgpu_engine_rig.h; the test's
 * thread.
 */
#pragma once
#include "tests/unit/softgpu_engine_rig.h"

#define DATA  0x40000000u /* in each context's space */
#define BATCH 0x50000000u

/* A batch of up to sixteen pages that grows. */
struct batch {
    uint32_t dw[8000];
    unsigned n;
};

void batch_add(struct batch *b, const uint32_t *dw, unsigned n);
#define ADD(b, ...)                                                                                \
    do {                                                                                           \
        const uint32_t dw_[] = {__VA_ARGS__};                                                      \
        batch_add(b, dw_, sizeof(dw_) / 4);                                                        \
    } while (0)

struct ctx {
    struct rig_ctx c;
    uint64_t batch[8], data[2]; /* machine addresses of the pages at BATCH and DATA */
};
void ctx_make(struct rig *r, struct ctx *x, enum engine_id id);
/* Ends the batch and puts it into the context's pages; runs it from the ring. */
void ctx_load(struct rig *r, struct ctx *x, struct batch *b);
void ctx_run(struct rig *r, struct ctx *x, struct batch *b);

/* Fixtures: *state is a struct rig. */
int ctx_setup(void **state);
int ctx_teardown(void **state);
