/* SPDX-License-Identifier: MIT */
/*
 * gtt.c: the guest's GGTT entries, of 4 or 8 bytes: an image of what it wrote, of any width, and a
 * message to gtt for each change; and the register with which a driver has them count for what the
 * processor does through the aperture. Called by dispatch.c. What an entry means is gtt's business.
 * Posted before the image changes, so a full lane finds it unchanged; doing a write twice is
 * harmless. Only entries of the guest's own part trap (config.c), unless a process of an older
 * build was here, which trapped all of BAR0: so the others are served as well, and counted by gtt.
 */
#include <string.h>

#include "services/mmio/priv.h"

#include "lib/crash.h"

#define GFX_FLSH_CNTL 0x101008u

/* The image has 8 bytes for an entry in any case. What comes from dispatch.c is always inside. */
static bool inside(const struct mmio *m, uint32_t at, uint32_t len)
{
    uint32_t size = m->model->entry_size;

    return at / size < m->model->entries && len <= size - at % size;
}

uint64_t mmio_gtt_read(const struct mmio *m, uint32_t at, uint32_t len)
{
    uint32_t size = m->model->entry_size;
    uint64_t value = 0;

    if (!inside(m, at, len))
        return 0;
    memcpy(&value, (const uint8_t *)&m->s.vggtt->pte[at / size] + at % size, len);
    return value;
}

int mmio_gtt_write(struct mmio *m, uint32_t at, uint32_t len, uint64_t value)
{
    uint32_t size = m->model->entry_size;
    uint64_t index = at / size, pte;
    int rc;

    if (!inside(m, at, len)) {
        mmio_fault(m, MMIO_FAULT_RANGE);
        return 0;
    }
    pte = m->s.vggtt->pte[index];
    memcpy((uint8_t *)&pte + at % size, &value, len);
    rc = mmio_post_pte(m, index, pte);
    if (!rc)
        __atomic_store_n(&m->s.vggtt->pte[index], pte, __ATOMIC_RELEASE);
    crash_point("mmio.gtt.image");
    return rc;
}

/* A driver writes it after entries and before it uses the aperture there, which does not trap: so
 * it is answered when they stand. */
static int flush_write(struct mmio *m, const struct mmio_write *w)
{
    int rc = m->unflushed ? mmio_post_gtt_settled(m) : 0;

    if (!rc)
        *mmio_reg(m, w->offset) = w->value;
    return rc;
}

static const struct mmio_handler flush_handler = {"GGTT flush", NULL, flush_write};

static void attach(struct mmio *m)
{
    static const struct mmio_regs regs[] = {{GFX_FLSH_CNTL, 1, &flush_handler}};

    mmio_register(m, regs, 1);
    m->unflushed = true; /* by a process before us, perhaps */
}

static void reset(struct mmio *m)
{
    *mmio_reg(m, GFX_FLSH_CNTL) = 0;
}

const struct mmio_part mmio_part_gtt = {attach, reset};
