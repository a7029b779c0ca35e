/* SPDX-License-Identifier: MIT */
/*
 * engine_priv.h: the state shared by the files of the execution half and by nobody else. A
 * struct engine is run by one thread of its own; the transport thread reaches it through atomic
 * registers, the attention word, and the fields marked "lock". Everything unmarked belongs to the
 * engine's thread.
 */
#pragma once
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "softgpu/blt.h"
#include "softgpu/cost.h"
#include "softgpu/cs.h"
#include "softgpu/ctx_reg.h"
#include "softgpu/dma.h"
#include "softgpu/engine.h"
#include "softgpu/fault.h"
#include "softgpu/gtt.h"
#include "softgpu/gtt7.h"
#include "softgpu/judge.h"
#include "softgpu/offence.h"
#include "softgpu/tile.h"
#include "softgpu/tlb.h"

#define ENGINE_REGS_SIZE 0x800u

/* Ring block registers, offsets from the engine's base (Haswell and Broadwell PRM vol. 2c). */
enum {
    R_EXCC = 0x028,
    R_TAIL = 0x030,
    R_HEAD = 0x034,
    R_START = 0x038,
    R_CTL = 0x03c,
    R_SYNC_0 = 0x040, /* Haswell: mailboxes of the other three engines */
    R_SYNC_1 = 0x044,
    R_SYNC_2 = 0x048,
    R_PSMI_CTL = 0x050,
    R_ACTHD_UDW = 0x05c,
    R_IPEIR = 0x064,
    R_IPEHR = 0x068,
    R_INSTDONE = 0x06c,
    R_ACTHD = 0x074,
    R_HWS_PGA = 0x080,
    R_NOPID = 0x094,
    R_HWSTAM = 0x098,
    R_MI_MODE = 0x09c,
    R_IMR = 0x0a8,
    R_EIR = 0x0b0,
    R_EMR = 0x0b4,
    R_ESR = 0x0b8,
    R_INSTPM = 0x0c0,
    R_RPCS = 0x0c8,
    R_RESET_CTL = 0x0d0,
    R_BBSTATE = 0x110,
    R_SBBADDR = 0x114,
    R_SBBSTATE = 0x118,
    R_SBBADDR_UDW = 0x11c,
    R_BBADDR = 0x140,
    R_BB_OFFSET = 0x158,
    R_BBADDR_UDW = 0x168,
    R_CTR_CTL = 0x178, /* watchdog */
    R_CTR_THRSH = 0x17c,
    R_CCID = 0x180, /* Haswell */
    R_CTR = 0x190,
    R_BB_PER_CTX = 0x1c0,
    R_INDIRECT_CTX = 0x1c4,
    R_INDIRECT_CTX_OFFSET = 0x1c8,
    R_SWCTRL = 0x200, /* BCS_SWCTRL on the blitter */
    R_PREDICATE_RESULT_2_GEN7 = 0x214,
    R_PP_DIR_DCLV = 0x220, /* Haswell */
    R_PP_DIR_BASE = 0x228,
    R_ELSP = 0x230,
    R_EL_STATUS_LO = 0x234,
    R_EL_STATUS_HI = 0x238,
    R_CTX_CONTROL = 0x244,
    R_SEMA_WAIT_POLL = 0x24c, /* microseconds between two looks */
    R_PDP0_LDW = 0x270,       /* n: LDW +8n, UDW +8n+4 */
    R_MODE = 0x29c,
    R_TIMESTAMP = 0x358,
    R_TIMESTAMP_UDW = 0x35c,
    R_CSB = 0x370,
    R_CSB_PTR = 0x3a0,
    R_CTX_TIMESTAMP = 0x3a8,
    R_PREDICATE_RESULT_2 = 0x3bc,
    R_PREDICATE_SRC0 = 0x400,
    R_PREDICATE_SRC1 = 0x408,
    R_PREDICATE_DATA = 0x410,
    R_PREDICATE_RESULT = 0x418,
    R_FORCE_TO_NONPRIV = 0x4d0, /* 12 slots */
    R_PP_DIR_BASE_READ = 0x518, /* Haswell */
    R_GPR = 0x600,              /* 16 registers of 64 bits */
};

/* BCS_SWCTRL: what a blitter command calls tiled is Y. */
#define SWCTRL_SRC_Y 1u
#define SWCTRL_DST_Y 2u

