/* SPDX-License-Identifier: MIT */
/*
 * unit.c: cutting an access into units: the part of one element that falls into one granule (a
 * register's dword, a GGTT entry, a guest page). Pure arithmetic, called by dispatch.c.
 */
#include "services/mmio/priv.h"

/* Granules are powers of two, 4 at least, and elements 8 at most, so an element touches at most
 * three. */
struct mmio_unit mmio_unit(const struct vmm_access *a, uint64_t unit, uint32_t granule)
{
    struct mmio_unit u = {.element = unit / MMIO_PIECES};
    uint64_t start = vmm_element_addr(a, u.element);
    uint32_t before = start & (granule - 1); /* element's start in its first granule */
    uint32_t piece = unit % MMIO_PIECES;
    uint32_t first = piece ? piece * granule - before : 0;
    uint32_t end = (piece + 1) * granule - before;

    if (first >= a->size)
        return u;
    u.addr = start + first;
    u.at = first;
    u.len = (end < a->size ? end : a->size) - first;
    return u;
}
