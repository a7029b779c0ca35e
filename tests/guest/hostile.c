/* SPDX-License-Identifier: MIT */
/*
 * hostile.c: a program that owns a virtual GPU's BAR0 and spends its time attacking: random and
 * crafted values in every register, entries and page tables that name themselves, absent frames and
 * the device's own pages, contexts with forged images, rings and batches that a second thread
 * changes while they run, storms of notices, interrupts and resets. Frames are its own or none:
 * what it may do to itself is not the question. Then it behaves once and expects to be served. Two
 * threads: the second changes pages only.
 */
#include "tests/guest/hostile.h"

#include "gen/cmds_gen8.h"
#include "gen/ctx_gen8.h"
#include "gen/pvinfo.h"

#include <pthread.h>
#include <stdio.h>
#include <time.h>

#define RING_DWORDS (BARE_PAGE / 4)
#define LEAST       100 /* attacks, however slow the machine */
#define COUNT(a)    (sizeof(a) / sizeof((a)[0]))

uint32_t hostile_rnd(struct rng *r, uint32_t below)
{
    r->state ^= r->state << 13;
    r->state ^= r->state >> 7;
    r->state ^= r->state << 17;
    return (uint32_t)((r->state >> 20) % below);
}

/* So that the GPU finds no other frame either, what is written through it has bit 0 clear (an entry
 * that is not present), and pages of commands stand nowhere for tables. */
uint64_t hostile_gfn(const struct bare *v, struct rng *r)
{
    static const unsigned pages[] = {BARE_TARGET, BARE_STATUS};
    static const uint64_t odd[] = {0xfee00,    0xfec00,    0xf0000,      0x7ffffff,
                                   0xfffffff0, 0xffffffff, 0x7fffffffff, 0x10000000};

    if (!hostile_rnd(r, 4))
        return odd[hostile_rnd(r, COUNT(odd))];
    return v->gfn[hostile_rnd(r, 2) ? BARE_TABLE + hostile_rnd(r, BARE_TABLES)
                                    : pages[hostile_rnd(r, COUNT(pages))]];
}

/* With flags that mean something and some that do not; bits of no address now and then. */
static uint64_t some_entry(const struct bare *v, struct rng *r)
{
    uint64_t flags = hostile_rnd(r, 4) ? 3 : hostile_rnd(r, 0x1000);

    if (!v->gen8)
        return bare_pte(v, hostile_gfn(v, r)) | (flags & 0xe);
    return hostile_gfn(v, r) << 12 | flags |
           (hostile_rnd(r, 16) ? 0 : (uint64_t)hostile_rnd(r, 0x10000) << 48);
}

uint32_t hostile_gma(const struct bare *v, struct rng *r)
{
    switch (hostile_rnd(r, 8)) {
    case 0:
        return hostile_rnd(r, UINT32_MAX);
    case 1:
        return 0xfffff000;
    case 2:
        return v->low_base + v->low_size - 4 * hostile_rnd(r, 4);
    case 3:
        return v->high_base + hostile_rnd(r, v->high_size ? v->high_size : 1);
    default:
        return bare_gma(v, hostile_rnd(r, BARE_PAGES)) + 4 * hostile_rnd(r, RING_DWORDS);
    }
}

uint32_t hostile_value(const struct bare *v, struct rng *r)
{
    uint32_t bits = hostile_rnd(r, 0x10000);

    switch (hostile_rnd(r, 6)) {
    case 0:
        return 0;
    case 1:
        return UINT32_MAX;
    case 2:
        return bits << 16 | (bits & hostile_rnd(r, 0x10000)); /* a masked register's */
    case 3:
        return 1u << hostile_rnd(r, 32);
    case 4:
        return hostile_rnd(r, UINT32_MAX);
    default:
        return hostile_gma(v, r);
    }
}

uint32_t hostile_engine(struct rng *r)
{
    static const uint32_t base[] = {0x2000, 0x12000, 0x22000, 0x1a000, 0x1c000};

    return base[hostile_rnd(r, COUNT(base))];
}

/* ---- attacks: one function each */

uint32_t hostile_register(struct rng *r)
{
    static const struct {
        uint32_t base, size;
    } part[] = {
        {0x4000, 0x1000},  {0x9000, 0x1000},  {0xa000, 0x1000},  {0x40000, 0x8000},
        {0x60000, 0x6000}, {0x70000, 0x3000}, {0x78000, 0x1000}, {0xc0000, 0x8000},
        {0xe0000, 0x4000}, {0x100000, 0x100}, {0x130000, 0x100}, {0x140000, 0x4000},
        {0x44000, 0x500},  {0x5000, 0x200},   {0x101000, 0x100}, {0, 0x200000},
    };
    unsigned i = hostile_rnd(r, COUNT(part));

    return part[i].base + (hostile_rnd(r, part[i].size) & ~3u);
}

