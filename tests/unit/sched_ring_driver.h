/* SPDX-License-Identifier: MIT */
/*
 * sched_ring_driver.h: a guest's driver on softgpu's Haswell engines: a ring for each engine, in
 * guest memory, filled with requests that use what the stock driver uses: two render contexts in
 * turn, a page directory loaded by command, a batch without privilege in the PPGTT and one with it
 * in the GGTT, a number by index into the status page, a user interrupt. What each leaves tells
 * whether it ran, once, and in its own context. Speaks to the scheduler through the two lanes that
 * vgt-mmio would have. One thread.
 */
#pragma once
#include "gen/gen8_engine.h"
#include "lib/lane.h"
#include "services/wire/gtt_map.h"
#include "services/wire/mmio_sched.h"
#include "services/wire/vggtt.h"
#include "tests/unit/sched_eng_silicon.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define RING_ENGINES   2u /* RCS and BCS */
#define RING_REQUESTS  200u
#define RING_PARTITION (16u << 20)

struct ring_port {
    uint32_t ring, hwsp, mark, batch; /* GGTT addresses */
    uint32_t *hwsp_at, *mark_at, *batch_at, *log_at, *user_at;
    uint64_t ring_at;  /* machine */
    uint32_t image[2]; /* render contexts */
    uint32_t *image_at[2];
    uint32_t head, tail, emitted;
    bool idle;
    uint32_t directory, shadow; /* the guest's first entry, and ours */
};

struct ring_driver {
    struct silicon *silicon;
    struct lane_tx tx; /* as vgt-mmio */
    struct lane_rx rx;
    struct vggtt *vggtt;
    struct gtt_map *map;
    uint32_t next_gma;
    uint64_t seq, interrupts;
    struct ring_port port[RING_ENGINES];
};

/* n: of the guest, from 0; its partition begins at (n + 1) * RING_PARTITION. Directories are
 * entered in the map, and built at entries from `directories` on. */
void ring_driver_init(struct ring_driver *d, struct silicon *s, struct vggtt *vggtt,
                      struct gtt_map *map, unsigned n, uint32_t directories);
/* Status pages and rings, as after a reset of the device. */
void ring_driver_start(struct ring_driver *d, unsigned engine);
void ring_driver_put(struct ring_driver *d, unsigned engine, uint32_t dw);
/* There are commands up to here. */
void ring_driver_tail(struct ring_driver *d, unsigned engine);
/* Requests, while there is room. */
void ring_driver_submit(struct ring_driver *d);
void ring_driver_events(struct ring_driver *d);
/* All requests were made, and have run. */
bool ring_driver_done(const struct ring_driver *d);
/* And each did what it should, in its context. */
void ring_driver_check(const struct ring_driver *d);
