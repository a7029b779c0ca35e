/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
#pragma once
/*
 * Which row may touch which register page or register, and where the interrupt banks are. Pure
 * data and look-ups, built into the module and, for gpu/ and the unit tests, in user space.
 */
#include "vgt_stub.h"

/* What a row may do with an offset. MAP comes with READ and WRITE. */
#define VGT_ACCESS_READ		1u
#define VGT_ACCESS_WRITE	2u
#define VGT_ACCESS_MAP		4u

#define VGT_REGS_SIZE		0x200000u	/* the register half of BAR0, both generations */

struct vgt_access_dev {
	unsigned char gen;	/* 7 or 8 */
	unsigned char vcs2;	/* second video engine present */
};

/* Bytes first..last (inclusive) for the rows in rows (bit per enum vgt_row). */
struct vgt_access_range {
	unsigned int first, last;
	unsigned char gens;	/* VGT_G7, VGT_G8 */
	unsigned char rows;
	unsigned char mode;	/* VGT_ACCESS_* */
	unsigned char vcs2;	/* only where there is a second video engine */
};

/* One ISR/IMR/IIR/IER quartet, in this order from isr on, 4 bytes each. */
struct vgt_bank_info {
	unsigned int isr;	/* 0: the generation has no such bank */
	unsigned int master;	/* gen8: bits of 0x44200 that announce it */
	unsigned int keep;	/* IER bits that are the module's own, always as it wants them */
	unsigned char row;
};

/* The whole table, for those who check it; *count gets its length. */
const struct vgt_access_range *vgt_access_table(unsigned int *count);

/* VGT_ACCESS_* bits row has at all of [offset, offset + width); 0 for an odd width (not 4 or 8), a
 * misaligned or out-of-range offset, or anything not in the table. */
unsigned int vgt_access(const struct vgt_access_dev *dev, unsigned int row, unsigned int offset,
			unsigned int width);

/* 1 if row may map the whole 4 KiB page at page_offset (multiple of 4096) of BAR0's register half. */
int vgt_access_map(const struct vgt_access_dev *dev, unsigned int row, unsigned int page_offset);

/* The bank's registers, or a null pointer if the generation lacks it. */
const struct vgt_bank_info *vgt_bank(const struct vgt_access_dev *dev, unsigned int bank);
