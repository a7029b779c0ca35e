/* SPDX-License-Identifier: MIT */
/*
 * gtt.c: the guest's GGTT entries: an image of what it wrote, of any width, and a message to gtt
 * for each change. Called by dispatch.c. What an entry means is gtt's business. Posted before the
 * image changes, so a full lane finds it unchanged; doing a write twice is harmless.
 */
#include <string.h>

#include "services/mmio/priv.h"

#include "lib/crash.h"

static bool inside(uint32_t at, uint32_t len)
{
    return at < sizeof(struct vggtt) && len <= 8 - at % 8;
}

uint64_t mmio_gtt_read(const struct mmio *m, uint32_t at, uint32_t len)
{
    uint64_t value = 0;

    if (!inside(at, len))
        return 0;
    memcpy(&value, (const uint8_t *)m->s.vggtt->pte + at, len);
    return value;
}

int mmio_gtt_write(struct mmio *m, uint32_t at, uint32_t len, uint64_t value)
{
    uint64_t index = at / 8, pte;
    int rc;

    if (!inside(at, len)) {
        mmio_fault(m, MMIO_FAULT_RANGE);
        return 0;
    }
    pte = m->s.vggtt->pte[index];
    memcpy((uint8_t *)&pte + at % 8, &value, len);
    rc = mmio_post_pte(m, index, pte);
    if (!rc)
        __atomic_store_n(&m->s.vggtt->pte[index], pte, __ATOMIC_RELEASE);
    crash_point("mmio.gtt.image");
    return rc;
}
