/* SPDX-License-Identifier: MIT */
/*
 * gtt_fixture.h: one guest of the graphics-memory service between a fake GPU and a fake guest, for
 * the unit tests of services/gtt. One thread, and the workers of the service if there are any.
 */
#pragma once
#include "services/gtt/guest.h"

#include "gen/gen8_pte.h"
#include "gpu/fake/fake.h"
#include "vmm/fake/fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DOMID    5
#define PAGES    96u
#define TABLES   12u /* pages the guest uses as tables */
#define ENTRIES  4096u
#define ENTRIES7 65536u /* of Haswell's rig: the host's share is 192 MiB */
#define MIB      (1ull << 20)
#define P        (GEN8_PTE_PRESENT | GEN8_PTE_RW)

struct rig {
    struct gpu_fake *fake;
    struct workers *workers;
    struct gpu *gpu;
    struct fake_guest *ram;
    struct vmm *vmm;
    struct account account;
    struct gtt_map *map;
    struct gtt_inval inval;
    struct vggtt *image;
    struct gtt_guest *g;
    struct gtt_guest_config config;
    struct directories directories; /* Haswell */
    uint64_t epoch;
    bool trapped[PAGES], lifted[PAGES];
    bool refuse, refuse_all; /* mmio has no room: now and then, ever */
    unsigned lifts;
    unsigned confirm[4096], confirms;
    unsigned needless;     /* pages let go that did not trap */
    uint64_t named[PAGES]; /* clear sequence + 1 at which a shadow last named the frame */
    uint64_t seen[PAGES][SHADOW_LEVELS];
    unsigned seen_round[PAGES][SHADOW_LEVELS], round;
};

/* Threads a rig made from now on gives the guest. */
extern unsigned rig_workers;
/* Generation of the GPU of rigs made from now on; and how many directories there are on Haswell:
 * the rest is taken to be in use by a guest that never comes. */
extern enum gpu_gen rig_gen;
extern unsigned rig_directories;
/* Group setup and teardown: the thread is a reader of the pins as the service's loop is. */
int set_workers_0(void **state);
int set_workers_2(void **state);
int unset_workers(void **state);
#define run_with_workers(tests)                                                                    \
    cmocka_run_group_tests_name("with workers", tests, set_workers_2, unset_workers)
/* All tests without workers and then with two, for main(). */
#define run_twice(tests)                                                                           \
    (cmocka_run_group_tests_name("in the loop", tests, set_workers_0, unset_workers) +             \
     run_with_workers(tests))
/* The same of tests that take long: a thread sanitizer would find nothing in the first, and take
 * minutes over it. */
#ifdef __SANITIZE_THREAD__
#define run_long(tests) run_with_workers(tests)
#else
#define run_long(tests) run_twice(tests)
#endif

/* The bus address of a guest frame. */
uint64_t frame(uint64_t gfn);
/* A guest attached and settled; teardown detaches it and checks that nothing is left. */
void setup(struct rig *r, uint64_t max_tables);
void teardown(struct rig *r);
/* The service dies and comes back with what outlives it; in two steps: everything of the process is
 * new, and then the guest is attached. */
void restart(struct rig *r);
void restart_service(struct rig *r);
void restart_guest(struct rig *r);
/* One entry with the next epoch, applied. */
void post(struct rig *r, struct mmio_gtt m);
/* Work until settled; the epoch of the last post is then published. */
void settle(struct rig *r);
/* Every TLB is invalidated now. */
void pass(struct rig *r);
/* The guest's page as a table. */
uint64_t *table(struct rig *r, uint64_t gfn);
