/* SPDX-License-Identifier: MIT */
/*
 * device_trace.c: which kind of record an access of the client is (device_trace.h). Called by
 * device.c on the loop's thread, only when a log is written.
 */
#include "softgpu/device_trace.h"

#include "softgpu/regs.h"
#include "softgpu/trace.h"
#include "softgpu/vfu.h"

#include <string.h>

enum { BAR0 = 0, BAR2 = 2, BAR4 = 4 };

/* Each pair is reading, writing. */
static void put(struct trace *t, enum trace_kind reading, bool write, uint64_t addr,
                const uint8_t *buf, uint32_t len)
{
    uint64_t value = 0;

    if (!trace_wants(t, trace_kind_class(reading)))
        return;
    memcpy(&value, buf, len < sizeof(value) ? len : sizeof(value));
    trace_access(t, write ? reading + 1 : reading, TRACE_CPU, addr, len, value, 0);
}

/* Registers and table entries have at most 8 bytes: a longer access is several. Registers that do
 * not exist, between the two halves, are noted too. */
static void put_bar0(struct trace *t, uint32_t gtt_start, bool write, uint64_t offset,
                     const uint8_t *buf, uint32_t len)
{
    while (len) {
        uint32_t n = len < 8 ? len : 8;

        if (offset < gtt_start)
            put(t, TRACE_REG_READ, write, offset, buf, n);
        else
            put(t, TRACE_GTT_READ, write, offset - gtt_start, buf, n);
        offset += n;
        buf += n;
        len -= n;
    }
}

void device_trace_access(struct trace *t, struct device_trace_place at, bool write, unsigned region,
                         uint64_t offset, const void *buf, uint32_t len)
{
    switch (region) {
    case BAR0:
        put_bar0(t, at.gtt_start, write, offset, buf, len);
        break;
    case BAR2:
        put(t, TRACE_APERTURE_READ, write, offset, buf, len);
        break;
    case BAR4: /* the index register is not of interest by itself */
        if (offset & 4)
            put_bar0(t, at.gtt_start, write, at.io_index, buf, len < 4 ? len : 4);
        break;
    case VFU_REGION_CFG:
        put(t, TRACE_CONFIG_READ, write, offset, buf, len);
        break;
    default:
        break;
    }
}

void device_trace_reset(struct trace *t)
{
    if (TRACE_ON(t, TRACE_RESETS))
        trace_access(t, TRACE_RESET_ASKED, TRACE_CPU, 0, 0, 0, 0);
}
