/* SPDX-License-Identifier: MIT */
/*
 * fence.h: the 32 fence registers (0x100000 + 8n, PRM BDW vol. 2c "FENCE") and what they do: a CPU
 * access through the aperture to a fenced range of the GGTT sees a tiled surface row by row. Owns
 * the fence registers, TILECTL 0x101000, and the two words of the memory controller from which
 * drivers learn whether to swizzle (MAD_DIMM_C0/C1 0x145004/8). Registers are written by the
 * transport thread and by engine threads; fences_read() and fences_write() are the transport
 * thread's alone.
 *
 * A fence: low dword bit 0 valid, bit 1 Y tiles (otherwise X), bits 31:12 first page; high dword
 * bits 31:12 last page, bits 11:0 pitch in units of 128 bytes, minus one. It is in force exactly
 * while its valid bit is set, with whatever the high dword then holds. What software should not
 * do has these effects, and is reported (OFFENCE_BAD_FENCE) when a write brings it about:
 *   last page before the first: the fence covers nothing;
 *   two fences cover the same page: there the one with the lower number counts;
 *   the pitch is no multiple of an X tile's width: rows of tiles begin pitch * 8 bytes apart, their
 *   last tile reaches into the next row's.
 * An address that the detiling moves past the fence's end (a last row of tiles that is not whole)
 * is used as it is, like any address in the GGTT.
 */
#pragma once
#include <stdint.h>

#include "softgpu/tile.h"

#define FENCE_COUNT 32u

struct fences;
struct engines;
struct offences;
struct regs;

/* Adds its registers to r. The other two are used until fences_free(). NULL when out of memory or
 * a register is taken. */
struct fences *fences_new(struct regs *r, struct engines *engines, struct offences *book);
struct fences *fences_free(struct fences *f);
/* The registers were reset (regs_reset() calls no handlers). */
void fences_reset(struct fences *f);
/* The machine's memory: with TILE_SWIZZLE_NONE, as at first, its channels differ, with anything
 * else they are alike, which makes a Haswell driver turn swizzling on; while TILECTL bit 0 is set,
 * fenced accesses are swizzled that way (with NONE: as TILE_SWIZZLE_9_10, the hardware's way). */
void fences_set_swizzle(struct fences *f, enum tile_swizzle s);

/* CPU access through the aperture; as engines_ggtt_read() and engines_ggtt_write(). */
int fences_read(struct fences *f, uint64_t addr, void *buf, uint32_t len);
int fences_write(struct fences *f, uint64_t addr, const void *buf, uint32_t len);
