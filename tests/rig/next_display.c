/* SPDX-License-Identifier: MIT */
/*
 * next_display.c: vgt-display of a version to come, which has another layout of its record: started
 * in the place of today's by tests/rig/during-upgrade.
 */
#include "services/wire/screen.h"

#undef SCREEN_LAYOUT
#define SCREEN_LAYOUT 2u

#include "services/display/service.c"
