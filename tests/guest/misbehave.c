/* SPDX-License-Identifier: MIT */
/*
 * misbehave.c: a guest without a driver that does to its virtual GPU what a hostile one would:
 * accesses of impossible width and place, GTT entries outside its part and its memory, page-table
 * notices without sense, descriptors, contexts and commands that must never run. Then it behaves
 * once and expects to be served. Prints "VGT: misbehave_KEY=VALUE" lines; ends with 0 when the
 * device outlived all.
 */
#include "gen/cmds_gen8.h"
#include "gen/ctx_gen8.h"
#include "gen/pvinfo.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define DEV       "/sys/bus/pci/devices/0000:00:02.0"
#define BAR0_SIZE (16u << 20)
#define GTT       (8u << 20)
#define BCS       0x22000u
#define PAGE      4096u
#define LIMIT_S   60

/* Pages of ours, in the order they stand in the GGTT from low_base on. */
enum { IMAGE, IMAGE_STATE, RING, STATUS, TARGET, BATCH, PML4, PAGES };

struct bad {
    volatile uint8_t *bar0;
    uint8_t *page[PAGES];
    uint64_t gfn[PAGES];
    uint32_t low_base, low_size, high_base, high_size;
    unsigned offences;
};

static uint32_t r32(struct bad *b, uint32_t at)
{
    return *(volatile uint32_t *)(b->bar0 + at);
}

static void w32(struct bad *b, uint32_t at, uint32_t value)
{
    *(volatile uint32_t *)(b->bar0 + at) = value;
}

static void w64(struct bad *b, uint32_t at, uint64_t value)
{
    *(volatile uint64_t *)(b->bar0 + at) = value;
}

static uint64_t gfn_of(const void *page)
{
    int fd = open("/proc/self/pagemap", O_RDONLY);
    uint64_t entry = 0;
    ssize_t n = pread(fd, &entry, 8, (uintptr_t)page / PAGE * 8);

    close(fd);
    return n == 8 && entry >> 63 ? entry & ((1ull << 55) - 1) : 0;
}

static uint32_t gma(const struct bad *b, unsigned page)
{
    return b->low_base + page * PAGE;
}

static void set_entry(struct bad *b, uint32_t index, uint64_t value)
{
    w64(b, GTT + 8 * index, value);
}

static int set_up(struct bad *b)
{
    int fd = open(DEV "/enable", O_WRONLY);

    if (fd < 0 || write(fd, "1", 1) != 1)
        return -1;
    close(fd);
    fd = open(DEV "/resource0", O_RDWR);
    b->bar0 = mmap(NULL, BAR0_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd < 0 || b->bar0 == MAP_FAILED)
        return -1;
    for (unsigned i = 0; i < PAGES; i++) {
        b->page[i] = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED | MAP_POPULATE, -1, 0);
        memset(b->page[i], 0, PAGE);
        b->gfn[i] = gfn_of(b->page[i]);
        if (!b->gfn[i])
            return -1;
    }
    b->low_base = r32(b, PVINFO_BASE + offsetof(struct pvinfo, low_base));
    b->low_size = r32(b, PVINFO_BASE + offsetof(struct pvinfo, low_size));
    b->high_base = r32(b, PVINFO_BASE + offsetof(struct pvinfo, high_base));
    b->high_size = r32(b, PVINFO_BASE + offsetof(struct pvinfo, high_size));
    return b->low_size ? 0 : -1;
}

/* ---- registers */

static void odd_accesses(struct bad *b)
{
    *(b->bar0 + BCS + 0x230) = 1;                          /* a byte of the submission port */
    *(volatile uint16_t *)(b->bar0 + BCS + 0x232) = 7;     /* two bytes of it */
    *(volatile uint64_t *)(b->bar0 + BCS + 0x231) = ~0ull; /* across two dwords, misaligned */
    *(volatile uint32_t *)(b->bar0 + 0x4421e) = 0xffffffff;
    (void)*(volatile uint64_t *)(b->bar0 + 0x78003);
    w32(b, 0x1ffff8, 0xdeadbeef);  /* a register nobody knows */
    w32(b, PVINFO_BASE + 0x40, 0); /* our own partition, made larger */
    w32(b, PVINFO_BASE + 0x44, 0xffffffff);
    w32(b, 0x400000, 0x1234); /* between registers and GTT */
    w32(b, 0x2030, 0x40);     /* ring mode */
    w32(b, 0x203c, 0x1001);
    b->offences += 10;
}

