/* SPDX-License-Identifier: MIT */
/*
 * vmm.h: the hypervisor seam. One struct vmm is one guest, seen by one service. Chosen at start by
 * name ("xen", "fake"); a new hypervisor is a new folder beside those two. Nothing here knows a
 * GPU. Not thread safe: one handle, one thread, except vmm_map()/vmm_unmap(), which gtt's workers
 * may call concurrently.
 *
 * A trapped access has exactly one life: it appears once from next(), the guest's vCPU is held
 * until complete() with the same vcpu number, in any order among vCPUs and as late as the service
 * needs. After a restart the accesses that were in flight appear again from next(), marked replay.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VMM_MAX_VCPUS 128

enum vmm_space {
    VMM_MMIO,   /* a range registered with trap(); addr is guest-physical */
    VMM_CONFIG, /* PCI config space of our device; addr is the offset, 0..255 */
    VMM_GUEST,  /* a guest page whose writes are trapped (protect()); addr is guest-physical */
};

struct vmm_access {
    uint64_t addr;
    uint64_t data;  /* write: the value, zero-extended; read: unused */
    uint32_t count; /* REP string accesses: how many elements; else 1 */
    uint16_t vcpu;
    uint8_t space; /* enum vmm_space */
    uint8_t size;  /* bytes of one element: 1, 2, 4, 8 */
    bool write;
    bool backwards; /* REP with the direction flag set */
    bool indirect;  /* data is a guest-physical address of the memory operand */
    bool replay;    /* was in flight when the former process of this service died */
};

struct vmm;

struct vmm_ops {
    const char *name;
    /* Claim the guest's device 00:02.0 and its vCPUs' trapped accesses, then confine the process
     * to this domain (Xen: xentoolcore_restrict_all). nr_vcpus <= VMM_MAX_VCPUS. */
    int (*open_device)(uint32_t domid, uint16_t nr_vcpus, struct vmm **out);
    /* Memory access only: for gtt and sched, no traps. */
    int (*open_memory)(uint32_t domid, struct vmm **out);
    void (*close)(struct vmm *v);

    /* Readable when next() has something. */
    int (*fd)(struct vmm *v);
    /* 1 and *out filled; 0 when nothing is pending; -errno when the guest is gone (-ESHUTDOWN). */
    int (*next)(struct vmm *v, struct vmm_access *out);
    /* Let the vCPU go on; data is what a read returns. */
    int (*complete)(struct vmm *v, uint16_t vcpu, uint64_t data);

    /* Trap guest-physical [start, start+len) (or stop trapping exactly that range). */
    int (*trap)(struct vmm *v, uint64_t start, uint64_t len, bool on);
    /* Trap writes to a guest frame, reads stay untrapped. */
    int (*protect)(struct vmm *v, uint64_t gfn, bool on);

    /* Map nr guest frames, contiguous in our address space. NULL and errno on failure; a hole in
     * the guest's memory fails the whole call with EFAULT. */
    void *(*map)(struct vmm *v, const uint64_t *gfns, size_t nr, bool writable);
    void (*unmap)(struct vmm *v, void *addr, size_t nr);

    int (*inject_msi)(struct vmm *v, uint64_t msi_addr, uint32_t msi_data);
    /* Show machine frames [mfn, mfn+nr) at guest frame gfn (the aperture), or take them away.
     * Needs an unconfined process: broker only. */
    int (*map_machine)(struct vmm *v, uint64_t gfn, uint64_t mfn, uint64_t nr, bool on);
    int (*pause)(struct vmm *v, bool on);
    /* End the guest as crashed; why goes to the hypervisor's log where it has one. */
    int (*kill)(struct vmm *v, const char *why);
};

/* The table for a name, NULL for an unknown one. */
const struct vmm_ops *vmm_find(const char *name);
