/* SPDX-License-Identifier: MIT */
/*
 * bare_guest.h: bare.h's machine in a guest under Linux without a driver for the GPU: BAR0 mapped
 * from sysfs, locked pages of our own. One per process.
 */
#pragma once
#include "tests/guest/bare.h"

/* Enables and maps the device, makes the pages. -1, errno says why (0: no partition). */
int bare_set_up(struct bare *b);
/* Call last. Our pages may still be watched as page tables, and a kernel that used them for
 * anything else would suffer: a process that never ends keeps them. */
void bare_keep_pages(void);