static void bad_entries(struct bad *b)
{
    uint64_t ours = b->gfn[TARGET] << 12 | 1;

    set_entry(b, 0, ours); /* of the first three nobody hears, but no harm may come of them */
    set_entry(b, (b->low_base + b->low_size) / PAGE, ours);
    set_entry(b, (1u << 20) - 1, ours);                     /* the last one there is: the host's */
    set_entry(b, b->low_base / PAGE + PAGES, 0x7ffffff001); /* no memory there */
    set_entry(b, b->low_base / PAGE + PAGES, 0xfffff00000001000ull | 1); /* no such address */
    w32(b, GTT + 8 * (b->low_base / PAGE + PAGES) + 6, 0xffffffff);      /* across two entries */
    set_entry(b, b->low_base / PAGE + PAGES, 0);
    set_entry(b, b->low_base / PAGE + PAGES + 1, 0);
    b->offences += 6;
}

static void notice(struct bad *b, uint32_t what, uint64_t root)
{
    w32(b, PVINFO_BASE + offsetof(struct pvinfo, pdp), (uint32_t)root);
    w32(b, PVINFO_BASE + offsetof(struct pvinfo, pdp) + 4, (uint32_t)(root >> 32));
    w32(b, PVINFO_BASE + offsetof(struct pvinfo, g2v_notify), what);
}

/* A table that names itself, one without memory, notices that do not exist. */
static void bad_tables(struct bad *b)
{
    uint64_t *pml4 = (uint64_t *)b->page[PML4];

    notice(b, 99, 0);
    notice(b, PVINFO_PPGTT_L4_CREATE, 0x7ffffff000);
    notice(b, PVINFO_PPGTT_L4_DESTROY, 0x123000);
    pml4[0] = b->gfn[PML4] << 12 | 3;
    pml4[1] = 0x7ffffff003;
    pml4[2] = ~0ull;
    notice(b, PVINFO_PPGTT_L4_CREATE, b->gfn[PML4] << 12);
    pml4[3] = b->gfn[PML4] << 12 | 3; /* trapped by now */
    notice(b, PVINFO_PPGTT_L4_DESTROY, b->gfn[PML4] << 12);
    memset(pml4, 0, PAGE);
    b->offences += 6;
}

/* ---- submissions */

static void submit(struct bad *b, uint64_t desc)
{
    w32(b, BCS + 0x230, 0);
    w32(b, BCS + 0x230, 0);
    w32(b, BCS + 0x230, (uint32_t)(desc >> 32));
    w32(b, BCS + 0x230, (uint32_t)desc);
}

/* The blitter of our virtual GPU starts over: whatever hung on it is gone. */
static void reset_engine(struct bad *b)
{
    w32(b, 0x941c, 1u << 3);
    w32(b, BCS + 0x29c, 0x80008000);
    w32(b, BCS + 0x80, gma(b, STATUS));
}

static uint64_t descriptor(const struct bad *b)
{
    /* valid, legacy 64-bit mode, privileged; context id 0x77 */
    return 0x77ull << 32 | gma(b, IMAGE) | 1u << 8 | CTX_LEGACY_64 << 3 | 1;
}

/* The register loads of a blitter context: Broadwell PRM vol. 7 "Logical ring context format". */
static void empty_state(uint32_t *state)
{
    static const uint16_t ring[] = {0x244, 0x34,  0x30,  0x38,  0x3c, 0x168,
                                    0x140, 0x110, 0x11c, 0x114, 0x118};
    static const uint16_t tables[] = {0x3a8, 0x28c, 0x288, 0x284, 0x280,
                                      0x27c, 0x278, 0x274, 0x270};

    memset(state, 0, PAGE);
    state[1] = MI_LRI | 1u << 12 | (2 * 11 - 1);
    for (unsigned i = 0; i < 11; i++)
        state[2 + 2 * i] = BCS + ring[i];
    state[0x21] = MI_LRI | 1u << 12 | (2 * 9 - 1);
    for (unsigned i = 0; i < 9; i++)
        state[0x22 + 2 * i] = BCS + tables[i];
}

/* A context whose ring holds these dwords. */
static void make_context(struct bad *b, const uint32_t *dw, unsigned n)
{
    uint32_t *ring = (uint32_t *)b->page[RING], *state = (uint32_t *)b->page[IMAGE_STATE];

    memset(b->page[IMAGE], 0, PAGE);
    empty_state(state);
    state[CTX_CONTROL] = 0x00090009; /* restore inhibit, as in a fresh context */
    state[CTX_RING_TAIL] = 4 * ((n + 1) & ~1u);
    state[CTX_RING_START] = gma(b, RING);
    state[CTX_RING_CTL] = 1;
    state[CTX_PDP_UDW(0)] = (uint32_t)(b->gfn[PML4] >> 20);
    state[CTX_PDP_LDW(0)] = (uint32_t)(b->gfn[PML4] << 12);
    memset(ring, 0, PAGE);
    memcpy(ring, dw, 4 * n);
    __sync_synchronize();
}

