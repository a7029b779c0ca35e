/* SPDX-License-Identifier: MIT */
/*
 * clocks.h: the display's clocks: LCPLL (LCPLL_CTL 0x130040), the ports' PLLs (SPLL_CTL 0x46020,
 * WRPLL_CTL1 0x46040, WRPLL_CTL2 0x46060) and which of them feeds a port (PORT_CLK_SEL 0x46100 ..),
 * with a report when a driver gets their sequence wrong: everything still runs, a real chip would
 * not. State is guarded by the register file's lock.
 */
#pragma once
#include <stdint.h>

struct clocks;
struct model;
struct regs;
struct warn;

/* Those of the chip m. NULL when out of memory. */
struct clocks *clocks_new(struct regs *r, struct warn *w, const struct model *m);
struct clocks *clocks_free(struct clocks *c);
/* A pipe is being enabled: is its power well on, has its transcoder a port, the port a clock? The
 * caller holds the register lock. */
void clocks_check_pipe(struct clocks *c, unsigned pipe);
/* Pixel clock of what the pipe's transcoder sends to its port; 0 when not known. The caller holds
 * the register lock. */
uint32_t clocks_pixel_khz(const struct regs *r, unsigned pipe);
