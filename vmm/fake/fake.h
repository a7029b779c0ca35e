/* SPDX-License-Identifier: MIT */
/*
 * fake.h: a guest in memory for tests: RAM, vCPUs driven by the test, and a record of everything
 * the service asked of the hypervisor. The guest outlives the service's handle, as a domain
 * outlives a process: close, open again with the same struct vmm_resume, and what was in flight
 * comes again as replay. One thread.
 */
#pragma once
#include "vmm/vmm.h"

#define FAKE_MAX_MSIS 256
#define FAKE_MAX_MAPS 16

struct fake_guest;

struct fake_msi {
    uint64_t addr;
    uint32_t data;
};

struct fake_map {
    uint64_t gfn, mfn, nr;
};

extern const struct vmm_ops vmm_fake_ops;

/* A guest with RAM in frames [0, pages). NULL: out of memory, or the domid is taken. */
struct fake_guest *fake_guest_new(uint32_t domid, uint64_t pages, uint16_t nr_vcpus);
void fake_guest_free(struct fake_guest *g);
/* The guest's own view of its RAM; NULL outside it. */
void *fake_ram(struct fake_guest *g, uint64_t gpa);

/* As if a process had taken this vCPU's access with next() and died: for tests whose emulator runs,
 * and dies, in a child process. */
void fake_take(struct fake_guest *g, uint16_t vcpu);
/* The vCPU named in a performs it. 1: trapped, the vCPU is held until fake_done(); 0: done at once,
 * untrapped (RAM only, *data filled for reads); -EBUSY: that vCPU is held; -ENXIO: nothing there,
 * or not all of it in one range that traps (Xen drops such a write and reads all ones). */
int fake_start(struct fake_guest *g, const struct vmm_access *a, uint64_t *data);
/* 1 and *data (what a read got) once the service completed it; 0 while held; -ENOENT: idle. */
int fake_done(struct fake_guest *g, uint16_t vcpu, uint64_t *data);

size_t fake_msis(const struct fake_guest *g, const struct fake_msi **out);
void fake_forget_msis(struct fake_guest *g);
/* Machine ranges now shown to the guest. */
size_t fake_maps(const struct fake_guest *g, const struct fake_map **out);
bool fake_protected(const struct fake_guest *g, uint64_t gfn);
bool fake_trapped(const struct fake_guest *g, uint64_t gpa);
bool fake_paused(const struct fake_guest *g);
/* Why the service killed the guest, NULL while it lives. */
const char *fake_killed(const struct fake_guest *g);
