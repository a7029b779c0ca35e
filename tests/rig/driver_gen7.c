/* SPDX-License-Identifier: MIT */
/*
 * driver_gen7.c: Haswell's half of driver.h: page directories of 512 entries that stand in our part
 * of the GGTT, tables of 1024 entries in memory, and rings that run when their tail moves. Register
 * facts: Haswell PRM vol. 2c; vol. 5 "Memory Views" for the entries.
 */
#include "tests/rig/driver.h"

#include "gen/pvinfo.h"

#include <string.h>

#define DEIIR            0x44008u
#define DEIER            0x4400cu
#define DE_MASTER        (1u << 31)
#define GT_IMR           0x44014u
#define GT_IIR           0x44018u
#define GT_IER           0x4401cu
#define PM_IIR           0x44028u
#define SDEIER           0xc400cu
#define RCS_USER         (1u << 0)
#define BCS_USER         (1u << 22)
#define GT_WANTED        (RCS_USER | BCS_USER)
#define GDRST            0x941cu
#define GDRST_RCS        (1u << 1)
#define GDRST_BCS        (1u << 3)
#define GAM_ECOCHK       0x4090u
#define ECOCHK_PPGTT_LLC (3u << 3)

#define RING_TAIL    0x30u
#define RING_HEAD    0x34u
#define RING_START   0x38u
#define RING_CTL     0x3cu
#define RING_VALID   1u
#define RING_MI_MODE 0x9cu
#define RING_IMR     0xa8u
#define RING_INSTPM  0xc0u
#define SYNC_FLUSH   (1u << 5) /* clears itself */
#define INSTPM_TLB   (1u << 9)
#define STOP_RING    (1u << 8)
#define MODE_IDLE    (1u << 9)
#define PP_DIR_DCLV  0x220u
#define PP_DIR_BASE  0x228u
#define ALL_LINES    UINT32_MAX
#define GFX_MODE     0x29cu
#define GFX_PPGTT    (1u << 9)
#define GFX_EXPLICIT (1u << 13) /* TLBs are invalidated when software says so; render only */

#define RING_BYTES     (DRIVER7_RING_PAGES * SHM_PAGE)
#define DIRECTORY      512u
#define DIRECTORY_LINE 16u /* entries; PP_DIR_BASE counts lines */
#define TABLE_ENTRIES  1024u
#define VALID          1u
#define CACHED         (2u << 1)
#define FAR_TABLE      300u /* directory entry of a space's second table */
#define FULL_ENTRIES   64u

/* Bits 10:4 are address bits 38:32. */
static uint64_t entry(uint64_t gfn)
{
    return (uint32_t)(gfn << 12) | (gfn >> 20 & 0x7f) << 4 | CACHED | VALID;
}

/* ---- page directories */

static unsigned directory_entry(unsigned table)
{
    return table ? FAR_TABLE : 0;
}

/* As a slot's address says: the first table maps [0, 4 MiB), the second lies farther up. */
static void ppgtt(struct driver *d, unsigned space, unsigned slot, uint64_t gfn)
{
    uint64_t table = d->g7.table[space][slot / TABLE_ENTRIES];

    driver_poke(d, table * SHM_PAGE + 4 * (slot % TABLE_ENTRIES), 4,
                gfn == DRIVER_NO_FRAME ? 0 : entry(gfn));
}

static uint32_t address(unsigned slot)
{
    return directory_entry(slot / TABLE_ENTRIES) << 22 | slot % TABLE_ENTRIES << 12;
}

/* Each is whole before the directory names it; the last table has pages in it already. */
static void make_space(struct driver *d, unsigned space)
{
    d->g7.directory[space] = driver_gma_aligned(d, DIRECTORY, DIRECTORY_LINE);
    for (unsigned i = 0; i < DIRECTORY; i++)
        driver_ggtt_entry(d, d->g7.directory[space] + i * SHM_PAGE, DRIVER_NO_FRAME);
    for (unsigned t = 0; t < DRIVER7_TABLES; t++) {
        uint64_t table = driver_frame(d);

        d->g7.table[space][t] = table;
        for (unsigned i = 0; t && i < FULL_ENTRIES; i++)
            driver_poke(d, table * SHM_PAGE + 4 * (TABLE_ENTRIES - 1 - i), 4,
                        entry(driver_frame(d)));
        driver_ggtt_entry(d, d->g7.directory[space] + directory_entry(t) * SHM_PAGE, table);
    }
}

static void tables(struct driver *d)
{
    for (unsigned i = 0; i < DRIVER7_SPACES; i++)
        make_space(d, i);
    d->g7.scratch_gma = driver_gma(d, 1);
    driver_ggtt_entry(d, d->g7.scratch_gma, driver_frame(d));
    driver_flush(d);
}

uint32_t driver7_root(const struct driver *d, unsigned space)
{
    return d->g7.directory[space];
}

/* ---- rings */

static void make_ring(struct driver *d, struct driver7_ring *r)
{
    r->gma = driver_gma(d, DRIVER7_RING_PAGES);
    for (unsigned i = 0; i < DRIVER7_RING_PAGES; i++) {
        r->gfn[i] = driver_frame(d);
        driver_ggtt_entry(d, r->gma + i * SHM_PAGE, r->gfn[i]);
    }
    r->hwsp_gma = driver_gma(d, 1);
    r->hwsp = driver_frame(d);
    driver_ggtt(d, r->hwsp_gma, r->hwsp);
}

