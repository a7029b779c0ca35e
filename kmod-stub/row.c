// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device nodes: open (once), mmap, ioctl, and what the last close does. The open file is the
 * owner of everything a row was given.
 */
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/uaccess.h>
#include <xen/xen.h>

#include "compat.h"
#include "stub.h"

static struct vgt_row_state *row_of(struct file *file)
{
	return container_of(file->private_data, struct vgt_row_state, misc);
}

static int row_open(struct inode *inode, struct file *file)
{
	struct vgt_row_state *row = row_of(file);
	int ret = -EBUSY;

	mutex_lock(&row->vs->open_lock);
	if (!row->open) {
		row->open = true;
		row->generation++;
		ret = 0;
	}
	mutex_unlock(&row->vs->open_lock);
	return ret;
}

/*
 * Page tables are row gtt's, contexts row sched's: when either goes, the GPU must have stopped
 * before a page does. Pages other rows leave behind wait for row gtt's GTT to be cleared.
 */
static int row_release(struct inode *inode, struct file *file)
{
	struct vgt_row_state *row = row_of(file);
	struct vgt_stub *vs = row->vs;

	mutex_lock(&vs->open_lock);
	vgt_irq_row_close(row);
	if (row->row != VGT_ROW_DISPLAY)
		vgt_gpu_reset(vs);
	vgt_dma_row_close(row);
	if (row->row == VGT_ROW_GTT) {
		vgt_gtt_scratch(vs);
		vgt_unpin_all(vs);
	}
	row->open = false;
	if (!vs->rows[VGT_ROW_GTT].open)
		vgt_dma_release_limbo(vs);
	mutex_unlock(&vs->open_lock);
	return 0;
}

static int map_bar(struct vm_area_struct *vma, resource_size_t at)
{
	vgt_vma_restrict(vma);
	return io_remap_pfn_range(vma, vma->vm_start, at >> PAGE_SHIFT,
				  vma->vm_end - vma->vm_start, vma->vm_page_prot);
}

static int mmap_regs(struct vgt_row_state *row, struct vm_area_struct *vma, u64 first, u64 size)
{
	struct vgt_stub *vs = row->vs;
	u64 gtt_end = vs->gtt_offset + (u64)vs->ggtt_entries * vs->pte_size;
	u64 page;

	vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
	if (row->row == VGT_ROW_GTT && first >= vs->gtt_offset) {
		if (first > gtt_end || size > gtt_end - first)
			return -EACCES;
		return map_bar(vma, vs->bar0 + first);
	}
	if (first > VGT_REGS_SIZE || size > VGT_REGS_SIZE - first)
		return -EACCES;
	for (page = first; page < first + size; page += PAGE_SIZE) {
		if (!vgt_access_map(&vs->access, row->row, page))
			return -EACCES;
	}
	return map_bar(vma, vs->bar0 + first);
}

static int mmap_aperture(struct vgt_row_state *row, struct vm_area_struct *vma, u64 first, u64 size)
{
	struct vgt_stub *vs = row->vs;

	if (row->row != VGT_ROW_DISPLAY || first < vs->slice_at || size > vs->slice ||
	    first - vs->slice_at > vs->slice - size)
		return -EACCES;
	vma->vm_page_prot = pgprot_writecombine(vma->vm_page_prot);
	return map_bar(vma, vs->aperture + first);
}

static int row_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct vgt_row_state *row = row_of(file);
	u64 first = (u64)vma->vm_pgoff << PAGE_SHIFT;
	u64 size = vma->vm_end - vma->vm_start;

	if (!(vma->vm_flags & VM_SHARED) || (vma->vm_flags & VM_EXEC) ||
	    vma->vm_pgoff >= 1ULL << 40)
		return -EINVAL;
	if (first >= VGT_MMAP_DMA)
		return vgt_dma_mmap(row, vma, first - VGT_MMAP_DMA);
	if (first >= VGT_MMAP_APERTURE)
		return mmap_aperture(row, vma, first - VGT_MMAP_APERTURE, size);
	return mmap_regs(row, vma, first, size);
}

