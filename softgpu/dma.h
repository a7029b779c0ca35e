/* SPDX-License-Identifier: MIT */
/*
 * dma.h: machine memory as the device sees it. The vfio-user client announces ranges of guest
 * memory (DMA_MAP) with a file descriptor each; this module keeps them mapped and translates bus
 * addresses to host pointers. The transport thread adds and removes ranges; engine and display
 * threads look up. A look-up holds the read side of a rwlock only while it copies, so an unmap
 * never pulls memory from under a copy; who adds or removes goes before look-ups that come later.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct dma;

struct dma *dma_new(void);
struct dma *dma_free(struct dma *d);

/* Announce [iova, iova+size). fd may be -1 (no memory behind it: accesses fail). Takes ownership
 * of fd. prot: bit 0 read, bit 1 write. 0 or -errno (-EEXIST on overlap,
 * -ENOSPC when 32768 ranges stand). */
int dma_add(struct dma *d, uint64_t iova, uint64_t size, int fd, uint64_t offset, unsigned prot);
/* Forget the range that was announced with exactly these bounds; -ENOENT when there is none. */
int dma_remove(struct dma *d, uint64_t iova, uint64_t size);
void dma_remove_all(struct dma *d);

/* Copy from / to machine memory. 0, or -EFAULT when any byte is not mapped with that right
 * (nothing is copied then). Memory whose file was cut short after dma_add() counts as not mapped
 * from the first page on that an access misses; that access is -EFAULT, too, and zeros may have
 * been copied. The first of each range writes a line to standard error. */
int dma_read(struct dma *d, uint64_t addr, void *buf, size_t len);
int dma_write(struct dma *d, uint64_t addr, const void *buf, size_t len);
/* Call fn with our address of [addr, addr+len), which must lie within one range with that right (as
 * prot of dma_add), while nobody can take it away; fn calls nothing of this module. 0, or -EFAULT:
 * not called, or its memory went away meanwhile. Whole aligned words must be moved at once: others
 * may be looking at them. */
int dma_visit(struct dma *d, uint64_t addr, size_t len, unsigned right,
              void (*fn)(void *ctx, uint8_t *host), void *ctx);
/* From one place of machine memory to another, which do not overlap, within a range each; otherwise
 * as above. */
int dma_copy(struct dma *d, uint64_t to, uint64_t from, size_t len);
/* How often memory was found gone. Any thread. */
uint64_t dma_losses(const struct dma *d);
