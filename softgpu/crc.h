/* SPDX-License-Identifier: MIT */
/*
 * crc.h: the pipes' CRC engines (PIPE_CRC_CTL 0x60050 and results 0x60064 .. 0x60074 of each pipe):
 * while one is enabled, every vertical blank gives five results over the pixels of the frame that
 * ended, and an interrupt. Drivers read the first result only; it is the CRC-32
 * (IEEE 802.3) of the picture's RGB bytes, so that any one pixel changes it. The polynomial of the
 * silicon is not documented. Without an enabled engine nothing is drawn.
 */
#pragma once
#include "softgpu/display.h"

#include <stddef.h>
#include <stdint.h>

struct crc;
struct irq;
struct regs;

/* fetch: as scanout_draw()'s. NULL when out of memory. */
struct crc *crc_new(struct regs *r, struct irq *irq, struct display *d, display_fetch fetch,
                    void *opaque);
struct crc *crc_free(struct crc *c);
void crc_reset(struct crc *c); /* forgets what is under way */
/* The display's hook: a frame of the pipe ends, flips are not taken yet. */
void crc_blank(struct crc *c, unsigned pipe);
/* Around display_tick(), without the register lock. The picture is drawn before the tick raises
 * the vertical blank: a driver draws into a frame's memory again as soon as it is told that the
 * frame has ended. The results come right after it. */
void crc_draw(struct crc *c);
void crc_deliver(struct crc *c);

/* CRC-32 of len more bytes after those that gave crc; 0 to begin with. */
uint32_t crc_update(uint32_t crc, const uint8_t *data, size_t len);
