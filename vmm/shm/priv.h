/* SPDX-License-Identifier: MIT */
/*
 * priv.h: shared by the files of the shm back end only.
 */
#pragma once
#include "vmm/release.h"
#include "vmm/shm/layout.h"
#include "vmm/shm/shm.h"

enum shm_handle { SHM_DEVICE, SHM_MEMORY, SHM_CONTROL };

struct shm_vcpu {
    bool held;      /* given out by next(), not completed */
    bool replay;    /* what the slot holds was in flight before us */
    bool inherited; /* so was a frame that it writes to: its trap is not known */
};

/* pages and nr_vcpus are read once, when the handle is opened. */
struct vmm {
    enum shm_handle kind;
    uint64_t pages, bytes; /* of RAM; of *g and the frame bytes */
    uint16_t nr_vcpus;
    int state_fd, ram_fd, wake_fd; /* -1: not opened for this kind */
    struct shm_guest *g;
    uint8_t *frame; /* one byte each, behind *g */
    struct vmm_resume *keep;
    struct release release;
    uint64_t refused; /* requests answered here because they made no sense */
    uint16_t at;      /* the slot next() looks at next; 0: a pass begins */
    struct shm_vcpu vcpu[VMM_MAX_VCPUS];
};

/* shm.c */
bool shm_gone(struct vmm *v);
/* Until no vCPU acts on what was true before the call: 0, -ETIMEDOUT. */
int shm_barrier(struct vmm *v);
void shm_wake(uint32_t *word);

/* slot.c */
void shm_pick_up(struct vmm *v, bool resumed);
int shm_fd(struct vmm *v);
int shm_next(struct vmm *v, struct vmm_access *out);
int shm_complete(struct vmm *v, uint16_t vcpu, uint64_t data);
/* Does a slot hold an access, answered or not, to this frame? */
bool shm_busy(struct vmm *v, uint64_t gfn);

/* protect.c */
int shm_protect(struct vmm *v, uint64_t gfn, bool on);
int shm_settle(struct vmm *v);
/* A write to a trapped page is about to be given out. */
void shm_met(struct vmm *v, const struct vmm_access *a, bool inherited);

/* memory.c */
void *shm_map(struct vmm *v, const uint64_t *gfns, size_t nr, bool writable);
void shm_unmap(struct vmm *v, void *addr, size_t nr);

/* range.c */
int shm_trap(struct vmm *v, uint64_t start, uint64_t len, bool on);
void shm_restore_ranges(struct vmm *v);
bool shm_trapped(const struct vmm_resume *keep, uint64_t first, uint64_t last);
int shm_map_machine(struct vmm *v, uint64_t gfn, uint64_t mfn, uint64_t nr, bool on);
