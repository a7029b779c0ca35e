/* SPDX-License-Identifier: MIT */
#include "services/sched/engine_priv.h"
const struct engine_kind engine_rings = {0};
