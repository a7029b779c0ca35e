// SPDX-License-Identifier: GPL-2.0-only
/*
 * Binds to the Haswell or Broadwell GPU at 00:02.0 and sets up what the rows share: BAR0, the
 * scratch page, the interrupt, the nodes. Before the nodes exist the GPU is stopped and its GTT
 * points at scratch; the same holds again before the driver lets go.
 */
#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "stub.h"

#define GGC		0x50	/* config space: GMCH graphics control */

static unsigned int aperture_slice_mb = 16;
module_param(aperture_slice_mb, uint, 0444);
MODULE_PARM_DESC(aperture_slice_mb, "MiB at the end of the aperture that row display may map");

#define INTEL(id, data)	{ PCI_VDEVICE(INTEL, id), .driver_data = data }
#define HSW		7
#define BDW		8
#define VCS2		0x100
/* GT1, GT2, GT3 of one Haswell flavour: desktop, mobile, server, and two more, at id + 2, 4 .. */
#define HSW_GT(id)	INTEL(id, HSW), INTEL((id) + 0x10, HSW), INTEL((id) + 0x20, HSW)
#define HSW_FAMILY(id)	HSW_GT((id) + 0x2), HSW_GT((id) + 0x6), HSW_GT((id) + 0xa), \
			HSW_GT((id) + 0xb), HSW_GT((id) + 0xe)
#define BDW_GT(id, data) INTEL((id) + 0x2, data), INTEL((id) + 0x6, data), INTEL((id) + 0xa, data),\
			INTEL((id) + 0xb, data), INTEL((id) + 0xd, data), INTEL((id) + 0xe, data)

static const struct pci_device_id ids[] = {
	HSW_FAMILY(0x0400),
	HSW_FAMILY(0x0a00),
	HSW_FAMILY(0x0c00),
	HSW_FAMILY(0x0d00),
	BDW_GT(0x1600, BDW),
	BDW_GT(0x1610, BDW),
	BDW_GT(0x1620, BDW | VCS2),
	BDW_GT(0x1630, BDW),
	{ }
};
MODULE_DEVICE_TABLE(pci, ids);

/* GGC's GGMS: Haswell bits 9:8 in MiB, Broadwell bits 7:6 as a power of two in MiB. */
static int size_gtt(struct vgt_stub *vs)
{
	u32 mib, bytes;

	if (vs->access.gen == 8) {
		u32 ggms = (vs->ggc >> 6) & 3;

		mib = ggms ? 1u << ggms : 0;
		vs->gtt_offset = 0x800000;
		vs->pte_size = 8;
	} else {
		mib = (vs->ggc >> 8) & 3;
		vs->gtt_offset = 0x200000;
		vs->pte_size = 4;
	}
	bytes = mib << 20;
	if (!bytes || vs->gtt_offset + (resource_size_t)bytes > vs->bar0_size) {
		dev_err(&vs->pdev->dev, "no usable GTT: GGC %04x, BAR0 %pa bytes\n", vs->ggc,
			&vs->bar0_size);
		return -ENODEV;
	}
	vs->ggtt_entries = bytes / vs->pte_size;
	return 0;
}

static int setup_bars(struct vgt_stub *vs)
{
	struct pci_dev *pdev = vs->pdev;
	u64 slice = (u64)aperture_slice_mb << 20;

	vs->bar0 = pci_resource_start(pdev, 0);
	vs->bar0_size = pci_resource_len(pdev, 0);
	vs->aperture = pci_resource_start(pdev, 2);
	vs->aperture_size = pci_resource_len(pdev, 2);
	if (vs->bar0_size < VGT_REGS_SIZE || vs->aperture_size > 1ULL << 32)
		return -ENODEV;
	if (slice > vs->aperture_size)
		return -EINVAL;
	vs->slice = slice;
	vs->slice_at = vs->aperture_size - slice;
	pci_read_config_word(pdev, GGC, &vs->ggc);
	return size_gtt(vs);
}

static void init_state(struct vgt_stub *vs, struct pci_dev *pdev, unsigned long data)
{
	unsigned int i;

	vs->pdev = pdev;
	vs->access.gen = data & 0xff;
	vs->access.vcs2 = !!(data & VCS2);
	mutex_init(&vs->open_lock);
	spin_lock_init(&vs->reg_lock);
	INIT_LIST_HEAD(&vs->limbo);
	for (i = 0; i < VGT_ROWS; i++) {
		vs->rows[i].vs = vs;
		vs->rows[i].row = i;
		mutex_init(&vs->rows[i].lock);
		xa_init_flags(&vs->rows[i].blocks, XA_FLAGS_ALLOC1);
	}
	pci_set_drvdata(pdev, vs);
}

static int setup_irq(struct vgt_stub *vs)
{
	int ret = pci_alloc_irq_vectors(vs->pdev, 1, 1, PCI_IRQ_MSI);

	if (ret < 0)
		return ret;
	ret = request_irq(pci_irq_vector(vs->pdev, 0), vgt_irq_handler, 0, "vgt_stub", vs);
	if (ret)
		pci_free_irq_vectors(vs->pdev);
	return ret;
}

static void quiesce(struct vgt_stub *vs)
{
	vgt_irq_off(vs);
	vgt_gpu_reset(vs);
	vgt_gtt_scratch(vs);
}

