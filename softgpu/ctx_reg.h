/* SPDX-License-Identifier: MIT */
/*
 * ctx_reg.h: registers of the render context that lie outside the ring's block: stream output
 * statistics, cache and GT mode, L3 partition, thread dispatch. The engines keep them, not the
 * register file, because a context switch saves and loads them (context.c). Any thread.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define CTX_REG_COUNT 26

struct engines;

bool ctx_reg_owns(uint32_t offset); /* offset in BAR0, a multiple of 4 */
/* True for those of which the upper half of a write names the bits that it changes. */
bool ctx_reg_masked(uint32_t offset);
/* Of registers that ctx_reg_owns(). */
uint32_t ctx_reg_read(struct engines *es, uint32_t offset);
void ctx_reg_write(struct engines *es, uint32_t offset, uint32_t value);
/* Reset of the render engine. */
void ctx_reg_reset(struct engines *es);
