/* SPDX-License-Identifier: MIT */
/* Halves of different attaches are put together. Must be found wrong. */
#define NO_GENERATION
#include "attach_crash.pml"
