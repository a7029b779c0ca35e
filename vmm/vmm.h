/* SPDX-License-Identifier: MIT */
/*
 * vmm.h: the hypervisor seam. One struct vmm is one guest, seen by one service. Chosen at start by
 * name ("xen", "fake", "shm:DIR"); a new hypervisor is a new folder beside those. Nothing here
 * knows a GPU. Not thread safe: one handle, one thread, except vmm_map()/vmm_unmap(), which gtt's
 * workers may call concurrently.
 *
 * A trapped access has exactly one life: it appears once from next(), the guest's vCPU is held
 * until complete() with the same vcpu number, in any order among vCPUs and as late as the service
 * needs. After a restart the accesses that had been taken but not completed appear again from
 * next(), marked replay; those nobody took appear as usual.
 */
#pragma once
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VMM_MAX_VCPUS  128
#define VMM_MAX_RANGES 8
#define VMM_MAX_REP    4096u /* elements of one REP access */

enum vmm_space {
    VMM_MMIO,   /* a range registered with trap(); addr is guest-physical */
    VMM_CONFIG, /* PCI config space of our device; addr is the offset, 0..255 */
    VMM_GUEST,  /* a guest page whose writes are trapped (protect()); addr is guest-physical */
};

struct vmm_access {
    uint64_t addr;
    uint64_t data;  /* write: the value, zero-extended; read: unused */
    uint32_t count; /* REP string accesses: how many elements, 1..VMM_MAX_REP; else 1 */
    uint16_t vcpu;
    uint8_t space; /* enum vmm_space */
    uint8_t size;  /* bytes of one element: 1, 2, 4, 8 */
    bool write;
    bool backwards; /* REP with the direction flag set */
    bool indirect;  /* data is a guest-physical address of the memory operand */
    bool replay;    /* the former process of this service had taken it from next() and died */
};

/* What a later process of the same service needs to take the device over. It lives in memory that
 * outlives the process (the vreg file); all zero before the first open_device(). Its contents are
 * the back end's own. */
struct vmm_resume {
    uint32_t claimed; /* 1: server is valid */
    uint32_t server;
    uint32_t ready; /* 1: the claim was finished (enabled) */
    uint32_t nr;    /* of range[]; an entry with len 0 is free */
    struct {
        uint64_t start, len;
    } range[VMM_MAX_RANGES];
};
static_assert(sizeof(struct vmm_resume) == 16 + 16 * VMM_MAX_RANGES, "layout");

struct vmm;

struct vmm_ops {
    const char *name;
    /* Claim the guest's device 00:02.0 and its vCPUs' trapped accesses, then confine the process
     * to this domain (Xen: xentoolcore_restrict_all). nr_vcpus <= VMM_MAX_VCPUS; 0 asks the
     * hypervisor. With *keep of an earlier process the same claim, trapped ranges and protected
     * pages are taken over. Must come before the guest runs the first time. */
    int (*open_device)(uint32_t domid, uint16_t nr_vcpus, struct vmm_resume *keep,
                       struct vmm **out);
    /* Memory access only: for gtt and sched, no traps. */
    int (*open_memory)(uint32_t domid, struct vmm **out);
    /* map_machine, pause and kill only: for the unconfined broker. */
    int (*open_control)(uint32_t domid, struct vmm **out);
    /* Let go of the handle, not of the claim: that ends with the guest. */
    void (*close)(struct vmm *v);

    /* Readable when next() has something. After open_device() call next() until 0 once, whatever
     * the descriptor says. */
    int (*fd)(struct vmm *v);
    /* 1 and *out filled; 0 when nothing is pending; -errno when the seam itself is broken. */
    int (*next)(struct vmm *v, struct vmm_access *out);
    /* Let the vCPU go on; data is what a read returns. -EINVAL when that vCPU is not held. */
    int (*complete)(struct vmm *v, uint16_t vcpu, uint64_t data);
    /* 0, or -ESHUTDOWN when the guest is gone. A hypercall: for a slow timer, not for every pass.
     */
    int (*alive)(struct vmm *v);

    /* Trap guest-physical [start, start+len), or stop trapping exactly that range. Repeating a call
     * is harmless. -EEXIST: overlaps another range; -ENOSPC: VMM_MAX_RANGES are in use. */
    int (*trap)(struct vmm *v, uint64_t start, uint64_t len, bool on);
    /* Trap writes to a guest frame, reads stay untrapped. Repeating a call is harmless, and so is
     * a frame that is no memory. Trapping is in force on return; its end may be put off until
     * settle(), and a few more writes may appear from next(): serve them as usual. */
    int (*protect)(struct vmm *v, uint64_t gfn, bool on);
    /* Do what protect() put off: 0 all done, 1 call again in about a millisecond, -errno. Cheap
     * when there is nothing to do. */
    int (*settle)(struct vmm *v);

    /* Map nr guest frames, contiguous in our address space. NULL and errno on failure; a hole in
     * the guest's memory fails the whole call with EFAULT. */
    void *(*map)(struct vmm *v, const uint64_t *gfns, size_t nr, bool writable);
    void (*unmap)(struct vmm *v, void *addr, size_t nr);

    int (*inject_msi)(struct vmm *v, uint64_t msi_addr, uint32_t msi_data);
    /* Show machine frames [mfn, mfn+nr) at guest frame gfn (the aperture), or take them away. */
    int (*map_machine)(struct vmm *v, uint64_t gfn, uint64_t mfn, uint64_t nr, bool on);
    int (*pause)(struct vmm *v, bool on);
    /* End the guest as crashed; why goes to the hypervisor's log where it has one. */
    int (*kill)(struct vmm *v, const char *why);
};

/* The table for a name, NULL for an unknown one. */
const struct vmm_ops *vmm_find(const char *name);

/* Where element i of a (REP) access lands, and where its memory operand is (indirect ones). */
uint64_t vmm_element_addr(const struct vmm_access *a, uint32_t i);
uint64_t vmm_operand_addr(const struct vmm_access *a, uint32_t i);

/* Copy len bytes from or to guest-physical gpa, across pages if need be. 0 or -EFAULT; a failing
 * write may have written the pages before the bad one. */
int vmm_copy_from(const struct vmm_ops *ops, struct vmm *v, uint64_t gpa, void *buf, size_t len);
int vmm_copy_to(const struct vmm_ops *ops, struct vmm *v, uint64_t gpa, const void *buf,
                size_t len);
