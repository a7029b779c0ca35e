/* SPDX-License-Identifier: MIT */
/*
 * ring_sim.h: Haswell's engines of a fake GPU as a judge of what vgt-sched puts into their rings:
 * they walk each ring when told, carry out what vgt-sched itself needs (numbers, render images,
 * store-index) and end the process where a command would reach what is not its guest's. Used by
 * tests/fuzz/ring_world.c. One thread.
 */
#pragma once
#include "gen/gen8_engine.h"
#include "gpu/fake/fake.h"
#include "services/wire/names.h"

#include <stdbool.h>

#define SIM_ENTRIES     (1u << 19)
#define SIM_HOST        (SIM_ENTRIES - WIRE_HOST_HIGH / 4096)
#define SIM_DIRECTORIES (SIM_HOST - WIRE_HOST_DIRECTORIES / 4096)

struct ring_sim {
    struct gpu_fake *fake;
    uint64_t dma[WIRE_HOST_HIGH / 4096]; /* entries of the host's high share */
    uint32_t gpr[GEN8_ENGINES];          /* GPR0: stands for all that an image holds */
    unsigned resets;
    bool hangs[GEN8_ENGINES]; /* it does not get over a batch */
    /* Of whose work the engine has: the machine's memory at a GGTT address, NULL if it is not its
     * guest's; is PP_DIR_BASE its guest's? */
    void *(*memory)(void *ctx, unsigned engine, uint32_t gma);
    bool (*directory)(void *ctx, unsigned engine, uint32_t base);
    /* HEAD of the engine is read: it runs. */
    void (*look)(void *ctx, unsigned engine);
    void *ctx;
};

void ring_sim_init(struct ring_sim *s);
/* Up to TAIL, or to where it hangs; so does a look at HEAD. */
void ring_sim_run(struct ring_sim *s, unsigned engine);
bool ring_sim_busy(const struct ring_sim *s, unsigned engine);
/* GPR0 in an image; at a dword. */
uint32_t *ring_sim_gpr(uint32_t *image);
