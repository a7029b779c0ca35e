/* SPDX-License-Identifier: MIT */
/* Registers that gen7.5's commands may touch; see cmdregs_gen7.h. Constants, any thread. */
#include "gen/cmdregs_gen7.h"

#define RO       CMDREG_READ
#define RW       (CMDREG_READ | CMDREG_WRITE)
#define IMAGE    CMDREG_IMAGE
#define SWITCH   CMDREG_SWITCH
#define STREAMER (CMDREG_IMAGE | CMDREG_STREAMER)
#define HSW      (GEN8_M_RCS | GEN8_M_BCS | GEN8_M(GEN8_VCS) | GEN8_M_VECS)

#define RULE(first, last, who, how)                                                                \
    {                                                                                              \
        .start = (first), .end = (last) + 4, .engines = (who), .access = (how)                     \
    }
#define ENGINE(first, last, how)                                                                   \
    {                                                                                              \
        .start = (first), .end = (last) + 4, .engines = HSW, .relative = true, .access = (how)     \
    }
#define RENDER(first, last, how) RULE(first, last, GEN8_M_RCS, how)
#define MASKED(reg, who, may, how)                                                                 \
    {                                                                                              \
        .start = (reg), .end = (reg) + 4, .engines = (who), .bits = (may),                         \
        .access = CMDREG_MASKED | (how)                                                            \
    }

