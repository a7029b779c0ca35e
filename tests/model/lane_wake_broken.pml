/* SPDX-License-Identifier: MIT */
/*
 * The wake protocol without its full fences. This must be found wrong: it shows that the model of
 * the store buffers can tell the difference.
 */
#define NO_FENCE
#include "lane_wake.pml"
