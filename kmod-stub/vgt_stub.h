/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note OR MIT */
#pragma once
/*
 * The user interface of vgt_stub.ko: one device node per row of the table "who may touch what"
 * (/dev/vgt/gtt, sched, display) and /dev/vgt/broker. A row's node can be open once; everything it
 * gave out (pins, DMA pages, interrupt wiring) lives as long as that open file, whoever holds it.
 *
 * Every reserved or unused field must be 0 (-EINVAL). An ioctl the node does not know: -ENOTTY.
 */
#include <linux/ioctl.h>
#include <linux/types.h>

#define VGT_STUB_VERSION 1

enum vgt_row { VGT_ROW_GTT, VGT_ROW_SCHED, VGT_ROW_DISPLAY, VGT_ROWS };

/* Interrupt banks; which exist and whose they are depends on the generation (access.c). */
enum vgt_bank {
	VGT_BANK_GT0,
	VGT_BANK_GT1,
	VGT_BANK_GT2,
	VGT_BANK_GT3,
	VGT_BANK_PCU,
	VGT_BANK_PIPE_A,
	VGT_BANK_PIPE_B,
	VGT_BANK_PIPE_C,
	VGT_BANK_PORT,
	VGT_BANK_MISC,
	VGT_BANK_DE,
	VGT_BANK_PCH,
	VGT_BANKS
};

/* mmap offsets. BAR0 pages stand at their own offset from 0. */
#define VGT_MMAP_APERTURE	(1ULL << 32)	/* + offset in BAR2; row display, its slice */
#define VGT_MMAP_DMA		(1ULL << 40)	/* + handle << VGT_MMAP_DMA_SHIFT */
#define VGT_MMAP_DMA_SHIFT	24

#define VGT_DMA_MAX_COUNT	4096	/* pages of one block */
#define VGT_DMA_MAX_HANDLE	65535
#define VGT_PIN_MAX_COUNT	512	/* gfns of one call */

struct vgt_stub_info {
	__u32 version;		/* VGT_STUB_VERSION */
	__u16 device;		/* PCI device id */
	__u8 revision;
	__u8 gen;		/* 7 or 8 */
	__u8 row;
	__u8 pte_size;
	__u8 vcs2;		/* 1: a second video engine at 0x1c000 */
	__u8 pv;		/* 1: PV dom0, pins work */
	__u16 ggc;
	__u16 reserved;
	__u32 ggtt_entries;
	__u32 gtt_offset;	/* of the GTT in BAR0: mmap offset */
	__u64 aperture_base;
	__u64 aperture_size;
	__u64 scratch_dma;
	__u64 generation;
	__u32 max_dma_pages;
	__u32 max_pins;
	__u32 aperture_slice;
	__u32 aperture_slice_at;
};

enum vgt_reg_op { VGT_REG_READ, VGT_REG_WRITE, VGT_REG_RMW };

/* Checked register access under the module's one lock. RMW: 4 bytes; clear, then set; value returns
 * what was read. */
struct vgt_stub_reg {
	__u32 offset;
	__u8 width;		/* 4 or 8 */
	__u8 op;
	__u16 reserved;
	__u64 value;		/* in: WRITE, RMW's bits to set; out: READ, RMW's old value */
	__u32 clear;		/* RMW */
	__u32 reserved2;
};

struct vgt_stub_dma_alloc {
	__u32 count;		/* 1..VGT_DMA_MAX_COUNT */
	__u32 handle;		/* out */
	__u64 tag;
	__u64 addrs;		/* user pointer to count __u64, filled with bus addresses */
};

struct vgt_stub_dma_query {
	__u32 handle;
	__u32 count;		/* in: room in addrs; out: pages of the block */
	__u64 tag;		/* out */
	__u64 addrs;		/* user pointer */
};

struct vgt_stub_dma_entry {
	__u32 handle;
	__u32 count;
	__u64 tag;
};