static void bad_descriptors(struct bad *b)
{
    const uint64_t desc[] = {
        0,                                             /* not valid */
        descriptor(b) & ~0xfffff000ull,                /* LRCA 0 */
        (descriptor(b) & ~0xfffff000ull) | 0xfffff000, /* the host's */
        descriptor(b) | 0x7f0,                         /* every odd bit */
        (descriptor(b) & ~(3ull << 3)) | 2ull << 3,    /* an advanced mode */
        ~0ull,
    };
    uint32_t nothing[2] = {0};

    make_context(b, nothing, 2);
    for (size_t i = 0; i < sizeof(desc) / sizeof(desc[0]); i++) {
        submit(b, desc[i]);
        reset_engine(b);
        b->offences++;
    }
    ((uint32_t *)b->page[IMAGE_STATE])[CTX_RING_START] = 0xfffff000; /* somebody else's ring */
    submit(b, descriptor(b));
    reset_engine(b);
    memset(b->page[IMAGE_STATE], 0xff, PAGE); /* no image at all */
    submit(b, descriptor(b));
    reset_engine(b);
    b->offences += 2;
}

static void bad_commands(struct bad *b)
{
    const uint32_t rings[][6] = {
        {0x7fffffff},                                   /* no command */
        {MI_STORE_DATA_GGTT | 2, 0xfffff000, 0, 0xbad}, /* the host's share */
        {MI_STORE_DATA_GGTT | 2, 0x00000000, 0, 0xbad}, /* nobody's */
        {MI_LRI | 1, BCS + 0x80, 0},                    /* the status page's address */
        {MI_LRI | 1, 0x4260, 1},                        /* TLB of another engine */
        {MI_LRI | 1, BCS + 0x230, 1},                   /* the submission port itself */
        {0x11800001, 0x1000, 0x1},                      /* MI_UPDATE_GTT, roughly */
        {MI_BB_START, 0xfffff000, 0},                   /* a privileged batch of the host's */
        {MI_BB_START, gma(b, BATCH), 0},                /* one of ours, with nonsense in it */
        {MI_BB_END},                                    /* an end of nothing */
        {0x541000ff, 0, 0, 0, 0, 0},                    /* a blit longer than the ring */
    };

    memset(b->page[BATCH], 0xff, PAGE);
    for (size_t i = 0; i < sizeof(rings) / sizeof(rings[0]); i++) {
        make_context(b, rings[i], 6);
        submit(b, descriptor(b));
        reset_engine(b);
        b->offences++;
    }
}

static int wait_for(const volatile uint32_t *word, uint32_t value)
{
    struct timespec start, now;

    clock_gettime(CLOCK_MONOTONIC, &start);
    do {
        if (*word == value)
            return 0;
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (now.tv_sec - start.tv_sec < LIMIT_S);
    return -1;
}

/* An honest context writes a word of ours. */
static int behave(struct bad *b)
{
    const uint32_t ring[] = {MI_STORE_DATA_GGTT | 2, gma(b, TARGET) + 64, 0, 0x600d600d};

    reset_engine(b);
    notice(b, PVINFO_PPGTT_L4_CREATE, b->gfn[PML4] << 12);
    make_context(b, ring, 4);
    submit(b, descriptor(b));
    return wait_for((volatile uint32_t *)(b->page[TARGET] + 64), 0x600d600d);
}

int main(void)
{
    struct bad b = {0};
    uint64_t magic;
    int good;

    if (set_up(&b)) {
        printf("VGT: misbehave_error=%s\n", strerror(errno));
        return 2;
    }
    for (unsigned i = 0; i < PAGES; i++)
        set_entry(&b, b.low_base / PAGE + i, b.gfn[i] << 12 | 1);
    reset_engine(&b);
    odd_accesses(&b);
    bad_entries(&b);
    bad_tables(&b);
    bad_descriptors(&b);
    bad_commands(&b);
    printf("VGT: misbehave_offences=%u\n", b.offences);
    good = behave(&b);
    printf("VGT: misbehave_good=%d\n", good == 0);
    magic = *(volatile uint64_t *)(b.bar0 + PVINFO_BASE);
    printf("VGT: misbehave_magic=%d\n", magic == PVINFO_MAGIC);
    return good == 0 && magic == PVINFO_MAGIC ? 0 : 1;
}
