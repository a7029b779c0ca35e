/* SPDX-License-Identifier: MIT */
/*
 * What each register of a Broadwell means for a guest: where its value lives, what a read or a
 * write does beyond that, its value after reset. services/mmio builds the index once and looks up
 * every trapped access in it; a policy never says "to the hardware". The rows are regs_gen8.def.
 * Constants and pure functions, any thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define REGS_GEN8_SPACE  0x200000u /* bytes of registers in BAR0 */
#define REGS_GEN8_DWORDS (REGS_GEN8_SPACE / 4)

enum reg_class {
    REG_UNTRACKED, /* in no list: kept like REG_VREG, counted */
    REG_VREG,      /* what is written is read back */
    REG_RO,        /* reads its reset value or what a service puts there; writes ignored */
    REG_MASKED16,  /* bits 31:16 say which of 15:0 a write changes; reads 15:0 */
    REG_W1C,       /* a written 1 clears the bit */
    REG_CONST,     /* always reads its reset value */
    REG_IGNORED,   /* reads 0, writes ignored */
    REG_RING,      /* an engine's: kept here, its write is the scheduler's to know */
    REG_DISPLAY,   /* kept here, its write is the display's to know; never hardware */
    REG_FENCE,
    REG_PVINFO,
    REG_IRQ, /* the interrupt tree, see irq_gen8.h */
};

/* Handlers services/mmio has for reads and writes that are more than storage. */
/* clang-format off */
#define REGS_EFFECTS(X)                                                                            \
    X(NONE)                                                                                        \
    X(RING_TAIL)                                                                                   \
    X(RING_HEAD)                                                                                   \
    X(RING_START)                                                                                  \
    X(RING_CTL) X(ELSP) X(EXECLIST_STATUS) X(CSB) X(CSB_PTR) X(HWS_PGA) X(MI_MODE) X(INSTPM)       \
        X(GFX_MODE) X(RESET_CTL) X(UHPTR) X(TIMESTAMP) X(GDRST) X(TLB_INVALIDATE) X(GFX_FLUSH)     \
            X(FENCE) X(PVINFO) X(FORCEWAKE) X(FORCEWAKE_ACK) X(RC_STATE) X(PCODE) X(FPGA_DBG)      \
                X(ERR_INT) X(IRQ_MASTER) X(IRQ_ISR) X(IRQ_IMR) X(IRQ_IIR) X(IRQ_IER) X(RING_IMR)   \
                    X(SBI) X(GMBUS) X(AUX) X(HOTPLUG) X(POWER_WELL) X(LCPLL) X(SOUTH_CHICKEN2)     \
                        X(VGACNTRL) X(PIPECONF) X(PIPEDSL) X(FRMCOUNT) X(FLIPCOUNT) X(TIMING)      \
                            X(PLANE) X(DSPCNTR) X(DSPSURF) X(SURFLIVE) X(CURSOR) X(SPRITE)         \
                                X(SPRSURF) X(PIPESRC) X(DDI_FUNC) X(DDI_BUF) X(DP_TP_CTL)          \
                                    X(DP_TP_STATUS) X(FDI) X(TRANSCONF) X(ADPA) X(PP_CONTROL)      \
                                        X(CLOCK)
/* clang-format on */

enum reg_effect {
#define X(name) REGS_##name,
    REGS_EFFECTS(X)
#undef X
        REGS_EFFECT_COUNT,
};

struct reg_policy {
    uint32_t offset; /* bytes in BAR0 */
    uint32_t size;   /* bytes: a register, or a range whose dwords are alike */
    uint32_t reset;  /* value of each dword after reset */
    uint8_t cls;     /* enum reg_class */
    uint8_t read;    /* enum reg_effect */
    uint8_t write;
    const char *name; /* of the first dword; the field's own where it has one */
};

/*
 * Fill table[REGS_GEN8_DWORDS]: for each dword of BAR0's registers the number of its policy,
 * 0 where it has none. A register inside a range with a row of its own has that row's policy.
 */
void regs_gen8_index(uint16_t *table);

/* Policy by number from the index; number 0 is the policy of what is in no list. */
const struct reg_policy *regs_gen8_policy(uint16_t number);

/* Number of policies, number 0 included. */
size_t regs_gen8_count(void);

/* Name of the register at an offset, "?" if it is in no list. Slow: for logs. */
const char *regs_gen8_name(uint32_t offset);

/* Name of an effect, for logs. */
const char *regs_gen8_effect_name(enum reg_effect e);
