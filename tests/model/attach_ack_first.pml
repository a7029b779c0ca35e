/* SPDX-License-Identifier: MIT */
/* sched acknowledges a clear before it invalidates. Must be found wrong. */
#define ACK_FIRST
#include "attach_crash.pml"