static int do_info(struct vgt_row_state *row, void *arg)
{
	struct vgt_stub *vs = row->vs;
	struct vgt_stub_info *info = arg;

	*info = (struct vgt_stub_info){
		.version = VGT_STUB_VERSION,
		.device = vs->pdev->device,
		.revision = vs->pdev->revision,
		.gen = vs->access.gen,
		.row = row->row,
		.pte_size = vs->pte_size,
		.vcs2 = vs->access.vcs2,
		.pv = xen_pv_domain(),
		.ggc = vs->ggc,
		.ggtt_entries = vs->ggtt_entries,
		.gtt_offset = vs->gtt_offset,
		.aperture_base = vs->aperture,
		.aperture_size = vs->aperture_size,
		.scratch_dma = vs->scratch.dma,
		.generation = row->generation,
		.max_dma_pages = vgt_max_dma_pages,
		.max_pins = row->row == VGT_ROW_GTT ? vgt_max_pins : 0,
		.aperture_slice = vs->slice,
		.aperture_slice_at = vs->slice_at,
	};
	return 0;
}

static int do_reg(struct vgt_row_state *row, void *arg)
{
	return vgt_reg_access(row, arg);
}

static int do_dma_alloc(struct vgt_row_state *row, void *arg)
{
	return vgt_dma_alloc(row, arg);
}

static int do_dma_free(struct vgt_row_state *row, void *arg)
{
	return vgt_dma_free(row, *(u32 *)arg);
}

static int do_dma_query(struct vgt_row_state *row, void *arg)
{
	return vgt_dma_query(row, arg);
}

static int do_dma_list(struct vgt_row_state *row, void *arg)
{
	return vgt_dma_list(row, arg);
}

static int do_pin(struct vgt_row_state *row, void *arg)
{
	return vgt_pin(row->vs, arg);
}

static int do_unpin(struct vgt_row_state *row, void *arg)
{
	return vgt_unpin(row->vs, arg);
}

static int do_unpin_domain(struct vgt_row_state *row, void *arg)
{
	return vgt_unpin_domain(row->vs, arg);
}

static int do_pin_list(struct vgt_row_state *row, void *arg)
{
	return vgt_pin_list(row->vs, arg);
}

static int do_irq_eventfd(struct vgt_row_state *row, void *arg)
{
	return vgt_irq_eventfd(row, *(s32 *)arg);
}

static int do_irq_set(struct vgt_row_state *row, void *arg)
{
	return vgt_irq_set(row, arg);
}

static int do_irq_get(struct vgt_row_state *row, void *arg)
{
	return vgt_irq_get(row, arg);
}

static int do_irq_fetch(struct vgt_row_state *row, void *arg)
{
	return vgt_irq_fetch(row, arg);
}

#define ANY	(BIT(VGT_ROW_GTT) | BIT(VGT_ROW_SCHED) | BIT(VGT_ROW_DISPLAY))
#define GTT	BIT(VGT_ROW_GTT)
#define IRQS	(BIT(VGT_ROW_SCHED) | BIT(VGT_ROW_DISPLAY))

static const struct row_ioctl {
	unsigned int cmd;
	unsigned int rows;
	int (*fn)(struct vgt_row_state *row, void *arg);
} row_ioctls[] = {
	{ VGT_IOC_REG, ANY, do_reg },
	{ VGT_IOC_IRQ_FETCH, IRQS, do_irq_fetch },
	{ VGT_IOC_IRQ_SET, IRQS, do_irq_set },
	{ VGT_IOC_IRQ_GET, IRQS, do_irq_get },
	{ VGT_IOC_IRQ_EVENTFD, IRQS, do_irq_eventfd },
	{ VGT_IOC_PIN, GTT, do_pin },
	{ VGT_IOC_UNPIN, GTT, do_unpin },
	{ VGT_IOC_UNPIN_DOMAIN, GTT, do_unpin_domain },
	{ VGT_IOC_PIN_LIST, GTT, do_pin_list },
	{ VGT_IOC_DMA_ALLOC, ANY, do_dma_alloc },
	{ VGT_IOC_DMA_FREE, ANY, do_dma_free },
	{ VGT_IOC_DMA_QUERY, ANY, do_dma_query },
	{ VGT_IOC_DMA_LIST, ANY, do_dma_list },
	{ VGT_IOC_INFO, ANY, do_info },
};

