/* SPDX-License-Identifier: MIT */
/*
 * blit.h: the verifying workload: two contexts copy and fill random rectangles with the blitter,
 * the processor does the same on memory of its own, and after each submission every byte of every
 * buffer, every sequence number and every status entry is compared. Between submissions it moves
 * buffers in the PPGTT and the page of sequence numbers in the GGTT, so that a shadow that is
 * behind shows. One thread, the driver's.
 */
#pragma once
#include "tests/rig/driver.h"

#define BLIT_CONTEXTS  2u
#define BLIT_BUFFERS   3u /* per context */
#define BLIT_PAGES     8u /* per buffer */
#define BLIT_BUF_BYTES (BLIT_PAGES * SHM_PAGE)

struct blit_buffer {
    uint64_t gfn[BLIT_PAGES];
    unsigned slot; /* where it is mapped: first page slot of the PPGTT */
    uint8_t expect[BLIT_BUF_BYTES];
};

#define BLIT_OPS 6u /* per submission of a context, at most */

struct blit_op {
    bool fill;
    unsigned to, from;           /* buffers */
    unsigned x, y, w, h, sx, sy; /* dwords and rows */
    uint32_t colour;
};

struct blit_context {
    uint32_t lrca, ring; /* GGTT addresses */
    uint64_t state, ring_gfn[4], batch;
    unsigned batch_slot;
    uint32_t tail, seqno;
    uint64_t desc;
    struct blit_buffer buf[BLIT_BUFFERS];
    uint8_t before[BLIT_BUFFERS][BLIT_BUF_BYTES]; /* the last submission */
    struct blit_op op[BLIT_OPS];
    unsigned ops;
    uint32_t dw[256];
    unsigned n;
};

struct blit_count {
    uint64_t submissions, completed, lost;
    uint64_t operations, wrong_bytes;
    uint64_t wrong_batches; /* with a wrong byte; */
    uint64_t run_twice; /* of these, explained by having been begun, and then run from its start */
    uint64_t wrong_seqnos; /* not the last and not the next */
    uint64_t csb_lost, csb_odd;
    uint64_t pauses; /* completions that took more than 100 ms */
    uint64_t longest_ns;
    uint64_t since_ns; /* the longest since somebody last set this to 0 */
};

struct blit {
    struct driver *d;
    uint64_t rng;
    uint32_t seqno_gma;
    uint64_t seqno_gfn[2]; /* taken by turns */
    uint64_t round, limit_ns;
    struct blit_context c[BLIT_CONTEXTS];
    struct blit_count count;
};

/* limit_ns: a submission that takes longer is lost. 0 or the driver's errors. */
int blit_init(struct blit *b, struct driver *d, uint64_t seed, uint64_t limit_ns);
/* One submission of both contexts, and the look at what came of it. 0, or -ETIMEDOUT when it is
 * lost (nothing can be said after that), or the driver's errors. What was wrong is counted. */
int blit_round(struct blit *b);
/* Nothing lost and nothing wrong. */
bool blit_good(const struct blit *b);
