/* SPDX-License-Identifier: MIT */
/* driver.c: see driver.h. Register facts: Broadwell PRM vol. 2c. */
#include "tests/rig/driver.h"

#include "gen/ctx_gen8.h"
#include "gen/irq_gen8.h"
#include "gen/pvinfo.h"

#include <errno.h>
#include <string.h>

#define GTT          (8u << 20)
#define NO_FRAME     (~0ull)
#define GT0_IMR      0x44304u
#define GT0_IIR      0x44308u
#define GT0_IER      0x4430cu
#define GDRST        0x941cu
#define FLSH_CNTL    0x101008u
#define RING_IMR     0xa8u
#define RING_HWS     0x80u
#define RING_MODE    0x29cu
#define RING_ELSP    0x230u
#define RING_CSB     0x3a0u
#define BCS_EVENTS   0x101u /* user interrupt, context switch */
#define PT_PRESENT   3u     /* present, writable */
#define FIRST_FRAME  16u
#define FULL_ENTRIES 64u

static bool went_well(struct driver *d, int rc)
{
    if (rc && !d->failed)
        d->failed = rc;
    return !d->failed;
}

uint32_t driver_r32(struct driver *d, uint32_t offset)
{
    uint64_t value = 0;

    if (!d->failed)
        went_well(d, vcpu_read(d->g, d->vcpu, DRIVER_BAR0 + offset, 4, &value));
    return (uint32_t)value;
}

void driver_w32(struct driver *d, uint32_t offset, uint32_t value)
{
    if (!d->failed)
        went_well(d, vcpu_write(d->g, d->vcpu, DRIVER_BAR0 + offset, 4, value));
}

void driver_poke(struct driver *d, uint64_t gpa, unsigned size, uint64_t value)
{
    if (!d->failed)
        went_well(d, vcpu_write(d->g, d->vcpu, gpa, size, value));
}

static void config(struct driver *d, uint32_t at, unsigned size, uint64_t value)
{
    if (!d->failed)
        went_well(d, vcpu_config_write(d->g, d->vcpu, at, size, value));
}

/* ---- memory */

/* An odd stride meets every frame of a power of two once. */
uint64_t driver_frame(struct driver *d)
{
    uint64_t usable = d->g->pages - FIRST_FRAME, i = d->frames;

    if (i >= usable) {
        went_well(d, -ENOSPC);
        return NO_FRAME;
    }
    d->frames++;
    return FIRST_FRAME + (i % 2 ? usable - 1 - i / 2 : i / 2);
}

uint32_t driver_gma(struct driver *d, uint32_t pages)
{
    uint32_t at = d->next_gma;

    if (pages > d->low_size / SHM_PAGE - at) {
        went_well(d, -ENOSPC);
        return 0;
    }
    d->next_gma += pages;
    return d->low_base + at * SHM_PAGE;
}

void driver_ggtt(struct driver *d, uint32_t gma, uint64_t gfn)
{
    uint64_t at = DRIVER_BAR0 + GTT + 8ull * (gma / SHM_PAGE);

    driver_poke(d, at, 8, gfn << 12 | 1);
    driver_w32(d, FLSH_CNTL, 1);
}

