/* SPDX-License-Identifier: MIT */
/*
 * hostile.c: a guest program that owns BAR0 and spends its time attacking: random and crafted
 * values in every register, entries and page tables that name themselves, absent frames and the
 * device's own pages, contexts with forged images, rings and batches that a second thread changes
 * while they run, storms of notices, interrupts and resets. Frames are its own or none: what it may
 * do to itself is not the question. Then it behaves once and expects to be served.
 *
 * hostile [--seconds S] [--seed N]. Prints "VGT: hostile_KEY=VALUE"; the same seed makes the same
 * attacks of the first thread. Two threads: the second changes pages only.
 */
#include "tests/guest/bare.h"

#include "gen/cmds_gen8.h"
#include "gen/ctx_gen8.h"
#include "gen/pvinfo.h"

#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RING_DWORDS (BARE_PAGE / 4)
#define LEAST       100 /* attacks, however slow the machine */
#define COUNT(a)    (sizeof(a) / sizeof((a)[0]))

struct rng {
    uint64_t state;
};

struct hostile {
    struct bare v;
    struct rng rng;
    atomic_bool stop;
    unsigned long attacks;
};

static uint32_t rnd(struct rng *r, uint32_t below)
{
    r->state ^= r->state << 13;
    r->state ^= r->state >> 7;
    r->state ^= r->state << 17;
    return (uint32_t)((r->state >> 20) % below);
}

/* A frame of ours, the device's, the interrupt controller's, or one that is nowhere: nothing of
 * what this kernel lives on. So that the GPU finds no other either, what is written through it has
 * bit 0 clear (an entry that is not present), and pages of commands stand nowhere for tables. */
static uint64_t some_gfn(const struct bare *v, struct rng *r)
{
    static const unsigned pages[] = {BARE_TARGET, BARE_STATUS};
    static const uint64_t odd[] = {0xfee00,    0xfec00,    0xf0000,      0x7ffffff,
                                   0xfffffff0, 0xffffffff, 0x7fffffffff, 0x10000000};

    if (!rnd(r, 4))
        return odd[rnd(r, COUNT(odd))];
    return v->gfn[rnd(r, 2) ? BARE_TABLE + rnd(r, BARE_TABLES) : pages[rnd(r, COUNT(pages))]];
}

/* With flags that mean something and some that do not; bits of no address now and then. */
static uint64_t some_entry(const struct bare *v, struct rng *r)
{
    uint64_t flags = rnd(r, 4) ? 3 : rnd(r, 0x1000);

    if (!v->gen8)
        return bare_pte(v, some_gfn(v, r)) | (flags & 0xe);
    return some_gfn(v, r) << 12 | flags | (rnd(r, 16) ? 0 : (uint64_t)rnd(r, 0x10000) << 48);
}

static uint32_t some_gma(const struct bare *v, struct rng *r)
{
    switch (rnd(r, 8)) {
    case 0:
        return rnd(r, UINT32_MAX);
    case 1:
        return 0xfffff000;
    case 2:
        return v->low_base + v->low_size - 4 * rnd(r, 4);
    case 3:
        return v->high_base + rnd(r, v->high_size ? v->high_size : 1);
    default:
        return bare_gma(v, rnd(r, BARE_PAGES)) + 4 * rnd(r, RING_DWORDS);
    }
}

static uint32_t some_value(const struct bare *v, struct rng *r)
{
    uint32_t bits = rnd(r, 0x10000);

    switch (rnd(r, 6)) {
    case 0:
        return 0;
    case 1:
        return UINT32_MAX;
    case 2:
        return bits << 16 | (bits & rnd(r, 0x10000)); /* a masked register's */
    case 3:
        return 1u << rnd(r, 32);
    case 4:
        return rnd(r, UINT32_MAX);
    default:
        return some_gma(v, r);
    }
}

static uint32_t some_engine(struct rng *r)
{
    static const uint32_t base[] = {0x2000, 0x12000, 0x22000, 0x1a000, 0x1c000};

    return base[rnd(r, COUNT(base))];
}

/* ---- attacks: one function each */

static uint32_t some_register(struct rng *r)
{
    static const struct {
        uint32_t base, size;
    } part[] = {
        {0x4000, 0x1000},  {0x9000, 0x1000},  {0xa000, 0x1000},  {0x40000, 0x8000},
        {0x60000, 0x6000}, {0x70000, 0x3000}, {0x78000, 0x1000}, {0xc0000, 0x8000},
        {0xe0000, 0x4000}, {0x100000, 0x100}, {0x130000, 0x100}, {0x140000, 0x4000},
        {0x44000, 0x500},  {0x5000, 0x200},   {0x101000, 0x100}, {0, 0x200000},
    };
    unsigned i = rnd(r, COUNT(part));

    return part[i].base + (rnd(r, part[i].size) & ~3u);
}

