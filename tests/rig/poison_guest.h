/* SPDX-License-Identifier: MIT */
/*
 * poison_guest.h: the rig's guest writes what kills services (poison.h). Nothing of it is used by
 * its work, which goes on around it. One thread, the driver's.
 */
#pragma once
#include "tests/rig/blit.h"

struct poison {
    uint64_t desc; /* of the context whose ring has the command; 0: not made yet */
};

/* What kills as soon as it is written: entries, a root, a register. */
void poison_write(struct driver *d);
/* The command. The blitter, which must be idle, does nothing after that until driver_reset(). */
void poison_submit(struct poison *p, struct driver *d);
