/* SPDX-License-Identifier: MIT */
/*
 * gmbus.h: the display's I2C controller (GMBUS0 0xc5100 ..) with the monitors' EDID EEPROMs at
 * address 0x50 of the ports' pin pairs, and the AUX channels, behind which nothing answers. State
 * is guarded by the register file's lock.
 */
#pragma once
#include <stdint.h>

struct aux;
struct gmbus;
struct irq;
struct regs;

/* Pin pairs: bits 2:0 of GMBUS0. */
enum gmbus_pin { GMBUS_PIN_C = 4, GMBUS_PIN_B = 5 };

/* Nothing is connected. NULL when out of memory. */
struct gmbus *gmbus_new(struct regs *r, struct irq *irq);
struct gmbus *gmbus_free(struct gmbus *g);
void gmbus_reset(struct gmbus *g); /* what is connected stays */
/* Connects an EEPROM of len bytes (a multiple of 128, at most EDID_MAX) with a copy of edid, or
 * disconnects it (len 0): then nothing answers there. The caller holds the register lock. */
void gmbus_connect_locked(struct gmbus *g, enum gmbus_pin pin, const uint8_t *edid, uint32_t len);

/* AUX channels A to D: every transfer ends at once with a time-out. NULL when out of memory. */
struct aux *aux_new(struct regs *r, struct irq *irq);
struct aux *aux_free(struct aux *a);
