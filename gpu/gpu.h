/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The GPU seam: all a service knows of the way to the physical GPU.
 *
 * A service opens its own row of the table "who may touch what" once, at start (gpu_stub_open,
 * gpu_fake_open, ...), and from then on calls the short functions below; which implementation is
 * behind them is chosen at start. What the row may not touch is refused by the implementation
 * (-EACCES), with the kernel module by the kernel.
 *
 * Threads: one struct gpu belongs to one row. Register reads and writes, GGTT entries and
 * gpu_irq_pending() may be used from any thread at once (each is one access or one ioctl); the
 * caller orders them. Allocation, pins and mapping calls take the implementation's own lock.
 *
 * Errors: negative errno. Offsets are byte offsets into BAR0's register half (PRM volume "MMIO"),
 * little-endian; addresses called dma are what the GPU puts on the bus and what belongs in a PTE
 * (bits 38:12; under a PV dom0 this is the machine address).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GPU_PAGE_SIZE 4096u

/* Rows of the table; each has one device node and one owner at a time. */
enum gpu_row { GPU_ROW_GTT, GPU_ROW_SCHED, GPU_ROW_DISPLAY, GPU_ROWS };

enum gpu_gen { GPU_GEN7 = 7 /* Haswell, gen7.5 */, GPU_GEN8 = 8 /* Broadwell */ };

/*
 * Interrupt banks: one ISR/IMR/IIR/IER quartet each. Owner and generation in brackets.
 * Bits within a bank are the hardware's own (PRM vol. 2c: GT Interrupt, DE_PIPE, DE_PORT, SDE).
 */
enum gpu_irq_bank {
    GPU_IRQ_GT0,    /* sched: BDW RCS bits 15:0, BCS bits 31:16 (0x44300); HSW GT bank (0x44010) */
    GPU_IRQ_GT1,    /* sched: BDW VCS, VCS2 (0x44310) */
    GPU_IRQ_GT2,    /* sched: BDW PM (0x44320); HSW PM bank with the VECS bits (0x44020) */
    GPU_IRQ_GT3,    /* sched: BDW VECS (0x44330) */
    GPU_IRQ_PCU,    /* sched: BDW (0x444e0) */
    GPU_IRQ_PIPE_A, /* display: BDW (0x44400) */
    GPU_IRQ_PIPE_B, /* display: BDW (0x44410) */
    GPU_IRQ_PIPE_C, /* display: BDW (0x44420) */
    GPU_IRQ_PORT,   /* display: BDW (0x44440) */
    GPU_IRQ_MISC,   /* display: BDW (0x44460) */
    GPU_IRQ_DE,     /* display: HSW DE bank (0x44000); bit 31 of its IER is the stub's own */
    GPU_IRQ_PCH,    /* display: south display, SDE (0xc4000) */
    GPU_IRQ_BANKS
};

/* Facts fixed at open; read freely. */
struct gpu_info {
    uint16_t device;         /* PCI device id, vendor 8086 */
    uint8_t revision;        /* PCI revision id */
    uint8_t gen;             /* enum gpu_gen */
    uint8_t row;             /* enum gpu_row of this opening */
    uint8_t pte_size;        /* bytes of one GGTT entry: 4 (HSW), 8 (BDW) */
    uint16_t ggc;            /* GMCH graphics control, config 0x50 */
    uint32_t ggtt_entries;   /* entries the GTT holds (GGC's GGMS field) */
    uint64_t aperture_base;  /* physical (dom0 kernel's view: machine) address of BAR2 */
    uint64_t aperture_size;  /* bytes of BAR2 */
    uint64_t scratch_dma;    /* a zeroed page that outlives every row: what unused entries name */
    uint64_t generation;     /* grows with every opening of the row's node: state is fresh */
    uint32_t max_dma_pages;  /* limit over all blocks of this row */
    uint32_t max_pins;       /* limit over all domains; 0 on rows without pins */
    uint32_t aperture_slice; /* bytes of BAR2 set aside for row display; the same on every row */
    uint32_t aperture_slice_at; /* where in BAR2 it begins; GGTT entries from
                                 * aperture_slice_at / 4096 on are filled by gtt on request */
    bool vcs2;                  /* a second video engine at 0x1c000 */
    bool pv;                    /* PV dom0: pins work */
};

/* A block of single DMA-able pages, zeroed when allocated; owned by the row's opening, not by the
 * process, so a restarted service finds it again with gpu_dma_list() and gpu_dma_attach(). */
struct gpu_dma {
    uint32_t handle; /* names the block within the row, never 0 */
    uint32_t count;  /* pages */
    void *map;       /* count pages, contiguous here (not on the bus), read-write, cached */
    uint64_t *dma;   /* count bus addresses, page-aligned; freed by gpu_dma_detach/free */
    uint64_t tag;    /* the caller's own word, given at allocation and returned by the list */
};

/* One line of gpu_dma_list(). */
struct gpu_dma_entry {
    uint32_t handle, count;
    uint64_t tag;
};

