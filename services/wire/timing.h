/* SPDX-License-Identifier: MIT */
/*
 * timing.h: the record from which vgt-mmio computes vblank, scan line and frame counter without
 * asking anybody. Display writes it when a virtual pipe's mode or its backing changes; a sequence
 * word guards it (odd while it changes). Vblanks go on from the last record while display is down.
 */
#pragma once
#include <assert.h>
#include <stdint.h>

#define TIMING_LAYOUT 1u
#define TIMING_PIPES  3u

struct timing_pipe {
    uint32_t seq; /* odd: being changed */
    uint32_t enabled;
    uint64_t start_ns; /* CLOCK_MONOTONIC at frame 0, line 0 */
    uint64_t frame_ps; /* picoseconds per frame, 0 when disabled */
    uint32_t vtotal, vactive;
    uint32_t first_frame; /* frame counter at start_ns */
    uint32_t foreground;  /* 1: this guest's plane is on the screen */
    uint64_t pad[2];
};
static_assert(sizeof(struct timing_pipe) == 56, "layout");

struct timing {
    struct timing_pipe pipe[TIMING_PIPES];
};
