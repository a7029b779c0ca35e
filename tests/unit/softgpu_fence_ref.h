/* SPDX-License-Identifier: MIT */
/*
 * softgpu_fence_ref.h: what fence registers mean, byte by byte, without a line of softgpu's own
 * arithmetic: the oracle of the tests and of the fuzz target. Pure.
 */
#pragma once
#include <stdint.h>

/* Bits of the address that bit 6 is exclusive-ored with, of X and of Y tiles; 0: no swizzling. */
struct fence_ref {
    uint32_t reg[64]; /* low and high dword of fence 0, of fence 1, ... */
    uint32_t swizzle_x, swizzle_y;
};

/* Where a CPU access to the byte at aperture address addr goes in the GGTT. */
uint64_t fence_ref_address(const struct fence_ref *f, uint64_t addr);