/* One line of gpu_pin_list(). */
struct gpu_pin {
    uint16_t domid;
    uint64_t gfn;
    uint64_t dma;
};

struct gpu;

struct gpu_ops {
    void (*close)(struct gpu *g);
    int (*read)(struct gpu *g, uint32_t offset, unsigned width, uint64_t *value);
    int (*write)(struct gpu *g, uint32_t offset, unsigned width, uint64_t value);
    int (*rmw)(struct gpu *g, uint32_t offset, uint32_t clear, uint32_t set, uint32_t *old);
    int (*gtt_read)(struct gpu *g, uint32_t index, uint64_t *entry);
    int (*gtt_write)(struct gpu *g, uint32_t index, uint64_t entry);
    int (*gtt_flush)(struct gpu *g);
    int (*aperture_map)(struct gpu *g, uint64_t offset, size_t size, void **map);
    void (*aperture_unmap)(struct gpu *g, void *map, size_t size);
    int (*dma_alloc)(struct gpu *g, uint32_t count, uint64_t tag, struct gpu_dma *block);
    int (*dma_attach)(struct gpu *g, uint32_t handle, struct gpu_dma *block);
    void (*dma_detach)(struct gpu *g, struct gpu_dma *block);
    int (*dma_free)(struct gpu *g, struct gpu_dma *block);
    int (*dma_list)(struct gpu *g, struct gpu_dma_entry *entries, uint32_t max);
    int (*pin)(struct gpu *g, uint16_t domid, const uint64_t *gfns, uint32_t count, uint64_t *dma);
    int (*unpin)(struct gpu *g, uint16_t domid, const uint64_t *gfns, uint32_t count);
    int (*unpin_domain)(struct gpu *g, uint16_t domid);
    int (*pin_list)(struct gpu *g, uint16_t domid, uint64_t after, struct gpu_pin *pins,
                    uint32_t max);
    int (*irq_eventfd)(struct gpu *g, int fd);
    int (*irq_set)(struct gpu *g, enum gpu_irq_bank bank, uint32_t imr, uint32_t ier);
    int (*irq_get)(struct gpu *g, enum gpu_irq_bank bank, uint32_t *imr, uint32_t *ier);
    int (*irq_pending)(struct gpu *g, uint32_t pending[GPU_IRQ_BANKS]);
};

/* Every implementation embeds this as its first member. */
struct gpu {
    const struct gpu_ops *ops;
    struct gpu_info info;
};

/* Lets go of the process's mappings and memory; the row's fd stays the caller's. */
static inline void gpu_close(struct gpu *g)
{
    g->ops->close(g);
}

/*
 * Registers. width is 4 or 8 bytes, offset a multiple of it and below 2 MiB, else -EINVAL;
 * -EACCES when the row may not touch it. The 32-bit forms are what services use.
 */
static inline int gpu_read(struct gpu *g, uint32_t offset, unsigned width, uint64_t *value)
{
    return g->ops->read(g, offset, width, value);
}

static inline int gpu_write(struct gpu *g, uint32_t offset, unsigned width, uint64_t value)
{
    return g->ops->write(g, offset, width, value);
}

static inline int gpu_read32(struct gpu *g, uint32_t offset, uint32_t *value)
{
    uint64_t v = 0;
    int r = g->ops->read(g, offset, 4, &v);
    if (r == 0)
        *value = (uint32_t)v;
    return r;
}

static inline int gpu_write32(struct gpu *g, uint32_t offset, uint32_t value)
{
    return g->ops->write(g, offset, 4, value);
}

/* Read, clear bits, set bits, write, as one step against other rows where the register is shared
 * (the module's lock); *old (may be NULL) gets the value before. 32-bit registers only. */
static inline int gpu_rmw32(struct gpu *g, uint32_t offset, uint32_t clear, uint32_t set,
                            uint32_t *old)
{
    return g->ops->rmw(g, offset, clear, set, old);
}

/* A register whose upper half selects the bits written (MI_MODE, GFX_MODE, FORCEWAKE_MT, ...). */
static inline int gpu_write_masked(struct gpu *g, uint32_t offset, uint16_t mask, uint16_t value)
{
    return g->ops->write(g, offset, 4, (uint32_t)mask << 16 | value);
}

/*
 * GGTT entries (row gtt only, else -EACCES). index < info.ggtt_entries, else -EINVAL. On Haswell
 * an entry is 32 bits: entry's upper half must be 0 (-EINVAL). gtt_write posts; gtt_flush writes
 * GFX_FLSH_CNTL (0x101008) and reads it back, after which earlier writes are seen by the GPU's next
 * look-up (TLBs of engines are sched's to invalidate).
 */
static inline int gpu_gtt_read(struct gpu *g, uint32_t index, uint64_t *entry)
{
    return g->ops->gtt_read(g, index, entry);
}

static inline int gpu_gtt_write(struct gpu *g, uint32_t index, uint64_t entry)
{
    return g->ops->gtt_write(g, index, entry);
}

