/* SPDX-License-Identifier: MIT */
/*
 * Which registers commands may touch: loads and stores that run with privilege, in rings,
 * privileged batches and context images. A register is allowed only if it belongs to the context
 * (saved and restored with it) or tells nothing and changes nothing beyond it. Used by audit_gen8
 * and ctx_gen8; constants, any thread.
 */
#pragma once

#include "gen/gen8_engine.h"

#include <stdbool.h>
#include <stdint.h>

#define CMDREG_READ  (1u << 0) /* SRM, LRR source */
#define CMDREG_WRITE (1u << 1) /* any value, LRI, LRM, LRR destination, post-sync write */
#define CMDREG_MASKED                                                                              \
    (1u << 2) /* upper half is a write mask; only `bits` may change: needs a known                 \
                 value */
#define CMDREG_PDP   (1u << 3) /* page directory pointer: LRI only, the caller supplies the value */
#define CMDREG_BLANK (1u << 4) /* a write is turned into one without effect */
#define CMDREG_IMAGE (1u << 5) /* loads from a context image only, any value */

struct cmdreg {
    uint32_t start, end; /* byte offsets, end exclusive; relative to the base if `relative` */
    uint8_t engines;     /* GEN8_M_*: who may name it */
    bool relative;       /* to the base of the engine that executes the command */
    uint16_t bits;       /* CMDREG_MASKED: bits that may change */
    uint32_t access;     /* CMDREG_* */
};

/* The rule for byte offset `reg` in a command of `engine`, or NULL: not to be touched. */
const struct cmdreg *cmdregs_gen8_find(enum gen8_engine engine, uint32_t reg);

/* May a command of `engine` write `value` (NULL: not known before it runs)? */
bool cmdregs_gen8_may_write(const struct cmdreg *r, const uint32_t *value);