static void registers(struct hostile *h)
{
    for (unsigned n = 1 + rnd(&h->rng, 16); n--;) {
        uint32_t at = rnd(&h->rng, 2) ? some_register(&h->rng)
                                      : some_engine(&h->rng) + (rnd(&h->rng, 0x800) & ~3u);

        if (rnd(&h->rng, 4))
            bare_write(&h->v, at, some_value(&h->v, &h->rng));
        else
            (void)bare_read(&h->v, at);
    }
}

/* Bytes, words and misaligned ones. */
static void odd_widths(struct hostile *h)
{
    volatile uint8_t *at = h->v.bar0 + some_register(&h->rng);
    uint32_t value = some_value(&h->v, &h->rng);

    switch (rnd(&h->rng, 5)) {
    case 0:
        at[rnd(&h->rng, 4)] = (uint8_t)value;
        break;
    case 1:
        *(volatile uint16_t *)(at + rnd(&h->rng, 3)) = (uint16_t)value;
        break;
    case 2:
        *(volatile uint32_t *)(at + 1 + rnd(&h->rng, 3)) = value;
        break;
    case 3:
        *(volatile uint64_t *)at = (uint64_t)value << 32 | ~value;
        break;
    default:
        (void)*(volatile uint64_t *)(at + rnd(&h->rng, 4));
    }
}

static void entries(struct hostile *h)
{
    const struct bare *v = &h->v;
    uint32_t low = v->low_base / BARE_PAGE, lows = v->low_size / BARE_PAGE;
    uint32_t high = v->high_base / BARE_PAGE, highs = v->high_size / BARE_PAGE;

    for (unsigned n = 1 + rnd(&h->rng, 64); n--;) {
        uint32_t at = rnd(&h->rng, v->entries);

        if (rnd(&h->rng, 8))
            at = highs && rnd(&h->rng, 2) ? high + rnd(&h->rng, highs) : low + rnd(&h->rng, lows);
        bare_entry(&h->v, at, rnd(&h->rng, 4) ? some_entry(v, &h->rng) : 0);
    }
}

/* Back to where everything is, or nothing below would get far. */
static void start_again(struct hostile *h)
{
    bare_start(&h->v);
}

static void poke_table(const struct bare *v, struct rng *r)
{
    volatile uint64_t *table =
        (volatile uint64_t *)(void *)v->page[BARE_TABLE + rnd(r, BARE_TABLES)];

    table[rnd(r, rnd(r, 2) ? 8 : 512)] = rnd(r, 4) ? some_entry(v, r) : 0;
}

static void tables(struct hostile *h)
{
    static const uint32_t what[] = {PVINFO_PPGTT_L4_CREATE, PVINFO_PPGTT_L4_DESTROY,
                                    PVINFO_PPGTT_L3_CREATE, PVINFO_PPGTT_L3_DESTROY,
                                    PVINFO_CONTEXT_CREATE,  PVINFO_CONTEXT_DESTROY};
    uint64_t root = some_gfn(&h->v, &h->rng) << 12;

    for (unsigned n = rnd(&h->rng, 32); n--;)
        poke_table(&h->v, &h->rng);
    if (rnd(&h->rng, 3))
        root = h->v.gfn[BARE_TABLE + rnd(&h->rng, BARE_TABLES)] << 12;
    bare_notice(&h->v, rnd(&h->rng, 16) ? what[rnd(&h->rng, COUNT(what))] : rnd(&h->rng, 1000),
                rnd(&h->rng, 16) ? root : root | rnd(&h->rng, BARE_PAGE));
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
    unsigned n = 1 + rnd(r, 8);

    dw[0] = rnd(r, 16) ? head[rnd(r, COUNT(head))] : rnd(r, UINT32_MAX);
    if (!rnd(r, 8))
        dw[0] ^= 1u << rnd(r, 24);
    for (unsigned i = 1; i < n; i++)
        dw[i] = ~1u & (rnd(r, 4)   ? some_gma(v, r)
                       : rnd(r, 2) ? some_register(r)
                                   : some_value(v, r));
    return n;
}

static unsigned commands(const struct bare *v, struct rng *r, uint32_t *dw, unsigned room)
{
    unsigned n = 0;

    for (unsigned k = 1 + rnd(r, 24); k-- && n + 8 <= room;)
        n += command(v, r, dw + n);
    return n;
}

