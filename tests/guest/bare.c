/* SPDX-License-Identifier: MIT */
/*
 * bare.c: as in bare.h. Generation by the PCI id; gen7's global entries are 4 bytes, in the upper
 * half of a BAR0 of 4 MiB, gen8's are 8 bytes in the upper half of 16 MiB.
 */
#include "tests/guest/bare.h"

#include "gen/cmds_gen8.h"
#include "gen/ctx_gen8.h"
#include "gen/pvinfo.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define DEV     "/sys/bus/pci/devices/0000:00:02.0"
#define BCS     0x22000u
#define LIMIT_S 60

uint32_t bare_read(const struct bare *b, uint32_t at)
{
    return *(volatile uint32_t *)(b->bar0 + at);
}

void bare_write(struct bare *b, uint32_t at, uint32_t value)
{
    *(volatile uint32_t *)(b->bar0 + at) = value;
}

void bare_write64(struct bare *b, uint32_t at, uint64_t value)
{
    *(volatile uint64_t *)(b->bar0 + at) = value;
}

static uint64_t gfn_of(const void *page)
{
    int fd = open("/proc/self/pagemap", O_RDONLY);
    uint64_t entry = 0;
    ssize_t n = pread(fd, &entry, 8, (off_t)((uintptr_t)page / BARE_PAGE * 8));

    close(fd);
    return n == 8 && entry >> 63 ? entry & ((1ull << 55) - 1) : 0;
}

uint32_t bare_gma(const struct bare *b, unsigned page)
{
    return b->low_base + page * BARE_PAGE;
}

/* Gen7 keeps address bits 38:32 in bits 10:4. */
uint64_t bare_pte(const struct bare *b, uint64_t gfn)
{
    uint64_t addr = gfn << 12;

    return b->gen8 ? addr | 1 : (addr & 0xfffff000u) | (addr >> 28 & 0x7f0) | 1;
}

void bare_entry(struct bare *b, uint32_t index, uint64_t value)
{
    if (b->gen8)
        bare_write64(b, b->gtt + 8 * index, value);
    else
        bare_write(b, b->gtt + 4 * index, (uint32_t)value);
}

static bool is_gen8(void)
{
    unsigned id = 0;
    FILE *f = fopen(DEV "/device", "r");

    if (f && fscanf(f, "%x", &id) != 1)
        id = 0;
    if (f)
        fclose(f);
    return (id & 0xff00) == 0x1600;
}

static int map(struct bare *b)
{
    size_t size = b->gen8 ? 16u << 20 : 4u << 20;
    int fd = open(DEV "/enable", O_WRONLY);

    if (fd < 0 || write(fd, "1", 1) != 1)
        return -1;
    close(fd);
    fd = open(DEV "/resource0", O_RDWR);
    if (fd < 0)
        return -1;
    b->bar0 = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    b->gtt = (uint32_t)size / 2;
    b->entries = b->gtt / (b->gen8 ? 8 : 4);
    return b->bar0 == MAP_FAILED ? -1 : 0;
}

int bare_set_up(struct bare *b)
{
    b->gen8 = is_gen8();
    if (map(b))
        return -1;
    for (unsigned i = 0; i < BARE_PAGES; i++) {
        b->page[i] = mmap(NULL, BARE_PAGE, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED | MAP_POPULATE, -1, 0);
        if (b->page[i] == MAP_FAILED)
            return -1;
        memset(b->page[i], 0, BARE_PAGE);
        b->gfn[i] = gfn_of(b->page[i]);
        if (!b->gfn[i])
            return -1;
    }
    b->low_base = bare_read(b, PVINFO_BASE + offsetof(struct pvinfo, low_base));
    b->low_size = bare_read(b, PVINFO_BASE + offsetof(struct pvinfo, low_size));
    b->high_base = bare_read(b, PVINFO_BASE + offsetof(struct pvinfo, high_base));
    b->high_size = bare_read(b, PVINFO_BASE + offsetof(struct pvinfo, high_size));
    errno = 0;
    return b->low_size ? 0 : -1;
}

void bare_start(struct bare *b)
{
    for (unsigned i = 0; i < BARE_PAGES; i++)
        bare_entry(b, b->low_base / BARE_PAGE + i, bare_pte(b, b->gfn[i]));
    bare_reset_blitter(b);
}

void bare_reset_blitter(struct bare *b)
{
    bare_write(b, 0x941c, 1u << 3);
    if (b->gen8) {
        bare_write(b, BCS + 0x29c, 0x80008000);
        bare_write(b, BCS + 0x80, bare_gma(b, BARE_STATUS));
    } else {
        bare_write(b, 0x4280, bare_gma(b, BARE_STATUS));
    }
}

