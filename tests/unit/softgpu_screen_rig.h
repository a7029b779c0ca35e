/* SPDX-License-Identifier: MIT */
/*
 * softgpu_screen_rig.h: the display side of the device without the rest, under a clock and with a
 * graphics memory of the test's own, for the tests of what pipes show.
 */
#pragma once
#include "softgpu/irq.h"
#include "softgpu/regs.h"
#include "softgpu/screen.h"

#include <pthread.h>
#include <stdint.h>

#define RIG_MEMORY      (4u << 20)
#define RIG_WIDTH       64u
#define RIG_HEIGHT      32u
#define RIG_PIXELS      (RIG_WIDTH * RIG_HEIGHT)
#define RIG_SURFACE     0x10000u /* of pipe A; that of the next pipe comes as far behind it */
#define RIG_KHZ         64962u
#define RIG_FRAME       (1344ull * 806 * 1000000 / RIG_KHZ)
#define RIG_VBLANK      1u
#define RIG_CRC_DONE    (1u << 28)
#define RIG_PIPE_ENABLE (1u << 31)

struct rig {
    const struct model *model;
    struct regs *regs;
    struct irq *irq;
    struct screen *screen;
    uint64_t now;
    uint8_t *memory;      /* graphics memory from address 0 */
    pthread_mutex_t gate; /* held by the test: nobody fetches */
    unsigned fetched;     /* guarded by gate */
    uint32_t iir_seen;    /* events of pipe A at the last fetch; guarded by gate */
};

/* cmocka's fixtures; *state is the struct rig. */
int rig_setup(void **state);         /* a Broadwell */
int rig_setup_haswell(void **state); /* events of its display in DE, rig_frame()'s too */
int rig_teardown(void **state);
void rig_wr(struct rig *r, uint32_t off, uint32_t v);
uint32_t rig_rd(struct rig *r, uint32_t off);
/* What comes before a pipe is enabled, in a driver's order: power well, WRPLL 1 at RIG_KHZ, the
 * clock of port B (pipe A), C (B) or D (C), that of the transcoder, and the port. */
void rig_clocks_on(struct rig *r, unsigned pipe);
/* The same, then starts the pipe at 60 Hz with a small linear XRGB picture at its surface. */
void rig_start(struct rig *r, unsigned pipe);
/* Fills such a surface with colours that depend on seed; rig_colour() is that of pixel i. */
uint32_t rig_colour(uint32_t i, uint32_t seed);
void rig_paint(struct rig *r, uint32_t surface, uint32_t seed);
/* That status has exactly this list of display_warnings. */
void rig_expect_warnings(struct rig *r, const char *list);
/* To the end of the frame; the events of the pipe, which are acknowledged. */
uint32_t rig_frame(struct rig *r, unsigned pipe);