/* Root pointers stay crafted: a random one would make tables of this kernel's memory. */
static void forge_image(struct hostile *h)
{
    uint32_t *state = (uint32_t *)(void *)h->v.page[BARE_STATE];

    for (unsigned n = rnd(&h->rng, 6); n--;) {
        unsigned at = rnd(&h->rng, 0x60);

        if (at >= CTX_PDP_UDW(3) - 1 && at <= CTX_PDP_LDW(0)) {
            uint64_t root = some_gfn(&h->v, &h->rng) << 12;
            state[CTX_PDP_UDW(0)] = (uint32_t)(root >> 32);
            state[CTX_PDP_LDW(0)] = (uint32_t)root;
        } else {
            state[at] = some_value(&h->v, &h->rng);
        }
    }
}

static void submissions(struct hostile *h)
{
    uint32_t dw[256], engine = rnd(&h->rng, 3) ? 0x22000 : some_engine(&h->rng);
    unsigned n = commands(&h->v, &h->rng, dw, COUNT(dw));
    uint64_t desc = bare_descriptor(&h->v);

    commands(&h->v, &h->rng, (uint32_t *)(void *)h->v.page[BARE_BATCH], RING_DWORDS);
    bare_work(&h->v, dw, n);
    if (!h->v.gen8) {
        bare_ring(&h->v, engine, rnd(&h->rng, 8) ? 4 * ((n + 1) & ~1u) : rnd(&h->rng, BARE_PAGE));
        return;
    }
    if (!rnd(&h->rng, 3))
        forge_image(h);
    if (!rnd(&h->rng, 4))
        desc ^= 1ull << rnd(&h->rng, 64);
    bare_elsp(&h->v, engine, desc);
}

static void resets(struct hostile *h)
{
    bare_write(&h->v, 0x941c, rnd(&h->rng, 8) ? 1u << 3 : rnd(&h->rng, 0x20));
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

static void attack(struct hostile *h)
{
    static void (*const kinds[])(struct hostile * h) = {
        registers,   registers,   odd_widths,  entries,     tables,     tables,
        start_again, submissions, submissions, submissions, interrupts, resets,
    };

    kinds[rnd(&h->rng, COUNT(kinds))](h);
    h->attacks++;
}

/* ---- what changes meanwhile */

static void poke_page(const struct bare *v, struct rng *r)
{
    static const unsigned pages[] = {BARE_RING, BARE_BATCH, BARE_BATCH, BARE_STATUS, BARE_IMAGE};
    volatile uint32_t *page = (volatile uint32_t *)(void *)v->page[pages[rnd(r, COUNT(pages))]];
    uint32_t dw[8];
    unsigned n = command(v, r, dw), at = rnd(r, RING_DWORDS - 8);

    for (unsigned i = 0; i < n; i++)
        page[at + i] = dw[i];
}

static void *meanwhile(void *arg)
{
    struct hostile *h = arg;
    struct rng rng = {.state = 0x123456789abcdefull};
    const struct timespec pause = {.tv_nsec = 100000}; /* a rate: the first thread has work to do */

    while (!atomic_load(&h->stop)) {
        for (unsigned n = 16; n--;)
            poke_page(&h->v, &rng);
        poke_table(&h->v, &rng);
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
        memset(h->v.page[i], 0, BARE_PAGE);
    bare_write(&h->v, 0x941c, 1);
    bare_start(&h->v);
    return bare_behave(&h->v);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"seconds", 1, NULL, 's'}, {"seed", 1, NULL, 'r'}, {0}};
    static struct hostile h;
    double seconds = 60;
    uint64_t seed = 1;
    bool good, alive;
    int opt;

    while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (opt == 's')
            seconds = strtod(optarg, NULL);
        else if (opt == 'r')
            seed = strtoull(optarg, NULL, 0);
        else
            return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    h.rng.state = seed * 0x9e3779b97f4a7c15ull | 1;
    if (bare_set_up(&h.v)) {
        printf("VGT: hostile_error=%s\n", strerror(errno));
        return 2;
    }
    bare_start(&h.v);
    if (spend(&h, seconds))
        return 2;
    printf("VGT: hostile_attacks=%lu\n", h.attacks);
    good = repent(&h);
    alive = bare_alive(&h.v);
    printf("VGT: hostile_good=%d hostile_magic=%d\n", good, alive);
    bare_keep_pages();
    return good && alive ? 0 : 1;
}