void bare_notice(struct bare *b, uint32_t what, uint64_t root)
{
    bare_write(b, PVINFO_BASE + offsetof(struct pvinfo, pdp), (uint32_t)root);
    bare_write(b, PVINFO_BASE + offsetof(struct pvinfo, pdp) + 4, (uint32_t)(root >> 32));
    bare_write(b, PVINFO_BASE + offsetof(struct pvinfo, g2v_notify), what);
}

/* The register loads of a blitter context: Broadwell PRM vol. 7 "Logical ring context format". */
static void empty_state(uint32_t *state)
{
    static const uint16_t ring[] = {0x244, 0x34,  0x30,  0x38,  0x3c, 0x168,
                                    0x140, 0x110, 0x11c, 0x114, 0x118};
    static const uint16_t tables[] = {0x3a8, 0x28c, 0x288, 0x284, 0x280,
                                      0x27c, 0x278, 0x274, 0x270};

    memset(state, 0, BARE_PAGE);
    state[1] = MI_LRI | 1u << 12 | (2 * 11 - 1);
    for (unsigned i = 0; i < 11; i++)
        state[2 + 2 * i] = BCS + ring[i];
    state[0x21] = MI_LRI | 1u << 12 | (2 * 9 - 1);
    for (unsigned i = 0; i < 9; i++)
        state[0x22 + 2 * i] = BCS + tables[i];
}

void bare_work(struct bare *b, const uint32_t *dw, unsigned n)
{
    uint32_t *ring = (uint32_t *)(void *)b->page[BARE_RING];
    uint32_t *state = (uint32_t *)(void *)b->page[BARE_STATE];

    if (b->gen8) {
        memset(b->page[BARE_IMAGE], 0, BARE_PAGE);
        empty_state(state);
        state[CTX_CONTROL] = 0x00090009; /* restore inhibit, as in a fresh context */
        state[CTX_RING_TAIL] = 4 * ((n + 1) & ~1u);
        state[CTX_RING_START] = bare_gma(b, BARE_RING);
        state[CTX_RING_CTL] = 1;
        state[CTX_PDP_UDW(0)] = (uint32_t)(b->gfn[BARE_TABLE] >> 20);
        state[CTX_PDP_LDW(0)] = (uint32_t)(b->gfn[BARE_TABLE] << 12);
    }
    memset(ring, 0, BARE_PAGE);
    memcpy(ring, dw, 4 * n);
    __sync_synchronize();
}

uint64_t bare_descriptor(const struct bare *b)
{
    /* valid, legacy 64-bit mode, privileged; context id 0x77 */
    return 0x77ull << 32 | bare_gma(b, BARE_IMAGE) | 1u << 8 | CTX_LEGACY_64 << 3 | 1;
}

void bare_elsp(struct bare *b, uint32_t engine, uint64_t desc)
{
    bare_write(b, engine + 0x230, 0);
    bare_write(b, engine + 0x230, 0);
    bare_write(b, engine + 0x230, (uint32_t)(desc >> 32));
    bare_write(b, engine + 0x230, (uint32_t)desc);
}

void bare_ring(struct bare *b, uint32_t engine, uint32_t tail)
{
    bare_write(b, engine + 0x3c, 0);
    bare_write(b, engine + 0x34, 0);
    bare_write(b, engine + 0x30, 0);
    bare_write(b, engine + 0x38, bare_gma(b, BARE_RING));
    bare_write(b, engine + 0x3c, 1);
    bare_write(b, engine + 0x30, tail);
}

static bool wait_for(const volatile uint32_t *word, uint32_t value)
{
    struct timespec start, now;

    clock_gettime(CLOCK_MONOTONIC, &start);
    do {
        if (*word == value)
            return true;
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (now.tv_sec - start.tv_sec < LIMIT_S);
    return false;
}

bool bare_behave(struct bare *b)
{
    uint32_t word = bare_gma(b, BARE_TARGET) + 64;
    const uint32_t gen8[] = {MI_STORE_DATA_GGTT | 2, word, 0, 0x600d600d};
    const uint32_t gen7[] = {MI_STORE_DATA_GGTT | 2, 0, word, 0x600d600d};
    volatile uint32_t *at = (volatile uint32_t *)(void *)(b->page[BARE_TARGET] + 64);

    *at = 0;
    bare_reset_blitter(b);
    if (b->gen8)
        bare_notice(b, PVINFO_PPGTT_L4_CREATE, b->gfn[BARE_TABLE] << 12);
    bare_work(b, b->gen8 ? gen8 : gen7, 4);
    if (b->gen8)
        bare_elsp(b, BCS, bare_descriptor(b));
    else
        bare_ring(b, BCS, 16);
    return wait_for(at, 0x600d600d);
}

bool bare_alive(const struct bare *b)
{
    return *(volatile uint64_t *)(b->bar0 + PVINFO_BASE) == PVINFO_MAGIC;
}

void bare_keep_pages(void)
{
    if (fork() == 0)
        for (;;)
            pause();
}
