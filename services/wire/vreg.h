/* SPDX-License-Identifier: MIT */
/*
 * vreg.h: the vreg file: everything vgt-mmio knows about one guest's virtual GPU that must outlive
 * the process. A sealed memfd created by the broker, written by vgt-mmio@N alone. Display maps it
 * read-only for the plane registers. The region header (lib/region.h) precedes it.
 */
#pragma once
#include <assert.h>
#include <stdint.h>

#include "vmm/vmm.h"

#define VREG_LAYOUT     1u
#define VREG_MMIO_BYTES (2u << 20)
#define VREG_CFG_BYTES  256u

/* Stage of a trapped access, written before the step it names, so that a new process knows what
 * the dead one may have done (an ioreq carries no sequence number). */
enum vreg_stage {
    VREG_IDLE = 0,
    VREG_TAKEN,   /* read from the hypervisor, nothing applied */
    VREG_APPLIED, /* vreg file and lanes hold the effect; result is valid */
};

struct vreg_inflight {
    uint64_t addr;
    uint64_t data;
    uint64_t result;
    uint64_t lane_seq; /* entries published on the lanes by this access, first index */
    uint32_t stage;    /* enum vreg_stage */
    uint8_t space, size, write, crashes; /* crashes: processes that died in this access */
};
static_assert(sizeof(struct vreg_inflight) == 40, "layout");

struct vreg_file {
    uint32_t mmio[VREG_MMIO_BYTES / 4];
    uint8_t cfg[VREG_CFG_BYTES];
    struct vreg_inflight inflight[VMM_MAX_VCPUS];
    uint64_t gtt_epoch;   /* last epoch posted to gtt */
    uint64_t submissions; /* submissions posted to sched */
    struct {
        uint32_t dwords[4]; /* ELSP collector, in the order they came */
        uint32_t n;
        uint32_t pad;
    } elsp[5];
};
static_assert(sizeof(struct vreg_file) ==
                  VREG_MMIO_BYTES + VREG_CFG_BYTES + 40 * VMM_MAX_VCPUS + 16 + 5 * 24,
              "layout");
