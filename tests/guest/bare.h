/* SPDX-License-Identifier: MIT */
/*
 * bare.h: a virtual GPU in the hands of a program that is its own driver: BAR0, pages whose frame
 * numbers are known, their entries in the GGTT, contexts (Broadwell) and rings (Haswell) of the
 * blitter. For misbehave.c and hostile.c; bare.c is what they have in common, bare_guest.c the
 * machine below it in a guest under Linux, tests/rig/attacker.c in one of the rig's.
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

/* A second thread has a copy of its own, with another vcpu. */
struct bare {
    void *machine;
    uint16_t vcpu; /* which of the guest's processors we are */
    bool gen8;
    uint64_t gfn[BARE_PAGES];
    uint32_t gtt; /* where the GGTT stands in BAR0, and its entries */
    uint32_t entries;
    uint32_t low_base, low_size, high_base, high_size;
};

/* ---- the machine */

/* BAR0: 1, 2, 4 or 8 bytes, aligned or not. */
uint64_t bare_load(const struct bare *b, uint32_t at, unsigned size);
void bare_store(const struct bare *b, uint32_t at, unsigned size, uint64_t value);
/* Our pages, by 8 bytes where both offset and bytes are multiples of that, by 4, by one. */
void bare_put(const struct bare *b, unsigned page, unsigned offset, const void *data,
              unsigned bytes);
uint32_t bare_get(const struct bare *b, unsigned page, unsigned offset);
/* The processor is whose turn it is not: between two looks at something. */
void bare_relax(const struct bare *b);

/* ---- common */

/* When the machine has machine, vcpu, gen8 and gfn: the rest of *b. -1: no partition. */
int bare_partition(struct bare *b);
/* Entries of all pages, and the blitter reset, with its status page: whatever hung is gone. */
void bare_start(const struct bare *b);
void bare_reset_blitter(const struct bare *b);

uint32_t bare_read(const struct bare *b, uint32_t at);
void bare_write(const struct bare *b, uint32_t at, uint32_t value);
/* One dword or entry of a page; all of a page 0. */
void bare_put32(const struct bare *b, unsigned page, unsigned index, uint32_t value);
void bare_put64(const struct bare *b, unsigned page, unsigned index, uint64_t value);
void bare_fill(const struct bare *b, unsigned page, uint8_t byte);

/* GGTT address of a page; an entry that names a frame number, or 0; one written whole. */
uint32_t bare_gma(const struct bare *b, unsigned page);
uint64_t bare_pte(const struct bare *b, uint64_t gfn);
void bare_entry(const struct bare *b, uint32_t index, uint64_t value);
/* A PVINFO notice with a root. */
void bare_notice(const struct bare *b, uint32_t what, uint64_t root);

/* The ring, and on Broadwell the image, made to run n dwords. */
void bare_work(const struct bare *b, const uint32_t *dw, unsigned n);
/* Start it: the descriptor, or the blitter ring's registers. */
uint64_t bare_descriptor(const struct bare *b);
void bare_elsp(const struct bare *b, uint32_t engine, uint64_t desc);
void bare_ring(const struct bare *b, uint32_t engine, uint32_t tail);

/* Honest work: a word of ours is written within the time limit (60 s). False: it was not. */
bool bare_behave(const struct bare *b);
/* PVINFO still says what it is. */
bool bare_alive(const struct bare *b);
