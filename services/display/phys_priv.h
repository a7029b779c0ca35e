/* SPDX-License-Identifier: MIT */
/* phys_priv.h: what phys.c and modeset.c share. Nobody else includes it. */
#pragma once
#include "services/display/phys.h"

/* A register that fails is counted and told once; reads then give 0. */
uint32_t phys_read(struct phys *p, uint32_t offset);
void phys_write(struct phys *p, uint32_t offset, uint32_t value);

/* Until the bits of mask have value: 0, or -ETIMEDOUT (counted) after ms. Blocks. */
int phys_wait(struct phys *p, uint32_t offset, uint32_t mask, uint32_t value, unsigned ms);

/* Turn off whatever firmware or a former process left on. 0 or -ETIMEDOUT. */
int phys_take_over(struct phys *p);
