/* SPDX-License-Identifier: MIT */
/*
 * machine.h: what driver.c drives a GPU from: a guest's processor (vcpu.h), or a program without a
 * virtual machine that is softgpu's client (bare.c), so that the drivers of the rig's guests can be
 * tried on the GPU itself. One thread for each vCPU number; bare.c has one only.
 */
#pragma once
#include "vmm/shm/layout.h"

#define MACHINE_BAR0 0xf0000000u
#define MACHINE_BAR2 0x80000000u
#define MACHINE_MSI  0xfee00000u, 0x4041u /* address and data the driver asks for */

struct machine;

/* 0 or -errno (vcpu.h). msi: 1: an interrupt came within most_ms, 0: none. */
struct machine_ops {
    int (*read)(struct machine *m, uint16_t vcpu, uint64_t gpa, unsigned size, uint64_t *data);
    int (*write)(struct machine *m, uint16_t vcpu, uint64_t gpa, unsigned size, uint64_t data);
    int (*config_read)(struct machine *m, uint32_t at, unsigned size, uint64_t *data);
    int (*config_write)(struct machine *m, uint32_t at, unsigned size, uint64_t data);
    int (*msi)(struct machine *m, unsigned most_ms, struct shm_msi *msi);
};

struct machine {
    const struct machine_ops *ops;
    void *self;
    uint8_t *ram; /* frames [0, pages); writing is for frames that never trap */
    uint64_t pages;
    uint32_t domid;
    bool bare; /* the GPU itself: no PVINFO, and the GT sleeps until it is told not to */
};

struct rig_guest;

/* vm.c: vCPU 0 does config space and interrupts. The guest is borrowed. */
void machine_vm(struct machine *m, struct rig_guest *g);

/* bare.c: the only client of the softgpu whose vfio-user socket is at path. -errno of vfu_client.h,
 * -ENOMEM. */
int machine_bare(struct machine *m, const char *path, uint64_t pages);
void machine_bare_end(struct machine *m);
