/* SPDX-License-Identifier: MIT */
/*
 * softgpu_fence_rig.h: fences over some pages of machine memory that the aperture shows, accessed
 * in step with the reference of softgpu_fence_ref.h. On top of softgpu_engine_rig.h; the test's
 * thread.
 */
#pragma once
#include "tests/unit/softgpu_engine_rig.h"

#include "softgpu/fence.h"
#include "softgpu/offence.h"
#include "softgpu/regs.h"
#include "tests/unit/softgpu_fence_ref.h"

#define PAGES    128u
#define BYTES    (PAGES * 4096u)
#define APERTURE 0x400000u /* GGTT address of the first page */
#define TILECTL  0x101000u
#define REG(n)   (0x100000u + 8 * (n))
#define VALID    1u
#define Y_TILES  2u

struct fence_rig {
    struct rig r;
    struct regs *regs;
    struct fences *fences;
    struct fence_ref ref;
    uint64_t page[PAGES];  /* machine addresses, in no order */
    uint8_t memory[BYTES]; /* what should be in them */
    uint32_t seed;
};

/* How the machine may swizzle: address bits that count for X and for Y tiles. */
#define FENCE_MODES 4
struct fence_mode {
    enum tile_swizzle mode;
    uint32_t x, y;
};
extern const struct fence_mode fence_modes[FENCE_MODES];

/* Fixtures; *state is a struct fence_rig. */
int fence_setup(void **state);
int fence_teardown(void **state);
uint32_t fence_rnd(struct fence_rig *f, uint32_t below);
/* One half of fence n; both, in the order of drivers: pages of the rig's memory, pitch in bytes. */
void fence_put(struct fence_rig *f, unsigned n, bool high, uint32_t value);
void fence_set(struct fence_rig *f, unsigned n, unsigned first, unsigned last, uint32_t pitch,
               uint32_t flags);
void fence_off(struct fence_rig *f, unsigned n);
/* A place in fence_modes, or -1 for none. */
void fence_swizzle(struct fence_rig *f, int mode);
uint64_t fence_offences(struct fence_rig *f); /* against the rules of fences so far */
/* Accesses at an offset of the rig's memory; what is read must be what the reference says. */
void fence_write_at(struct fence_rig *f, uint32_t off, uint32_t len);
void fence_read_at(struct fence_rig *f, uint32_t off, uint32_t len);
void fence_compare(struct fence_rig *f); /* all of memory */
/* Accesses of every size that the bus has, at every alignment, then long ones. */
void fence_exercise(struct fence_rig *f);
