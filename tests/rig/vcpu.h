/* SPDX-License-Identifier: MIT */
/*
 * vcpu.h: the guest's side of vmm/shm: makes the files of one guest and performs its vCPUs'
 * accesses as a processor under a hypervisor would: memory directly, trapped ranges and protected
 * frames through the emulator. There is no time limit: an emulator that is dead or stopped is a
 * pause. One thread per vCPU number; the rest of the calls from any thread.
 */
#pragma once
#include "vmm/shm/layout.h"

struct rig_guest {
    uint32_t domid;
    uint64_t pages;
    uint16_t nr_vcpus;
    int state_fd, ram_fd, wake_fd;
    struct shm_guest *s;
    uint8_t *frame;
    uint8_t *ram; /* all of it; reading is free, writing is for frames that never trap */
    char dir[256];
};

/* Makes DIR/DOMID/ and its files, and lives. 0 or -errno; -EEXIST: there is such a guest. */
int rig_guest_new(struct rig_guest *g, const char *dir, uint32_t domid, uint64_t pages,
                  uint16_t nr_vcpus);
/* The guest is no more; its files stay, as a domain stays that somebody holds pages of. */
void rig_guest_end(struct rig_guest *g);
/* The files neither. */
void rig_guest_free(struct rig_guest *g);

/*
 * One access. 0; -ENXIO: nothing is there, or a range that traps has not all of it (writes are
 * dropped, reads give all ones, as Xen does); -ESHUTDOWN: the guest was killed;
 * -EPROTO: the frame stopped trapping between a request and the end of its access, which crashes
 * the guest on Xen and does so here. size: 1, 2, 4, 8, within one page.
 */
int vcpu_read(struct rig_guest *g, uint16_t vcpu, uint64_t gpa, unsigned size, uint64_t *data);
int vcpu_write(struct rig_guest *g, uint16_t vcpu, uint64_t gpa, unsigned size, uint64_t data);
/* PCI config space of 00:02.0. */
int vcpu_config_read(struct rig_guest *g, uint16_t vcpu, uint32_t at, unsigned size,
                     uint64_t *data);
int vcpu_config_write(struct rig_guest *g, uint16_t vcpu, uint32_t at, unsigned size,
                      uint64_t data);
/* Any access, REP and indirect ones too, straight to the emulator (a.vcpu says whose). */
int vcpu_trap(struct rig_guest *g, const struct vmm_access *a, uint64_t *data);

/* The oldest interrupt not yet seen: 1 and *msi, or 0 after most_ms, 100 at most, or sooner. */
int rig_msi(struct rig_guest *g, unsigned most_ms, struct shm_msi *msi);
/* The guest gives a frame back (or takes it again, zeroed). */
void rig_balloon(struct rig_guest *g, uint64_t gfn, bool out);
/* NULL while it lives. */
const char *rig_killed(const struct rig_guest *g);
