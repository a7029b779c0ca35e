/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once
/*
 * The module's one device and its rows. Locks, outermost first: vs->open_lock (opening, closing,
 * quiescing), row->lock (a row's DMA blocks) or pins.lock; vs->reg_lock (spinlock: every register
 * that is shared between rows, the interrupt handler included).
 */
#include <linux/eventfd.h>
#include <linux/io.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/spinlock.h>
#include <linux/xarray.h>

#include "access.h"

struct vgt_stub;

struct vgt_row_state {
	struct miscdevice misc;
	struct vgt_stub *vs;
	unsigned int row;
	bool open;
	u64 generation;
	struct mutex lock;		/* blocks, pages */
	struct xarray blocks;		/* handle -> struct vgt_dma_block */
	unsigned int pages;
	struct eventfd_ctx *event;	/* vs->reg_lock */
	u32 pending[VGT_BANKS];		/* vs->reg_lock */
};

struct vgt_dma_block {
	struct list_head link;		/* vs->limbo */
	u32 count;
	u64 tag;
	struct vgt_dma_page {
		void *cpu;
		dma_addr_t dma;
	} pages[];
};

struct vgt_pin_chunk;

struct vgt_pins {
	struct mutex lock;		/* all of this */
	struct xarray domains;		/* domid -> struct vgt_pin_domain */
	struct vgt_pin_chunk **chunks;
	unsigned int nchunks, room;
	unsigned int used;
	void *placeholder;
};

struct vgt_stub {
	struct pci_dev *pdev;
	void __iomem *regs;		/* all of BAR0 */
	resource_size_t bar0, bar0_size, aperture, aperture_size;
	struct vgt_access_dev access;
	u16 ggc;
	u32 ggtt_entries, gtt_offset;
	u8 pte_size;
	u32 slice, slice_at;
	struct vgt_dma_page scratch;
	struct mutex open_lock;
	spinlock_t reg_lock;
	struct list_head limbo;		/* open_lock: blocks of closed rows the GTT may still name */
	struct vgt_row_state rows[VGT_ROWS];
	struct miscdevice broker;
	bool broker_open;
	struct vgt_pins pins;
};

/* row.c: the nodes. */
int vgt_rows_register(struct vgt_stub *vs);
void vgt_rows_unregister(struct vgt_stub *vs);

/* regs.c: registers, the GTT, quiescing. */
int vgt_reg_access(struct vgt_row_state *row, struct vgt_stub_reg *reg);
void vgt_gpu_reset(struct vgt_stub *vs);
void vgt_gtt_scratch(struct vgt_stub *vs);

/* irq.c */
irqreturn_t vgt_irq_handler(int irq, void *data);
void vgt_irq_init(struct vgt_stub *vs);
void vgt_irq_off(struct vgt_stub *vs);
void vgt_irq_row_close(struct vgt_row_state *row);
int vgt_irq_eventfd(struct vgt_row_state *row, int fd);
int vgt_irq_set(struct vgt_row_state *row, const struct vgt_stub_irq *irq);
int vgt_irq_get(struct vgt_row_state *row, struct vgt_stub_irq *irq);
int vgt_irq_fetch(struct vgt_row_state *row, struct vgt_stub_irq_fetch *fetch);

/* dma.c */
extern unsigned int vgt_max_dma_pages;
int vgt_dma_page_alloc(struct vgt_stub *vs, struct vgt_dma_page *page);
void vgt_dma_page_free(struct vgt_stub *vs, struct vgt_dma_page *page);
int vgt_dma_alloc(struct vgt_row_state *row, struct vgt_stub_dma_alloc *arg);
int vgt_dma_free(struct vgt_row_state *row, u32 handle);
int vgt_dma_query(struct vgt_row_state *row, struct vgt_stub_dma_query *arg);
int vgt_dma_list(struct vgt_row_state *row, struct vgt_stub_dma_list *arg);
int vgt_dma_mmap(struct vgt_row_state *row, struct vm_area_struct *vma, u64 offset);
void vgt_dma_row_close(struct vgt_row_state *row);
void vgt_dma_release_limbo(struct vgt_stub *vs);
ssize_t vgt_dma_frames(struct vgt_stub *vs, char *buf, loff_t off, size_t size);

/* pin.c */
extern unsigned int vgt_max_pins;
int vgt_pins_init(struct vgt_stub *vs);
void vgt_pins_fini(struct vgt_stub *vs);
int vgt_attach(struct vgt_stub *vs, const struct vgt_stub_domain *arg);
int vgt_detach(struct vgt_stub *vs, const struct vgt_stub_domain *arg);
void vgt_detach_all(struct vgt_stub *vs);
int vgt_pin(struct vgt_stub *vs, const struct vgt_stub_pin *arg);
int vgt_unpin(struct vgt_stub *vs, const struct vgt_stub_pin *arg);
int vgt_unpin_domain(struct vgt_stub *vs, const struct vgt_stub_domain *arg);
int vgt_pin_list(struct vgt_stub *vs, const struct vgt_stub_pin_list *arg);
void vgt_unpin_all(struct vgt_stub *vs);
ssize_t vgt_pins_text(struct vgt_stub *vs, char *buf);
