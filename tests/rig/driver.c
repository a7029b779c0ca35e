/* SPDX-License-Identifier: MIT */
/* driver.c: see driver.h. Register facts: Haswell and Broadwell PRM vol. 2c. */
#include "tests/rig/driver.h"

#include "gen/pvinfo.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define FLSH_CNTL     0x101008u
#define FORCEWAKE_MT  0xa188u
#define FORCEWAKE_ACK 0x130044u
#define FIRST_FRAME   16u
#define BARE_BASE     (1u << 20) /* our part of the GGTT where nobody assigns one */
#define BARE_SIZE     (64u << 20)
#define AWAIT_NS      500000000ll

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
        went_well(d, d->m->ops->read(d->m, d->vcpu, DRIVER_BAR0 + offset, 4, &value));
    return (uint32_t)value;
}

void driver_w32(struct driver *d, uint32_t offset, uint32_t value)
{
    driver_poke(d, DRIVER_BAR0 + offset, 4, value);
}

void driver_poke(struct driver *d, uint64_t gpa, unsigned size, uint64_t value)
{
    if (!d->failed)
        went_well(d, d->m->ops->write(d->m, d->vcpu, gpa, size, value));
}

static int64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

/* By then at least one look was made, however long it took. */
void driver_await(struct driver *d, uint32_t offset, uint32_t mask, uint32_t value)
{
    int64_t limit = now_ns() + AWAIT_NS;

    while ((driver_r32(d, offset) & mask) != value && !d->failed)
        if (now_ns() > limit)
            went_well(d, -ETIMEDOUT);
}

static void config(struct driver *d, uint32_t at, unsigned size, uint64_t value)
{
    if (!d->failed)
        went_well(d, d->m->ops->config_write(d->m, at, size, value));
}

/* ---- memory */

/* An odd stride meets every frame of a power of two once. */
uint64_t driver_frame(struct driver *d)
{
    uint64_t usable = d->m->pages - FIRST_FRAME, i = d->frames;

    if (i >= usable) {
        went_well(d, -ENOSPC);
        return DRIVER_NO_FRAME;
    }
    d->frames++;
    return FIRST_FRAME + (i % 2 ? usable - 1 - i / 2 : i / 2);
}

uint32_t driver_gma_aligned(struct driver *d, uint32_t pages, uint32_t align)
{
    uint32_t first = d->low_base / SHM_PAGE;
    uint32_t at = (first + d->next_gma + align - 1) / align * align - first;

    if (at > d->low_size / SHM_PAGE || pages > d->low_size / SHM_PAGE - at) {
        went_well(d, -ENOSPC);
        return 0;
    }
    d->next_gma = at + pages;
    return d->low_base + at * SHM_PAGE;
}

uint32_t driver_gma(struct driver *d, uint32_t pages)
{
    return driver_gma_aligned(d, pages, 1);
}

void driver_ggtt_entry(struct driver *d, uint32_t gma, uint64_t gfn)
{
    const struct driver_gen *g = d->gen;
    uint64_t at = DRIVER_BAR0 + g->gtt + (uint64_t)g->entry_bytes * (gma / SHM_PAGE);

    driver_poke(d, at, g->entry_bytes, gfn == DRIVER_NO_FRAME ? 0 : g->entry(gfn));
}

void driver_flush(struct driver *d)
{
    driver_w32(d, FLSH_CNTL, 1);
}

void driver_ggtt(struct driver *d, uint32_t gma, uint64_t gfn)
{
    driver_ggtt_entry(d, gma, gfn);
    driver_flush(d);
}

void driver_ppgtt(struct driver *d, unsigned space, unsigned slot, uint64_t gfn)
{
    d->gen->ppgtt(d, space, slot, gfn);
}

/* ---- bringing it up */

