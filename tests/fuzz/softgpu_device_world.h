/* SPDX-License-Identifier: MIT */
/*
 * softgpu_device_world.h: a whole softgpu with machine memory and everything in it that a driver
 * would have put there, for softgpu_device_fuzz.c: global table, page tables, and for each engine a
 * status page, two contexts (Broadwell) or a directory (Haswell), two rings, a batch. The fuzzer's
 * thread; the engines have their own.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "softgpu/engine.h"

/* Pages of machine memory, from bus address 0. */
#define WORLD_RW    96u  /* ordinary ones, */
#define WORLD_RO    112u /* then such as may only be read, */
#define WORLD_NONE  128u /* then such as have no memory behind them */
#define WORLD_NAMED 132u /* tables name a few more, which nobody announced */

/* Where things are: page numbers, which are addresses in the global table as well. */
#define WORLD_OF(engine) (1u + 8u * (engine)) /* and in there: */
enum { AT_STATUS, AT_CONTEXT, AT_IMAGE, AT_CONTEXT_2, AT_IMAGE_2, AT_RING, AT_RING_2, AT_BATCH };
enum { PAGE_PML4 = 42, PAGE_PDP, PAGE_PD, PAGE_PT, PAGE_PT7, PAGE_TARGET = 50 };
#define WORLD_DIRECTORY 0x40000u /* Haswell: number of the directory's first entry */

struct ctl;
struct device;
struct engine;
struct model;
struct vfu_ops;

struct world {
    const struct model *model;
    bool gen8;
    struct device *device;
    const struct vfu_ops *ops;
    struct engines *engines;
    struct ctl *ctl;
    int fd;
    uint8_t *file;   /* with what lies around machine memory, */
    uint8_t *memory; /* which begins here */
};

/* Made once for each of the two models, of Broadwell one with all engines; aborts when it cannot be
 * made. */
struct world *world_get(bool gen8);
/* As after power-on, with memory announced anew and everything laid out; nothing submitted. */
void world_lay(struct world *w);
/* The same without the reset, which takes the engines' threads: for one that world_check() left. */
void world_lay_again(struct world *w);
/* Announces memory: what was announced before is forgotten. */
void world_map(struct world *w);

void world_write32(struct world *w, uint32_t reg, uint32_t value);
uint32_t world_read32(struct world *w, uint32_t reg);
struct engine *world_engine(struct world *w, unsigned id);
/* Word i of a page below WORLD_NONE. */
uint32_t *world_word(struct world *w, uint32_t page, uint32_t i);
/* Hands the first bytes of ring 0 or 1 to the engine: by its context, or as the engine's ring. */
void world_submit(struct world *w, unsigned id, unsigned ring, uint32_t bytes);

/* Aborts unless all engines can be reset and are idle afterwards, within some seconds; the device
 * can be reset; memory that is not the device's to write is as it was; and each engine then runs a
 * batch of a fresh context. */
void world_check(struct world *w);
