/* SPDX-License-Identifier: MIT */
/*
 * cs_perf.c: MI_REPORT_PERF_COUNT (PRM HSW vol. 2a, BDW vol. 2a): a snapshot of the observation
 * unit's counters, in the format that OACONTROL bits 4:2 select (PRM "Observability Performance
 * Counters", HSW and BDW, "Counter Select"). What is counted without execution units is the clock
 * and how long the render engine was busy, both in nanoseconds: the GPU's clock is 1 GHz here. All
 * that shaders do, and the programmable B and C counters, stay at 0. Engine's thread.
 */
#include "softgpu/cs_mi.h"

#include "softgpu/engine_priv.h"
#include "softgpu/mem.h"

#define OACONTROL_GEN7   0x2360u
#define OACONTROL_GEN8   0x2b00u
#define OA_ENABLE        (1u << 0) /* clear: what a report counts is undefined; here it is 0 */
#define OA_FORMAT(c)     ((c) >> 2 & 7)
#define REPORT_DWORDS    64
#define ADDRESS_GLOBAL   (1u << 0) /* dword 1; bits 5:0 are not the address's */
#define ADDRESS_MASK     (~63ull)
#define FORMAT_ALL       5u /* Haswell: A45_B8_C8, Broadwell: A32u40_A4u32_B8_C8 */
#define AT_CONTEXT_GEN8  2
#define AT_CLOCK_GEN8    3
#define AT_BUSY_GEN7     (3 + 41) /* A41 */
#define AT_BUSY_GEN8     4        /* A0, its upper eight bits in the first byte of dword 40 */
#define AT_BUSY_GEN8_TOP 40

struct report {
    uint32_t dw[REPORT_DWORDS];
    uint32_t bytes; /* the format's */
    uint64_t now;   /* ns; of everything in it */
};

static struct report begin(uint32_t id, uint32_t bytes)
{
    uint64_t now = engine_now_ns();

    return (struct report){.dw = {id, (uint32_t)(now / 80)}, .bytes = bytes, .now = now};
}

/* The global space is for the privileged: elsewhere the command does nothing (PRM vol. 2a,
 * MI_BATCH_BUFFER_START, "User Mode Privileged Commands"). */
static void put(struct engine *e, const struct report *r, uint64_t where)
{
    bool global = where & ADDRESS_GLOBAL;

    if (!global || cs_privileged(e))
        mem_write(e, !global, where & ADDRESS_MASK, r->dw, r->bytes);
}

/* Formats: A13, A29, A13_B8_C8, A29_B8_C8, B4_C8, A45_B8_C8, B4_C8_A16, C4_B8. */
enum cs_result mi_report_perf_count_gen7(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    static const uint16_t bytes[8] = {64, 128, 128, 192, 64, 256, 128, 64};
    uint32_t control = cs_reg_read_raw(e, OACONTROL_GEN7);
    struct report r = begin(cmd[2], bytes[OA_FORMAT(control)]);

    (void)len;
    if ((control & OA_ENABLE) && OA_FORMAT(control) == FORMAT_ALL)
        r.dw[AT_BUSY_GEN7] = (uint32_t)engine_busy_ns(e, r.now);
    put(e, &r, cmd[1]);
    return CS_NEXT;
}

/* Formats: A12, -, A12_B8_C8, -, -, A32u40_A4u32_B8_C8, -, C4_B8; reserved ones as the first. */
enum cs_result mi_report_perf_count_gen8(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    static const uint16_t bytes[8] = {64, 64, 128, 64, 64, 256, 64, 64};
    uint32_t control = cs_reg_read_raw(e, OACONTROL_GEN8);
    struct report r = begin(cmd[3], bytes[OA_FORMAT(control)]);
    uint64_t busy = engine_busy_ns(e, r.now);

    (void)len;
    r.dw[AT_CONTEXT_GEN8] = DESC_ID(e->run[e->run_at]);
    if (control & OA_ENABLE)
        r.dw[AT_CLOCK_GEN8] = (uint32_t)r.now;
    if ((control & OA_ENABLE) && OA_FORMAT(control) == FORMAT_ALL) {
        r.dw[AT_BUSY_GEN8] = (uint32_t)busy;
        r.dw[AT_BUSY_GEN8_TOP] = busy >> 32 & 0xff;
    }
    put(e, &r, cs_addr(cmd + 1));
    return CS_NEXT;
}
