/* SPDX-License-Identifier: MIT */
/*
 * driver.h: a small driver of a Haswell or Broadwell GPU, virtual or not: what i915 does to one to
 * bring it up, to map memory in both graphics address spaces and to hear of completions. driver.c
 * has what the generations share, driver_gen7.c (rings) and driver_gen8.c (execlists) the rest. One
 * thread: that of its vCPU. Errors are those of machine.h, and -ENODEV: not the device it should
 * be; -ENOSPC: the machine is too small.
 */
#pragma once
#include "tests/rig/machine.h"

#define DRIVER_BAR0       MACHINE_BAR0
#define DRIVER_BCS        0x22000u
#define DRIVER_RCS        0x2000u
#define DRIVER_FRMCOUNT_A 0x70040u
#define DRIVER_NO_FRAME   (~0ull)

struct driver;

/* What a generation is to the other files; slots: pages of a PPGTT that have tables. */
struct driver_gen {
    unsigned number;      /* 7, 8 */
    unsigned entry_bytes; /* of the GGTT's entries, which stand at gtt in BAR0 */
    uint32_t gtt;
    unsigned spaces, slots;
    uint32_t caps; /* of PVINFO, which it cannot do without */
    uint64_t (*entry)(uint64_t gfn);
    uint32_t (*address)(unsigned slot); /* in a PPGTT, all below 4 GiB */
    void (*tables)(struct driver *d);
    void (*start)(struct driver *d);
    void (*reset)(struct driver *d);
    void (*ppgtt)(struct driver *d, unsigned space, unsigned slot, uint64_t gfn);
    bool (*acknowledge)(struct driver *d); /* an interrupt; false: bits nobody asked for */
};

/* Broadwell: one PPGTT of four levels, the blitter's execlists. */
struct driver_gen8 {
    uint64_t pml4, pt; /* frames */
    uint64_t hwsp;     /* frame of the blitter's status page */
    uint32_t hwsp_gma;
    unsigned csb_read; /* the last status entry seen */
};

#define DRIVER7_SPACES     2u
#define DRIVER7_TABLES     2u /* of each space */
#define DRIVER7_RING_PAGES 4u

/* Haswell: a page directory in the GGTT for each space, a ring for each of two engines. */
struct driver7_ring {
    uint32_t base; /* of the engine's registers */
    uint32_t hws;  /* its HWS_PGA */
    uint32_t user; /* its user interrupt, in GT_IIR and in its own mask */
    uint32_t gma, hwsp_gma;
    uint64_t gfn[DRIVER7_RING_PAGES], hwsp;
    uint32_t tail;
};
enum { DRIVER7_BCS, DRIVER7_RCS, DRIVER7_RINGS };

struct driver_gen7 {
    uint32_t directory[DRIVER7_SPACES]; /* GGTT addresses of what the first entry would map */
    uint64_t table[DRIVER7_SPACES][DRIVER7_TABLES];
    struct driver7_ring ring[DRIVER7_RINGS];
    uint32_t scratch_gma; /* for what is stored and never looked at */
};

struct driver {
    struct machine *m;
    uint16_t vcpu;
    const struct driver_gen *gen;
    uint64_t frames; /* handed out so far */
    uint32_t low_base, low_size;
    uint32_t high_base, high_size, fences; /* as PVINFO says; it uses none of these */
    uint32_t next_gma;                     /* pages of the partition handed out */
    uint64_t interrupts, odd_interrupts;
    int failed; /* the first access that failed: everything after it does nothing */
    struct driver_gen7 g7;
    struct driver_gen8 g8;
};

/* Config space, BARs, PVINFO, interrupts, the PPGTT and its notice. */
int driver_init(struct driver *d, struct machine *m, uint16_t vcpu);

uint32_t driver_r32(struct driver *d, uint32_t offset);
void driver_w32(struct driver *d, uint32_t offset, uint32_t value);
/* To memory, trapped or not. */
void driver_poke(struct driver *d, uint64_t gpa, unsigned size, uint64_t value);
/* Until the bits of mask have value; half a second at most, then d->failed. */
void driver_await(struct driver *d, uint32_t offset, uint32_t mask, uint32_t value);

/* A frame not used before, scattered over the memory; DRIVER_NO_FRAME when there is none. */
uint64_t driver_frame(struct driver *d);
/* GGTT addresses of the partition for n pages in a row, the first a multiple of align (pages);
 * entries still to be set. 0: none left. */
uint32_t driver_gma(struct driver *d, uint32_t pages);
uint32_t driver_gma_aligned(struct driver *d, uint32_t pages, uint32_t align);
/* The second without telling the GPU, which driver_flush() does. */
void driver_ggtt(struct driver *d, uint32_t gma, uint64_t gfn);
void driver_ggtt_entry(struct driver *d, uint32_t gma, uint64_t gfn);
void driver_flush(struct driver *d);
/* Page slot of a PPGTT; gfn DRIVER_NO_FRAME: nothing there. */
void driver_ppgtt(struct driver *d, unsigned space, unsigned slot, uint64_t gfn);

/* Pipe A at 1024x768 with a plane of one colour, over aliases of a few frames. 0 or d->failed. */
int driver_screen(struct driver *d);

/* The engines as after power-on: what they ran or were to run is gone. */
void driver_reset(struct driver *d);
/* Wait up to most_ms for an interrupt and serve it. 1: there was one. */
int driver_interrupt(struct driver *d, unsigned most_ms);

/* driver_gen8.c. Two contexts (the second may be 0) to the blitter's submission port. */
void driver8_submit(struct driver *d, uint64_t first, uint64_t second);
/* The next context status entry: true and its two dwords. */
bool driver8_csb(struct driver *d, uint32_t *status, uint32_t *id);

/* driver_gen7.c. Commands, an even number of dwords, into a ring (0..DRIVER7_RINGS-1), which goes
 * on to them with driver7_go(). The caller sees to it that there is room. */
void driver7_emit(struct driver *d, unsigned ring, const uint32_t *dw, unsigned n);
void driver7_go(struct driver *d, unsigned ring);
/* It has executed all that it was given, and stands still. */
bool driver7_idle(struct driver *d, unsigned ring);
/* PP_DIR_BASE of a space. */
uint32_t driver7_root(const struct driver *d, unsigned space);
/* A dword of a ring's status page. */
uint32_t driver7_status(const struct driver *d, unsigned ring, unsigned dword);

extern const struct driver_gen driver_gen7, driver_gen8;
