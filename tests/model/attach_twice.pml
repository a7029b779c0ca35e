/* SPDX-License-Identifier: MIT */
/* Two deaths, of the same or of different processes, in the life of one guest. */
#define DEATHS   2
#define ATTACHES 1
#include "attach_crash.pml"