#define MI_MODE_STOP_RING        (1u << 8)
#define MI_MODE_IDLE             (1u << 9)
#define CTL_VALID                1u
#define CTL_WAIT_SEMAPHORE       (1u << 10) /* what the ring waits for */
#define CTL_WAIT_EVENT           (1u << 11)
#define MODE_PPGTT               (1u << 9) /* GFX_MODE */
#define MODE_TLB_EXPLICIT        (1u << 13)
#define HEAD_OFFSET              0x1ffffcu
#define CTX_CTRL_RESTORE_INHIBIT (1u << 0)
#define CTX_CTRL_SAVE_INHIBIT    (1u << 2)
#define CTX_CTRL_INHIBIT_SYNC    (1u << 3)

/* Context descriptor (Broadwell PRM vol. 2d, "Context Descriptor Format"). */
#define DESC_VALID         (1ull << 0)
#define DESC_FORCE_RESTORE (1ull << 2)
#define DESC_PRIVILEGE     (1ull << 8)
#define DESC_MODE(d)       (((d) >> 3) & 3u) /* 1: 3-level, 3: 4-level */
#define DESC_LRCA(d)       ((uint32_t)(d)&0xfffff000u)
#define DESC_ID(d)         ((uint32_t)((d) >> 32))

/* Why the engine's thread should look up from its work. */
enum {
    ATT_PENDING = 1u << 0, /* a new execlist waits */
    ATT_STOP = 1u << 1,    /* MI_MODE.STOP_RING is set */
    ATT_RESET = 1u << 2,
    ATT_QUIT = 1u << 3,
    ATT_RING = 1u << 4, /* software moved the ring under a running engine (ring.c) */
};

/* A line of page table entries that a walk has fetched (mem.c): eight pages in a row. */
struct mem_line {
    uint64_t pages; /* address / 32 KiB */
    uint64_t gen;   /* of the TLB when it was read */
    uint64_t entry[8];
    bool valid;
};

/* Ring-buffer submission (ring.c): what software wrote while the engine ran. Lock. */
struct ring {
    bool head_moved; /* RING_HEAD was written: the position is taken from head */
    bool restart;    /* the ring was switched off: a batch that ran is given up */
    uint32_t head;
};

struct engine {
    struct engines *owner;
    enum engine_id id;
    uint32_t base;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake; /* the engine's thread waits here */
    pthread_cond_t done; /* a reset was carried out */
    atomic_uint attention;
    _Atomic uint32_t reg[ENGINE_REGS_SIZE / 4];

    /* lock: execlists */
    uint32_t elsp[4];
    unsigned elsp_count;
    uint64_t pending[2];
    uint64_t run[2];
    unsigned run_at; /* element that runs */
    bool active;
    bool hung;
    bool working;   /* the thread is inside a run, unlocked */
    bool mode_deaf; /* MODE_IDLE does not come until STOP_RING goes (fault) */
    struct ring ring;

    atomic_uint waits;         /* CTL_WAIT_* of the command that waits; Haswell tells software */
    atomic_bool kicked;        /* software ended that wait */
    atomic_bool signalled;     /* MI_SEMAPHORE_SIGNAL came for the running context */
    atomic_ullong watchdog_at; /* ns; 0: off */
    atomic_ullong watchdog_from;

    atomic_bool ready_asked; /* RING_RESET_CTL: a request stands */
    unsigned hits;           /* TLB hits of large accesses */

    bool loaded; /* the context of run[run_at] is on the engine */
    struct tlb tlb;
    bool look_ahead;
    unsigned line_at; /* the one used last */
    struct mem_line line[2];
    struct cs cs;
    struct gtt7_directory dir; /* Haswell */
    atomic_ullong dir_loads;   /* writes of PP_DIR_BASE */
    atomic_bool moved;         /* what comes may be another guest's: the judge learns anew */
    uint16_t ctx_domid;
    uint16_t last_domid;
    struct blt_setup blt; /* blitter: what its setup commands left behind */
    struct cost_meter meter;
    bool punctual;                  /* its waits end on time */
    _Atomic uint64_t ctx_loaded_ns; /* 0: none loaded */
    _Atomic uint32_t ctx_timestamp; /* CTX_TIMESTAMP when it was loaded */

