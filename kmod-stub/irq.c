// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupt banks. The handler reads and clears each bank that has something, remembers the bits
 * for the owning row and wakes it; no row has to answer before another's interrupts come through.
 */
#include "compat.h"
#include "stub.h"

#define BANK_ISR	0
#define BANK_IMR	4
#define BANK_IIR	8
#define BANK_IER	12
#define MASTER_IRQ	0x44200		/* gen8 */
#define MASTER_ENABLE	BIT(31)
#define DEIER		0x4400c		/* gen7; bit 31 is its master enable */
#define DE_PCH_EVENT	BIT(28)
#define SDEIER		0xc400c

static u32 rd(struct vgt_stub *vs, u32 offset)
{
	return readl(vs->regs + offset);
}

static void wr(struct vgt_stub *vs, u32 offset, u32 value)
{
	writel(value, vs->regs + offset);
}

/* Takes a bank's IIR; a bit that comes back meanwhile raises the next interrupt. */
static u32 take(struct vgt_stub *vs, unsigned int bank)
{
	const struct vgt_bank_info *b = vgt_bank(&vs->access, bank);
	u32 iir = rd(vs, b->isr + BANK_IIR);

	if (iir) {
		wr(vs, b->isr + BANK_IIR, iir);
		vs->rows[b->row].pending[bank] |= iir;
	}
	return iir;
}

static bool handle_gen8(struct vgt_stub *vs, u32 *rows)
{
	u32 master = rd(vs, MASTER_IRQ) & ~MASTER_ENABLE;
	unsigned int bank;

	if (!master)
		return false;
	wr(vs, MASTER_IRQ, 0);
	for (bank = 0; bank < VGT_BANKS; bank++) {
		const struct vgt_bank_info *b = vgt_bank(&vs->access, bank);

		if (b && (master & b->master) && take(vs, bank))
			*rows |= BIT(b->row);
	}
	wr(vs, MASTER_IRQ, MASTER_ENABLE);
	return true;
}

/* The PCH's IIR is emptied before DEIIR's PCH bit is cleared, with SDEIER shut: that bit is an edge
 * of (SDEIIR & SDEIER), and reopening SDEIER makes a new edge if something came meanwhile. */
static bool handle_gen7(struct vgt_stub *vs, u32 *rows)
{
	u32 de_ier = rd(vs, DEIER), sde_ier, de;
	bool any;

	wr(vs, DEIER, de_ier & ~BIT(31));
	sde_ier = rd(vs, SDEIER);
	wr(vs, SDEIER, 0);
	if (take(vs, VGT_BANK_GT0) | take(vs, VGT_BANK_GT2))
		*rows |= BIT(VGT_ROW_SCHED);
	de = rd(vs, vgt_bank(&vs->access, VGT_BANK_DE)->isr + BANK_IIR);
	if ((de & DE_PCH_EVENT) && take(vs, VGT_BANK_PCH))
		*rows |= BIT(VGT_ROW_DISPLAY);
	if (take(vs, VGT_BANK_DE) & ~DE_PCH_EVENT)
		*rows |= BIT(VGT_ROW_DISPLAY);
	any = *rows || de;
	vs->rows[VGT_ROW_DISPLAY].pending[VGT_BANK_DE] &= ~DE_PCH_EVENT;
	wr(vs, SDEIER, sde_ier);
	wr(vs, DEIER, de_ier | BIT(31));
	rd(vs, DEIER);
	return any;
}

irqreturn_t vgt_irq_handler(int irq, void *data)
{
	struct vgt_stub *vs = data;
	unsigned int row;
	u32 rows = 0;
	bool mine;

	spin_lock(&vs->reg_lock);
	mine = vs->access.gen == 8 ? handle_gen8(vs, &rows) : handle_gen7(vs, &rows);
	for (row = 0; row < VGT_ROWS; row++) {
		if ((rows & BIT(row)) && vs->rows[row].event)
			vgt_eventfd_signal(vs->rows[row].event);
	}
	spin_unlock(&vs->reg_lock);
	return mine ? IRQ_HANDLED : IRQ_NONE;
}

/* All bits masked, none enabled but the module's own, nothing left in IIR (it holds two deep). */
static void bank_off(struct vgt_stub *vs, const struct vgt_bank_info *b)
{
	wr(vs, b->isr + BANK_IMR, ~b->keep | BIT(31));
	wr(vs, b->isr + BANK_IER, b->keep);
	rd(vs, b->isr + BANK_IER);
	wr(vs, b->isr + BANK_IIR, ~0u);
	rd(vs, b->isr + BANK_IIR);
	wr(vs, b->isr + BANK_IIR, ~0u);
	rd(vs, b->isr + BANK_IIR);
}

