/* SPDX-License-Identifier: MIT */
/*
 * load.h: work of a given length for benchmarks, on a virtual GPU or on softgpu itself (machine.h):
 * a queue of batches, each of which fills a line of a buffer with a colour of its own and then
 * keeps the blitter busy for so many microseconds (softgpu --cost with "busy-batch on"). The queue
 * is kept between half and wholly full, as a driver with enough to do keeps it. Each batch stores
 * the GPU's clock and its number at its end; what it drew, and that none is lost or comes out of
 * turn, is looked at when it is done. GPU time is what lies inside a window of that clock, whenever
 * the processor came to see it. One thread, the driver's.
 */
#pragma once
#include "tests/rig/driver.h"

#define LOAD_SLOTS   128u /* batches that may be under way: twice the queue at most */
#define LOAD_DEPTH   64u  /* of the queue at most */
#define LOAD_LENGTHS 8u
#define LOAD_TICK_NS 80u /* of the GPU's clock, which softgpu takes from CLOCK_MONOTONIC */

#define LOAD_PITCH   256u
#define LOAD_PAGES   (LOAD_SLOTS * LOAD_PITCH / SHM_PAGE)
#define LOAD_BATCHES (LOAD_SLOTS * LOAD_BATCH / SHM_PAGE) /* pages of batches */
#define LOAD_BATCH   64u                                  /* bytes */

/* What is asked of it: lengths are taken by turns. Times are CLOCK_MONOTONIC. */
struct load_run {
    uint32_t us[LOAD_LENGTHS];
    unsigned lengths, depth;
    uint64_t from_ns, to_ns; /* what counts; work begins before and goes on until the end */
};

struct load_result {
    uint64_t gpu_ns; /* in the window */
    uint64_t batches, submissions;
    uint64_t in_window;  /* batches that ended there */
    uint64_t wrong, odd; /* lines and numbers that are not what they must be; status entries */
};

struct load;

/* How a generation submits; see load_gen7.c, load_gen8.c. */
struct load_gen {
    unsigned address_dwords;
    void (*make)(struct load *l);
    /* Batch seq, from slot seq % LOAD_SLOTS, into the ring. */
    void (*emit)(struct load *l, uint32_t seq, bool interrupt);
    /* Tell the GPU, if it can be told now: true. */
    bool (*go)(struct load *l);
    void (*look)(struct load *l); /* NULL: nothing else is to be seen */
    uint32_t (*seqno)(const struct load *l);
};

/* Broadwell: one context; what the port was told is not yet taken while waiting. */
struct load_gen8 {
    uint32_t lrca, ring, tail;
    uint64_t state, ring_gfn[4], desc;
    bool waiting;
};

struct load {
    struct driver *d;
    const struct load_gen *gen;
    uint32_t status_gma; /* a page: number at 0, clocks from LOAD_CLOCKS on */
    uint64_t status;
    uint64_t batch[LOAD_BATCHES], data[LOAD_PAGES];
    uint32_t us[LOAD_SLOTS];
    uint32_t emitted, told, seen; /* the last of each */
    uint32_t begun;               /* emitted when the run began */
    struct load_gen8 g8;
    struct load_run run;
    struct load_result result;
};

#define LOAD_CLOCKS   1024u /* in the status page: four bytes of each slot's, eight apart */
#define LOAD_CLOCK(s) (LOAD_CLOCKS + 8 * ((s) % LOAD_SLOTS))

/* 0 or the driver's errors. */
int load_init(struct load *l, struct driver *d);
/* Until run->to_ns, and until all of it is done: 0, -ETIMEDOUT when nothing came for limit_ns, or
 * the driver's errors. */
int load_go(struct load *l, const struct load_run *run, uint64_t limit_ns);

/* For the generations' files: where slot's batch begins in the PPGTT. */
uint32_t load_batch_address(const struct load *l, uint32_t seq);

extern const struct load_gen load_gen7, load_gen8;
