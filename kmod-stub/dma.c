// SPDX-License-Identifier: GPL-2.0-only
/*
 * DMA-able pages: blocks of single coherent pages, owned by a row's open file. Pages of a closed
 * row may still stand in GGTT entries, so they wait in vs->limbo until row gtt's last close has
 * pointed every entry at scratch.
 */
#include <linux/dma-mapping.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "stub.h"

unsigned int vgt_max_dma_pages = 65536;
module_param_named(max_dma_pages, vgt_max_dma_pages, uint, 0444);
MODULE_PARM_DESC(max_dma_pages, "DMA-able pages one row may hold");

int vgt_dma_page_alloc(struct vgt_stub *vs, struct vgt_dma_page *page)
{
	/* Under a PV dom0 the DMA API's address is the machine address, within the mask. */
	page->cpu = dma_alloc_coherent(&vs->pdev->dev, PAGE_SIZE, &page->dma, GFP_KERNEL);
	if (!page->cpu)
		return -ENOMEM;
	/* Behind an IOMMU of the kernel's own the page has no linear address to be mapped by. */
	if (!virt_addr_valid(page->cpu) || !PAGE_ALIGNED(page->dma)) {
		vgt_dma_page_free(vs, page);
		return -EOPNOTSUPP;
	}
	return 0;
}

void vgt_dma_page_free(struct vgt_stub *vs, struct vgt_dma_page *page)
{
	dma_free_coherent(&vs->pdev->dev, PAGE_SIZE, page->cpu, page->dma);
	page->cpu = NULL;
}

static void free_block(struct vgt_stub *vs, struct vgt_dma_block *block, u32 count)
{
	while (count--)
		vgt_dma_page_free(vs, &block->pages[count]);
	kvfree(block);
}

static struct vgt_dma_block *make_block(struct vgt_stub *vs, u32 count, u64 tag)
{
	struct vgt_dma_block *block;
	u32 i;
	int ret;

	block = kvzalloc(struct_size(block, pages, count), GFP_KERNEL);
	if (!block)
		return ERR_PTR(-ENOMEM);
	block->count = count;
	block->tag = tag;
	for (i = 0; i < count; i++) {
		ret = vgt_dma_page_alloc(vs, &block->pages[i]);
		if (ret) {
			free_block(vs, block, i);
			return ERR_PTR(ret);
		}
	}
	return block;
}

/* The bus addresses in an array of their own: user memory is never touched under row->lock, which
 * mmap takes inside the mm's. */
static u64 *copy_addrs(const struct vgt_dma_block *block)
{
	u64 *addrs = kvmalloc_array(block->count, sizeof(*addrs), GFP_KERNEL);
	u32 i;

	for (i = 0; addrs && i < block->count; i++)
		addrs[i] = block->pages[i].dma;
	return addrs;
}

static int put_addrs(const struct vgt_dma_block *block, u64 user)
{
	u64 *addrs = copy_addrs(block);
	int ret;

	if (!addrs)
		return -ENOMEM;
	ret = copy_to_user(u64_to_user_ptr(user), addrs, block->count * sizeof(u64)) ? -EFAULT : 0;
	kvfree(addrs);
	return ret;
}

static int reserve(struct vgt_row_state *row, u32 count)
{
	int ret = -ENOSPC;

	mutex_lock(&row->lock);
	if (count <= vgt_max_dma_pages && row->pages <= vgt_max_dma_pages - count) {
		row->pages += count;
		ret = 0;
	}
	mutex_unlock(&row->lock);
	return ret;
}

static void unreserve(struct vgt_row_state *row, u32 count)
{
	mutex_lock(&row->lock);
	row->pages -= count;
	mutex_unlock(&row->lock);
}

int vgt_dma_alloc(struct vgt_row_state *row, struct vgt_stub_dma_alloc *arg)
{
	struct vgt_dma_block *block;
	int ret;

	if (!arg->count || arg->count > VGT_DMA_MAX_COUNT || arg->handle)
		return -EINVAL;
	ret = reserve(row, arg->count);
	if (ret)
		return ret;
	block = make_block(row->vs, arg->count, arg->tag);
	ret = PTR_ERR_OR_ZERO(block);
	if (ret)
		goto err;
	ret = put_addrs(block, arg->addrs);
	if (ret)
		goto err_block;
	ret = xa_alloc(&row->blocks, &arg->handle, block, XA_LIMIT(1, VGT_DMA_MAX_HANDLE),
		       GFP_KERNEL);
	if (!ret)
		return 0;
	ret = ret == -EBUSY ? -ENOSPC : ret;
err_block:
	free_block(row->vs, block, block->count);
err:
	unreserve(row, arg->count);
	return ret;
}

int vgt_dma_free(struct vgt_row_state *row, u32 handle)
{
	struct vgt_dma_block *block;
	int ret = -ENOENT;

	/* Not trusted to know that no GGTT entry names them any more. */
	if (row->row == VGT_ROW_DISPLAY)
		return -EACCES;
	mutex_lock(&row->lock);
	block = xa_erase(&row->blocks, handle);
	if (block) {
		row->pages -= block->count;
		free_block(row->vs, block, block->count);
		ret = 0;
	}
	mutex_unlock(&row->lock);
	return ret;
}

