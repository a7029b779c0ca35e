/* SPDX-License-Identifier: MIT */
/*
 * That a service has let go is written down a step later: its next process is told of the guest
 * again. Must be found wrong.
 */
#define FORGET_LATE
#include "attach_crash.pml"
