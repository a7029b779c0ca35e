/* SPDX-License-Identifier: MIT */
/*
 * vtiming.h: writes the records from which vgt-mmio computes a guest's vblanks
 * (services/wire/timing.h). Only guest.c calls it; the one writer of the region. Facts of mode
 * decoding are gen/modeline.h's.
 */
#pragma once
#include "services/display/view.h"
#include "services/wire/timing.h"

/* What one pipe's record shall say. */
struct vtiming {
    bool enabled, foreground;
    uint64_t frame_ps;
    uint32_t vtotal, vactive;
    uint64_t crc_of;
    uint32_t crc;
};

/* From a pipe's registers. slow stretches frames, 1: as programmed. Returns 0, or 1 when the pipe
 * runs a mode that makes no sense: then *t is 60 Hz, so that a guest's modeset comes to an end. */
int vtiming_decode(const struct view_pipe *view, unsigned slow, struct vtiming *t);

/* Publish, if it says anything new. A record of a former process that still holds goes on without
 * a jump; the frame counter never goes back. True: the record changed. */
bool vtiming_publish(struct timing_pipe *shared, const struct vtiming *t, uint64_t now_ns);

/* The CRC alone. A record that a former process left half written waits for vtiming_publish(). */
void vtiming_crc(struct timing_pipe *shared, uint64_t crc_of, uint32_t crc);
