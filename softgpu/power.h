/* SPDX-License-Identifier: MIT */
/*
 * power.h: power wells, the power controller's mailbox and the side band of the south display.
 * State is guarded by the register file's lock.
 */
#pragma once

struct model;
struct regs;
struct pcode;
struct sbi;

/* Power wells, render power limits, Haswell's analog port. Adds the registers of the chip m; 0 or
 * -errno. */
int power_add(struct regs *r, const struct model *m);

/* Mailbox of the power controller (GEN6_PCODE_MAILBOX 0x138124) of the chip m. NULL when out of
 * memory. */
struct pcode *pcode_new(struct regs *r, const struct model *m);
struct pcode *pcode_free(struct pcode *p);
/* Commands answered with "illegal command" so far. Takes the register lock. */
unsigned pcode_illegal(struct pcode *p);

/* South display side band (SBI_ADDR 0xc6000): two targets of 64 Ki registers. */
struct sbi *sbi_new(struct regs *r);
struct sbi *sbi_free(struct sbi *s);
void sbi_reset(struct sbi *s);
