/* SPDX-License-Identifier: MIT */
/*
 * gdrst.h: GEN6_GDRST 0x941c: resets of engines, alone or all. Any thread, no engine's lock held.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "softgpu/engine.h"

struct engine;

/* Bits of resets that are under way. Waits a while for those that only lack processor time. */
uint32_t gdrst_read(struct engines *es);
void gdrst_write(struct engines *es, uint32_t value);
/* All engines, and waits for them: the device's own reset, with which no fault interferes. */
void gdrst_reset_all(struct engines *es);
/* The bits that reset an engine: bit 0, which resets all, and its own. */
uint32_t gdrst_bits(enum engine_id id);
/* True while this engine's bit is set. */
bool gdrst_busy(struct engine *e);
