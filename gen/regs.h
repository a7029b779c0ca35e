/* SPDX-License-Identifier: MIT */
/*
 * What each register of a Haswell or a Broadwell means for a guest: where its value lives, what a
 * read or a write does beyond that, its value after reset. services/mmio builds the index once and
 * looks up every trapped access in it; a policy never says "to the hardware". The rows are in
 * regs_common.def and, of one generation alone, in regs_gen7.def and regs_gen8.def. Constants and
 * pure functions, any thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define REGS_SPACE  0x200000u /* bytes of registers in BAR0 */
#define REGS_DWORDS (REGS_SPACE / 4)

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
    REG_IRQ, /* the interrupt tree, see irq_gen7.h, irq_gen8.h */
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
                                        X(CLOCK) X(PP_DIR_BASE) X(PP_DIR_DCLV) X(CCID)
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

/* The registers of one generation. Row 0 is the policy of what is in no list; the others are those
 * of regs_common.def, then the generation's own, each part by offset. */
struct regs_table {
    const struct reg_policy *rows;
    size_t count; /* row 0 included */
};
extern const struct regs_table regs_gen7, regs_gen8;

/*
 * Fill index[REGS_DWORDS]: for each dword of BAR0's registers the number of its policy, 0 where it
 * has none. A register inside a range with a row of its own has that row's policy.
 */
void regs_index(const struct regs_table *t, uint16_t *index);

/* Policy by number from the index. */
const struct reg_policy *regs_policy(const struct regs_table *t, uint16_t number);

/* Name of the register at an offset, "?" if it is in no list. Slow: for logs. */
const char *regs_name(const struct regs_table *t, uint32_t offset);

/* Name of an effect, for logs. */
const char *regs_effect_name(enum reg_effect e);

/* For the files that have the rows. */
#define REGS_ROW_NONE                                                                              \
    {                                                                                              \
        .cls = REG_UNTRACKED, .size = 4, .name = "?"                                               \
    }
#define REGS_ROW(off, bytes, c, rd, wr, value, text)                                               \
    {.offset = (off),                                                                              \
     .size = (bytes),                                                                              \
     .reset = (value),                                                                             \
     .cls = REG_##c,                                                                               \
     .read = REGS_##rd,                                                                            \
     .write = REGS_##wr,                                                                           \
     .name = (text)},
