/* SPDX-License-Identifier: MIT */
/* No kick at attach: a wake that died with its sender is lost. Must be found wrong. */
#define NO_KICK
#include "lane_crash.pml"
