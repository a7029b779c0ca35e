/* SPDX-License-Identifier: MIT */
/*
 * driver_gen8.c: Broadwell's half of driver.h: a PPGTT of four levels that the host is told of, and
 * the blitter's execlists. Register facts: Broadwell PRM vol. 2c.
 */
#include "tests/rig/driver.h"

#include "gen/ctx_gen8.h"
#include "gen/irq_gen8.h"
#include "gen/pvinfo.h"

#define GT0_IMR        0x44304u
#define GT0_IIR        0x44308u
#define GT0_IER        0x4430cu
#define GDRST          0x941cu
#define GDRST_BCS      (1u << 3)
#define PRIVATE_PAT    0x40e0u
#define ALL_WRITE_BACK 0x03030303u
#define RESET_CTL      0xd0u
#define RESET_REQUEST  1u
#define RESET_READY    2u
#define RING_IMR       0xa8u
#define RING_HWS       0x80u
#define RING_MODE      0x29cu
#define RING_ELSP      0x230u
#define RING_CSB       0x3a0u
#define BCS_EVENTS     0x101u /* user interrupt, context switch */
#define PT_PRESENT     3u     /* present, writable */
#define FULL_ENTRIES   64u

static uint64_t entry(uint64_t gfn)
{
    return gfn << 12 | 1;
}

static uint32_t address(unsigned slot)
{
    return slot * SHM_PAGE;
}

static void ppgtt(struct driver *d, unsigned space, unsigned slot, uint64_t gfn)
{
    (void)space;
    driver_poke(d, d->g8.pt * SHM_PAGE + 8 * slot, 8,
                gfn == DRIVER_NO_FRAME ? 0 : gfn << 12 | PT_PRESENT);
}

/* A last-level table with some pages in it when the rest of the tables comes to know it. */
static uint64_t full_table(struct driver *d)
{
    uint64_t pt = driver_frame(d);

    for (unsigned i = 0; i < FULL_ENTRIES; i++)
        driver_poke(d, pt * SHM_PAGE + 8 * i, 8, driver_frame(d) << 12 | PT_PRESENT);
    return pt;
}

/* Tables from the last one up, so that each is whole before something points at it. */
static void tables(struct driver *d)
{
    uint64_t pd, pdp;

    d->g8.pt = driver_frame(d);
    pd = driver_frame(d);
    driver_poke(d, pd * SHM_PAGE + 8, 8, full_table(d) << 12 | PT_PRESENT);
    pdp = driver_frame(d);
    d->g8.pml4 = driver_frame(d);
    driver_poke(d, pd * SHM_PAGE, 8, d->g8.pt << 12 | PT_PRESENT);
    driver_poke(d, pdp * SHM_PAGE, 8, pd << 12 | PT_PRESENT);
    driver_poke(d, d->g8.pml4 * SHM_PAGE, 8, pdp << 12 | PT_PRESENT);
    if (d->m->bare)
        return; /* nobody wants to be told */
    driver_w32(d, PVINFO_BASE + offsetof(struct pvinfo, pdp), (uint32_t)(d->g8.pml4 << 12));
    driver_w32(d, PVINFO_BASE + offsetof(struct pvinfo, pdp) + 4, (uint32_t)(d->g8.pml4 >> 20));
    driver_w32(d, PVINFO_BASE + offsetof(struct pvinfo, g2v_notify), PVINFO_PPGTT_L4_CREATE);
}

/* An engine is asked before it is reset. */
static void reset_engine(struct driver *d)
{
    driver_w32(d, DRIVER_BCS + RESET_CTL, RESET_REQUEST << 16 | RESET_REQUEST);
    driver_await(d, DRIVER_BCS + RESET_CTL, RESET_READY, RESET_READY);
    driver_w32(d, GDRST, GDRST_BCS);
    driver_await(d, GDRST, GDRST_BCS, 0);
    driver_w32(d, DRIVER_BCS + RESET_CTL, RESET_REQUEST << 16);
}

