/* SPDX-License-Identifier: MIT */
/* Advance before apply: a message can be lost. Must be found wrong. */
#define BROKEN_ORDER
#include "lane_crash.pml"