void driver_ppgtt(struct driver *d, unsigned slot, uint64_t gfn)
{
    uint64_t entry = gfn == NO_FRAME ? 0 : gfn << 12 | PT_PRESENT;

    driver_poke(d, d->pt * SHM_PAGE + 8 * slot, 8, entry);
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
static void make_tables(struct driver *d)
{
    uint64_t pd, pdp;

    d->pt = driver_frame(d);
    pd = driver_frame(d);
    driver_poke(d, pd * SHM_PAGE + 8, 8, full_table(d) << 12 | PT_PRESENT);
    pdp = driver_frame(d);
    d->pml4 = driver_frame(d);
    driver_poke(d, pd * SHM_PAGE, 8, d->pt << 12 | PT_PRESENT);
    driver_poke(d, pdp * SHM_PAGE, 8, pd << 12 | PT_PRESENT);
    driver_poke(d, d->pml4 * SHM_PAGE, 8, pdp << 12 | PT_PRESENT);
    driver_w32(d, PVINFO_BASE + offsetof(struct pvinfo, pdp), (uint32_t)(d->pml4 << 12));
    driver_w32(d, PVINFO_BASE + offsetof(struct pvinfo, pdp) + 4, (uint32_t)(d->pml4 >> 20));
    driver_w32(d, PVINFO_BASE + offsetof(struct pvinfo, g2v_notify), PVINFO_PPGTT_L4_CREATE);
}

/* ---- bringing it up */

static void find_device(struct driver *d)
{
    uint64_t id = 0;

    went_well(d, vcpu_config_read(d->g, d->vcpu, 0, 4, &id));
    if ((id & 0xffffffff) != 0x16168086)
        went_well(d, -ENODEV);
    config(d, 0x10, 4, DRIVER_BAR0);
    config(d, 0x14, 4, 0);
    config(d, 0x18, 4, DRIVER_BAR2);
    config(d, 0x1c, 4, 0);
    config(d, 0x04, 2, 0x0006); /* memory, bus master */
    config(d, 0x94, 4, 0xfee00000);
    config(d, 0x98, 2, 0x4041);
    config(d, 0x92, 2, 1);
}

static void read_pvinfo(struct driver *d)
{
    uint32_t lo = driver_r32(d, PVINFO_BASE), hi = driver_r32(d, PVINFO_BASE + 4);
    uint32_t caps = driver_r32(d, PVINFO_BASE + offsetof(struct pvinfo, caps));

    if (((uint64_t)hi << 32 | lo) != PVINFO_MAGIC ||
        (caps & (PVINFO_CAP_FULL_PPGTT | PVINFO_CAP_HWSP)) !=
            (PVINFO_CAP_FULL_PPGTT | PVINFO_CAP_HWSP))
        went_well(d, -ENODEV);
    d->low_base = driver_r32(d, PVINFO_BASE + offsetof(struct pvinfo, low_base));
    d->low_size = driver_r32(d, PVINFO_BASE + offsetof(struct pvinfo, low_size));
}

/* The status page says "nothing written yet" as the engine's registers do after a reset. */
void driver_reset(struct driver *d)
{
    driver_w32(d, GDRST, 1u << 3);
    d->csb_read = CSB_ENTRIES - 1;
    driver_poke(d, d->hwsp * SHM_PAGE + 4 * CSB_HWSP_WRITE, 4, d->csb_read);
    driver_w32(d, DRIVER_BCS + RING_MODE, 0x80008000);
    driver_w32(d, DRIVER_BCS + RING_HWS, d->hwsp_gma);
    driver_w32(d, DRIVER_BCS + RING_CSB, 0xffffu << 16 | d->csb_read << 8 | d->csb_read);
    driver_w32(d, DRIVER_BCS + RING_IMR, ~BCS_EVENTS);
    driver_w32(d, GT0_IMR, ~(BCS_EVENTS << 16));
    driver_w32(d, GT0_IER, BCS_EVENTS << 16);
    driver_w32(d, IRQ_GEN8_MASTER, IRQ_GEN8_MASTER_ENABLE);
}

static void start_engine(struct driver *d)
{
    d->hwsp = driver_frame(d);
    d->hwsp_gma = driver_gma(d, 1);
    driver_ggtt(d, d->hwsp_gma, d->hwsp);
    driver_reset(d);
}

int driver_init(struct driver *d, struct rig_guest *g, uint16_t vcpu)
{
    *d = (struct driver){.g = g, .vcpu = vcpu};
    find_device(d);
    read_pvinfo(d);
    if (d->failed)
        return d->failed;
    make_tables(d);
    start_engine(d);
    return d->failed;
}

/* ---- the screen */

#define SCREEN_PAGES  768u /* 1024 * 768 * 4 bytes */
#define SCREEN_FRAMES 8u

static uint32_t picture(struct driver *d)
{
    uint32_t at = driver_gma(d, SCREEN_PAGES);
    uint64_t gfn[SCREEN_FRAMES];

    for (unsigned i = 0; i < SCREEN_FRAMES; i++) {
        gfn[i] = driver_frame(d);
        if (!d->failed)
            memset(d->g->ram + gfn[i] * SHM_PAGE, 0x40 + (int)d->g->domid, SHM_PAGE);
    }
    for (unsigned i = 0; i < SCREEN_PAGES; i++)
        driver_poke(d, DRIVER_BAR0 + GTT + 8ull * (at / SHM_PAGE + i), 8,
                    gfn[i % SCREEN_FRAMES] << 12 | 1);
    driver_w32(d, FLSH_CNTL, 1);
    return at;
}

/* Timings of VESA's XGA at 60 Hz, its clock from WRPLL 1, over port B as DVI. */
int driver_screen(struct driver *d)
{
    static const uint32_t mode[][2] = {
        {0x60000, 0x053f03ff}, {0x60004, 0x053f03ff}, {0x60008, 0x049f0417}, {0x6000c, 0x032502ff},
        {0x60010, 0x032502ff}, {0x60014, 0x03080302}, {0x46040, 0xb0200e13}, {0x46104, 4u << 29},
        {0x60400, 0x91000000}, {0x6001c, 0x03ff02ff}, {0x70008, 1u << 31},   {0x70188, 0x1000},
        {0x70180, 0xd8000000},
    };
    uint32_t at = picture(d);

    for (unsigned i = 0; i < sizeof(mode) / sizeof(mode[0]); i++)
        driver_w32(d, mode[i][0], mode[i][1]);
    driver_w32(d, 0x7019c, at);
    return d->failed;
}

/* ---- submission and completion */

void driver_submit(struct driver *d, uint64_t first, uint64_t second)
{
    driver_w32(d, DRIVER_BCS + RING_ELSP, (uint32_t)(second >> 32));
    driver_w32(d, DRIVER_BCS + RING_ELSP, (uint32_t)second);
    driver_w32(d, DRIVER_BCS + RING_ELSP, (uint32_t)(first >> 32));
    driver_w32(d, DRIVER_BCS + RING_ELSP, (uint32_t)first);
}

/* As i915: master off, acknowledge what is pending, master on. */
int driver_interrupt(struct driver *d, unsigned most_ms)
{
    struct shm_msi msi;
    uint32_t iir;

    if (d->failed || !rig_msi(d->g, most_ms, &msi))
        return 0;
    d->interrupts++;
    if (msi.addr != 0xfee00000 || msi.data != 0x4041)
        d->odd_interrupts++;
    driver_w32(d, IRQ_GEN8_MASTER, 0);
    iir = driver_r32(d, GT0_IIR);
    if (iir & ~(BCS_EVENTS << 16))
        d->odd_interrupts++;
    driver_w32(d, GT0_IIR, iir);
    driver_w32(d, IRQ_GEN8_MASTER, IRQ_GEN8_MASTER_ENABLE);
    return 1;
}

bool driver_csb(struct driver *d, uint32_t *status, uint32_t *id)
{
    const uint32_t *page = (const uint32_t *)(d->g->ram + d->hwsp * SHM_PAGE);
    uint32_t write = __atomic_load_n(&page[CSB_HWSP_WRITE], __ATOMIC_ACQUIRE) & 7;

    if (d->failed || write == d->csb_read || write >= CSB_ENTRIES)
        return false;
    d->csb_read = ctx_gen8_csb_next(d->csb_read);
    *status = __atomic_load_n(&page[CSB_HWSP_ENTRY(d->csb_read)], __ATOMIC_RELAXED);
    *id = __atomic_load_n(&page[CSB_HWSP_ENTRY(d->csb_read) + 1], __ATOMIC_RELAXED);
    driver_w32(d, DRIVER_BCS + RING_CSB, 0x0700u << 16 | d->csb_read << 8);
    return true;
}
