/* SPDX-License-Identifier: MIT */
/*
 * decode.c: from one ioreq to one vmm_access. Pure functions over a private copy of the shared
 * slot, called by ioreq.c alone and tested without Xen. Field meanings: xen/hvm/ioreq.h.
 */
#include "vmm/xen/priv.h"

static bool size_ok(uint32_t size)
{
    return size == 1 || size == 2 || size == 4 || size == 8;
}

bool xen_extent(const struct ioreq *r, uint64_t *first, uint64_t *last)
{
    uint64_t span = (uint64_t)r->size * (r->count - 1);

    if (r->df && r->addr < span)
        return false;
    *first = r->df ? r->addr - span : r->addr;
    *last = *first + span + r->size - 1;
    return *last >= *first;
}

static bool trapped(const struct vmm_resume *keep, uint64_t first, uint64_t last)
{
    for (uint32_t i = 0; i < VMM_MAX_RANGES; i++) {
        uint64_t start = keep->range[i].start, len = keep->range[i].len;

        if (len && first >= start && last - start < len)
            return true;
    }
    return false;
}

static void fill(const struct ioreq *r, struct vmm_access *out)
{
    *out = (struct vmm_access){
        .addr = r->addr,
        .data = r->data,
        .count = r->count,
        .size = r->size,
        .write = r->dir == IOREQ_WRITE,
        .backwards = r->df,
        .indirect = r->data_is_ptr,
    };
    if (out->write && !out->indirect && out->size < 8)
        out->data &= (1ull << (8 * out->size)) - 1;
}

/* Xen turns port 0xcfc cycles into these: bits 63:32 are segment, bus, device, function. */
static enum xen_ioreq_kind decode_config(const struct ioreq *r, struct vmm_access *out)
{
    uint32_t offset = r->addr;

    if (r->addr >> 32 != XEN_OUR_SBDF || r->count != 1 || r->size > 4 || r->data_is_ptr)
        return XEN_IOREQ_REFUSED;
    if (offset >= 256 || offset + r->size > 256)
        return XEN_IOREQ_REFUSED;
    fill(r, out);
    out->addr = offset;
    out->space = VMM_CONFIG;
    return XEN_IOREQ_ACCESS;
}

static enum xen_ioreq_kind decode_copy(const struct vmm_resume *keep, const struct ioreq *r,
                                       struct vmm_access *out)
{
    uint64_t first, last;

    if (!xen_extent(r, &first, &last))
        return XEN_IOREQ_REFUSED;
    fill(r, out);
    out->space = trapped(keep, first, last) ? VMM_MMIO : VMM_GUEST;
    return XEN_IOREQ_ACCESS;
}

enum xen_ioreq_kind xen_decode(const struct vmm_resume *keep, const struct ioreq *r,
                               struct vmm_access *out)
{
    /* Broadcast to every server after a guest gave memory back; no mapping outlives an access. */
    if (r->type == IOREQ_TYPE_INVALIDATE || r->type == IOREQ_TYPE_TIMEOFFSET)
        return XEN_IOREQ_IGNORE;
    if (!size_ok(r->size) || !r->count || r->count > VMM_MAX_REP)
        return XEN_IOREQ_REFUSED;
    if (r->type == IOREQ_TYPE_PCI_CONFIG)
        return decode_config(r, out);
    if (r->type == IOREQ_TYPE_COPY)
        return decode_copy(keep, r, out);
    return XEN_IOREQ_REFUSED;
}
