/* SPDX-License-Identifier: MIT */
/*
 * next_mmio.c: vgt-mmio of a version to come, which has another layout of the register file:
 * started in the place of today's by tests/rig/during-upgrade.
 */
#include "services/wire/vreg.h"

#undef VREG_LAYOUT
#define VREG_LAYOUT 6u

#include "services/mmio/service.c"
