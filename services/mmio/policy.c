/* SPDX-License-Identifier: MIT */
/*
 * policy.c: every register no part of the device claims gets its behaviour and reset value from the
 * table of its generation (gen/regs.h). Called once at start, before the parts register their own
 * handlers.
 */
#include <errno.h>
#include <stdlib.h>

#include "services/mmio/priv.h"

static_assert(REGS_DWORDS == MMIO_DWORDS, "one index");

static int dropped(struct mmio *m, const struct mmio_write *w)
{
    (void)w;
    mmio_fault(m, MMIO_FAULT_READ_ONLY);
    return 0;
}

static int masked(struct mmio *m, const struct mmio_write *w)
{
    uint32_t value = w->value & w->mask, select = value >> 16;

    *mmio_reg(m, w->offset) = (*mmio_reg(m, w->offset) & ~select & 0xffff) | (value & select);
    return 0;
}

static int w1c(struct mmio *m, const struct mmio_write *w)
{
    *mmio_reg(m, w->offset) &= ~(w->value & w->mask);
    return 0;
}

/* Kept like any other, but counted: the table may lack something a driver needs. */
static uint32_t untracked_read(struct mmio *m, uint32_t offset)
{
    mmio_fault(m, MMIO_FAULT_UNKNOWN);
    return *mmio_reg(m, offset);
}

static int untracked_write(struct mmio *m, const struct mmio_write *w)
{
    mmio_fault(m, MMIO_FAULT_UNKNOWN);
    *mmio_reg(m, w->offset) = w->value;
    return 0;
}

static const struct mmio_handler untracked_handler = {"untracked", untracked_read, untracked_write};
static const struct mmio_handler storage_handler = {"storage", NULL, NULL};
static const struct mmio_handler ro_handler = {"read only", NULL, dropped};
static const struct mmio_handler masked_handler = {"masked", NULL, masked};
static const struct mmio_handler w1c_handler = {"write one to clear", NULL, w1c};

static const struct mmio_handler *handler_of(const struct reg_policy *p)
{
    switch (p->cls) {
    case REG_UNTRACKED:
        return &untracked_handler;
    case REG_RO:
    case REG_CONST:
    case REG_IGNORED: /* its reset value is 0 */
        return &ro_handler;
    case REG_MASKED16:
        return &masked_handler;
    case REG_W1C:
        return &w1c_handler;
    }
    return &storage_handler;
}

/* A register that begins as 0 is not touched: it is that in a new file, in which what nobody has
 * touched takes no memory. */
int mmio_policy_attach(struct mmio *m, bool reset)
{
    uint16_t *index = calloc(MMIO_DWORDS, sizeof *index);

    if (!index)
        return -ENOMEM;
    regs_index(m->model->regs, index);
    for (uint32_t i = 0, end; i < MMIO_DWORDS; i = end) {
        const struct reg_policy *p = regs_policy(m->model->regs, index[i]);

        for (end = i; end < MMIO_DWORDS && index[end] == index[i]; end++)
            if (reset && p->reset)
                m->vreg->mmio[end] = p->reset;
        mmio_register(m, &(struct mmio_regs){4 * i, end - i, handler_of(p)}, 1);
    }
    free(index);
    return 0;
}