static void registers(struct hostile *h)
{
    for (unsigned n = 1 + hostile_rnd(&h->rng, 16); n--;) {
        uint32_t at = hostile_rnd(&h->rng, 2)
                          ? hostile_register(&h->rng)
                          : hostile_engine(&h->rng) + (hostile_rnd(&h->rng, 0x800) & ~3u);

        if (hostile_rnd(&h->rng, 4))
            bare_write(&h->v, at, hostile_value(&h->v, &h->rng));
        else
            (void)bare_read(&h->v, at);
    }
}

/* Bytes, words and misaligned ones. */
static void odd_widths(struct hostile *h)
{
    static const struct {
        uint8_t size, odd;
    } kind[] = {{1, 4}, {2, 3}, {4, 4}, {8, 1}, {8, 4}};
    unsigned i = hostile_rnd(&h->rng, COUNT(kind));
    uint32_t at = hostile_register(&h->rng) + hostile_rnd(&h->rng, kind[i].odd);
    uint64_t value = hostile_value(&h->v, &h->rng);

    if (hostile_rnd(&h->rng, 4))
        bare_store(&h->v, at, kind[i].size, value << 32 | (~value & UINT32_MAX));
    else
        (void)bare_load(&h->v, at, kind[i].size);
}

static void entries(struct hostile *h)
{
    const struct bare *v = &h->v;
    uint32_t low = v->low_base / BARE_PAGE, lows = v->low_size / BARE_PAGE;
    uint32_t high = v->high_base / BARE_PAGE, highs = v->high_size / BARE_PAGE;

    for (unsigned n = 1 + hostile_rnd(&h->rng, 64); n--;) {
        uint32_t at = hostile_rnd(&h->rng, v->entries);

        if (hostile_rnd(&h->rng, 8))
            at = highs && hostile_rnd(&h->rng, 2) ? high + hostile_rnd(&h->rng, highs)
                                                  : low + hostile_rnd(&h->rng, lows);
        bare_entry(&h->v, at, hostile_rnd(&h->rng, 4) ? some_entry(v, &h->rng) : 0);
    }
}

/* Back to where everything is, or nothing below would get far. */
static void start_again(struct hostile *h)
{
    bare_start(&h->v);
}

static void poke_table(const struct bare *v, struct rng *r)
{
    unsigned table = BARE_TABLE + hostile_rnd(r, BARE_TABLES);

    bare_put64(v, table, hostile_rnd(r, hostile_rnd(r, 2) ? 8 : 512),
               hostile_rnd(r, 4) ? some_entry(v, r) : 0);
}

static void tables(struct hostile *h)
{
    static const uint32_t what[] = {PVINFO_PPGTT_L4_CREATE, PVINFO_PPGTT_L4_DESTROY,
                                    PVINFO_PPGTT_L3_CREATE, PVINFO_PPGTT_L3_DESTROY,
                                    PVINFO_CONTEXT_CREATE,  PVINFO_CONTEXT_DESTROY};
    uint64_t root = hostile_gfn(&h->v, &h->rng) << 12;

    for (unsigned n = hostile_rnd(&h->rng, 32); n--;)
        poke_table(&h->v, &h->rng);
    if (hostile_rnd(&h->rng, 3))
        root = h->v.gfn[BARE_TABLE + hostile_rnd(&h->rng, BARE_TABLES)] << 12;
    bare_notice(&h->v,
                hostile_rnd(&h->rng, 16) ? what[hostile_rnd(&h->rng, COUNT(what))]
                                         : hostile_rnd(&h->rng, 1000),
                hostile_rnd(&h->rng, 16) ? root : root | hostile_rnd(&h->rng, BARE_PAGE));
}