static const struct row_ioctl *find_ioctl(unsigned int cmd, unsigned int row)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(row_ioctls); i++) {
		if (row_ioctls[i].cmd == cmd)
			return row_ioctls[i].rows & BIT(row) ? &row_ioctls[i] : NULL;
	}
	return NULL;
}

static long row_ioctl(struct file *file, unsigned int cmd, unsigned long user)
{
	struct vgt_row_state *row = row_of(file);
	const struct row_ioctl *call = find_ioctl(cmd, row->row);
	u64 arg[16] = { 0 };
	int ret, size;

	BUILD_BUG_ON(sizeof(struct vgt_stub_info) > sizeof(arg));
	if (!call)
		return -ENOTTY;
	size = _IOC_SIZE(cmd);
	if ((_IOC_DIR(cmd) & _IOC_WRITE) && copy_from_user(arg, (void __user *)user, size))
		return -EFAULT;
	ret = call->fn(row, arg);
	if (ret >= 0 && (_IOC_DIR(cmd) & _IOC_READ) &&
	    copy_to_user((void __user *)user, arg, size))
		return -EFAULT;
	return ret;
}

static const struct file_operations row_fops = {
	.owner = THIS_MODULE,
	.open = row_open,
	.release = row_release,
	.mmap = row_mmap,
	.unlocked_ioctl = row_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static struct vgt_stub *broker_of(struct file *file)
{
	return container_of(file->private_data, struct vgt_stub, broker);
}

static int broker_open(struct inode *inode, struct file *file)
{
	struct vgt_stub *vs = broker_of(file);
	int ret = -EBUSY;

	mutex_lock(&vs->open_lock);
	if (!vs->broker_open) {
		vs->broker_open = true;
		ret = 0;
	}
	mutex_unlock(&vs->open_lock);
	return ret;
}

static int broker_release(struct inode *inode, struct file *file)
{
	struct vgt_stub *vs = broker_of(file);

	mutex_lock(&vs->open_lock);
	vgt_detach_all(vs);
	vs->broker_open = false;
	mutex_unlock(&vs->open_lock);
	return 0;
}

static long broker_ioctl(struct file *file, unsigned int cmd, unsigned long user)
{
	struct vgt_stub *vs = broker_of(file);
	struct vgt_stub_domain domain;

	if (cmd != VGT_IOC_ATTACH && cmd != VGT_IOC_DETACH)
		return -ENOTTY;
	if (copy_from_user(&domain, (void __user *)user, sizeof(domain)))
		return -EFAULT;
	return cmd == VGT_IOC_ATTACH ? vgt_attach(vs, &domain) : vgt_detach(vs, &domain);
}

static const struct file_operations broker_fops = {
	.owner = THIS_MODULE,
	.open = broker_open,
	.release = broker_release,
	.unlocked_ioctl = broker_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static const char *const row_names[VGT_ROWS][2] = {
	[VGT_ROW_GTT] = { "vgt-gtt", "vgt/gtt" },
	[VGT_ROW_SCHED] = { "vgt-sched", "vgt/sched" },
	[VGT_ROW_DISPLAY] = { "vgt-display", "vgt/display" },
};

static int register_node(struct miscdevice *misc, const char *name, const char *node,
			 const struct file_operations *fops, struct device *parent)
{
	misc->minor = MISC_DYNAMIC_MINOR;
	misc->name = name;
	misc->nodename = node;
	misc->fops = fops;
	misc->mode = 0600;
	misc->parent = parent;
	return misc_register(misc);
}

int vgt_rows_register(struct vgt_stub *vs)
{
	struct device *dev = &vs->pdev->dev;
	int i, ret;

	for (i = 0; i < VGT_ROWS; i++) {
		ret = register_node(&vs->rows[i].misc, row_names[i][0], row_names[i][1], &row_fops,
				    dev);
		if (ret)
			goto err;
	}
	ret = register_node(&vs->broker, "vgt-broker", "vgt/broker", &broker_fops, dev);
	if (!ret)
		return 0;
err:
	while (i--)
		misc_deregister(&vs->rows[i].misc);
	return ret;
}

void vgt_rows_unregister(struct vgt_stub *vs)
{
	int i;

	misc_deregister(&vs->broker);
	for (i = 0; i < VGT_ROWS; i++)
		misc_deregister(&vs->rows[i].misc);
}