static void start(struct driver *d)
{
    d->g7.ring[DRIVER7_BCS] =
        (struct driver7_ring){.base = DRIVER_BCS, .hws = 0x4280, .user = BCS_USER};
    d->g7.ring[DRIVER7_RCS] =
        (struct driver7_ring){.base = DRIVER_RCS, .hws = 0x4080, .user = RCS_USER};
    for (unsigned i = 0; i < DRIVER7_RINGS; i++)
        make_ring(d, &d->g7.ring[i]);
}

static void w(struct driver *d, const struct driver7_ring *r, uint32_t offset, uint32_t value)
{
    driver_w32(d, r->base + offset, value);
}

static void masked(struct driver *d, const struct driver7_ring *r, uint32_t offset, uint32_t clear,
                   uint32_t set)
{
    w(d, r, offset, (clear | set) << 16 | set);
}

static void stop_ring(struct driver *d, const struct driver7_ring *r)
{
    masked(d, r, RING_MI_MODE, 0, STOP_RING);
    w(d, r, RING_CTL, 0);
    w(d, r, RING_HEAD, 0);
    w(d, r, RING_TAIL, 0);
    driver_await(d, r->base + RING_HEAD, 0x1ffffc, 0);
}

/* The order is i915's: status page, TLBs, start, directory, PPGTT, head, tail, control. */
static void start_ring(struct driver *d, struct driver7_ring *r)
{
    stop_ring(d, r);
    w(d, r, RING_IMR, ~r->user);
    driver_w32(d, r->hws, r->hwsp_gma);
    masked(d, r, RING_INSTPM, 0, INSTPM_TLB | SYNC_FLUSH);
    driver_await(d, r->base + RING_INSTPM, SYNC_FLUSH, 0);
    w(d, r, RING_START, r->gma);
    w(d, r, PP_DIR_DCLV, ALL_LINES);
    w(d, r, PP_DIR_BASE, driver7_root(d, 0));
    masked(d, r, GFX_MODE, 0, GFX_PPGTT);
    if (r->base == DRIVER_RCS)
        masked(d, r, GFX_MODE, 0, GFX_EXPLICIT);
    w(d, r, RING_HEAD, 0);
    w(d, r, RING_TAIL, 0);
    w(d, r, RING_CTL, (RING_BYTES - SHM_PAGE) | RING_VALID);
    driver_await(d, r->base + RING_CTL, RING_VALID, RING_VALID);
    masked(d, r, RING_MI_MODE, STOP_RING, 0);
    r->tail = 0;
}

static void reset(struct driver *d)
{
    driver_w32(d, GDRST, GDRST_RCS | GDRST_BCS);
    driver_await(d, GDRST, GDRST_RCS | GDRST_BCS, 0);
    driver_w32(d, GAM_ECOCHK, ECOCHK_PPGTT_LLC);
    for (unsigned i = 0; i < DRIVER7_RINGS; i++)
        start_ring(d, &d->g7.ring[i]);
    driver_w32(d, GT_IMR, ~GT_WANTED);
    driver_w32(d, GT_IER, GT_WANTED);
    driver_w32(d, DEIER, DE_MASTER);
    driver_r32(d, DEIER);
}

/* A command may lie across the ring's end. */
void driver7_emit(struct driver *d, unsigned ring, const uint32_t *dw, unsigned n)
{
    struct driver7_ring *r = &d->g7.ring[ring];

    for (unsigned i = 0; i < n && !d->failed; i++) {
        memcpy(d->m->ram + r->gfn[r->tail / SHM_PAGE] * SHM_PAGE + r->tail % SHM_PAGE, &dw[i], 4);
        r->tail = (r->tail + 4) % RING_BYTES;
    }
}

void driver7_go(struct driver *d, unsigned ring)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    w(d, &d->g7.ring[ring], RING_TAIL, d->g7.ring[ring].tail);
}

bool driver7_idle(struct driver *d, unsigned ring)
{
    const struct driver7_ring *r = &d->g7.ring[ring];

    return (driver_r32(d, r->base + RING_HEAD) & 0x1ffffc) == r->tail &&
           driver_r32(d, r->base + RING_MI_MODE) & MODE_IDLE;
}

uint32_t driver7_status(const struct driver *d, unsigned ring, unsigned dword)
{
    const uint8_t *page = d->m->ram + d->g7.ring[ring].hwsp * SHM_PAGE;

    return __atomic_load_n((const uint32_t *)page + dword, __ATOMIC_ACQUIRE);
}

/* ---- interrupts */

static uint32_t take(struct driver *d, uint32_t iir)
{
    uint32_t bits = driver_r32(d, iir);

    if (bits)
        driver_w32(d, iir, bits);
    return bits;
}

/* As i915: both masters off, the engines' bits, the display's, those of power management. */
static bool acknowledge(struct driver *d)
{
    uint32_t de = driver_r32(d, DEIER), sde, gt, pm;

    driver_w32(d, DEIER, de & ~DE_MASTER);
    sde = driver_r32(d, SDEIER);
    driver_w32(d, SDEIER, 0);
    gt = take(d, GT_IIR);
    take(d, DEIIR);
    pm = take(d, PM_IIR);
    driver_w32(d, DEIER, de);
    driver_w32(d, SDEIER, sde);
    return !(gt & ~GT_WANTED) && !pm;
}

const struct driver_gen driver_gen7 = {
    .number = 7,
    .entry_bytes = 4,
    .gtt = 2u << 20,
    .spaces = DRIVER7_SPACES,
    .slots = DRIVER7_TABLES * TABLE_ENTRIES,
    .caps = PVINFO_CAP_FULL_PPGTT,
    .entry = entry,
    .address = address,
    .tables = tables,
    .start = start,
    .reset = reset,
    .ppgtt = ppgtt,
    .acknowledge = acknowledge,
};
