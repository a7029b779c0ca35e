/* SPDX-License-Identifier: MIT */
/* Rules for registers in commands; see cmdregs.h. Pure functions, any thread. */
#include "gen/cmdregs.h"

const struct cmdreg *cmdregs_find(const struct cmdreg *rules, size_t n, enum gen8_engine engine,
                                  uint32_t reg)
{
    uint32_t own = reg - gen8_engine_base(engine);

    if (reg % 4)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        const struct cmdreg *r = &rules[i];

        if ((r->relative ? own : reg) - r->start < r->end - r->start && r->engines & GEN8_M(engine))
            return r;
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
