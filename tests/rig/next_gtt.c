/* SPDX-License-Identifier: MIT */
/*
 * next_gtt.c: vgt-gtt of a version to come, which has another layout of the guests' maps: started
 * in the place of today's by tests/rig/during-upgrade.
 */
#include "services/wire/gtt_map.h"

#undef GTT_MAP_LAYOUT
#define GTT_MAP_LAYOUT 2u

#include "services/gtt/attach.c"
