/* SPDX-License-Identifier: MIT */
/*
 * sched_eng_driver.h: a guest's driver on softgpu's engines: contexts with rings in guest memory,
 * submitted as lists, singly and in pairs, whatever runs; books kept as the stock driver keeps
 * them. Each request writes its number and counts itself, so one that is lost or runs twice shows.
 * Speaks to the scheduler through the two lanes that vgt-mmio would have. One thread.
 */
#pragma once
#include "gen/ctx_gen8.h"
#include "lib/lane.h"
#include "services/wire/mmio_sched.h"
#include "services/wire/vggtt.h"
#include "tests/unit/sched_eng_silicon.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define DRIVER_ENGINES   2u /* RCS and BCS */
#define DRIVER_CONTEXTS  3u
#define DRIVER_REQUESTS  60u         /* of each context */
#define DRIVER_PARTITION (16u << 20) /* bytes of GGTT of each guest */
#define DRIVER_ROOT      UINT64_C(0x77000)

/* One context as its driver knows it. */
struct work {
    uint64_t desc;
    uint32_t lrca, ring, mark; /* GGTT addresses; mark: where requests store their number */
    uint32_t *state, *done;
    uint64_t ring_at; /* machine */
    uint32_t tail, emitted;
};

/* One engine of one guest: the driver's ports. */
struct port {
    struct work work[DRIVER_CONTEXTS];
    struct work *pending[2], *active[2];
    bool waiting; /* pending was submitted and not yet taken */
    unsigned lists, slot;
    uint32_t hwsp;
};

struct driver {
    struct silicon *silicon;
    struct lane_tx tx; /* as vgt-mmio */
    struct lane_rx rx;
    struct vggtt *vggtt;
    uint32_t next_gma, random;
    uint64_t seq, shown;
    struct port port[DRIVER_ENGINES];
};

/* n: of the guest, from 0; its partition begins at (n + 1) * DRIVER_PARTITION. vggtt is borrowed,
 * zeroed. */
void driver_init(struct driver *d, struct silicon *s, struct vggtt *vggtt, unsigned n);
/* Dwords into a ring, unsubmitted. */
void driver_put(struct driver *d, struct work *k, uint32_t dw);
/* Sometimes a new list. */
void driver_submit(struct driver *d);
/* Events are taken and the books checked. */
void driver_events(struct driver *d);
/* Now and then requests that wait may go on. */
void driver_permit(struct driver *d);
/* All requests were made and have run, once each. */
bool driver_done(const struct driver *d);
