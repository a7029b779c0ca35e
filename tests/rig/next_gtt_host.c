/* SPDX-License-Identifier: MIT */
/*
 * next_gtt_host.c: vgt-gtt of a version to come, which has another layout of its lane with
 * vgt-sched: started in the place of today's by tests/rig/during-upgrade.
 */
#include "services/wire/sched_gtt.h"

#undef SCHED_GTT_LAYOUT
#define SCHED_GTT_LAYOUT 2u

#include "services/gtt/host.c"