static void master(struct vgt_stub *vs, bool on)
{
	if (vs->access.gen == 8) {
		wr(vs, MASTER_IRQ, on ? MASTER_ENABLE : 0);
		rd(vs, MASTER_IRQ);
	} else {
		const struct vgt_bank_info *de = vgt_bank(&vs->access, VGT_BANK_DE);

		wr(vs, DEIER, on ? de->keep : 0);
		rd(vs, DEIER);
	}
}

void vgt_irq_init(struct vgt_stub *vs)
{
	unsigned int bank;

	master(vs, false);
	for (bank = 0; bank < VGT_BANKS; bank++) {
		const struct vgt_bank_info *b = vgt_bank(&vs->access, bank);

		if (b)
			bank_off(vs, b);
	}
	master(vs, true);
}

void vgt_irq_off(struct vgt_stub *vs)
{
	unsigned long flags;

	spin_lock_irqsave(&vs->reg_lock, flags);
	vgt_irq_init(vs);
	master(vs, false);
	spin_unlock_irqrestore(&vs->reg_lock, flags);
}

void vgt_irq_row_close(struct vgt_row_state *row)
{
	struct vgt_stub *vs = row->vs;
	struct eventfd_ctx *old;
	unsigned long flags;
	unsigned int bank;

	spin_lock_irqsave(&vs->reg_lock, flags);
	for (bank = 0; bank < VGT_BANKS; bank++) {
		const struct vgt_bank_info *b = vgt_bank(&vs->access, bank);

		if (b && b->row == row->row)
			bank_off(vs, b);
	}
	memset(row->pending, 0, sizeof(row->pending));
	old = row->event;
	row->event = NULL;
	spin_unlock_irqrestore(&vs->reg_lock, flags);
	if (old)
		eventfd_ctx_put(old);
}

int vgt_irq_eventfd(struct vgt_row_state *row, int fd)
{
	struct eventfd_ctx *event = NULL, *old;
	struct vgt_stub *vs = row->vs;
	unsigned long flags;

	if (fd < -1)
		return -EINVAL;
	if (fd >= 0) {
		event = eventfd_ctx_fdget(fd);
		if (IS_ERR(event))
			return PTR_ERR(event);
	}
	spin_lock_irqsave(&vs->reg_lock, flags);
	old = row->event;
	row->event = event;
	if (event && memchr_inv(row->pending, 0, sizeof(row->pending)))
		vgt_eventfd_signal(event);
	spin_unlock_irqrestore(&vs->reg_lock, flags);
	if (old)
		eventfd_ctx_put(old);
	return 0;
}

static const struct vgt_bank_info *own_bank(struct vgt_row_state *row, u32 bank)
{
	const struct vgt_bank_info *b = vgt_bank(&row->vs->access, bank);

	return b && b->row == row->row ? b : NULL;
}

int vgt_irq_set(struct vgt_row_state *row, const struct vgt_stub_irq *irq)
{
	const struct vgt_bank_info *b = own_bank(row, irq->bank);
	struct vgt_stub *vs = row->vs;
	unsigned long flags;
	u32 ier;

	if (irq->reserved)
		return -EINVAL;
	if (!b)
		return -EACCES;
	ier = (irq->ier & ~b->keep) | b->keep;
	spin_lock_irqsave(&vs->reg_lock, flags);
	wr(vs, b->isr + BANK_IER, rd(vs, b->isr + BANK_IER) & ier);
	wr(vs, b->isr + BANK_IMR, irq->imr & ~(b->keep & DE_PCH_EVENT));
	wr(vs, b->isr + BANK_IER, ier);
	rd(vs, b->isr + BANK_IER);
	spin_unlock_irqrestore(&vs->reg_lock, flags);
	return 0;
}

int vgt_irq_get(struct vgt_row_state *row, struct vgt_stub_irq *irq)
{
	const struct vgt_bank_info *b = own_bank(row, irq->bank);
	struct vgt_stub *vs = row->vs;
	unsigned long flags;

	if (irq->reserved || irq->imr || irq->ier)
		return -EINVAL;
	if (!b)
		return -EACCES;
	spin_lock_irqsave(&vs->reg_lock, flags);
	irq->imr = rd(vs, b->isr + BANK_IMR);
	irq->ier = rd(vs, b->isr + BANK_IER) & ~b->keep;
	spin_unlock_irqrestore(&vs->reg_lock, flags);
	return 0;
}

int vgt_irq_fetch(struct vgt_row_state *row, struct vgt_stub_irq_fetch *fetch)
{
	struct vgt_stub *vs = row->vs;
	unsigned long flags;

	spin_lock_irqsave(&vs->reg_lock, flags);
	memcpy(fetch->pending, row->pending, sizeof(fetch->pending));
	memset(row->pending, 0, sizeof(row->pending));
	spin_unlock_irqrestore(&vs->reg_lock, flags);
	return memchr_inv(fetch->pending, 0, sizeof(fetch->pending)) != NULL;
}
