/* SPDX-License-Identifier: MIT */
/*
 * hw_priv.h: what the parts of hw.h share: hw.c (what both generations do alike, and the choice
 * between them), hw_gen8.c (execlists), hw_gen7.c (rings). Nobody else includes it.
 */
#pragma once
#include "services/sched/hw.h"

/* Offsets in an engine's block that both generations have; MI_MODE is a masked register. */
enum {
    RING_TAIL = 0x30,
    RING_HEAD = 0x34,
    RING_START = 0x38,
    RING_CTL = 0x3c,
    RING_ACTHD_UDW = 0x5c,
    RING_ACTHD = 0x74,
    RING_HWS_PGA = 0x80,
    RING_HWSTAM = 0x98,
    RING_MI_MODE = 0x9c,
    RING_IMR = 0xa8,
    RING_EIR = 0xb0,
    RING_INSTPM = 0xc0,
    RING_GFX_MODE = 0x29c,

    MI_MODE_IDLE = 1 << 9,
    MI_MODE_STOP = 1 << 8,
};

#define HW_GAM_ECOCHK 0x4090u

#define HW_WAIT_STOP_NS  1000000ull   /* a hung engine never gets there */
#define HW_WAIT_FLUSH_NS 4000000ull   /* TLB */
#define HW_WAIT_STORE_NS 100000000ull /* microseconds on silicon */
#define HW_WAIT_RESET_NS 500000000ull /* microseconds on silicon */

/* What an engine is called elsewhere: its bits of an interrupt bank, its bit in GDRST. */
struct hw_place {
    uint8_t bank, shift, reset_bit;
    uint8_t notify; /* HW_NOTIFY's bit in the bank; 0: not wanted */
};

struct hw_kind {
    uint32_t engines; /* mask of those the generation can have */
    uint32_t bits;    /* interrupts that are wanted, in an engine's own numbering; and HW_NOTIFY */
    struct hw_place place[GEN8_ENGINES];
    /* As after a reset: into the state in which work may be given to it. */
    int (*start)(struct hw *hw, unsigned engine);
    /* Workarounds and the like that stand outside every context. */
    int (*set_global)(struct hw *hw);
    /* May it be reset? It must say so, or the chip hangs. NULL: no need to ask. */
    int (*ask_reset)(struct hw *hw, unsigned engine);
    void (*end_reset)(struct hw *hw, unsigned engine);
    /* Is it as start() leaves it? 1, 0 or -errno. */
    int (*alive)(struct hw *hw, unsigned engine);
    int (*progress)(struct hw *hw, unsigned engine, struct hw_progress *progress);
    /* As hw_invalidate(). */
    int (*invalidate)(struct hw *hw);
};
extern const struct hw_kind hw_gen7, hw_gen8;

/* Those of the kind's that an engine has, as bits of its bank; and back. */
uint32_t hw_bank_bits(const struct hw_kind *kind, unsigned engine);
uint32_t hw_own_bits(const struct hw_kind *kind, unsigned engine, uint32_t bank);

bool hw_exists(const struct hw *hw, unsigned engine);
uint64_t hw_now(void);
/* Until (register & mask) == want: 0, -ETIMEDOUT, -errno. */
int hw_wait(struct hw *hw, uint32_t reg, uint32_t mask, uint32_t want, uint64_t patience_ns);

struct hw_set {
    uint32_t reg, value;
};
/* All n, in their order. */
int hw_write_all(struct hw *hw, const struct hw_set *set, size_t n);
