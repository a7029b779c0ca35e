/* SPDX-License-Identifier: MIT */
/*
 * view.h: what a guest's own display registers say, taken from its vreg file: whether a virtual
 * pipe runs, its mode, its planes. The guest may change them at any moment: each is read once into
 * a struct view_pipe, and only that is looked at. Called by guest.c. Pure but for the reads; any
 * thread.
 */
#pragma once
#include "gen/fb.h"
#include "gen/modeline.h"
#include "services/wire/vreg.h"

#define VIEW_PIPES 3u

/* Raw register values. */
struct view_pipe {
    uint32_t conf; /* PIPE_CONF of the transcoder the pipe feeds */
    struct modeline_regs mode;
    uint32_t hblank, hsync, vsync;
    struct fb_regs plane;
    uint32_t cur_ctl, cur_base, cur_pos;
    uint32_t crc_ctl;
};

void view_read(const struct vreg_file *vreg, unsigned pipe, struct view_pipe *view);

/* The guest asked for the pipe to run. */
bool view_running(const struct view_pipe *view);

/* Which picture the registers make, as timing_crc_of() says it; 0: no CRC of it is asked for. */
uint64_t view_crc_of(const struct view_pipe *view);
