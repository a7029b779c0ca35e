/* SPDX-License-Identifier: MIT */
/* broker_next_parts.c: parts of a broker of a version to come, for broker_refuse_test.c: the layout
 * of the guests' maps is another one. */
#include "services/wire/gtt_map.h"

#undef GTT_MAP_LAYOUT
#define GTT_MAP_LAYOUT 2u

#include "services/broker/parts.c"