/* The status page says "nothing written yet" as the engine's registers do after a reset. */
static void reset(struct driver *d)
{
    reset_engine(d);
    d->g8.csb_read = CSB_ENTRIES - 1;
    driver_poke(d, d->g8.hwsp * SHM_PAGE + 4 * CSB_HWSP_WRITE, 4, d->g8.csb_read);
    driver_w32(d, DRIVER_BCS + RING_MODE, 0x80008000);
    driver_w32(d, DRIVER_BCS + RING_HWS, d->g8.hwsp_gma);
    driver_w32(d, DRIVER_BCS + RING_CSB, 0xffffu << 16 | d->g8.csb_read << 8 | d->g8.csb_read);
    driver_w32(d, DRIVER_BCS + RING_IMR, ~(BCS_EVENTS << 16));
    driver_w32(d, GT0_IMR, ~(BCS_EVENTS << 16));
    driver_w32(d, GT0_IER, BCS_EVENTS << 16);
    driver_w32(d, IRQ_GEN8_MASTER, IRQ_GEN8_MASTER_ENABLE);
}

static void start(struct driver *d)
{
    driver_w32(d, PRIVATE_PAT, ALL_WRITE_BACK);
    driver_w32(d, PRIVATE_PAT + 4, ALL_WRITE_BACK);
    d->g8.hwsp = driver_frame(d);
    d->g8.hwsp_gma = driver_gma(d, 1);
    driver_ggtt(d, d->g8.hwsp_gma, d->g8.hwsp);
}

void driver8_submit(struct driver *d, uint64_t first, uint64_t second)
{
    driver_w32(d, DRIVER_BCS + RING_ELSP, (uint32_t)(second >> 32));
    driver_w32(d, DRIVER_BCS + RING_ELSP, (uint32_t)second);
    driver_w32(d, DRIVER_BCS + RING_ELSP, (uint32_t)(first >> 32));
    driver_w32(d, DRIVER_BCS + RING_ELSP, (uint32_t)first);
}

/* As i915: master off, acknowledge what is pending, master on. */
static bool acknowledge(struct driver *d)
{
    uint32_t iir;

    driver_w32(d, IRQ_GEN8_MASTER, 0);
    iir = driver_r32(d, GT0_IIR);
    driver_w32(d, GT0_IIR, iir);
    driver_w32(d, IRQ_GEN8_MASTER, IRQ_GEN8_MASTER_ENABLE);
    return !(iir & ~(BCS_EVENTS << 16));
}

bool driver8_csb(struct driver *d, uint32_t *status, uint32_t *id)
{
    const uint32_t *page = (const uint32_t *)(d->m->ram + d->g8.hwsp * SHM_PAGE);
    uint32_t write = __atomic_load_n(&page[CSB_HWSP_WRITE], __ATOMIC_ACQUIRE) & 7;

    if (d->failed || write == d->g8.csb_read || write >= CSB_ENTRIES)
        return false;
    d->g8.csb_read = ctx_gen8_csb_next(d->g8.csb_read);
    *status = __atomic_load_n(&page[CSB_HWSP_ENTRY(d->g8.csb_read)], __ATOMIC_RELAXED);
    *id = __atomic_load_n(&page[CSB_HWSP_ENTRY(d->g8.csb_read) + 1], __ATOMIC_RELAXED);
    driver_w32(d, DRIVER_BCS + RING_CSB, 0x0700u << 16 | d->g8.csb_read << 8);
    return true;
}

const struct driver_gen driver_gen8 = {
    .number = 8,
    .entry_bytes = 8,
    .gtt = 8u << 20,
    .spaces = 1,
    .slots = 512,
    .caps = PVINFO_CAP_FULL_PPGTT | PVINFO_CAP_HWSP,
    .entry = entry,
    .address = address,
    .tables = tables,
    .start = start,
    .reset = reset,
    .ppgtt = ppgtt,
    .acknowledge = acknowledge,
};
