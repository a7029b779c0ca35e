/* SPDX-License-Identifier: MIT */
/*
 * mmio_sched.h: the two stream lanes between vgt-mmio@N and vgt-sched. Toward sched: submissions
 * and resets. Toward mmio: what the virtual engine did, for the registers mmio keeps (virtual IIR,
 * CSB registers, EXECLIST_STATUS, ring HEAD). The status page and context image in guest memory are
 * written by sched before the event that tells of them.
 */
#pragma once
#include <assert.h>
#include <stdint.h>

#define MMIO_SCHED_LAYOUT 1u

enum mmio_sched_kind {
    MMIO_SCHED_ELSP = 1, /* desc[1] may be 0; written when the 4th ELSP dword came */
    MMIO_SCHED_RESET,    /* engines of mask: forget the queue, as GDRST or RESET_CTL does */
    MMIO_SCHED_HWSP,     /* HWS_PGA of engine is now value (GGTT address) */
    MMIO_SCHED_REG,      /* a register of this vGPU's contexts changed: offset, value */
    MMIO_SCHED_RING,     /* Haswell: HEAD, START or CTL of engine was written; ring as it is now */
    MMIO_SCHED_TAIL,     /* Haswell: TAIL of engine is now value, bytes into the ring */
};

/* The registers of a ring as the guest has them: GGTT address | flags, and so on. */
struct mmio_sched_ring {
    uint32_t start, ctl, head, tail;
};

struct mmio_sched {
    uint32_t kind;   /* enum mmio_sched_kind */
    uint32_t engine; /* index as in gen/, or a mask for RESET */
    uint64_t epoch;  /* gtt must have published this before the work may start */
    uint64_t seq;    /* per guest, growing: a replayed entry is recognised by it */
    union {
        uint64_t desc[2];
        struct mmio_sched_ring ring;
    };
    uint32_t offset, value;
    uint64_t pad[2];
};
static_assert(sizeof(struct mmio_sched) == 64, "one slot");

enum sched_mmio_kind {
    SCHED_MMIO_IIR = 1, /* OR bits into the engine's half of its GT IIR bank */
    SCHED_MMIO_CSB,     /* one context status entry, and the EXECLIST_STATUS after it */
    SCHED_MMIO_RESET_DONE,
    SCHED_MMIO_RING, /* Haswell: head and acthd of the virtual ring, and whether it is idle */
};

/* In sched_mmio.bits of SCHED_MMIO_RING: nothing of the ring is left to be executed, or it was
 * stopped and has stopped. */
#define SCHED_RING_IDLE (1u << 0)

struct sched_mmio {
    uint32_t kind; /* enum sched_mmio_kind */
    uint32_t engine;
    /* Of status events: per guest, growing; a repeated one is recognised by it. Of RING: the seq of
     * the last entry taken from mmio, so that one from before a reset is recognised. */
    uint64_t seq;
    uint32_t bits;
    uint32_t csb_index; /* slot 0..5 */
    uint64_t csb;
    uint64_t execlist_status;
    uint32_t head, acthd; /* RING: bytes into the ring; GGTT or PPGTT address */
    uint64_t pad[2];
};
static_assert(sizeof(struct sched_mmio) == 64, "one slot");