/* 0x04, 0x0a, 0x0c and 0x0d are Haswell's ids, 0x16 Broadwell's. */
static const struct driver_gen *generation(uint64_t id)
{
    static const struct {
        uint8_t package;
        const struct driver_gen *gen;
    } known[] = {{0x04, &driver_gen7},
                 {0x0a, &driver_gen7},
                 {0x0c, &driver_gen7},
                 {0x0d, &driver_gen7},
                 {0x16, &driver_gen8}};

    for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if ((id & 0xffff) == 0x8086 && (id >> 24 & 0xff) == known[i].package)
            return known[i].gen;
    return NULL;
}

static void find_device(struct driver *d)
{
    static const uint32_t msi[2] = {MACHINE_MSI};
    uint64_t id = 0;

    went_well(d, d->m->ops->config_read(d->m, 0, 4, &id));
    d->gen = generation(id);
    if (!d->gen)
        went_well(d, -ENODEV);
    config(d, 0x10, 4, MACHINE_BAR0);
    config(d, 0x14, 4, 0);
    config(d, 0x18, 4, MACHINE_BAR2);
    config(d, 0x1c, 4, 0);
    config(d, 0x04, 2, 0x0006); /* memory, bus master */
    config(d, 0x94, 4, msi[0]);
    config(d, 0x98, 2, msi[1]);
    config(d, 0x92, 2, 1);
}

static void read_pvinfo(struct driver *d)
{
    uint32_t lo = driver_r32(d, PVINFO_BASE), hi = driver_r32(d, PVINFO_BASE + 4);
    uint32_t caps = driver_r32(d, PVINFO_BASE + offsetof(struct pvinfo, caps));

    if (((uint64_t)hi << 32 | lo) != PVINFO_MAGIC || (caps & d->gen->caps) != d->gen->caps)
        went_well(d, -ENODEV);
    d->low_base = driver_r32(d, PVINFO_BASE + offsetof(struct pvinfo, low_base));
    d->low_size = driver_r32(d, PVINFO_BASE + offsetof(struct pvinfo, low_size));
    d->high_base = driver_r32(d, PVINFO_BASE + offsetof(struct pvinfo, high_base));
    d->high_size = driver_r32(d, PVINFO_BASE + offsetof(struct pvinfo, high_size));
    d->fences = driver_r32(d, PVINFO_BASE + offsetof(struct pvinfo, fences));
}

/* Nobody shares the GPU: the GT is kept awake, and what is ours we say ourselves. */
static void take_bare(struct driver *d)
{
    driver_w32(d, FORCEWAKE_MT, 0x00010001);
    driver_await(d, FORCEWAKE_ACK, 1, 1);
    d->low_base = BARE_BASE;
    d->low_size = BARE_SIZE;
}

int driver_init(struct driver *d, struct machine *m, uint16_t vcpu)
{
    *d = (struct driver){.m = m, .vcpu = vcpu};
    find_device(d);
    if (d->failed)
        return d->failed;
    if (m->bare)
        take_bare(d);
    else
        read_pvinfo(d);
    if (d->failed)
        return d->failed;
    d->gen->tables(d);
    d->gen->start(d);
    driver_reset(d);
    return d->failed;
}

void driver_reset(struct driver *d)
{
    d->gen->reset(d);
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
            memset(d->m->ram + gfn[i] * SHM_PAGE, 0x40 + (int)d->m->domid, SHM_PAGE);
    }
    for (unsigned i = 0; i < SCREEN_PAGES; i++)
        driver_ggtt_entry(d, at + i * SHM_PAGE, gfn[i % SCREEN_FRAMES]);
    driver_flush(d);
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

/* ---- completion */

int driver_interrupt(struct driver *d, unsigned most_ms)
{
    static const uint32_t want[2] = {MACHINE_MSI};
    struct shm_msi msi;

    if (d->failed || !d->m->ops->msi(d->m, most_ms, &msi))
        return 0;
    d->interrupts++;
    if (msi.addr != want[0] || msi.data != want[1])
        d->odd_interrupts++;
    if (!d->gen->acknowledge(d))
        d->odd_interrupts++;
    return 1;
}
