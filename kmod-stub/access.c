/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The register permission table. Offsets from the PRMs, volume "Command Reference: Registers"
 * (Haswell and Broadwell). A page another row also needs is never mapped: its registers are listed
 * one by one and go through the checked call. Left out on purpose: interrupt banks (their own
 * calls), FBC at 0x43200 and the write-back transcoder at 0x6e000 (they write memory by physical or
 * global address, and row display is not trusted with that).
 *
 * Called from any context; reads constants only.
 */
#include "access.h"

#define G7	1u
#define G8	2u
#define GALL	(G7 | G8)
#define GTT	(1u << VGT_ROW_GTT)
#define SCHED	(1u << VGT_ROW_SCHED)
#define DISPLAY	(1u << VGT_ROW_DISPLAY)
#define RO	VGT_ACCESS_READ
#define RW	(VGT_ACCESS_READ | VGT_ACCESS_WRITE)
#define MAP	(RW | VGT_ACCESS_MAP)

#define REG(offset, gens, rows, mode)		{ offset, (offset) + 3, gens, rows, mode, 0 }
#define REGS(first, end, gens, rows, mode)	{ first, (end) - 1, gens, rows, mode, 0 }
#define PAGES(first, end, rows)			{ first, (end) - 1, GALL, rows, MAP, 0 }

static const struct vgt_access_range ranges[] = {
	/* Engines. */
	PAGES(0x2000, 0x3000, SCHED),
	PAGES(0x12000, 0x13000, SCHED),
	REG(0x14090, G7, SCHED, RW),
	PAGES(0x1a000, 0x1b000, SCHED),
	{ 0x1c000, 0x1cfff, G8, SCHED, MAP, 1 },
	PAGES(0x22000, 0x23000, SCHED),

	/* 0x4000: GTT cache, arbiter mode, status pages, faults, private PAT, TLB invalidation. */
	REG(0x4024, G8, SCHED, RW),
	REG(0x4030, GALL, SCHED, RW),
	REG(0x4080, G7, SCHED, RW),
	REG(0x4090, GALL, SCHED, RW),
	REG(0x4094, GALL, SCHED, RW),
	REG(0x40a0, GALL, SCHED, RW),
	REGS(0x40e0, 0x40e8, G8, SCHED, RW),
	REG(0x4180, G7, SCHED, RW),
	REG(0x4194, G7, SCHED, RW),
	REG(0x4280, G7, SCHED, RW),
	REG(0x4294, G7, SCHED, RW),
	REG(0x4380, G7, SCHED, RW),
	REG(0x4394, G7, SCHED, RW),
	REGS(0x4260, 0x4274, GALL, SCHED, RW),
	REGS(0x4b10, 0x4b18, G8, SCHED, RO),

	/* Render workarounds, L3, EU: sched's alone, but not hot enough to map. */
	REGS(0x7000, 0x8000, GALL, SCHED, RW),
	REGS(0x83a4, 0x83a8, GALL, SCHED, RW),
	REG(0x8430, GALL, SCHED, RW),
	REG(0x8504, G8, SCHED, RW),
	REGS(0xb000, 0xc000, GALL, SCHED, RW),
	REGS(0xe000, 0xf000, GALL, SCHED, RW),

	/* 0x9000: fuses for everyone who asks, clock gating and GDRST for sched. */
	REGS(0x9008, 0x9010, GALL, SCHED, RW),
	REGS(0x902c, 0x9034, GALL, SCHED, RW),
	REG(0x907c, GALL, SCHED, RW),
	REGS(0x911c, 0x9124, GALL, SCHED | DISPLAY, RO),
	REGS(0x9134, 0x9140, GALL, SCHED | DISPLAY, RO),
	REGS(0x9400, 0x9408, GALL, SCHED, RW),
	REG(0x941c, GALL, SCHED, RW),
	REG(0x9424, GALL, SCHED, RW),
	REG(0x9430, GALL, SCHED, RW),

	/* 0xa000: RPS, RC6, forcewake request; ack and thread status elsewhere. */
	REGS(0xa000, 0xb000, GALL, SCHED, RW),
	REG(0x120000, G7, SCHED, RW),
	REG(0x120008, G7, SCHED, RO),
	REG(0x120010, GALL, SCHED, RO),
	REG(0x130044, GALL, SCHED, RO),
	REG(0x130090, GALL, SCHED, RO),
	REG(0x13805c, GALL, SCHED, RO),
	REG(0x138060, GALL, SCHED, RO),
	REGS(0x138124, 0x138130, GALL, SCHED, RW),

	/* Memory controller mirror: facts only. */
	REGS(0x145004, 0x14500c, GALL, SCHED | DISPLAY, RO),
	REG(0x145998, GALL, SCHED, RO),
	REGS(0x145d10, 0x145d18, GALL, SCHED | DISPLAY, RO),
	REG(0x145e04, GALL, SCHED | DISPLAY, RO),

	/* GTT row: fences and GFX_FLSH_CNTL; the GTT half itself is mapped by its own rule. */
	PAGES(0x100000, 0x102000, GTT),

	/* North display. */
	PAGES(0x41000, 0x43000, DISPLAY),
	REG(0x44030, GALL, DISPLAY, RW),
	REG(0x44040, GALL, DISPLAY, RW),
	REG(0x44050, GALL, DISPLAY, RW),
	REG(0x44070, GALL, DISPLAY, RW),
	REG(0x44084, GALL, DISPLAY, RW),
	REG(0x4408c, GALL, DISPLAY, RW),
	REG(0x44200, G8, SCHED | DISPLAY, RO),
	PAGES(0x45000, 0x47000, DISPLAY),
	PAGES(0x48000, 0x4c000, DISPLAY),
	PAGES(0x60000, 0x63000, DISPLAY),
	PAGES(0x64000, 0x67000, DISPLAY),
	PAGES(0x68000, 0x6a000, DISPLAY),
	PAGES(0x6f000, 0x74000, DISPLAY),
	PAGES(0x7f000, 0x80000, DISPLAY),
	REG(0x130040, GALL, DISPLAY, RW),

	/* South display. */
	PAGES(0xc2000, 0xc3000, DISPLAY),
	REG(0xc4000, GALL, DISPLAY, RO),
	REG(0xc4030, GALL, DISPLAY, RW),
	REG(0xc4040, G7, DISPLAY, RW),
	PAGES(0xc5000, 0xc9000, DISPLAY),
	PAGES(0xe0000, 0xe3000, DISPLAY),
	PAGES(0xe4000, 0xe5000, DISPLAY),
	PAGES(0xe6000, 0xe7000, DISPLAY),
	PAGES(0xec000, 0xed000, DISPLAY),
	PAGES(0xf0000, 0xf3000, DISPLAY),
};

