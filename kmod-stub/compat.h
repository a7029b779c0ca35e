/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once
/* What differs between the kernels the module is built for (6.1 and 6.12). */
#include <linux/eventfd.h>
#include <linux/mm.h>
#include <linux/version.h>

static inline void vgt_eventfd_signal(struct eventfd_ctx *ctx)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
	eventfd_signal(ctx);
#else
	eventfd_signal(ctx, 1);
#endif
}

/* The mapping can be neither executed, nor inherited, nor grown. */
static inline void vgt_vma_restrict(struct vm_area_struct *vma)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	vm_flags_mod(vma, VM_DONTEXPAND | VM_DONTCOPY | VM_DONTDUMP, VM_MAYEXEC);
#else
	vma->vm_flags |= VM_DONTEXPAND | VM_DONTCOPY | VM_DONTDUMP;
	vma->vm_flags &= ~VM_MAYEXEC;
#endif
}