static ssize_t vgt_frames_read(struct file *file, struct kobject *kobj, struct bin_attribute *attr,
			       char *buf, loff_t off, size_t size)
{
	return vgt_dma_frames(dev_get_drvdata(kobj_to_dev(kobj)), buf, off, size);
}

static struct bin_attribute frames_attr = {
	.attr = { .name = "vgt_frames", .mode = 0400 },
	.read = vgt_frames_read,
};

static ssize_t vgt_pins_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return vgt_pins_text(dev_get_drvdata(dev), buf);
}
static DEVICE_ATTR(vgt_pins, 0400, vgt_pins_show, NULL);

static int create_files(struct vgt_stub *vs)
{
	int ret = sysfs_create_bin_file(&vs->pdev->dev.kobj, &frames_attr);

	if (ret)
		return ret;
	ret = device_create_file(&vs->pdev->dev, &dev_attr_vgt_pins);
	if (ret)
		sysfs_remove_bin_file(&vs->pdev->dev.kobj, &frames_attr);
	return ret;
}

static void remove_files(struct vgt_stub *vs)
{
	device_remove_file(&vs->pdev->dev, &dev_attr_vgt_pins);
	sysfs_remove_bin_file(&vs->pdev->dev.kobj, &frames_attr);
}

static int start(struct vgt_stub *vs)
{
	unsigned long flags;
	int ret;

	quiesce(vs);
	ret = setup_irq(vs);
	if (ret)
		return ret;
	spin_lock_irqsave(&vs->reg_lock, flags);
	vgt_irq_init(vs);
	spin_unlock_irqrestore(&vs->reg_lock, flags);
	ret = create_files(vs);
	if (ret)
		goto err_irq;
	ret = vgt_rows_register(vs);
	if (!ret)
		return 0;
	remove_files(vs);
err_irq:
	vgt_irq_off(vs);
	free_irq(pci_irq_vector(vs->pdev, 0), vs);
	pci_free_irq_vectors(vs->pdev);
	return ret;
}

static int setup_pci(struct vgt_stub *vs)
{
	int ret = pci_enable_device(vs->pdev);

	if (ret)
		return ret;
	/* Haswell's and Broadwell's PTEs both hold address bits 38:12. */
	ret = dma_set_mask_and_coherent(&vs->pdev->dev, DMA_BIT_MASK(39));
	if (!ret)
		ret = setup_bars(vs);
	if (!ret)
		ret = pci_request_regions(vs->pdev, "vgt_stub");
	if (ret)
		goto err;
	pci_set_master(vs->pdev);
	vs->regs = ioremap(vs->bar0, vs->bar0_size);
	if (vs->regs)
		return 0;
	ret = -ENOMEM;
	pci_release_regions(vs->pdev);
err:
	pci_disable_device(vs->pdev);
	return ret;
}

static void free_pci(struct vgt_stub *vs)
{
	iounmap(vs->regs);
	pci_clear_master(vs->pdev);
	pci_release_regions(vs->pdev);
	pci_disable_device(vs->pdev);
}

static int vgt_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct vgt_stub *vs;
	int ret;

	if (pci_domain_nr(pdev->bus) || pdev->bus->number || pdev->devfn != PCI_DEVFN(2, 0))
		return -ENODEV;
	vs = kzalloc(sizeof(*vs), GFP_KERNEL);
	if (!vs)
		return -ENOMEM;
	init_state(vs, pdev, id->driver_data);
	ret = setup_pci(vs);
	if (ret)
		goto err;
	ret = vgt_dma_page_alloc(vs, &vs->scratch);
	if (ret)
		goto err_pci;
	ret = vgt_pins_init(vs);
	if (ret)
		goto err_scratch;
	ret = start(vs);
	if (ret)
		goto err_pins;
	dev_info(&pdev->dev, "gen%u, %u GGTT entries, scratch at %pad\n", vs->access.gen,
		 vs->ggtt_entries, &vs->scratch.dma);
	return 0;
err_pins:
	vgt_pins_fini(vs);
err_scratch:
	vgt_dma_page_free(vs, &vs->scratch);
err_pci:
	free_pci(vs);
err:
	kfree(vs);
	return ret;
}

/* No node is open: an open file holds the module, and the driver cannot be unbound by hand. */
static void vgt_remove(struct pci_dev *pdev)
{
	struct vgt_stub *vs = pci_get_drvdata(pdev);

	vgt_rows_unregister(vs);
	remove_files(vs);
	quiesce(vs);
	free_irq(pci_irq_vector(pdev, 0), vs);
	pci_free_irq_vectors(pdev);
	vgt_pins_fini(vs);
	/* Bus mastering ends first: the GTT still names the scratch page. */
	free_pci(vs);
	vgt_dma_page_free(vs, &vs->scratch);
	kfree(vs);
}

static struct pci_driver vgt_driver = {
	.name = "vgt_stub",
	.id_table = ids,
	.probe = vgt_probe,
	.remove = vgt_remove,
	.driver = { .suppress_bind_attrs = true },
};
module_pci_driver(vgt_driver);

MODULE_DESCRIPTION("Privileged access to the Intel GPU for vgt's services");
MODULE_LICENSE("GPL");
