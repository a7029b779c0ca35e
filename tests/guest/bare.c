/* SPDX-License-Identifier: MIT */
/*
 * bare.c: as in bare.h, above the machine. Gen7's global entries are 4 bytes, in the upper half of
 * a BAR0 of 4 MiB, gen8's are 8 bytes in the upper half of 16 MiB.
 */
#include "tests/guest/bare.h"

#include "gen/cmds_gen8.h"
#include "gen/ctx_gen8.h"
#include "gen/pvinfo.h"

#include <stddef.h>
#include <string.h>
#include <time.h>

#define BCS     0x22000u
#define LIMIT_S 60

int bare_partition(struct bare *b)
{
    b->gtt = b->gen8 ? 8u << 20 : 2u << 20;
    b->entries = b->gtt / (b->gen8 ? 8 : 4);
    b->low_base = bare_read(b, PVINFO_BASE + offsetof(struct pvinfo, low_base));
    b->low_size = bare_read(b, PVINFO_BASE + offsetof(struct pvinfo, low_size));
    b->high_base = bare_read(b, PVINFO_BASE + offsetof(struct pvinfo, high_base));
    b->high_size = bare_read(b, PVINFO_BASE + offsetof(struct pvinfo, high_size));
    return b->low_size ? 0 : -1;
}

uint32_t bare_read(const struct bare *b, uint32_t at)
{
    return (uint32_t)bare_load(b, at, 4);
}

void bare_write(const struct bare *b, uint32_t at, uint32_t value)
{
    bare_store(b, at, 4, value);
}

void bare_put32(const struct bare *b, unsigned page, unsigned index, uint32_t value)
{
    bare_put(b, page, 4 * index, &value, 4);
}

void bare_put64(const struct bare *b, unsigned page, unsigned index, uint64_t value)
{
    bare_put(b, page, 8 * index, &value, 8);
}

void bare_fill(const struct bare *b, unsigned page, uint8_t byte)
{
    uint8_t bytes[BARE_PAGE];

    memset(bytes, byte, sizeof(bytes));
    bare_put(b, page, 0, bytes, sizeof(bytes));
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

void bare_entry(const struct bare *b, uint32_t index, uint64_t value)
{
    unsigned size = b->gen8 ? 8 : 4;

    bare_store(b, b->gtt + size * index, size, value);
}

void bare_start(const struct bare *b)
{
    for (unsigned i = 0; i < BARE_PAGES; i++)
        bare_entry(b, b->low_base / BARE_PAGE + i, bare_pte(b, b->gfn[i]));
    bare_reset_blitter(b);
}

void bare_reset_blitter(const struct bare *b)
{
    bare_write(b, 0x941c, 1u << 3);
    if (b->gen8) {
        bare_write(b, BCS + 0x29c, 0x80008000);
        bare_write(b, BCS + 0x80, bare_gma(b, BARE_STATUS));
    } else {
        bare_write(b, 0x4280, bare_gma(b, BARE_STATUS));
    }
}

void bare_notice(const struct bare *b, uint32_t what, uint64_t root)
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

void bare_work(const struct bare *b, const uint32_t *dw, unsigned n)
{
    uint32_t state[BARE_PAGE / 4], ring[BARE_PAGE / 4] = {0};

    if (b->gen8) {
        bare_fill(b, BARE_IMAGE, 0);
        empty_state(state);
        state[CTX_CONTROL] = 0x00090009; /* restore inhibit, as in a fresh context */
        state[CTX_RING_TAIL] = 4 * ((n + 1) & ~1u);
        state[CTX_RING_START] = bare_gma(b, BARE_RING);
        state[CTX_RING_CTL] = 1;
        state[CTX_PDP_UDW(0)] = (uint32_t)(b->gfn[BARE_TABLE] >> 20);
        state[CTX_PDP_LDW(0)] = (uint32_t)(b->gfn[BARE_TABLE] << 12);
        bare_put(b, BARE_STATE, 0, state, sizeof(state));
    }
    memcpy(ring, dw, 4 * n);
    bare_put(b, BARE_RING, 0, ring, sizeof(ring));
    __sync_synchronize();
}

uint64_t bare_descriptor(const struct bare *b)
{
    /* valid, legacy 64-bit mode, privileged; context id 0x77 */
    return 0x77ull << 32 | bare_gma(b, BARE_IMAGE) | 1u << 8 | CTX_LEGACY_64 << 3 | 1;
}

void bare_elsp(const struct bare *b, uint32_t engine, uint64_t desc)
{
    bare_write(b, engine + 0x230, 0);
    bare_write(b, engine + 0x230, 0);
    bare_write(b, engine + 0x230, (uint32_t)(desc >> 32));
    bare_write(b, engine + 0x230, (uint32_t)desc);
}

void bare_ring(const struct bare *b, uint32_t engine, uint32_t tail)
{
    bare_write(b, engine + 0x3c, 0);
    bare_write(b, engine + 0x34, 0);
    bare_write(b, engine + 0x30, 0);
    bare_write(b, engine + 0x38, bare_gma(b, BARE_RING));
    bare_write(b, engine + 0x3c, 1);
    bare_write(b, engine + 0x30, tail);
}

/* The word that honest work writes. */
static bool wait_for(const struct bare *b, uint32_t value)
{
    struct timespec start, now;

    clock_gettime(CLOCK_MONOTONIC, &start);
    do {
        if (bare_get(b, BARE_TARGET, 64) == value)
            return true;
        bare_relax(b);
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (now.tv_sec - start.tv_sec < LIMIT_S);
    return false;
}

bool bare_behave(const struct bare *b)
{
    uint32_t word = bare_gma(b, BARE_TARGET) + 64;
    const uint32_t gen8[] = {MI_STORE_DATA_GGTT | 2, word, 0, 0x600d600d};
    const uint32_t gen7[] = {MI_STORE_DATA_GGTT | 2, 0, word, 0x600d600d};

    bare_put32(b, BARE_TARGET, 16, 0);
    bare_reset_blitter(b);
    if (b->gen8)
        bare_notice(b, PVINFO_PPGTT_L4_CREATE, b->gfn[BARE_TABLE] << 12);
    bare_work(b, b->gen8 ? gen8 : gen7, 4);
    if (b->gen8)
        bare_elsp(b, BCS, bare_descriptor(b));
    else
        bare_ring(b, BCS, 16);
    return wait_for(b, 0x600d600d);
}

bool bare_alive(const struct bare *b)
{
    return bare_load(b, PVINFO_BASE, 8) == PVINFO_MAGIC;
}
