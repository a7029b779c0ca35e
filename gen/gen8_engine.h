/* SPDX-License-Identifier: MIT */
/*
 * The engines of Broadwell: their ids, masks and register bases. Haswell has the first four, with
 * the same bases. Used by every file of gen/ and by the services; constants and pure functions
 * only, any thread.
 */
#pragma once

#include <stdint.h>

enum gen8_engine {
    GEN8_RCS,
    GEN8_BCS,
    GEN8_VCS,
    GEN8_VECS,
    GEN8_VCS2, /* GT3 only */
    GEN8_ENGINES,
};

#define GEN8_M(engine) (1u << (engine))
#define GEN8_M_RCS     GEN8_M(GEN8_RCS)
#define GEN8_M_BCS     GEN8_M(GEN8_BCS)
#define GEN8_M_VCS     (GEN8_M(GEN8_VCS) | GEN8_M(GEN8_VCS2))
#define GEN8_M_VECS    GEN8_M(GEN8_VECS)
#define GEN8_M_ALL     (GEN8_M_RCS | GEN8_M_BCS | GEN8_M_VCS | GEN8_M_VECS)

/* Byte offset in BAR0 of an engine's register block; 0 for an id that is none. */
static inline uint32_t gen8_engine_base(unsigned engine)
{
    static const uint32_t base[GEN8_ENGINES] = {0x2000, 0x22000, 0x12000, 0x1a000, 0x1c000};

    return engine < GEN8_ENGINES ? base[engine] : 0;
}
