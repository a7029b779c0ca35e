/* SPDX-License-Identifier: MIT */
/* Register policies of gen8; see regs_gen8.h. Constants and pure functions, any thread. */
#include "gen/regs_gen8.h"

#include <assert.h>
#include <string.h>

static const struct reg_policy rows[] = {
    {.cls = REG_UNTRACKED, .size = 4, .name = "?"},
#define R(off, bytes, c, rd, wr, value, text)                                                      \
    {.offset = (off),                                                                              \
     .size = (bytes),                                                                              \
     .reset = (value),                                                                             \
     .cls = REG_##c,                                                                               \
     .read = REGS_##rd,                                                                            \
     .write = REGS_##wr,                                                                           \
     .name = (text)},
#include "gen/regs_gen8.def"
#undef R
};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))
static_assert(N_ROWS < UINT16_MAX, "policy numbers fit the index");

static void fill(uint16_t *table, uint16_t number)
{
    const struct reg_policy *p = &rows[number];
    uint32_t first = p->offset / 4, last = (p->offset + p->size - 1) / 4;

    assert(last < REGS_GEN8_DWORDS);
    for (uint32_t i = first; i <= last; i++)
        table[i] = number;
}

/* Ranges first, so that single registers inside them win. */
void regs_gen8_index(uint16_t *table)
{
    memset(table, 0, REGS_GEN8_DWORDS * sizeof(*table));
    for (unsigned pass = 0; pass < 2; pass++) {
        for (size_t i = 1; i < N_ROWS; i++) {
            if ((rows[i].size > 64) == (pass == 0))
                fill(table, (uint16_t)i);
        }
    }
}

const struct reg_policy *regs_gen8_policy(uint16_t number)
{
    assert(number < N_ROWS);
    return &rows[number];
}

size_t regs_gen8_count(void)
{
    return N_ROWS;
}

const char *regs_gen8_name(uint32_t offset)
{
    const struct reg_policy *best = &rows[0];

    for (size_t i = 1; i < N_ROWS; i++) {
        const struct reg_policy *p = &rows[i];

        if (offset - p->offset < p->size && (best == &rows[0] || p->size < best->size))
            best = p;
    }
    return best->name;
}

const char *regs_gen8_effect_name(enum reg_effect e)
{
    static const char *const name[] = {
#define X(n) #n,
        REGS_EFFECTS(X)
#undef X
    };

    return e < REGS_EFFECT_COUNT ? name[e] : "?";
}
