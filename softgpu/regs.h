/* SPDX-License-Identifier: MIT */
/*
 * regs.h: the register file of BAR0's first 2 MiB. Modules bring tables of ranges, each with a
 * reset value and at most one named handler for reads and one for writes; everything else is plain
 * storage, and what no table names is counted. One lock guards the file and the state of all
 * modules whose handlers stand in it. Used by the transport thread, and by engine threads whose
 * commands load or store registers.
 */
#pragma once
#include <stdint.h>
#include <stdio.h>

#define REGS_SIZE 0x200000u /* bytes of BAR0 that hold registers */

struct model;
struct regs;

/* Handlers run with the lock held; they use regs_peek() and regs_poke() on the same file. offset
 * is a multiple of 4. */
typedef uint32_t (*regs_read_fn)(void *owner, uint32_t offset);
typedef void (*regs_write_fn)(void *owner, uint32_t offset, uint32_t value);

struct regs_range {
    uint32_t first; /* offset of the first register and of the last one */
    uint32_t last;
    const char *name;    /* field's name, for reports */
    regs_read_fn read;   /* NULL: what is stored */
    regs_write_fn write; /* NULL: store */
    uint32_t init;       /* value of every register in the range after reset */
};

struct regs *regs_new(void);
struct regs *regs_free(struct regs *r);
/* Adds n ranges (kept by reference) whose handlers get owner. 0, -EINVAL for a range that is not
 * aligned or not in the file, -EEXIST when two ranges overlap, -ENOMEM. */
int regs_add(struct regs *r, const struct regs_range *table, size_t n, void *owner);
/* All registers back to their reset values. Modules reset their own state. Takes the lock. */
void regs_reset(struct regs *r);

void regs_lock(struct regs *r);
void regs_unlock(struct regs *r);

/* One aligned dword. Take the lock. */
uint32_t regs_read(struct regs *r, uint32_t offset);
void regs_write(struct regs *r, uint32_t offset, uint32_t value);

/* Name of the range a register belongs to, NULL when no table names it. */
const char *regs_name(const struct regs *r, uint32_t offset);

/* The stored value, without handlers; the caller holds the lock. */
uint32_t regs_peek(const struct regs *r, uint32_t offset);
void regs_poke(struct regs *r, uint32_t offset, uint32_t value);

/* Handlers that many registers share; owner is the struct regs itself. */
void regs_write_ignored(void *owner, uint32_t offset, uint32_t value);
void regs_write_masked(void *owner, uint32_t offset, uint32_t value); /* bits 31:16 enable 15:0 */
void regs_write_one_clears(void *owner, uint32_t offset, uint32_t value);

/* Registers of the chip m with no behaviour of their own that the driver is known to use. 0 or an
 * error of regs_add(). */
int regs_add_plain(struct regs *r, const struct model *m);

struct regs_counts {
    uint64_t reads;
    uint64_t writes;
    uint32_t unknown;        /* different registers that no table names */
    uint64_t unknown_access; /* accesses to them */
};
void regs_get_counts(struct regs *r, struct regs_counts *out);
/* JSON array of the unknown registers (the first 1024): {"offset":"0x......","reads","writes",
 * "count","first":"read" or "write","first_value"}; count is both, first says how it began. */
void regs_dump_unknown(struct regs *r, FILE *out);