struct vgt_stub_dma_list {
	__u32 max;		/* room in entries */
	__u32 count;		/* out: how many blocks there are */
	__u64 entries;		/* user pointer to struct vgt_stub_dma_entry */
};

struct vgt_stub_pin {
	__u16 domid;
	__u16 reserved;
	__u32 count;		/* 1..VGT_PIN_MAX_COUNT */
	__u64 gfns;		/* user pointer to count __u64 */
	__u64 addrs;		/* PIN: user pointer to count __u64, out; UNPIN: 0 */
};

struct vgt_stub_pin_entry {
	__u64 gfn;
	__u64 addr;
};

struct vgt_stub_pin_list {
	__u16 domid;
	__u16 reserved;
	__u32 max;		/* 1..VGT_PIN_MAX_COUNT */
	__u64 after;		/* only gfns above; all ones: from the first */
	__u64 entries;		/* user pointer to struct vgt_stub_pin_entry */
};

struct vgt_stub_domain {
	__u16 domid;
	__u16 reserved[3];
};

struct vgt_stub_irq {
	__u32 bank;
	__u32 imr;
	__u32 ier;
	__u32 reserved;
};

struct vgt_stub_irq_fetch {
	__u32 pending[VGT_BANKS];
};

#define VGT_IOC_MAGIC		0xb7
/* Rows. */
#define VGT_IOC_INFO		_IOR(VGT_IOC_MAGIC, 0x00, struct vgt_stub_info)
#define VGT_IOC_REG		_IOWR(VGT_IOC_MAGIC, 0x01, struct vgt_stub_reg)
#define VGT_IOC_DMA_ALLOC	_IOWR(VGT_IOC_MAGIC, 0x02, struct vgt_stub_dma_alloc)
#define VGT_IOC_DMA_FREE	_IOW(VGT_IOC_MAGIC, 0x03, __u32)	/* handle */
#define VGT_IOC_DMA_QUERY	_IOWR(VGT_IOC_MAGIC, 0x04, struct vgt_stub_dma_query)
#define VGT_IOC_DMA_LIST	_IOWR(VGT_IOC_MAGIC, 0x05, struct vgt_stub_dma_list)
/* Row gtt. PIN: all or nothing. UNPIN, UNPIN_DOMAIN return how many were released, PIN_LIST how
 * many entries it filled. */
#define VGT_IOC_PIN		_IOW(VGT_IOC_MAGIC, 0x10, struct vgt_stub_pin)
#define VGT_IOC_UNPIN		_IOW(VGT_IOC_MAGIC, 0x11, struct vgt_stub_pin)
#define VGT_IOC_UNPIN_DOMAIN	_IOW(VGT_IOC_MAGIC, 0x12, struct vgt_stub_domain)
#define VGT_IOC_PIN_LIST	_IOW(VGT_IOC_MAGIC, 0x13, struct vgt_stub_pin_list)
/* Rows sched and display. FETCH returns 1 if any bit was pending, else 0. */
#define VGT_IOC_IRQ_EVENTFD	_IOW(VGT_IOC_MAGIC, 0x20, __s32)	/* -1: none */
#define VGT_IOC_IRQ_SET		_IOW(VGT_IOC_MAGIC, 0x21, struct vgt_stub_irq)
#define VGT_IOC_IRQ_GET		_IOWR(VGT_IOC_MAGIC, 0x22, struct vgt_stub_irq)
#define VGT_IOC_IRQ_FETCH	_IOR(VGT_IOC_MAGIC, 0x23, struct vgt_stub_irq_fetch)
/* Node broker. DETACH bars further pins at once and fails with -EBUSY while row gtt still holds
 * some; they are gone when it has unpinned them. Attachments end with the broker's open file. */
#define VGT_IOC_ATTACH		_IOW(VGT_IOC_MAGIC, 0x30, struct vgt_stub_domain)
#define VGT_IOC_DETACH		_IOW(VGT_IOC_MAGIC, 0x31, struct vgt_stub_domain)
