/* SPDX-License-Identifier: MIT */
/*
 * display.h: pipes, transcoders, ports and planes: what runs when the driver programs them. A pipe
 * has no thread: scan line and frame counter are computed from the time since it was enabled and
 * the programmed timings; the owner of the device's loop calls display_tick() when
 * display_deadline() is due, and vertical blanks and finished flips become interrupts. State is
 * guarded by the register file's lock. Times are nanoseconds of one monotonic clock.
 */
#pragma once
#include "softgpu/pixel.h"

#include <stdbool.h>
#include <stdint.h>

#define DISPLAY_PIPES        3
#define DISPLAY_MAX_SLOWDOWN 256

struct display;
struct irq;
struct regs;

/* clock gives the time and is called with the register lock held. NULL when out of memory. */
struct display *display_new(struct regs *r, struct irq *irq, uint64_t (*clock)(void *opaque),
                            void *opaque);
struct display *display_free(struct display *d);
void display_reset(struct display *d);
/* Lets every pipe started from now on run n times slower than its pixel clock says, n in
 * 1..DISPLAY_MAX_SLOWDOWN: a
 * driver expects to get its registers written within a few scan lines, which an emulated machine on
 * a busy host does not manage at full speed. */
void display_set_slowdown(struct display *d, unsigned n);

/* When the next vertical blank starts on any running pipe; UINT64_MAX when none runs. */
uint64_t display_deadline(struct display *d);
/* Vertical blanks that have started since the last call. */
void display_tick(struct display *d);

/* A vertical blank of the pipe has begun that display_tick() has not dealt with. The caller holds
 * the register lock. */
bool display_due_locked(const struct display *d, unsigned pipe);
/* Vertical blanks of the pipe since reset, display_tick() having dealt with all of them. Takes the
 * register lock. */
uint32_t display_blanks(struct display *d, unsigned pipe);
/* What others want to know of a pipe, each with the register lock held. */
struct display_hooks {
    void (*enabled)(void *opaque, unsigned pipe);
    void (*blank)(void *opaque, unsigned pipe);   /* flips are not taken yet */
    void (*flipped)(void *opaque, unsigned pipe); /* the primary plane has taken a surface */
};
/* hooks is kept by reference. */
void display_set_hooks(struct display *d, const struct display_hooks *hooks, void *opaque);

/* What one pipe shows; plane registers as of the last vertical blank. */
struct display_plane {
    uint32_t ctl;     /* DSPCNTR */
    uint32_t surf;    /* GGTT address */
    uint32_t stride;  /* bytes */
    uint32_t x, y;    /* offset into the surface, pixels */
    uint32_t swizzle; /* not 0: a tiled surface is swizzled (DISP_ARB_CTL 0x45000 bit 13) */
};
struct display_cursor {
    uint32_t ctl;  /* CURCNTR */
    uint32_t base; /* GGTT address */
    int32_t x, y;
};
struct display_picture {
    uint32_t width, height; /* PIPESRC */
    struct display_plane primary;
    struct display_cursor cursor;
    uint32_t gamma; /* not 0: the plane goes through the palette, its 8-bit gamma mode */
    /* Legacy palette, for gamma and for an indexed format; zeros when neither needs it. */
    uint32_t palette[PIXEL_PALETTE];
};
/* 0, -EINVAL when there is no such pipe, -ENODEV when it is off. For the locked form the caller
 * holds the register lock. Pictures compare with memcmp(). */
int display_snapshot(struct display *d, unsigned pipe, struct display_picture *out);
int display_snapshot_locked(const struct display *d, unsigned pipe, struct display_picture *out);

/* Fetches len bytes at a GGTT address for the display (engines_ggtt_read's form). */
typedef int (*display_fetch)(void *opaque, uint64_t addr, void *buf, uint32_t len);
/* Draws a picture into rgb (width * height * 3 bytes): linear or X-tiled primary in any format of
 * pixel.h and the ARGB cursor. 0, -ENOTSUP for another format or Y tiles, -EINVAL when the
 * picture's size is out of range (8192), -ENOMEM. */
int scanout_draw(const struct display_picture *p, display_fetch fetch, void *opaque, uint8_t *rgb);
