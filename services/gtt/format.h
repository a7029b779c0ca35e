/* SPDX-License-Identifier: MIT */
/*
 * format.h: what distinguishes the page tables of one generation from another's, as a table of
 * functions that is chosen once, by gpu->info.gen. Entries travel as 64-bit words; Haswell's have
 * 32 bits, the upper half is 0. Called by everything here that reads or writes entries; pure
 * functions, any thread.
 */
#pragma once
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#define GTT_ADDR (((UINT64_C(1) << 39) - 1) & ~UINT64_C(4095)) /* a bus address in an entry */

/* Tables as they nest. Haswell has GTT_LEVEL_PTE only: its directories are no pages, see dir.h. */
enum gtt_level {
    GTT_LEVEL_PTE,
    GTT_LEVEL_PDE,
    GTT_LEVEL_PDPE,
    GTT_LEVEL_PML4E,
    GTT_LEVELS,
};

/* A guest's entry. */
struct gtt_entry {
    uint64_t gfn;
    bool present; /* false: the rest is 0 */
    bool bad;     /* no such address, or a kind of page that is not served */
};

struct gtt_format {
    unsigned levels;  /* of tables in pages */
    unsigned entries; /* of a table */
    unsigned bytes;   /* of an entry */

    struct gtt_entry (*ggtt)(uint64_t raw);
    /* raw, as far as a guest decides about an entry, naming another page; dma: GTT_ADDR. */
    uint64_t (*ggtt_replace)(uint64_t raw, uint64_t dma);
    /* Present, without anything particular. */
    uint64_t (*ggtt_encode)(uint64_t dma);

    /* Of a table of a level; the same. */
    struct gtt_entry (*entry)(uint64_t raw, enum gtt_level level);
    uint64_t (*replace)(uint64_t raw, enum gtt_level level, uint64_t dma);
    uint64_t (*encode)(uint64_t dma);

    /* Entry i of a page that others read or write at the same time: one access. */
    uint64_t (*load)(const void *table, unsigned i);
    void (*store)(void *table, unsigned i, uint64_t value);
    /* All entries of a page. */
    void (*fill)(void *table, uint64_t value);
    /* Present entries of a table of level PTE into word[entries], each read once; how many. */
    uint32_t (*copy)(const void *table, uint64_t *word);

    /* NULL unless page directories stand in the GGTT: one of their entries. */
    struct gtt_entry (*directory)(uint64_t raw);
    uint64_t (*directory_encode)(uint64_t dma);
};

/* NULL: nothing is known of this generation (enum gpu_gen). */
const struct gtt_format *gtt_format_of(unsigned gen);

extern const struct gtt_format gtt_format_gen7, gtt_format_gen8;
