/* SPDX-License-Identifier: MIT */
/*
 * A step of a removal is skipped while its service is away: what that service holds stays. Must
 * be found wrong.
 */
#define GIVE_UP
#include "attach_crash.pml"
