/* SPDX-License-Identifier: MIT */
/*
 * The registers that gen8's commands may touch; see cmdregs.h for what a rule says. Used by
 * audit_gen8 and ctx_gen8; constants, any thread.
 */
#pragma once

#include "gen/cmdregs.h"

/* The rule for byte offset `reg` in a command of `engine`, or NULL: not to be touched. */
const struct cmdreg *cmdregs_gen8_find(enum gen8_engine engine, uint32_t reg);

/* May a command of `engine` write `value` (NULL: not known before it runs)? */
bool cmdregs_gen8_may_write(const struct cmdreg *r, const uint32_t *value);
