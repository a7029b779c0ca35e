/* SPDX-License-Identifier: MIT */
/*
 * model.c: what a guest's Haswell and its Broadwell have in other numbers or have of their own; the
 * rest of services/mmio asks here and does not know which it is. Constants; chosen by mmio_init().
 * Facts: PRM HSW and BDW vol. 5 (GTTMMADR) and vol. 2c (GGC, MSAC, SFUSE_STRAP).
 */
#include "services/mmio/priv.h"

static const struct mmio_part *const parts7[] = {
    &mmio_part_irq7,  &mmio_part_ring7, &mmio_part_engine,  &mmio_part_pvinfo,
    &mmio_part_fence, &mmio_part_gtt,   &mmio_part_display, &mmio_part_analog,
    &mmio_part_gmbus, &mmio_part_aux,   &mmio_part_power7,  NULL,
};

static const struct mmio_part *const parts8[] = {
    &mmio_part_irq8,
    &mmio_part_ring8,
    &mmio_part_engine,
    &mmio_part_pvinfo,
    &mmio_part_fence,
    &mmio_part_gtt,
    &mmio_part_display,
    &mmio_part_gmbus,
    &mmio_part_aux,
    &mmio_part_power8,
    NULL,
};

static const struct mmio_model haswell = {
    .regs = &regs_gen7,
    .parts = parts7,
    .irq = &mmio_irq7,
    .bar0_size = 4u << 20,
    .gtt_base = 2u << 20,
    .entry_size = 4,
    .entries = 512u << 10,
    .ggc = 2u << 8, /* 2 MiB of entries, no stolen memory */
    .msac_shift = 17,
    .msac_mask = 3u << 17,
    .straps = 1u << 2 | 1u << 6, /* DDI B, no analog port */
    .reset_engine = mmio_ring7_reset,
    .status = mmio_ring7_status,
};

static const struct mmio_model broadwell = {
    .regs = &regs_gen8,
    .parts = parts8,
    .irq = &mmio_irq8,
    .bar0_size = 16u << 20,
    .gtt_base = 8u << 20,
    .entry_size = 8,
    .entries = VGGTT_ENTRIES,
    .ggc = 3u << 6, /* 8 MiB of entries, no stolen memory */
    .msac_shift = 16,
    .msac_mask = 0x1f0000,
    .straps = 1u << 2, /* DDI B */
    .notices = true,
    .reset_engine = mmio_ring8_reset,
    .status = mmio_ring8_status,
};

const struct mmio_model *mmio_model(uint32_t gen)
{
    static const struct mmio_model *const model[] = {[7] = &haswell, [8] = &broadwell};

    return gen < sizeof model / sizeof model[0] ? model[gen] : NULL;
}
