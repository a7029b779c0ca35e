/* SPDX-License-Identifier: MIT */
/*
 * blit.h: the verifying workload: two contexts copy and fill random rectangles with the blitter,
 * the processor does the same on memory of its own, and after each submission every byte of every
 * buffer, every sequence number and every status entry is compared. Between submissions it moves
 * buffers in the PPGTT and the page of sequence numbers in the GGTT, so that a shadow that is
 * behind shows. On Haswell a context is an address space and its batches, and the render engine has
 * work of its own. One thread, the driver's.
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

/* Broadwell: a context image and its ring. */
struct blit_context8 {
    uint32_t lrca, ring; /* GGTT addresses */
    uint64_t state, ring_gfn[4];
    uint32_t tail;
    uint64_t desc;
};

/* Haswell: a second place for the batch, in the GGTT, where it has privilege. */
struct blit_context7 {
    uint32_t priv_gma;
    uint64_t priv;
};

struct blit_context {
    unsigned space; /* of d->gen->spaces */
    uint64_t batch;
    unsigned batch_slot;
    uint32_t seqno;
    struct blit_buffer buf[BLIT_BUFFERS];
    uint8_t before[BLIT_BUFFERS][BLIT_BUF_BYTES]; /* the last submission */
    struct blit_op op[BLIT_OPS];
    unsigned ops, target; /* target: where all operations go, with rebind */
    uint32_t dw[256];
    unsigned n;
    struct blit_context7 g7;
    struct blit_context8 g8;
};

struct blit_count {
    uint64_t submissions, completed, lost;
    uint64_t operations, wrong_bytes;
    uint64_t wrong_batches; /* with a wrong byte; */
    uint64_t run_twice; /* of these, explained by having been begun, and then run from its start */
    uint64_t wrong_seqnos; /* not the last and not the next */
    uint64_t csb_lost, csb_odd;
    uint64_t never_idle;      /* Haswell: all was done, and an engine was not seen to be idle */
    uint64_t wrong_registers; /* of a render context that was left and entered again */
    uint64_t pauses;          /* completions that took more than 100 ms */
    uint64_t longest_ns;
    uint64_t since_ns; /* the longest since somebody last set this to 0 */
};

struct blit;

/* How a generation submits the batches of a round. */
struct blit_gen {
    unsigned address_dwords;
    void (*make)(struct blit *b, struct blit_context *c, unsigned number);
    void (*begin)(struct blit *b); /* NULL: nothing more to make */
    /* The ring of a context, or its part of one, with the sequence number c->seqno. */
    void (*build)(struct blit *b, struct blit_context *c, unsigned number);
    void (*submit)(struct blit *b);
    /* Done is more than both numbers; what else is seen meanwhile; whether all that was; count. */
    bool (*done)(struct blit *b);
    void (*look)(struct blit *b);
    bool (*over)(struct blit *b);
    void (*judge)(struct blit *b);
};

/* Status entries of one submission, Broadwell. */
struct blit_status {
    unsigned started, switched, idle;
};

/* Haswell's render engine goes from one context to the other meanwhile (render7.c). */
struct render7 {
    uint32_t context_gma[BLIT_CONTEXTS], out_gma;
    uint64_t out;                                       /* frame: what registers were */
    uint64_t batch[BLIT_CONTEXTS], page[BLIT_CONTEXTS]; /* frames */
    uint32_t expect[BLIT_CONTEXTS][SHM_PAGE / 4];
    uint32_t reg[BLIT_CONTEXTS], before[BLIT_CONTEXTS]; /* of the context, now and a round ago */
    uint32_t seqno;
    bool made; /* both contexts have been entered once */
};

struct blit {
    struct driver *d;
    const struct blit_gen *gen;
    bool rebind; /* what a batch writes to is mapped for it alone */
    uint64_t rng;
    uint32_t seqno_gma;
    uint64_t seqno_gfn[2]; /* taken by turns */
    uint64_t round, limit_ns;
    struct blit_context c[BLIT_CONTEXTS];
    struct blit_status status;
    struct render7 render;
    struct blit_count count;
};

/* limit_ns: a submission that takes longer is lost. 0 or the driver's errors. */
int blit_init(struct blit *b, struct driver *d, uint64_t seed, uint64_t limit_ns, bool rebind);
/* One submission of both contexts, and the look at what came of it. 0, or -ETIMEDOUT when it is
 * lost (nothing can be said after that), or the driver's errors. What was wrong is counted. */
int blit_round(struct blit *b);
/* Nothing lost and nothing wrong. */
bool blit_good(const struct blit *b);

/* For blit_gen7.c, blit_gen8.c and render7.c. */
uint32_t blit_rnd(struct blit *b, uint32_t below);
uint8_t *blit_frame(const struct blit *b, uint64_t gfn);
/* The sequence number of a context as it is in memory. */
uint32_t blit_seqno(const struct blit *b, unsigned number);

extern const struct blit_gen blit_gen7, blit_gen8;

/* render7.c. Contexts, batches, pages; a round's part of the ring; whether it is through; judgement
 * of what it did. */
void render7_make(struct blit *b);
void render7_build(struct blit *b);
bool render7_done(const struct blit *b);
void render7_judge(struct blit *b);
