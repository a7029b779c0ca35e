/* SPDX-License-Identifier: MIT */
/*
 * gmbus.h: the display's I2C controller (GMBUS0 0xc5100 ..) with one slave, the EDID EEPROM at
 * address 0x50 on pin pair 5 (port B), and the AUX channels, behind which nothing answers. State
 * is guarded by the register file's lock.
 */
#pragma once
#include <stdint.h>

struct gmbus;
struct irq;
struct regs;

/* edid: 128 bytes, kept by reference. NULL when out of memory. */
struct gmbus *gmbus_new(struct regs *r, struct irq *irq, const uint8_t *edid);
struct gmbus *gmbus_free(struct gmbus *g);
void gmbus_reset(struct gmbus *g);

/* AUX channels A to D: every transfer ends at once with a time-out. 0 or -errno. */
int aux_add(struct regs *r);