static inline int gpu_gtt_flush(struct gpu *g)
{
    return g->ops->gtt_flush(g);
}

/*
 * Maps size bytes of BAR2 from offset (both multiples of 4096, within the row's slice: -EACCES
 * else), write-combining. The caller unmaps.
 */
static inline int gpu_aperture_map(struct gpu *g, uint64_t offset, size_t size, void **map)
{
    return g->ops->aperture_map(g, offset, size, map);
}

static inline void gpu_aperture_unmap(struct gpu *g, void *map, size_t size)
{
    g->ops->aperture_unmap(g, map, size);
}

/*
 * DMA-able pages. alloc: count 1..4096 zeroed pages, -ENOSPC over info.max_dma_pages, -ENOMEM.
 * attach: map again a block that lives behind the fd (after a restart), -ENOENT. detach: unmap,
 * keep the pages. free: unmap and give the pages back; the caller has seen to it that the GPU no
 * longer reaches them (TLB rule); row display may not (-EACCES): its pages stay until the node and
 * the gtt node are closed. list: fills up to max entries, returns the number there are.
 */
static inline int gpu_dma_alloc(struct gpu *g, uint32_t count, uint64_t tag, struct gpu_dma *block)
{
    return g->ops->dma_alloc(g, count, tag, block);
}

static inline int gpu_dma_attach(struct gpu *g, uint32_t handle, struct gpu_dma *block)
{
    return g->ops->dma_attach(g, handle, block);
}

static inline void gpu_dma_detach(struct gpu *g, struct gpu_dma *block)
{
    g->ops->dma_detach(g, block);
}

static inline int gpu_dma_free(struct gpu *g, struct gpu_dma *block)
{
    return g->ops->dma_free(g, block);
}

static inline int gpu_dma_list(struct gpu *g, struct gpu_dma_entry *entries, uint32_t max)
{
    return g->ops->dma_list(g, entries, max);
}

/*
 * Pins (row gtt only): the frames behind count (1..512) guest frame numbers of an attached domain
 * are held, and their bus addresses returned in dma[]. A pin is a member of a set, not a count:
 * pinning a pinned gfn returns the same frame again (so a replay is harmless), one unpin ends it.
 * The frame stays the one first found even if the guest gives that gfn another frame meanwhile;
 * unpin and pin again to follow. pin is all or nothing: -EACCES domain not attached, -ENXIO a gfn
 * has no ordinary RAM behind it (try one by one to learn which), -ENOSPC over info.max_pins.
 * unpin ignores gfns that are not pinned and returns how many it released.
 * unpin_domain releases all of a domain and bars it until it is attached again; returns how many.
 * pin_list: pins of a domain with gfn > after (UINT64_MAX: from the first), ascending, up to max;
 * returns how many were filled.
 * TLB rule: unpin only after every engine that may have cached the translation was invalidated.
 */
static inline int gpu_pin(struct gpu *g, uint16_t domid, const uint64_t *gfns, uint32_t count,
                          uint64_t *dma)
{
    return g->ops->pin(g, domid, gfns, count, dma);
}

static inline int gpu_unpin(struct gpu *g, uint16_t domid, const uint64_t *gfns, uint32_t count)
{
    return g->ops->unpin(g, domid, gfns, count);
}

static inline int gpu_unpin_domain(struct gpu *g, uint16_t domid)
{
    return g->ops->unpin_domain(g, domid);
}

static inline int gpu_pin_list(struct gpu *g, uint16_t domid, uint64_t after, struct gpu_pin *pins,
                               uint32_t max)
{
    return g->ops->pin_list(g, domid, after, pins, max);
}

/*
 * Interrupts. The bank must be the row's and of this generation (-EACCES else).
 * irq_eventfd: fd (an eventfd, kept referenced; -1 takes it away) is signalled whenever pending
 *   bits of the row turn up; if some are pending already, at once.
 * irq_set: IER first narrowed, then IMR, then IER as given; posting read. A 1 in imr masks.
 * irq_get: what the hardware has.
 * irq_pending: fetches and clears the row's pending words, one per bank (others 0); returns 1 if
 *   any bit was set, 0 if none. IIR is already cleared in hardware when a bit appears here.
 */
static inline int gpu_irq_eventfd(struct gpu *g, int fd)
{
    return g->ops->irq_eventfd(g, fd);
}

static inline int gpu_irq_set(struct gpu *g, enum gpu_irq_bank bank, uint32_t imr, uint32_t ier)
{
    return g->ops->irq_set(g, bank, imr, ier);
}

static inline int gpu_irq_get(struct gpu *g, enum gpu_irq_bank bank, uint32_t *imr, uint32_t *ier)
{
    return g->ops->irq_get(g, bank, imr, ier);
}

static inline int gpu_irq_pending(struct gpu *g, uint32_t pending[GPU_IRQ_BANKS])
{
    return g->ops->irq_pending(g, pending);
}
