/* SPDX-License-Identifier: MIT */
/*
 * Which registers commands may touch: loads and stores that run with privilege, in rings,
 * privileged batches and context images. A register is allowed only if it belongs to the context
 * (saved and restored with it) or tells nothing and changes nothing beyond it. The shape of a rule
 * and the lookup; the rules are those of a generation, cmdregs_gen7.h and cmdregs_gen8.h. Used by
 * the audits and the context images' code; constants and pure functions, any thread.
 */
#pragma once

#include "gen/gen8_engine.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CMDREG_READ  (1u << 0) /* SRM, LRR source */
#define CMDREG_WRITE (1u << 1) /* any value, LRI, LRM, LRR destination, post-sync write */
#define CMDREG_MASKED                                                                              \
    (1u << 2) /* upper half is a write mask; only `bits` may change: needs a known                 \
                 value */
#define CMDREG_PDP   (1u << 3) /* page directory pointer: LRI only, the caller supplies the value */
#define CMDREG_BLANK (1u << 4) /* a write is turned into one without effect */
#define CMDREG_IMAGE (1u << 5) /* loads from a context image only, any value */
/* gen7 only, as all that follow. */
#define CMDREG_SWITCH   (1u << 6)  /* no image holds it: stored and loaded when guests change */
#define CMDREG_ONES     (1u << 7)  /* LRI only: whatever is written, all ones are */
#define CMDREG_MAILBOX  (1u << 8)  /* LRI in a ring only: a signal, for the caller to deliver */
#define CMDREG_BITS     (1u << 9)  /* no mask, but only `bits` may be set: needs a known value */
#define CMDREG_STREAMER (1u << 10) /* in the part of an image that is the resource streamer's */

struct cmdreg {
    uint32_t start, end; /* byte offsets, end exclusive; relative to the base if `relative` */
    uint8_t engines;     /* GEN8_M_*: who may name it */
    bool relative;       /* to the base of the engine that executes the command */
    uint32_t bits;       /* CMDREG_MASKED, CMDREG_BITS: bits that may change */
    uint32_t access;     /* CMDREG_* */
};

/* The first of n rules for byte offset `reg` in a command of `engine`, or NULL. */
const struct cmdreg *cmdregs_find(const struct cmdreg *rules, size_t n, enum gen8_engine engine,
                                  uint32_t reg);

/* May a command write `value` (NULL: not known before it runs)? */
bool cmdregs_may_write(const struct cmdreg *r, const uint32_t *value);