#define NRANGES	(sizeof(ranges) / sizeof(ranges[0]))

#define BIT_(n)	(1u << (n))

static const struct vgt_bank_info banks_gen8[VGT_BANKS] = {
	[VGT_BANK_GT0] = { 0x44300, BIT_(0) | BIT_(1), 0, VGT_ROW_SCHED },
	[VGT_BANK_GT1] = { 0x44310, BIT_(2) | BIT_(3), 0, VGT_ROW_SCHED },
	[VGT_BANK_GT2] = { 0x44320, BIT_(4) | BIT_(5), 0, VGT_ROW_SCHED },
	[VGT_BANK_GT3] = { 0x44330, BIT_(6), 0, VGT_ROW_SCHED },
	[VGT_BANK_PCU] = { 0x444e0, BIT_(30), 0, VGT_ROW_SCHED },
	[VGT_BANK_PIPE_A] = { 0x44400, BIT_(16), 0, VGT_ROW_DISPLAY },
	[VGT_BANK_PIPE_B] = { 0x44410, BIT_(17), 0, VGT_ROW_DISPLAY },
	[VGT_BANK_PIPE_C] = { 0x44420, BIT_(18), 0, VGT_ROW_DISPLAY },
	[VGT_BANK_PORT] = { 0x44440, BIT_(20), 0, VGT_ROW_DISPLAY },
	[VGT_BANK_MISC] = { 0x44460, BIT_(22), 0, VGT_ROW_DISPLAY },
	[VGT_BANK_PCH] = { 0xc4000, BIT_(23), 0, VGT_ROW_DISPLAY },
};

/* DEIER bit 31 is the master enable, bit 28 lets the PCH's interrupts through. */
static const struct vgt_bank_info banks_gen7[VGT_BANKS] = {
	[VGT_BANK_GT0] = { 0x44010, 0, 0, VGT_ROW_SCHED },
	[VGT_BANK_GT2] = { 0x44020, 0, 0, VGT_ROW_SCHED },
	[VGT_BANK_DE] = { 0x44000, 0, BIT_(31) | BIT_(28), VGT_ROW_DISPLAY },
	[VGT_BANK_PCH] = { 0xc4000, 0, 0, VGT_ROW_DISPLAY },
};

const struct vgt_access_range *vgt_access_table(unsigned int *count)
{
	*count = NRANGES;
	return ranges;
}

static int applies(const struct vgt_access_dev *dev, unsigned int row,
		   const struct vgt_access_range *r)
{
	unsigned int gen = dev->gen == 8 ? G8 : G7;

	return (r->gens & gen) && (r->rows & (1u << row)) && (!r->vcs2 || dev->vcs2);
}

unsigned int vgt_access(const struct vgt_access_dev *dev, unsigned int row, unsigned int offset,
			unsigned int width)
{
	unsigned int i;

	if ((width != 4 && width != 8) || offset % width || offset > VGT_REGS_SIZE - width ||
	    row >= VGT_ROWS)
		return 0;
	for (i = 0; i < NRANGES; i++) {
		if (offset < ranges[i].first || offset + width - 1 > ranges[i].last)
			continue;
		if (applies(dev, row, &ranges[i]))
			return ranges[i].mode;
	}
	return 0;
}

int vgt_access_map(const struct vgt_access_dev *dev, unsigned int row, unsigned int page_offset)
{
	if (page_offset % 4096)
		return 0;
	return (vgt_access(dev, row, page_offset, 4) & VGT_ACCESS_MAP) != 0;
}

const struct vgt_bank_info *vgt_bank(const struct vgt_access_dev *dev, unsigned int bank)
{
	const struct vgt_bank_info *banks = dev->gen == 8 ? banks_gen8 : banks_gen7;

	if (bank >= VGT_BANKS || !banks[bank].isr)
		return 0;
	return &banks[bank];
}