/* One command, mostly of a kind that exists; returns how many dwords. */
static unsigned command(const struct bare *v, struct rng *r, uint32_t *dw)
{
    static const uint32_t head[] = {
        MI_NOOP,
        0x01000000 /* user interrupt */,
        0x02800000 /* arbitration */,
        0x07000000 /* report head */,
        MI_BB_END,
        MI_BB_START,
        MI_LRI | 1,
        MI_LRI | 3,
        0x12000002 /* store register */,
        0x14800002 /* load register */,
        0x15000001 /* register to register */,
        MI_STORE_DATA_GGTT | 2,
        0x10000002 /* store, PPGTT */,
        0x13004003 /* flush, index */,
        0x13204003,
        0x0e000002 /* semaphore wait */,
        0x0d000001,
        0x0b160001 /* mailbox */,
        0x0c000000 /* set context */,
        0x11000001,
        0x0a000000 | 1 << 23,
        0x01800000 /* wait for event */,
        0x12c00001 /* suspend */,
        0x0a000001 /* display flip */,
        0x17000003 /* copy memory */,
        0x04000000,
        0x54c00008 /* copy */,
        0x54000005,
        0x7a000004 /* pipe control */,
        0x11800001 /* update GTT */,
    };
    unsigned n = 1 + hostile_rnd(r, 8);

    dw[0] = hostile_rnd(r, 16) ? head[hostile_rnd(r, COUNT(head))] : hostile_rnd(r, UINT32_MAX);
    if (!hostile_rnd(r, 8))
        dw[0] ^= 1u << hostile_rnd(r, 24);
    for (unsigned i = 1; i < n; i++)
        dw[i] = ~1u & (hostile_rnd(r, 4)   ? hostile_gma(v, r)
                       : hostile_rnd(r, 2) ? hostile_register(r)
                                           : hostile_value(v, r));
    return n;
}

static unsigned commands(const struct bare *v, struct rng *r, uint32_t *dw, unsigned room)
{
    unsigned n = 0;

    for (unsigned k = 1 + hostile_rnd(r, 24); k-- && n + 8 <= room;)
        n += command(v, r, dw + n);
    return n;
}

/* Root pointers stay crafted: a random one would make tables of this kernel's memory. */
static void forge_image(struct hostile *h)
{
    for (unsigned n = hostile_rnd(&h->rng, 6); n--;) {
        unsigned at = hostile_rnd(&h->rng, 0x60);

        if (at >= CTX_PDP_UDW(3) - 1 && at <= CTX_PDP_LDW(0)) {
            uint64_t root = hostile_gfn(&h->v, &h->rng) << 12;
            bare_put32(&h->v, BARE_STATE, CTX_PDP_UDW(0), (uint32_t)(root >> 32));
            bare_put32(&h->v, BARE_STATE, CTX_PDP_LDW(0), (uint32_t)root);
        } else {
            bare_put32(&h->v, BARE_STATE, at, hostile_value(&h->v, &h->rng));
        }
    }
}

static void submissions(struct hostile *h)
{
    uint32_t dw[256], batch[RING_DWORDS],
        engine = hostile_rnd(&h->rng, 3) ? 0x22000 : hostile_engine(&h->rng);
    unsigned n = commands(&h->v, &h->rng, dw, COUNT(dw));
    uint64_t desc = bare_descriptor(&h->v);

    bare_put(&h->v, BARE_BATCH, 0, batch, 4 * commands(&h->v, &h->rng, batch, RING_DWORDS));
    bare_work(&h->v, dw, n);
    if (!h->v.gen8) {
        bare_ring(&h->v, engine,
                  hostile_rnd(&h->rng, 8) ? 4 * ((n + 1) & ~1u) : hostile_rnd(&h->rng, BARE_PAGE));
        return;
    }
    if (!hostile_rnd(&h->rng, 3))
        forge_image(h);
    if (!hostile_rnd(&h->rng, 4))
        desc ^= 1ull << hostile_rnd(&h->rng, 64);
    bare_elsp(&h->v, engine, desc);
}

static void resets(struct hostile *h)
{
    bare_write(&h->v, 0x941c, hostile_rnd(&h->rng, 8) ? 1u << 3 : hostile_rnd(&h->rng, 0x20));
}

/* All that may interrupt does, at every command. */
static void interrupts(struct hostile *h)
{
    uint32_t dw[64];

    for (uint32_t at = 0x44200; at < 0x44500; at += 0x10) {
        bare_write(&h->v, at + 4, 0);
        bare_write(&h->v, at + 12, UINT32_MAX);
        bare_write(&h->v, at + 8, UINT32_MAX);
    }
    for (unsigned i = 0; i < COUNT(dw); i++)
        dw[i] = 0x01000000;
    bare_reset_blitter(&h->v);
    bare_work(&h->v, dw, COUNT(dw));
    if (h->v.gen8)
        bare_elsp(&h->v, 0x22000, bare_descriptor(&h->v));
    else
        bare_ring(&h->v, 0x22000, sizeof(dw));
}

