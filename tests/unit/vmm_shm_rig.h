/* SPDX-License-Identifier: MIT */
/*
 * vmm_shm_rig.h: a file-backed guest in a directory of its own, an emulator's handle of it, and
 * vCPUs as threads that perform one access each. For the tests of vmm/shm.
 */
#pragma once
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/rig/vcpu.h"
#include "vmm/shm/shm.h"

#define OPS   vmm_shm_ops
#define PAGE  4096u
#define BAR   0xf0000000u
#define DOMID 7u
#define PAGES 32u

struct fix {
    char dir[64];
    struct rig_guest g;
    struct vmm *v;
    struct vmm_resume *keep; /* shared with children */
};

int shm_setup(void **state);
int shm_teardown(void **state);

/* One access of a vCPU, by a thread of its own. */
struct access {
    struct fix *f;
    struct vmm_access a;
    pthread_t thread;
    uint64_t data;
    int rc;
    bool raw; /* past the processor's own decisions */
};

void start(struct fix *f, struct access *x, struct vmm_access a);
/* Waits for its end: its result. */
int finish(struct access *x);
void *perform(void *access);

/* The handle's descriptor, within ms. */
bool readable(struct fix *f, int ms);
/* The next access, waited for. */
struct vmm_access taken(struct fix *f);
void wait_ready(struct fix *f, uint16_t vcpu);
