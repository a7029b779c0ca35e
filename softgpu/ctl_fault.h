/* SPDX-License-Identifier: MIT */
/* ctl_fault.h: the control command "fault" (ctl.h). Loop's thread. */
#pragma once
#include <stdio.h>

struct faults;

/* fault NAME [ENGINE] [COUNT] | fault list | fault clear; words[0] is "fault", 2 <= n <= 4;
 * engines: how many the chip has. Writes one line of JSON. */
int ctl_fault(struct faults *f, unsigned engines, char **words, unsigned n, FILE *out);