static const struct cmdreg rules[] = {
    ENGINE(0x220, 0x220, CMDREG_ONES | RO), /* PP_DIR_DCLV: the whole directory */
    ENGINE(0x228, 0x228, CMDREG_PDP | RO),  /* PP_DIR_BASE */
    ENGINE(0x3a8, 0x3a8, RO),               /* CTX_TIMESTAMP */
    ENGINE(0x94, 0x94, RW | SWITCH),        /* NOPID */

    /* Any engine may ask another for the time. */
    RULE(0x2358, 0x235c, HSW, RO),
    RULE(0x12358, 0x1235c, HSW, RO),
    RULE(0x1a358, 0x1a35c, HSW, RO),
    RULE(0x22358, 0x2235c, HSW, RO),

    /* SYNC_0 to SYNC_2: what MI_SEMAPHORE_MBOX waits for, old drivers write by loads. */
    RULE(0x2040, 0x2048, HSW, CMDREG_MAILBOX),
    RULE(0x12040, 0x12048, HSW, CMDREG_MAILBOX),
    RULE(0x1a040, 0x1a048, HSW, CMDREG_MAILBOX),
    RULE(0x22040, 0x22048, HSW, CMDREG_MAILBOX),

    /* INSTPM: bit 9 invalidates TLBs and clears itself; ordering and constant buffers are modes
     * of the context. Never bit 5, which stalls for a flush. */
    MASKED(0x20c0, GEN8_M_RCS, 0x2c0, RO | IMAGE),
    MASKED(0x120c0, GEN8_M(GEN8_VCS), 0x200, RO),
    MASKED(0x1a0c0, GEN8_M_VECS, 0x200, RO),
    MASKED(0x220c0, GEN8_M_BCS, 0x200, RO),

    /* PSMI_CTL: i915 keeps the other engines awake around MI_SET_CONTEXT. That is the host's. */
    RENDER(0x2050, 0x2050, CMDREG_BLANK | RO),
    RENDER(0x12050, 0x12050, CMDREG_BLANK | RO),
    RENDER(0x1a050, 0x1a050, CMDREG_BLANK | RO),
    RENDER(0x22050, 0x22050, CMDREG_BLANK | RO),

    /* Masked registers that i915 sets as workarounds of a context. */
    MASKED(0x7000, GEN8_M_RCS, 0xffff, RO | IMAGE), /* CACHE_MODE_0 */
    MASKED(0x7004, GEN8_M_RCS, 0xffff, RO | IMAGE), /* CACHE_MODE_1 */
    MASKED(0x7008, GEN8_M_RCS, 0xffff, RO | IMAGE), /* GT_MODE */

    RENDER(0x2214, 0x2214, RO | IMAGE), /* MI_PREDICATE_RESULT_2 */
    RENDER(0x2290, 0x2294, RW | IMAGE), /* GPGPU_THREADS_DISPATCHED */
    RENDER(0x2300, 0x2354, RW | IMAGE), /* pipeline statistics */
    RENDER(0x2400, 0x241c, RW | IMAGE), /* predicate source, data, result */
    RENDER(0x2420, 0x2420, RW | IMAGE), /* 3DPRIM_END_OFFSET */
    RENDER(0x2430, 0x2440, RW | IMAGE), /* 3DPRIM vertex and instance parameters */
    RENDER(0x2500, 0x2508, RW | IMAGE), /* GPGPU_DISPATCHDIM */
    RENDER(0x2600, 0x267c, RW | IMAGE), /* general purpose registers */
    RENDER(0x5200, 0x521c, RW | IMAGE), /* stream-output statistics */
    RENDER(0x5240, 0x525c, RW | IMAGE),
    RENDER(0x5280, 0x528c, RW | IMAGE), /* stream-output offsets */
    RENDER(0x2480, 0x2484, STREAMER),   /* resource streamer: what it produced */
    RENDER(0x248c, 0x2494, STREAMER),   /* and its parsers' counts */

    /* How the L3 cache is divided; XenGT, too, stored these beside the image. */
    RENDER(0xb010, 0xb010, RW | SWITCH), /* L3SQCREG1 */
    RENDER(0xb020, 0xb024, RW | SWITCH), /* L3CNTLREG2, L3CNTLREG3 */
    {.start = 0xb038,
     .end = 0xb03c,
     .engines = GEN8_M_RCS,
     .bits = 1u << 27,
     .access = CMDREG_BITS | RO | SWITCH},         /* SCRATCH1: atomics of data in L3 */
    MASKED(0xe49c, GEN8_M_RCS, 0x40, RO | SWITCH), /* ROW_CHICKEN3: global atomics in L3 */

    MASKED(0x22200, GEN8_M_BCS, 0xffff, RO | SWITCH), /* BCS_SWCTRL: unprivileged as well */

    /* Which rows of the L3 are broken: the machine's, not a guest's. */
    RENDER(0xb070, 0xb0ec, CMDREG_BLANK),
    RENDER(0xb270, 0xb2ec, CMDREG_BLANK),
    RENDER(0x2360, 0x2360, CMDREG_BLANK), /* OACONTROL: old Mesa; one unit for all */

    /* What X servers do around MI_WAIT_FOR_EVENT: unmask display events, keep the GPU awake. */
    RULE(0x44050, 0x44050, GEN8_M_RCS | GEN8_M_BCS, CMDREG_BLANK),
    RULE(0xa188, 0xa188, GEN8_M_RCS | GEN8_M_BCS, CMDREG_BLANK),
};

#define RULES (sizeof(rules) / sizeof(rules[0]))

const struct cmdreg *cmdregs_gen7_find(enum gen8_engine engine, uint32_t reg)
{
    return cmdregs_find(rules, RULES, engine, reg);
}

const struct cmdreg *cmdregs_gen7_row(size_t i)
{
    return i < RULES ? &rules[i] : NULL;
}

bool cmdregs_gen7_switch(enum gen8_engine engine, size_t i, struct cmdregs_gen7_switch *out)
{
    for (const struct cmdreg *r = rules; r < rules + RULES; r++) {
        size_t n = (r->end - r->start) / 4;

        if (!(r->access & CMDREG_SWITCH) || !(r->engines & GEN8_M(engine)))
            continue;
        if (i < n) {
            out->reg = r->start + (uint32_t)i * 4 + (r->relative ? gen8_engine_base(engine) : 0);
            out->masked = r->access & CMDREG_MASKED;
            return true;
        }
        i -= n;
    }
    return false;
}
