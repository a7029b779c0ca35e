/* SPDX-License-Identifier: MIT */
/*
 * mmio_fixture.h: a guest, its trap emulator and the far ends of its lanes, in one process. Shared
 * state is in memfds, so a test may let a child process run the emulator and die.
 */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gen/pvinfo.h"
#include "services/mmio/mmio.h"
#include "services/wire/mmio_gtt.h"
#include "services/wire/mmio_sched.h"
#include "vmm/fake/fake.h"

#define FIX_DOMID     7u
#define FIX_BAR0      0xf0000000u
#define FIX_BAR2      0x80000000u
#define FIX_GTT7      (FIX_BAR0 + (2u << 20)) /* the GGTT's entries of a Haswell */
#define FIX_GTT8      (FIX_BAR0 + (8u << 20)) /* of a Broadwell */
#define FIX_RAM_PAGES 64u
/* The guest's part of graphics memory, and the first entries of both pieces. */
#define FIX_LOW       (64u << 20)
#define FIX_LOW_SIZE  (64u << 20)
#define FIX_HIGH      (1u << 30)
#define FIX_HIGH_SIZE (384u << 20)
#define FIX_FIRST     (FIX_LOW / 4096u)
#define FIX_BEYOND    (FIX_FIRST + FIX_LOW_SIZE / 4096u) /* after the last */
#define FIX_FIRST_HI  (FIX_HIGH / 4096u)
#define FIX_BEYOND_HI (FIX_FIRST_HI + FIX_HIGH_SIZE / 4096u)

struct fix_lane {
    int memfd, wake, room;
    struct lane_tx tx;
    struct lane_rx rx;
};

/* All that outlives the emulator's process. */
struct fix_shared {
    struct vreg_file vreg;
    struct vggtt vggtt;
    struct timing timing;
    struct quarantine_table bad;
    uint64_t now_ns;
    uint32_t taken, completed; /* what a child did to the guest, whose own state is not shared */
};

struct fix {
    uint32_t gen; /* of the guest's GPU */
    struct fake_guest *guest;
    struct vmm_ops ops; /* a copy: a test may replace calls */
    struct vmm *vmm;
    struct fix_shared *s;
    struct fix_lane to_gtt, to_sched, from_gtt, from_sched;
    struct quarantine quarantine;
    struct mmio mmio;
};

/* slots: of the lanes to gtt and sched, a power of two. The device is at FIX_BAR0, its MSI set.
 * fix_new(): a Broadwell. */
struct fix *fix_new(uint32_t slots);
struct fix *fix_new_gen(uint32_t slots, uint32_t gen);
void fix_free(struct fix *f);
/* The emulator starts, on whatever state there is. fix_restart(): after the former one died. */
void fix_start(struct fix *f);
void fix_restart(struct fix *f);
/* What a new process does about the lanes: attach as producer again. */
void fix_reattach_tx(struct fix *f);

uint64_t fix_read(struct fix *f, uint64_t addr, unsigned size);
void fix_write(struct fix *f, uint64_t addr, unsigned size, uint64_t data);
/* Registers by offset in BAR0, 4 bytes. */
uint32_t fix_r(struct fix *f, uint32_t offset);
void fix_w(struct fix *f, uint32_t offset, uint32_t value);
uint64_t fix_cfg_r(struct fix *f, uint32_t at, unsigned size);
void fix_cfg_w(struct fix *f, uint32_t at, unsigned size, uint64_t value);
/* An access that nothing of traps: Xen would drop it, and gtt hears nothing. */
void fix_dropped(struct fix *f, uint64_t addr, unsigned size);
/* Of a BAR0 at base: all that is the guest's traps, to the byte, and nothing else; or nothing. */
void fix_bar0_traps(struct fix *f, uint64_t base, bool on);
/* Start an access without serving it. */
void fix_begin(struct fix *f, const struct vmm_access *a);
struct vmm_access fix_access(uint64_t addr, unsigned size, bool write, uint64_t data);

/* The next message to gtt or sched: false when there is none. */
bool fix_gtt(struct fix *f, struct mmio_gtt *msg);
bool fix_sched(struct fix *f, struct mmio_sched *msg);
void fix_forget(struct fix *f);
size_t fix_msis(struct fix *f);
