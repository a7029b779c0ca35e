/* SPDX-License-Identifier: MIT */
/* A service that comes back is not told of its guests. Must be found wrong. */
#define NO_RETELL
#include "attach_crash.pml"
