/* SPDX-License-Identifier: MIT */
/* display_priv.h: struct display, for the files of this folder. */
#pragma once
#include "services/display/display.h"
#include "services/display/screen.h"

#define DISPLAY_GUESTS 64u

struct display {
    struct display_config c;
    struct phys phys;
    struct guest *guest[DISPLAY_GUESTS];
    unsigned guests;
    struct screen screen;
    struct shot *shot;
    struct loop_source *timer, *irq;
    int irq_fd;
    uint64_t period_ns; /* of the timer, as armed */
};

/* NULL: no such guest, or it is on its way out. */
struct guest *display_find(struct display *d, uint32_t domid);
