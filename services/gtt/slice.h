/* SPDX-License-Identifier: MIT */
/*
 * slice.h: display's window into one guest's graphics memory: its part of the aperture shows, for
 * the time of a screenshot, entries of that guest's GGTT. Every frame shown holds a reference of
 * the guest's pins. Called by host.c; one thread.
 */
#pragma once
#include "services/gtt/guest.h"

struct gtt_slice {
    struct gtt_guest *guest; /* NULL: nothing is shown */
    uint32_t count;
    uint64_t *gfn1; /* per page: gfn + 1, 0 none */
};

/* Show entries [first, first + pages) of guest's partition, letting go of what was shown. -EINVAL:
 * not all inside its partition, or more than the slice holds; -ENOMEM; -errno of the device. */
int gtt_slice_show(struct gtt_slice *s, struct gtt_guest *guest, uint32_t first, uint32_t pages);
/* Show nothing. The guest settles in its next turn. */
int gtt_slice_clear(struct gtt_slice *s);