int vgt_dma_query(struct vgt_row_state *row, struct vgt_stub_dma_query *arg)
{
	struct vgt_dma_block *block;
	u32 room = arg->count;
	u64 *addrs = NULL;
	int ret = -ENOENT;

	if (arg->tag)
		return -EINVAL;
	mutex_lock(&row->lock);
	block = xa_load(&row->blocks, arg->handle);
	if (block) {
		arg->count = block->count;
		arg->tag = block->tag;
		addrs = room < block->count ? NULL : copy_addrs(block);
		ret = room >= block->count && !addrs ? -ENOMEM : 0;
	}
	mutex_unlock(&row->lock);
	if (addrs && copy_to_user(u64_to_user_ptr(arg->addrs), addrs, arg->count * sizeof(u64)))
		ret = -EFAULT;
	kvfree(addrs);
	return ret;
}

int vgt_dma_list(struct vgt_row_state *row, struct vgt_stub_dma_list *arg)
{
	struct vgt_stub_dma_entry *entries;
	struct vgt_dma_block *block;
	unsigned long handle;
	u32 filled;
	int ret = 0;

	if (arg->count || arg->max > VGT_DMA_MAX_HANDLE)
		return -EINVAL;
	entries = kvmalloc_array(arg->max, sizeof(*entries), GFP_KERNEL);
	if (!entries && arg->max)
		return -ENOMEM;
	mutex_lock(&row->lock);
	xa_for_each(&row->blocks, handle, block) {
		if (arg->count < arg->max)
			entries[arg->count] = (struct vgt_stub_dma_entry){ handle, block->count,
									   block->tag };
		arg->count++;
	}
	mutex_unlock(&row->lock);
	filled = min(arg->count, arg->max);
	if (filled && copy_to_user(u64_to_user_ptr(arg->entries), entries,
				   filled * sizeof(*entries)))
		ret = -EFAULT;
	kvfree(entries);
	return ret;
}

int vgt_dma_mmap(struct vgt_row_state *row, struct vm_area_struct *vma, u64 offset)
{
	u64 handle = offset >> VGT_MMAP_DMA_SHIFT;
	u64 first = (offset & ((1ULL << VGT_MMAP_DMA_SHIFT) - 1)) >> PAGE_SHIFT;
	struct vgt_dma_block *block;
	u64 i, n = vma_pages(vma);
	int ret = -ENOENT;

	if (handle > VGT_DMA_MAX_HANDLE)
		return -EINVAL;
	mutex_lock(&row->lock);
	block = xa_load(&row->blocks, handle);
	if (!block)
		goto out;
	ret = -EINVAL;
	if (first >= block->count || n > block->count - first)
		goto out;
	vgt_vma_restrict(vma);
	/* The mapping holds each page, so freeing the block under it is harmless. */
	for (ret = 0, i = 0; !ret && i < n; i++)
		ret = vm_insert_page(vma, vma->vm_start + i * PAGE_SIZE,
				     virt_to_page(block->pages[first + i].cpu));
out:
	mutex_unlock(&row->lock);
	return ret;
}

/* Under vs->open_lock. */
void vgt_dma_row_close(struct vgt_row_state *row)
{
	struct vgt_dma_block *block;
	unsigned long handle;

	mutex_lock(&row->lock);
	xa_for_each(&row->blocks, handle, block) {
		xa_erase(&row->blocks, handle);
		list_add(&block->link, &row->vs->limbo);
	}
	row->pages = 0;
	mutex_unlock(&row->lock);
}

/* Under vs->open_lock, when no GGTT entry names any of them. */
void vgt_dma_release_limbo(struct vgt_stub *vs)
{
	struct vgt_dma_block *block, *next;

	list_for_each_entry_safe(block, next, &vs->limbo, link) {
		list_del(&block->link);
		free_block(vs, block, block->count);
	}
}

struct frames_text {
	char *buf;
	loff_t off, at;
	size_t size, len;
};

/* Appends the part of one line that lies in the window asked for. */
static void put_line(struct frames_text *t, u64 frame, u64 count)
{
	char line[48];
	int n = scnprintf(line, sizeof(line), "%llx %llu\n", frame, count);
	int i;

	for (i = 0; i < n; i++, t->at++) {
		if (t->at >= t->off && t->len < t->size)
			t->buf[t->len++] = line[i];
	}
}

static void put_block(struct frames_text *t, const struct vgt_dma_block *block)
{
	u32 i, run;

	for (i = 0; i < block->count; i += run) {
		u64 frame = block->pages[i].dma >> PAGE_SHIFT;

		for (run = 1; i + run < block->count; run++) {
			if (block->pages[i + run].dma >> PAGE_SHIFT != frame + run)
				break;
		}
		put_line(t, frame, run);
	}
}

/* The module's own machine frames as text, "MFN COUNT" (hexadecimal, decimal) per line. */
ssize_t vgt_dma_frames(struct vgt_stub *vs, char *buf, loff_t off, size_t size)
{
	struct frames_text t = { buf, off, 0, size, 0 };
	struct vgt_dma_block *block;
	unsigned long handle;
	unsigned int i;

	mutex_lock(&vs->open_lock);
	put_line(&t, vs->scratch.dma >> PAGE_SHIFT, 1);
	for (i = 0; i < VGT_ROWS; i++) {
		mutex_lock(&vs->rows[i].lock);
		xa_for_each(&vs->rows[i].blocks, handle, block)
			put_block(&t, block);
		mutex_unlock(&vs->rows[i].lock);
	}
	list_for_each_entry(block, &vs->limbo, link)
		put_block(&t, block);
	mutex_unlock(&vs->open_lock);
	return t.len;
}
