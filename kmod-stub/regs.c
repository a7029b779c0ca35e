// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checked register access for the rows, and bringing the GPU to rest when a row that it may reach
 * memory through is closed for good.
 */
#include <linux/delay.h>
#include <linux/io-64-nonatomic-lo-hi.h>

#include "stub.h"

#define GDRST		0x941c	/* PRM "Graphics Device Reset Control" */
#define GDRST_FULL	1
#define RESET_CTL	0xd0	/* of an engine: RING_RESET_CTL */
#define RESET_REQUEST	BIT(0)
#define RESET_READY	BIT(1)
#define MASKED(bit)	((bit) << 16)	/* the upper half says which bits a write changes */
#define GFX_FLSH_CNTL	0x101008
#define PTE_VALID	1

static u64 load(struct vgt_stub *vs, u32 offset, u8 width)
{
	return width == 8 ? readq(vs->regs + offset) : readl(vs->regs + offset);
}

static void store(struct vgt_stub *vs, u32 offset, u8 width, u64 value)
{
	if (width == 8)
		writeq(value, vs->regs + offset);
	else
		writel(value, vs->regs + offset);
}

static int check(struct vgt_row_state *row, const struct vgt_stub_reg *reg)
{
	unsigned int need, have;

	if (reg->reserved || reg->reserved2 || reg->op > VGT_REG_RMW)
		return -EINVAL;
	if ((reg->width != 4 && reg->width != 8) || reg->offset % reg->width ||
	    reg->offset > VGT_REGS_SIZE - reg->width)
		return -EINVAL;
	if (reg->op == VGT_REG_RMW ? reg->width != 4 : reg->clear != 0)
		return -EINVAL;
	if (reg->width == 4 && upper_32_bits(reg->value))
		return -EINVAL;
	need = reg->op == VGT_REG_READ ? VGT_ACCESS_READ :
	       reg->op == VGT_REG_WRITE ? VGT_ACCESS_WRITE : VGT_ACCESS_READ | VGT_ACCESS_WRITE;
	have = vgt_access(&row->vs->access, row->row, reg->offset, reg->width);
	return (have & need) == need ? 0 : -EACCES;
}

int vgt_reg_access(struct vgt_row_state *row, struct vgt_stub_reg *reg)
{
	struct vgt_stub *vs = row->vs;
	unsigned long flags;
	u64 old = 0;
	int ret;

	ret = check(row, reg);
	if (ret)
		return ret;
	spin_lock_irqsave(&vs->reg_lock, flags);
	if (reg->op != VGT_REG_WRITE)
		old = load(vs, reg->offset, reg->width);
	if (reg->op == VGT_REG_WRITE)
		store(vs, reg->offset, reg->width, reg->value);
	else if (reg->op == VGT_REG_RMW)
		store(vs, reg->offset, 4, ((u32)old & ~reg->clear) | (u32)reg->value);
	spin_unlock_irqrestore(&vs->reg_lock, flags);
	if (reg->op != VGT_REG_WRITE)
		reg->value = old;
	return 0;
}

/*
 * Broadwell's engines want to be asked before they are reset, else one in the middle of something
 * may hang the chip. One that does not get ready in time is reset nevertheless.
 */
static void ask_engines(struct vgt_stub *vs, bool request)
{
	static const u32 base[] = { 0x2000, 0x12000, 0x1a000, 0x22000, 0x1c000 };
	unsigned int i, tries;

	if (vs->access.gen != 8)
		return;
	for (i = 0; i < ARRAY_SIZE(base) - !vs->access.vcs2; i++) {
		void __iomem *ctl = vs->regs + base[i] + RESET_CTL;

		writel(MASKED(RESET_REQUEST) | (request ? RESET_REQUEST : 0), ctl);
		for (tries = 0; request && tries < 10 && !(readl(ctl) & RESET_READY); tries++)
			usleep_range(50, 200);
	}
}

/* Stops every engine; afterwards none has a context, a page directory or a fetch in flight. */
void vgt_gpu_reset(struct vgt_stub *vs)
{
	unsigned int tries;

	ask_engines(vs, true);
	writel(GDRST_FULL, vs->regs + GDRST);
	for (tries = 0; tries < 100; tries++) {
		if (!(readl(vs->regs + GDRST) & GDRST_FULL))
			break;
		usleep_range(50, 200);
	}
	if (tries == 100)
		dev_err(&vs->pdev->dev, "GPU reset did not finish\n");
	ask_engines(vs, false);
}

static u64 scratch_pte(struct vgt_stub *vs)
{
	u64 dma = vs->scratch.dma;

	if (vs->access.gen == 8)
		return dma | PTE_VALID;
	/* Haswell: address bits 38:32 in entry bits 10:4. */
	return lower_32_bits(dma) | ((dma >> 28) & 0x7f0) | PTE_VALID;
}

/* Points every GGTT entry at the scratch page, so that nothing else can be reached through it. */
void vgt_gtt_scratch(struct vgt_stub *vs)
{
	void __iomem *gtt = vs->regs + vs->gtt_offset;
	u64 pte = scratch_pte(vs);
	u32 i;

	for (i = 0; i < vs->ggtt_entries; i++) {
		if (vs->pte_size == 8)
			writeq(pte, gtt + 8 * (size_t)i);
		else
			writel(pte, gtt + 4 * (size_t)i);
		if (i % 4096 == 0)
			cond_resched();
	}
	writel(1, vs->regs + GFX_FLSH_CNTL);
	readl(vs->regs + GFX_FLSH_CNTL);
}
