/* SPDX-License-Identifier: MIT */
/*
 * priv.h: shared by the files of the Xen back end only. A handle is one of three kinds: device
 * (ioreq server, event channels; confined to its domain), memory (foreign mappings; its own
 * descriptor confined) and control (domctls; the broker). A pointer that its kind lacks is NULL and
 * the calls that need it answer -EPERM.
 */
#pragma once
#define __XEN_TOOLS__ 1 /* the device-model parts of Xen's public headers */
#include <stddef.h>
#include <stdint.h>

/* Xen's public headers expect what xenctrl.h includes first. */
#include <xenctrl.h>

#include <xendevicemodel.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>

#include <xen/hvm/dm_op.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/ioreq.h>
#include <xen/memory.h>
#include <xen/sched.h>

#include "vmm/release.h"
#include "vmm/vmm.h"

/* 00:02.0, as an ioreq of type PCI_CONFIG names it in address bits 63:32. */
#define XEN_OUR_SBDF (2u << 3)

struct xen_vcpu {
    evtchn_port_t local;  /* our end; 0: not bound */
    evtchn_port_t remote; /* vp_eport it was bound to */
    bool held;            /* given out by next(), not completed */
    bool look;            /* look at the slot without an event */
    bool replay;          /* what look finds was in flight before us */
    bool inherited;       /* so was a frame that it writes to: its trap is not known */
};

struct vmm {
    uint32_t domid;
    uint16_t nr_vcpus;
    xendevicemodel_handle *dm;
    xenforeignmemory_handle *fm;
    xenevtchn_handle *ev;
    xc_interface *xc;
    xenforeignmemory_resource_handle *res;
    struct shared_iopage *page;
    struct vmm_resume *keep;
    struct release release;
    uint64_t refused; /* ioreqs answered here because no service could make sense of them */
    struct xen_vcpu vcpu[VMM_MAX_VCPUS];
};

/* device.c */
int xen_open_device(uint32_t domid, uint16_t nr_vcpus, struct vmm_resume *keep, struct vmm **out);
int xen_trap(struct vmm *v, uint64_t start, uint64_t len, bool on);
int xen_protect(struct vmm *v, uint64_t gfn, bool on);
int xen_settle(struct vmm *v);
/* A write to a trapped page is about to be given out. */
void xen_met(struct vmm *v, const struct vmm_access *a, bool inherited);
int xen_inject_msi(struct vmm *v, uint64_t msi_addr, uint32_t msi_data);
int xen_kill(struct vmm *v, const char *why);
int xen_alive(struct vmm *v);
void xen_close(struct vmm *v);

/* ioreq.c */
int xen_bind_vcpus(struct vmm *v, bool resumed);
int xen_fd(struct vmm *v);
int xen_next(struct vmm *v, struct vmm_access *out);
int xen_complete(struct vmm *v, uint16_t vcpu, uint64_t data);
/* Does a slot hold an access, answered or not, to this frame? */
bool xen_busy(struct vmm *v, uint64_t gfn);

/* memory.c */
int xen_open_memory(uint32_t domid, struct vmm **out);
void *xen_map(struct vmm *v, const uint64_t *gfns, size_t nr, bool writable);
void xen_unmap(struct vmm *v, void *addr, size_t nr);

/* domctl.c */
int xen_open_control(uint32_t domid, struct vmm **out);
int xen_map_machine(struct vmm *v, uint64_t gfn, uint64_t mfn, uint64_t nr, bool on);
int xen_pause(struct vmm *v, bool on);
bool xen_dying(struct vmm *v);

/* decode.c: pure. What one ioreq (a private copy of the shared slot) asks for. */
enum xen_ioreq_kind {
    XEN_IOREQ_ACCESS,  /* *out filled but for vcpu and replay */
    XEN_IOREQ_IGNORE,  /* nothing to do but to answer */
    XEN_IOREQ_REFUSED, /* malformed or not ours: answer all ones */
};
/* The lowest and highest byte of all elements; false when that leaves the address space. */
bool xen_extent(const struct ioreq *r, uint64_t *first, uint64_t *last);
enum xen_ioreq_kind xen_decode(const struct vmm_resume *keep, const struct ioreq *r,
                               struct vmm_access *out);
