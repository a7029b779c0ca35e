/* SPDX-License-Identifier: MIT */
/* Rules for registers in commands; see cmdregs.h. Pure functions, any thread. */
#include "gen/cmdregs.h"

static bool covers(const struct cmdreg *r, enum gen8_engine engine, uint32_t reg)
{
    uint32_t base = r->relative ? gen8_engine_base(engine) : 0;

    return (r->engines & GEN8_M(engine)) && reg >= base + r->start && reg < base + r->end;
}

const struct cmdreg *cmdregs_find(const struct cmdreg *rules, size_t n, enum gen8_engine engine,
                                  uint32_t reg)
{
    if (reg % 4)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        if (covers(&rules[i], engine, reg))
            return &rules[i];
    }
    return NULL;
}

bool cmdregs_may_write(const struct cmdreg *r, const uint32_t *value)
{
    if (r->access & CMDREG_MASKED)
        return value && !(*value >> 16 & ~r->bits);
    if (r->access & CMDREG_BITS)
        return value && !(*value & ~r->bits);
    return r->access & CMDREG_WRITE;
}
