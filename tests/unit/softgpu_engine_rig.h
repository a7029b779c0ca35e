/* SPDX-License-Identifier: MIT */
/*
 * softgpu_engine_rig.h: what the tests of softgpu's execution half share: machine memory, page
 * tables, contexts and rings made by hand, as a driver would make them, and a look at the status
 * page. One thread (the test's) uses it; the ops it gives to the engines are thread safe.
 */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>

#include "softgpu/dma.h"
#include "softgpu/engine.h"
#include "softgpu/judge.h"

#define RIG_MEMORY   (32u << 20)
#define RIG_RING     0x1000u /* one page */
#define RIG_GGTT_TOP 0x10000000u

struct rig {
    bool gen7; /* the engines are a Haswell's: softgpu_ring_rig.c plays the driver */
    uint32_t next_directory;
    struct dma *dma;
    struct judge *judge;
    struct engines *engines;
    uint64_t next_page; /* machine memory is handed out upwards */
    uint32_t next_ggtt;
    uint64_t hwsp[ENGINE_COUNT]; /* machine address of the status pages */
    unsigned csb_read[ENGINE_COUNT];
    _Atomic uint32_t raised[ENGINE_COUNT]; /* all event bits so far */
    _Atomic unsigned raises[ENGINE_COUNT];
    _Atomic uint32_t reg[0x80000]; /* registers of the rest of the device */
};

struct rig_ctx {
    enum engine_id engine;
    uint32_t lrca, id;
    uint64_t image, ring; /* machine addresses; image: register page */
    uint32_t ring_ggtt, tail;
    uint64_t desc, root;
    unsigned levels;
    uint32_t directory; /* Haswell: number of its first entry in the global table */
};

void rig_setup(struct rig *r); /* a Broadwell GT3, which has all engines */
void rig_setup_as(struct rig *r, const char *broadwell);
void rig_setup_haswell(struct rig *r);
void rig_teardown(struct rig *r);

/* One of its own for a test of cmocka: a Broadwell GT3, a Haswell, and its end. */
int rig_new(void **state);
int rig_new_haswell(void **state);
int rig_free(void **state);

/* The same with a render context (of 4 levels) in which a page is mapped. */
#define RIG_DATA 0x40000000u
struct rig_data {
    struct rig r;
    struct rig_ctx c;
    uint64_t data; /* machine */
};
int rig_data_new(void **state);
int rig_data_new_haswell(void **state);
int rig_data_free(void **state);

uint32_t rig_base(enum engine_id id);

uint64_t rig_page(struct rig *r);
/* Map a machine page in the GGTT, at addr or at the next free place (addr 0). */
uint32_t rig_ggtt_map(struct rig *r, uint32_t addr, uint64_t page);
/* Map in a context's address space; flags: 3 is present and writable. */
void rig_map(struct rig *r, struct rig_ctx *c, uint64_t addr, uint64_t page, uint64_t flags);
/* A fresh page mapped at addr; returns the machine address. */
uint64_t rig_map_new(struct rig *r, struct rig_ctx *c, uint64_t addr);
uint32_t rig_r32(struct rig *r, uint64_t machine);
uint64_t rig_r64(struct rig *r, uint64_t machine);
void rig_w32(struct rig *r, uint64_t machine, uint32_t v);
void rig_write(struct rig *r, uint64_t machine, const uint32_t *dw, unsigned n);

/* A context with an empty ring; levels 3 or 4. On Haswell the engine's ring and a page directory,
 * whose registers are set. */
void rig_context(struct rig *r, struct rig_ctx *c, enum engine_id id, unsigned levels);
/* Append commands to the ring (padded to a cache line) and move the tail in the image. */
void rig_emit(struct rig *r, struct rig_ctx *c, const uint32_t *dw, unsigned n);
void rig_submit(struct rig *r, enum engine_id id, uint64_t desc0, uint64_t desc1);
/* Next CSB event; waits. False when none came within the deadline. */
bool rig_event(struct rig *r, enum engine_id id, uint32_t *status, uint32_t *ctx);
#define rig_expect(r, id, status_, ctx_)                                                           \
    do {                                                                                           \
        uint32_t s_ = 0, c_ = 0;                                                                   \
        assert_true(rig_event((r), (id), &s_, &c_));                                               \
        assert_int_equal(s_, (status_));                                                           \
        assert_int_equal(c_, (ctx_));                                                              \
    } while (0)
bool rig_quiet(struct rig *r, enum engine_id id); /* no event is waiting */
/* Poll a machine dword until it has the value. */
bool rig_wait32(struct rig *r, uint64_t machine, uint32_t v);
/* Submit, expect idle->active and completion; on Haswell an idle engine at the tail. */
void rig_run(struct rig *r, struct rig_ctx *c);
/* Batch in the per-process space at addr (mapped here; non-privileged), then run it. */
void rig_run_batch(struct rig *r, struct rig_ctx *c, uint64_t addr, const uint32_t *dw, unsigned n);
/* Poll a register until (value & mask) == v. */
bool rig_wait_reg(struct rig *r, uint32_t offset, uint32_t mask, uint32_t v);
/* Wait until one of these events has been raised. */
bool rig_wait_raised(struct rig *r, enum engine_id id, uint32_t bits);
struct engines_stats rig_stats(struct rig *r);

#define RIG_RUN(r, c, ...)                                                                         \
    do {                                                                                           \
        const uint32_t dw_[] = {__VA_ARGS__};                                                      \
        rig_emit((r), (c), dw_, sizeof(dw_) / 4);                                                  \
        rig_run((r), (c));                                                                         \
    } while (0)
#define RIG_EMIT(r, c, ...)                                                                        \
    do {                                                                                           \
        const uint32_t dw_[] = {__VA_ARGS__};                                                      \
        rig_emit((r), (c), dw_, sizeof(dw_) / 4);                                                  \
    } while (0)

#define MI(op, flags)   ((uint32_t)(op) << 23 | (uint32_t)(flags))
#define MI_GGTT         (1u << 22)
#define MI_SDI(addr, v) MI(0x20, 2), (uint32_t)(addr), (uint32_t)((uint64_t)(addr) >> 32), (v)
#define MI_BBS(addr)    MI(0x31, 0x101), (uint32_t)(addr), (uint32_t)((uint64_t)(addr) >> 32)
#define MI_BBE          MI(0x0a, 0)
#define MI_LRI1(reg, v) MI(0x22, 1), (uint32_t)(reg), (v)
#define MI_SRM(reg, addr)                                                                          \
    MI(0x24, 2), (uint32_t)(reg), (uint32_t)(addr), (uint32_t)((uint64_t)(addr) >> 32)
#define CSB_IDLE_ACTIVE 0x1u
#define CSB_PREEMPTED   (1u << 1)
#define CSB_SWITCH      0x14u /* complete, element switch */
#define CSB_DONE        0x18u /* complete, active to idle */
#define CSB_LITE        0x8002u
