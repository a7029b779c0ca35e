/* SPDX-License-Identifier: MIT */
/*
 * fetch.h: the frames a guest's last-level table names, pinned ahead by a worker. The loop copies
 * the entries; the worker finds out which frames are not pinned yet and pins them with few calls;
 * back in the loop they are entered as pins without references, and filling the shadow then finds
 * them. Nothing depends on it: a frame the worker did not get, or an entry the guest changed since,
 * is pinned by the fill, and a pin nobody refers to is let go.
 *
 * While a fetch of a guest is outstanding nothing of that guest is unpinned (pins_reap), for the
 * worker's pin and the loop's unpin of one frame would not know of each other.
 *
 * Called by shadow.c and guest.c in the loop; fetch.c has the part that runs in a worker.
 */
#pragma once
#include "services/gtt/format.h"
#include "services/gtt/pins.h"
#include "services/gtt/workers.h"

#define FETCH_MAX 4u /* of one guest at once */

/* In the loop, when the frames are entered or the fetch was given up. */
typedef void fetch_done(void *ctx, void *what);

/* Positive answer: so few entries are present that no worker is worth it. */
enum { FETCH_FEW = 1 };

/* table: a page shared with the guest. 0: done(ctx, what) will be called; FETCH_FEW; -ENOMEM. */
int fetch_start(struct workers *w, struct pins *p, const struct gtt_format *format,
                const void *table, fetch_done *done, void *ctx, void *what);

/* Fetches no worker has begun are done at once, with nothing. w may be NULL here and below. */
void fetch_cancel(struct workers *w, struct pins *p);

/* The same, and wait for those that have. None is left. */
void fetch_finish(struct workers *w, struct pins *p);
