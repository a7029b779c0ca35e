/* SPDX-License-Identifier: MIT */
/*
 * own_tables.h: read this process's own page tables in a PV dom0, from user space. A PV kernel's
 * tables hold machine frames, Xen lets dom0 map them read-only, and tells a vCPU's CR3; so the
 * frame behind any mapping of ours (a foreign guest's page, say) can be read without a kernel
 * module. Used by the owner walker only; single caller thread.
 */
#pragma once
#include <stdint.h>
#include <xenctrl.h>
#include <xenforeignmemory.h>

struct own_tables;

/* Find the root table. Needs two vCPUs in dom0: Xen tells another vCPU's CR3, never the caller's.
 * -errno on failure. The handles stay the caller's and must outlive the object. */
int own_tables_open(xc_interface *xch, xenforeignmemory_handle *fmem, struct own_tables **out);
void own_tables_close(struct own_tables *t);

/* Machine frame behind an address of this process; -errno when it is not mapped by a 4 KiB page. */
int own_tables_mfn(struct own_tables *t, const void *va, uint64_t *mfn);
