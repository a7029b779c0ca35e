/* SPDX-License-Identifier: MIT */
/*
 * mmio.h: the trap emulator of one guest: what vgt-mmio@N's main loop calls. It takes the guest's
 * trapped accesses from the hypervisor seam, answers them from the vreg file, and posts what other
 * services must know on its lanes. All state that matters is in the vreg file and the virtual GGTT
 * image; struct mmio holds caches. One thread, no globals.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "gen/edid.h"
#include "lib/lane.h"
#include "lib/quarantine.h"
#include "services/wire/timing.h"
#include "services/wire/vggtt.h"
#include "services/wire/vreg.h"
#include "vmm/vmm.h"

#define MMIO_DWORDS (VREG_MMIO_BYTES / 4)

/* What the guest is told it has; from the broker, checked there. Sizes and bases in bytes. */
struct mmio_vgpu {
    uint32_t gen;     /* 7 (Haswell) or 8 (Broadwell) */
    uint16_t device;  /* PCI device id: 0x0412, 0x1616 and relatives */
    uint8_t revision; /* PCI revision id */
    uint32_t vgt_id;
    uint64_t aperture; /* size of BAR2, a power of two */
    uint32_t low_base, low_size, high_base, high_size;
    uint32_t fences;
    uint32_t caps;           /* PVINFO_CAP_* */
    bool monitor;            /* a monitor is plugged into port B */
    uint8_t edid[EDID_SIZE]; /* what it says */
    uint32_t engines;        /* mask of GEN8_M(); VCS2 only on GT3 */
};

/* Things a guest can do wrong, counted; never an error of ours. */
enum mmio_fault {
    MMIO_FAULT_WIDTH,      /* access of a width or alignment the register does not take */
    MMIO_FAULT_UNKNOWN,    /* register outside the table: served as plain storage */
    MMIO_FAULT_READ_ONLY,  /* write to a read-only register, dropped */
    MMIO_FAULT_RANGE,      /* it traps, but nothing is there; a BAR where Xen refuses one */
    MMIO_FAULT_OPERAND,    /* string access whose memory operand is no RAM */
    MMIO_FAULT_QUARANTINE, /* access answered unserved: it killed this service before */
    MMIO_FAULT_NOTIFY,     /* PVINFO notice that makes no sense */
    MMIO_FAULT_RING,       /* ring-mode submission: not offered to guests on Broadwell */
    MMIO_FAULTS,
};

/* "width" and so on; NULL for a number out of range. */
const char *mmio_fault_name(unsigned fault);

struct mmio_setup {
    const struct vmm_ops *ops;
    struct vmm *vmm;
    struct vreg_file *vreg;
    struct vggtt *vggtt;
    const struct timing *timing; /* written by display; NULL: no pipe ever runs */
    struct mmio_vgpu vgpu;
    struct lane_tx *to_gtt, *to_sched; /* attached; borrowed */
    struct lane_rx *from_gtt, *from_sched;
    struct quarantine *quarantine; /* accesses that kill; NULL: they are served all the same */
    /* Show the guest its part of the aperture at BAR2 = base (0: nowhere): asks the broker. 0: it
     * is so; MMIO_LATER: ask again; NULL: there is none. */
    int (*aperture)(void *ctx, uint64_t base);
    void *aperture_ctx;
    uint64_t (*now_ns)(void); /* CLOCK_MONOTONIC; a test brings its own */
    /* For somebody who debugs a driver: every access when it is answered. NULL: none. */
    void (*trace)(void *ctx, const struct vmm_access *a, uint64_t result);
    void *trace_ctx;
};

/* A positive answer, from a handler or a hook: nothing was changed, keep the vCPU waiting. */
#define MMIO_LATER 1

struct mmio_handler;
struct mmio_model;

struct mmio {
    struct mmio_setup s;
    struct vreg_file *vreg; /* = s.vreg */
    const struct mmio_model *model;
    uint8_t handler[MMIO_DWORDS]; /* index into kinds[] by dword: the one look-up */
    const struct mmio_handler *kinds[256];
    unsigned nr_kinds;
    struct vmm_access parked[VMM_MAX_VCPUS]; /* of the vCPUs in waiting */
    uint64_t waiting[VMM_MAX_VCPUS / 64];    /* bit: parked[] is an access a lane had no room for */
    struct timing_pipe timing[TIMING_PIPES]; /* last good copies */
    uint64_t frame[TIMING_PIPES];            /* last vblank raised */
    uint64_t fault[MMIO_FAULTS];
    uint64_t fault_at[MMIO_FAULTS]; /* address of the access that made the first */
    uint64_t accesses, replayed;    /* replayed: begun by a predecessor */
    uint64_t table_writes;          /* of the accesses: to guest pages whose writes trap */
    uint64_t lifts;                 /* times such a page went untrapped until a submission */
    uint16_t serving;               /* vCPU whose access a handler runs for */
    bool display_dirty; /* a register display looks at was written; the loop clears it */
    uint32_t
        root; /* Haswell: first entry of the page directory that gtt was told of last; 0: none */
    struct mmio_wait {
        bool on;       /* until gtt has come to index of its lane */
        uint8_t stage; /* of a handler that waits more than once; 0: it begins */
        uint32_t index;
    } wait[VMM_MAX_VCPUS];
    bool unflushed; /* gtt may not have come to all GGTT entries the guest has written */
    bool gtt_waits; /* parked_gtt was taken from gtt's lane and is not answered yet */
    struct lane_slot parked_gtt;
};

/* Fill the look-up and, the first time, the vreg file's reset values; put back what an
 * access left half done, send an MSI again that a former process may not have sent. 0, -EINVAL for
 * a generation that is none, -ENOMEM or -errno of the seam. */
int mmio_init(struct mmio *m, const struct mmio_setup *s);

/* Serve what is pending, parked accesses first. Returns how many were completed, or -errno when
 * the seam broke. Never blocks. */
int mmio_pump(struct mmio *m);

/* Take in what gtt and sched sent. 0, -errno of the seam, or LANE_BROKEN: a peer's lane must be
 * detached. */
int mmio_events(struct mmio *m);

/* Raise the vblanks that are due; *next_ns is when to call again (0: no pipe runs). 0 or -errno of
 * the seam. */
int mmio_vblank(struct mmio *m, uint64_t *next_ns);

/* A monitor was plugged or unplugged: live state and hot-plug event. 0 or -errno of the seam. */
int mmio_hotplug(struct mmio *m, bool present, const uint8_t edid[EDID_SIZE]);
