/* SPDX-License-Identifier: MIT */
/*
 * priv.h: the fake guest's state, shared by its two sides: fake.c (the machine, for tests) and
 * ops.c (the seam, for services).
 */
#pragma once
#include "vmm/fake/fake.h"

#define FAKE_GUESTS 8
#define FAKE_PAGE   4096u

enum fake_state {
    FAKE_IDLE,
    FAKE_READY,    /* waits for next() */
    FAKE_HELD,     /* given out */
    FAKE_ANSWERED, /* completed, not yet seen by the vCPU */
};

struct fake_vcpu {
    enum fake_state state;
    struct vmm_access access;
    uint64_t answer;
};

struct fake_guest {
    uint32_t domid;
    uint64_t pages;
    uint16_t nr_vcpus;
    int fd;
    uint8_t *ram;
    bool *wp;
    bool paused;
    struct vmm *device; /* the open device handle */
    char why[128];
    struct fake_vcpu vcpu[VMM_MAX_VCPUS];
    struct {
        uint64_t start, len;
    } range[VMM_MAX_RANGES];
    struct fake_msi msi[FAKE_MAX_MSIS];
    size_t nr_msis;
    struct fake_map map[FAKE_MAX_MAPS];
    size_t nr_maps;
};

struct fake_guest *fake_find(uint32_t domid);
