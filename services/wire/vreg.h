/* SPDX-License-Identifier: MIT */
/*
 * vreg.h: the vreg file: everything vgt-mmio knows about one guest's virtual GPU that must outlive
 * the process. A sealed memfd created by the broker, written by vgt-mmio@N alone. Display maps it
 * read-only for the plane registers. The region header (lib/region.h) precedes it. Where the
 * generations of GPUs differ, theirs share the place: a guest has one for life (struct mmio_vgpu).
 */
#pragma once
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "gen/irq_gen7.h"
#include "gen/irq_gen8.h"
#include "vmm/vmm.h"

#define VREG_LAYOUT     5u
#define VREG_MMIO_BYTES (2u << 20)
#define VREG_CFG_BYTES  256u
#define VREG_ENGINES    5u
#define VREG_UNDO_BYTES 128u
#define VREG_LIFTED     2048u

/* Stage of a trapped access, written before the step it names, so that a new process knows what
 * the dead one may have done (an ioreq carries no sequence number). An access is a sequence of
 * units (one dword of one element, numbered in the order they take effect). */
enum vreg_stage {
    VREG_IDLE = 0,
    VREG_TAKEN,   /* units before the current one are applied, nothing of the current one */
    VREG_STARTED, /* the current unit may be applied in part: put undo back, do it again */
    VREG_APPLIED, /* all applied; result is valid */
    /* A write of all of one register that is nothing but storage, perhaps applied. Of the record
     * only addr and data count; the write is done again before anything else is. */
    VREG_STORED,
};

struct vreg_inflight {
    uint64_t addr;
    uint64_t data;
    uint64_t result;   /* of the units so far */
    uint64_t progress; /* unit << 8 | enum vreg_stage: one store moves both */
    uint32_t count;
    uint8_t space, size, write, flags; /* flags: 1 backwards, 2 indirect */
    uint32_t crashes;                  /* processes that died in this access while STARTED */
    uint32_t undo_len;                 /* 0: nothing to put back; written after undo and undo_at */
    uint32_t undo_at;                  /* offset in struct vreg_file */
    uint32_t pad;
    uint8_t undo[VREG_UNDO_BYTES];
};
static_assert(sizeof(struct vreg_inflight) == 184, "layout");

/* GMBUS: one transfer from the virtual monitor's EDID. */
struct vreg_gmbus {
    uint32_t left;  /* bytes the guest may still read or must still write */
    uint8_t offset; /* next byte of the EDID */
    uint8_t state;  /* services/mmio/gmbus.c */
    uint8_t slave, pad;
};
static_assert(sizeof(struct vreg_gmbus) == 8, "layout");

/* What submissions change, in one piece: that is what a half-done one puts back. */
struct vreg_submit {
    uint64_t seq; /* entries posted to sched */
    union {
        struct {                /* Broadwell */
            uint32_t dwords[4]; /* ELSP collector, in the order they came */
            uint32_t n;
        } elsp[VREG_ENGINES];
        struct {               /* Haswell */
            uint64_t seq;      /* of the last RING or RESET: what sched says of before is void */
            uint64_t mode_seq; /* of the last MI_MODE: the same, of "it has stopped" */
        } ring[VREG_ENGINES];
        uint32_t words[28];
    };
};
static_assert(sizeof(struct vreg_submit) == 120, "layout");
static_assert(sizeof(struct vreg_submit) <= VREG_UNDO_BYTES, "fits the journal");
static_assert(sizeof(struct irq_bank) <= VREG_UNDO_BYTES, "fits the journal");
static_assert(sizeof(struct irq_gen7) <= VREG_UNDO_BYTES, "fits the journal");

/* What sched last said of a Haswell's ring (struct sched_mmio). It outlives the message: a write
 * that a crash repeats is answered before it is seen to be done, and nobody answers it again. */
struct vreg_ring_said {
    uint64_t seq;
    uint32_t head, acthd;
    uint32_t bits, pad;
};
static_assert(sizeof(struct vreg_ring_said) == 24, "layout");

/* Pages with page tables that the guest writes without traps until it submits next. A page may
 * stand here that traps, or twice; one that is written untrapped stands here. */
struct vreg_lifted {
    uint32_t n, pad;
    uint32_t gfn[VREG_LIFTED];
};
static_assert(sizeof(struct vreg_lifted) == 8 + 4 * VREG_LIFTED, "layout");

struct vreg_file {
    uint32_t mmio[VREG_MMIO_BYTES / 4];
    uint8_t cfg[VREG_CFG_BYTES];
    struct vreg_inflight inflight[VMM_MAX_VCPUS];
    struct vmm_resume resume;
    uint64_t gtt_epoch; /* last epoch posted to gtt */
    struct vreg_submit submit;
    struct vreg_gmbus gmbus;
    union {
        struct irq_gen8 irq;
        struct irq_gen7 irq7; /* Haswell */
    };
    uint32_t flips;       /* IIR bits of flips that wait for their vblank, 8 per pipe */
    uint32_t initialised; /* 1: reset values are in place */
    uint64_t bar0, bar2;  /* where they are trapped now; 0: nowhere */
    uint64_t opregion;    /* guest-physical page trapped for it; 0: none */
    uint64_t csb_seq;     /* last of sched's status events that was applied */
    struct vreg_ring_said said[VREG_ENGINES]; /* Haswell */
    struct vreg_lifted lifted;
};
static_assert(offsetof(struct vreg_file, inflight) == VREG_MMIO_BYTES + VREG_CFG_BYTES, "layout");
static_assert(sizeof(struct irq_gen8) == 20 * IRQ_BANKS + 8, "layout");
static_assert(sizeof(struct irq_gen7) == 20 * IRQ_GEN7_BANKS + 4, "layout");
static_assert(offsetof(struct vreg_file, flips) ==
                  offsetof(struct vreg_file, irq) + sizeof(struct irq_gen8),
              "layout");
