/* SPDX-License-Identifier: MIT */
/*
 * display_fixture.h: vgt-display without a broker, on a fake GPU whose pipe A has a monitor, a
 * frame counter the test turns and a surface that goes live at a vblank; guests are register files
 * in memory. For the unit tests of services/display. One thread.
 */
#pragma once
#include "services/display/display.h"

#include "gpu/fake/fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MIB      (1ull << 20)
#define MAX_LOG  64u
#define GUESTS   3u
#define LOW(n)   (((uint64_t)(n) + 1) * 64 * MIB) /* guest n's low memory: 64 MiB */
#define HIGH(n)  (1024 * MIB + (uint64_t)(n)*256 * MIB)
#define DOMID(n) (5u + (n))
#define ON       (1u << 31)

struct machine { /* a guest */
    struct vreg_file *vreg;
    struct gtt_map *map;
    struct gtt_inval inval;
    struct timing timing;
    int bell;
    uint64_t generation;
};

struct rig {
    struct gpu_fake *fake;
    struct gpu *gpu;
    struct loop *loop;
    struct display *d;
    struct display_config config;
    struct screen_record record;
    struct log log;
    struct machine guest[GUESTS];
    /* The pipe. */
    uint32_t frame;
    bool monitor, no_start;
    uint8_t edid[EDID_SIZE];
    uint32_t edid_at, pin;
    /* Answers. */
    uint32_t switched, switch_ms, removed, error_id;
    int error;
    char text[160];
    uint32_t slice_id, slice_first, slice_pages, slices, slice_domid;
    uint8_t *picture;
    uint64_t got;
    struct shot_piece piece; /* the last one */
};

extern uint64_t test_now;     /* CLOCK_MONOTONIC of the code under test, ns */
extern enum gpu_gen test_gen; /* what rig_new() makes */

/* main() of a test: all of it on a Haswell, then on a Broadwell. */
#define RUN_BOTH(tests)                                                                            \
    ((test_gen = GPU_GEN7, cmocka_run_group_tests_name("Haswell", tests, NULL, NULL)) ||           \
     (test_gen = GPU_GEN8, cmocka_run_group_tests_name("Broadwell", tests, NULL, NULL)))

void rig_new(struct rig *r, bool monitor);
/* The service as the configuration says; ends a former one. */
void rig_start(struct rig *r);
void rig_free(struct rig *r);

void guest_in(struct rig *r, unsigned n);
uint32_t *reg(struct rig *r, unsigned n, uint32_t offset);
/* The registers a stock driver leaves behind for 1024x768 at 60 Hz on pipe A. */
void xga(struct rig *r, unsigned n, uint32_t surf);
/* 640x480 at 60 Hz. */
void vga(struct rig *r, unsigned n, uint32_t surf);
/* mmio rings, display looks. */
void ring(struct rig *r, unsigned n);
/* One physical frame goes by. */
void vblank(struct rig *r);
void turns(struct rig *r, unsigned n);

/* n guests with xga(), 0 is on the screen with its first frame shown, the log is empty. */
void rig_shown(struct rig *r, unsigned n, bool monitor);
/* The bank that pipe A's vblank, bit 0, is in. */
enum gpu_irq_bank vblank_bank(void);
/* The surface the plane is set to, 0 when it is off. */
uint32_t now_shown(struct rig *r);

/* Index in the log of the first write of a register from index on (and its value), or -1. */
int wrote(struct rig *r, int from, uint32_t offset, uint32_t *value);
/* Whether a register was ever written with this value. */
bool ever(struct rig *r, uint32_t offset, uint32_t value);
