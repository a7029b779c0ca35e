/* SPDX-License-Identifier: MIT */
/*
 * timing.h: the record from which vgt-mmio computes vblank, scan line and frame counter without
 * asking anybody. Display writes it when a virtual pipe's mode or its backing changes; a sequence
 * word guards it (odd while it changes). Vblanks go on from the last record while display is down.
 */
#pragma once
#include <assert.h>
#include <stdint.h>

#define TIMING_LAYOUT 2u
#define TIMING_PIPES  3u

/* Registers of pipe A that make a picture and say what of it the CRC is of, the first one's bit 31
 * whether there shall be one; the next pipe's lie 0x1000 further. PIPE_CRC_CTL, PIPE_SRC, then the
 * primary plane's control, stride, surface and offset, the cursor's control, base and position. */
#define TIMING_CRC_REGS                                                                            \
    {                                                                                              \
        0x60050, 0x6001c, 0x70180, 0x70188, 0x7019c, 0x701a4, 0x70080, 0x70084, 0x70088            \
    }
#define TIMING_CRC_COUNT 9u

/* Which picture, never 0: FNV-1a over these registers' values. Both sides read them when they need
 * it, so a CRC is given to the guest for what its registers say, and for nothing older. */
static inline uint64_t timing_crc_of(const uint32_t value[TIMING_CRC_COUNT])
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (uint32_t i = 0; i < 4 * TIMING_CRC_COUNT; i++)
        hash = (hash ^ (value[i / 4] >> 8 * (i % 4) & 0xff)) * 0x100000001b3u;
    return hash | 1;
}

struct timing_pipe {
    uint32_t seq; /* odd: being changed */
    uint32_t enabled;
    uint64_t start_ns; /* CLOCK_MONOTONIC at frame 0, line 0 */
    uint64_t frame_ps; /* picoseconds per frame, 0 when disabled */
    uint32_t vtotal, vactive;
    uint32_t first_frame; /* frame counter at start_ns */
    uint32_t foreground;  /* 1: this guest's plane is on the screen */
    uint64_t crc_of;      /* of which picture the screen's CRC engine gave crc; 0: none */
    uint32_t crc;
    uint32_t pad;
};
static_assert(sizeof(struct timing_pipe) == 56, "layout");

struct timing {
    struct timing_pipe pipe[TIMING_PIPES];
};