    _Atomic uint64_t busy_since; /* 0: not in a run */
    atomic_ullong batches, contexts, commands, unknown, busy_ns, slices;
};

struct engine_kind;

struct engines {
    const struct model *model;
    const struct engine_kind *kind;
    unsigned count; /* of engine[]: what the chip has */
    struct dma *dma;
    struct judge *judge;
    struct engines_ops ops;
    struct gtt *gtt;
    pthread_mutex_t atomic_lock;       /* MI_ATOMIC of all engines */
    _Atomic(struct faults *) injected; /* NULL: none */
    atomic_bool strict, awoken;
    const struct cost *cost; /* NULL: work takes no time of its own */
    struct trace *trace;     /* NULL: no log is written */
    atomic_uint gdrst;
    atomic_uint gdrst_deaf, gdrst_late; /* bits a fault holds: for good, for a time */
    _Atomic uint64_t gdrst_late_until;  /* ns */
    _Atomic uint32_t flsh_cntl;
    _Atomic uint32_t gam[0x1000 / 4]; /* 0x4000..0x4fff */
    _Atomic uint32_t ctx_reg[CTX_REG_COUNT];
    unsigned blt_addr_dwords;          /* of a blitter command's address: 2, on gen7 1 */
    _Atomic enum tile_swizzle swizzle; /* what the chip does while its registers say swizzle */
    atomic_ullong blit_bytes, blits_skipped, faults;
    struct engine engine[ENGINE_COUNT];
};

static inline uint32_t reg_get(const struct engine *e, uint32_t r)
{
    return atomic_load_explicit(&e->reg[r / 4], memory_order_relaxed);
}

static inline void reg_set(struct engine *e, uint32_t r, uint32_t v)
{
    atomic_store_explicit(&e->reg[r / 4], v, memory_order_relaxed);
}

static inline uint64_t reg_get64(struct engine *e, uint32_t r)
{
    return reg_get(e, r) | (uint64_t)reg_get(e, r + 4) << 32;
}

static inline void reg_set64(struct engine *e, uint32_t r, uint64_t v)
{
    reg_set(e, r, (uint32_t)v);
    reg_set(e, r + 4, (uint32_t)(v >> 32));
}

/* Monotonic time in ns, and in the 80 ns ticks of TIMESTAMP. */
uint64_t engine_now_ns(void);
uint64_t engine_ticks(void);
/* How long it has worked until now, with what it is at. Any thread. */
uint64_t engine_busy_ns(struct engine *e, uint64_t now);

/* Raise those bits that the engine's IMR lets through. */
void engine_raise(struct engine *e, uint32_t bits);
/* faults_fire() and faults_fire_ack() for this engine. */
bool engine_fault(struct engine *e, enum fault_kind kind);
bool engine_no_ack(struct engine *e, enum fault_kind kind);
/* The tables an address goes through, as they stand. Engine's thread. */
void engine_walk(struct engine *e, bool ppgtt, uint64_t addr, struct walk *out);
/* How the engines swizzle tiled surfaces at the moment. */
enum tile_swizzle engine_swizzle(struct engine *e);
/* The work of a context is over: whose was it? Engine's thread. */
void engine_account_slice(struct engine *e);
/* Ask the engine's thread to look up. */
void engine_attention(struct engine *e, unsigned bits);

/* The engine's own registers; offset below ENGINE_REGS_SIZE. Any thread, lock not held. */
uint32_t engine_reg_read(struct engine *e, uint32_t offset);
void engine_reg_write(struct engine *e, uint32_t offset, uint32_t value);
/* A write without effect, for tables (engine_kind.h). */
void engine_reg_read_only(struct engine *e, uint32_t offset, uint32_t value);
/* Nothing runs and nothing waits to. Lock not held. */
bool engine_reg_idle(struct engine *e);
/* value as a masked register takes it. */
static inline uint32_t engine_reg_masked(uint32_t old, uint32_t value)
{
    return (old & ~(value >> 16)) | (value & (value >> 16));
}
/* The watchdog's time has come: raise its event and count anew. Engine's thread. */
void engine_watchdog(struct engine *e);
/* Power-on values; engine's thread, or before it runs. */
void engine_reg_reset(struct engine *e);