/* Status pages anywhere, and commands that write to them. */
static void status_pages(struct hostile *h)
{
    static const uint16_t gen7[] = {0x4080, 0x4180, 0x4280, 0x4380};
    static const uint32_t work[] = {
        0x10800001, 0x100, 0xbad,           /* store, index */
        0x13200003, 0x104, 0,     0xbad, 0, /* flush, and store by index */
        0x03800000,                         /* report head */
        0x01000000,                         /* user interrupt */
    };
    uint32_t engine = hostile_engine(&h->rng);

    bare_write(&h->v, h->v.gen8 ? engine + 0x80 : gen7[hostile_rnd(&h->rng, COUNT(gen7))],
               hostile_rnd(&h->rng, 3) ? hostile_gma(&h->v, &h->rng)
                                       : hostile_rnd(&h->rng, UINT32_MAX) & ~0xfffu);
    bare_work(&h->v, work, COUNT(work));
    if (h->v.gen8)
        bare_elsp(&h->v, engine, bare_descriptor(&h->v));
    else
        bare_ring(&h->v, engine, sizeof(work));
}

static void attack(struct hostile *h)
{
    static void (*const kinds[])(struct hostile * h) = {
        registers,
        registers,
        odd_widths,
        entries,
        tables,
        tables,
        start_again,
        submissions,
        submissions,
        submissions,
        interrupts,
        resets,
        status_pages,
        /* Haswell's; elsewhere less is made of what others there are */
        hostile_directories,
        hostile_directories,
        hostile_images,
        hostile_images,
    };

    kinds[hostile_rnd(&h->rng, COUNT(kinds) - (h->v.gen8 ? 4 : 0))](h);
    h->attacks++;
}

/* ---- what changes meanwhile */

static void poke_page(const struct bare *v, struct rng *r)
{
    static const unsigned pages[] = {BARE_RING, BARE_BATCH, BARE_BATCH, BARE_STATUS, BARE_IMAGE};
    unsigned page = pages[hostile_rnd(r, COUNT(pages))];
    uint32_t dw[8];
    unsigned n = command(v, r, dw);

    bare_put(v, page, 4 * hostile_rnd(r, RING_DWORDS - 8), dw, 4 * n);
}

static void *meanwhile(void *arg)
{
    struct hostile *h = arg;
    struct bare v = h->v;
    struct rng rng = {.state = h->seed * 0x123456789abcdefull | 1};
    const struct timespec pause = {.tv_nsec = 100000}; /* a rate: the first thread has work to do */

    v.vcpu = 1;
    while (!atomic_load(&h->stop)) {
        for (unsigned n = 16; n--;)
            poke_page(&v, &rng);
        poke_table(&v, &rng);
        nanosleep(&pause, NULL);
    }
    return NULL;
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int spend(struct hostile *h, double seconds)
{
    double end = now() + seconds, next = now() + 5;
    pthread_t thread;
    int rc = pthread_create(&thread, NULL, meanwhile, h);

    if (rc)
        return -rc;
    while (now() < end || h->attacks < LEAST) {
        attack(h);
        if (now() < next)
            continue;
        printf("VGT: hostile_so_far=%lu\n", h->attacks);
        next = now() + 5;
    }
    atomic_store(&h->stop, true);
    pthread_join(thread, NULL);
    return 0;
}

/* Peace: nothing is left of tables and work. */
static bool repent(struct hostile *h)
{
    for (unsigned i = 0; i < BARE_TABLES; i++)
        bare_notice(&h->v, PVINFO_PPGTT_L4_DESTROY, h->v.gfn[BARE_TABLE + i] << 12);
    for (unsigned i = 0; i < BARE_PAGES; i++)
        bare_fill(&h->v, i, 0);
    bare_write(&h->v, 0x941c, 1);
    bare_start(&h->v);
    return bare_behave(&h->v);
}

int hostile_run(struct hostile *h, double seconds, uint64_t seed)
{
    bool good, alive;

    h->seed = seed;
    h->rng.state = seed * 0x9e3779b97f4a7c15ull | 1;
    bare_start(&h->v);
    if (spend(h, seconds))
        return 2;
    printf("VGT: hostile_attacks=%lu\n", h->attacks);
    good = repent(h);
    alive = bare_alive(&h->v);
    printf("VGT: hostile_good=%d hostile_magic=%d\n", good, alive);
    return good && alive ? 0 : 1;
}
