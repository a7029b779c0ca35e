/* SPDX-License-Identifier: MIT */
/* Register policies: looking them up; see regs.h. Pure functions, any thread. */
#include "gen/regs.h"

#include <assert.h>
#include <string.h>

static void fill(uint16_t *index, const struct regs_table *t, uint16_t number)
{
    const struct reg_policy *p = &t->rows[number];
    uint32_t first = p->offset / 4, last = (p->offset + p->size - 1) / 4;

    assert(last < REGS_DWORDS);
    for (uint32_t i = first; i <= last; i++)
        index[i] = number;
}

/* Ranges first, so that single registers inside them win. */
void regs_index(const struct regs_table *t, uint16_t *index)
{
    assert(t->count < UINT16_MAX);
    memset(index, 0, REGS_DWORDS * sizeof(*index));
    for (unsigned pass = 0; pass < 2; pass++) {
        for (size_t i = 1; i < t->count; i++) {
            if ((t->rows[i].size > 64) == (pass == 0))
                fill(index, t, (uint16_t)i);
        }
    }
}

const struct reg_policy *regs_policy(const struct regs_table *t, uint16_t number)
{
    assert(number < t->count);
    return &t->rows[number];
}

const char *regs_name(const struct regs_table *t, uint32_t offset)
{
    const struct reg_policy *best = &t->rows[0];

    for (size_t i = 1; i < t->count; i++) {
        const struct reg_policy *p = &t->rows[i];

        if (offset - p->offset < p->size && (best == &t->rows[0] || p->size < best->size))
            best = p;
    }
    return best->name;
}

const char *regs_effect_name(enum reg_effect e)
{
    static const char *const name[] = {
#define X(n) #n,
        REGS_EFFECTS(X)
#undef X
    };

    return e < REGS_EFFECT_COUNT ? name[e] : "?";
}
