/* SPDX-License-Identifier: MIT */
/* The consumer advances before it applies: an entry is lost. Must be found wrong. */
#define ADVANCE_FIRST
#include "attach_crash.pml"
