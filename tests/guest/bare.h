/* SPDX-License-Identifier: MIT */
/*
 * bare.h: a virtual GPU in the hands of a program that is its own driver: BAR0 mapped, locked pages
 * whose frame numbers are known, their entries in the GGTT, contexts (Broadwell) and rings
 * (Haswell) of the blitter. For misbehave.c and hostile.c; one caller.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define BARE_PAGE 4096u

/* Pages of ours, in the order they stand in the GGTT from low_base on. An image is two pages. */
enum {
    BARE_IMAGE,
    BARE_STATE,
    BARE_RING,
    BARE_STATUS,
    BARE_TARGET,
    BARE_BATCH,
    BARE_TABLE, /* the first of BARE_TABLES; PML4 where there is one */
    BARE_TABLES = 8,
    BARE_PAGES = BARE_TABLE + BARE_TABLES,
};

struct bare {
    volatile uint8_t *bar0;
    bool gen8;
    uint32_t gtt; /* where the GGTT stands in BAR0, and its entries */
    uint32_t entries;
    uint8_t *page[BARE_PAGES];
    uint64_t gfn[BARE_PAGES];
    uint32_t low_base, low_size, high_base, high_size;
};

/* Enables and maps the device, makes the pages. -1, errno says why (0: no partition). */
int bare_set_up(struct bare *b);
/* Entries of all pages, and the blitter reset, with its status page: whatever hung is gone. */
void bare_start(struct bare *b);
void bare_reset_blitter(struct bare *b);

uint32_t bare_read(const struct bare *b, uint32_t at);
void bare_write(struct bare *b, uint32_t at, uint32_t value);
void bare_write64(struct bare *b, uint32_t at, uint64_t value);

/* GGTT address of a page; an entry that names a frame number, or 0; one written whole. */
uint32_t bare_gma(const struct bare *b, unsigned page);
uint64_t bare_pte(const struct bare *b, uint64_t gfn);
void bare_entry(struct bare *b, uint32_t index, uint64_t value);
/* A PVINFO notice with a root. */
void bare_notice(struct bare *b, uint32_t what, uint64_t root);

/* The ring, and on Broadwell the image, made to run n dwords. */
void bare_work(struct bare *b, const uint32_t *dw, unsigned n);
/* Start it: the descriptor, or the blitter ring's registers. */
uint64_t bare_descriptor(const struct bare *b);
void bare_elsp(struct bare *b, uint32_t engine, uint64_t desc);
void bare_ring(struct bare *b, uint32_t engine, uint32_t tail);

/* Honest work: a word of ours is written within the time limit (60 s). False: it was not. */
bool bare_behave(struct bare *b);
/* Call last. Our pages may still be watched as page tables, and a kernel that used them for
 * anything else would suffer: a process that never ends keeps them. */
void bare_keep_pages(void);
/* PVINFO still says what it is. */
bool bare_alive(const struct bare *b);
