/* SPDX-License-Identifier: MIT */
/*
 * vggtt.h: the guest's own view of its GGTT: every entry of its part as it wrote it, before any
 * check; the others, which do not trap, stay 0. Written by vgt-mmio@N, read by gtt (to rebuild the
 * shadow) and sched (guest frame of a ring or context page). A sealed memfd created by the broker.
 */
#pragma once
#include <assert.h>
#include <stdint.h>

#define VGGTT_LAYOUT  1u
#define VGGTT_ENTRIES (1u << 20) /* 4 GiB of 4 KiB pages, 8 MiB of gen8 PTEs */

struct vggtt {
    uint64_t pte[VGGTT_ENTRIES]; /* Haswell: entries have 32 bits, and there are half as many */
};
static_assert(sizeof(struct vggtt) == 8u << 20, "layout");
