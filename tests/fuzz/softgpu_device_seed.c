/* SPDX-License-Identifier: MIT */
/*
 * softgpu_device_seed.c: inputs that reach deep at once, in the language of softgpu_device_fuzz.h:
 * for each engine of each model all commands it knows in twos and threes with operands that mean
 * something, a batch entered from the ring, two contexts, every kind of reset and fault, pipes in
 * all formats, and the rest once. The fuzzer mutates and crosses them. Pure functions.
 */
#include "tests/fuzz/softgpu_device_fuzz.h"

#include <stdbool.h>
#include <string.h>

#define ENGINES  5u
#define PIPES    3u
#define SPREAD   8u /* rings that share the opcodes of a kind */
#define PER_RING 16u
#define BLITS    48u
#define FAULTS   10u

struct seed {
    uint8_t *buf;
    size_t len;
};

static void put(struct seed *s, const uint8_t *bytes, size_t n)
{
    if (s->len + n > FUZZ_SEED_MAX)
        return;
    memcpy(s->buf + s->len, bytes, n);
    s->len += n;
}
#define PUT(s, ...)                                                                                \
    do {                                                                                           \
        const uint8_t b_[] = {__VA_ARGS__};                                                        \
        put((s), b_, sizeof(b_));                                                                  \
    } while (0)

/* Operands for any command: pages with memory, small numbers, registers, points. */
static void operands(struct seed *s, unsigned n, unsigned salt)
{
    for (unsigned i = 0; i < n; i++) {
        uint8_t k = (uint8_t)(salt * 7 + i * 3);

        switch ((salt + i) % 4) {
        case 0:
            PUT(s, WORD_PAGE, (uint8_t)(50 + k % 40), k);
            break;
        case 1:
            PUT(s, WORD_ZERO);
            break;
        case 2:
            PUT(s, WORD_POINT, 8, (uint8_t)(k & 15));
            break;
        default:
            PUT(s, WORD_REGISTER, k, (uint8_t)(k >> 1));
        }
    }
}

/* MI commands after which nothing more of the ring runs for a while, or at all: the seeds of
 * batches and contexts have them. */
static bool stops(unsigned op)
{
    return op == 0x03 || op == 0x0a || op == 0x16 || op == 0x1c || op == 0x31;
}

/* A ring of the opcodes first, first + SPREAD and so on. */
static void opcodes(struct seed *s, unsigned engine, unsigned kind, unsigned first)
{
    PUT(s, STEP_RING, (uint8_t)engine, PER_RING);
    for (unsigned i = 0; i < PER_RING; i++) {
        uint8_t op = (uint8_t)(first + i * SPREAD);

        if (kind == COMMAND_MI)
            PUT(s, COMMAND_MI, stops(op & 63) ? 0 : op & 63, (uint8_t)(i & 64), (uint8_t)i);
        else
            PUT(s, (uint8_t)kind, op, (uint8_t)(kind == COMMAND_BLT ? 0xc0 | i : first));
        operands(s, 5, first + i);
    }
    PUT(s, STEP_WORK, (uint8_t)engine, STEP_RESET, 7 | 1 << 3);
}

/* MI_BATCH_BUFFER_START from the ring to the engine's batch of the same commands. */
static void batch(struct seed *s, unsigned engine, unsigned first)
{
    PUT(s, STEP_BATCH, (uint8_t)engine, PER_RING);
    for (unsigned i = 0; i < PER_RING; i++) {
        PUT(s, COMMAND_MI, (uint8_t)((first + i * 3) & 63), 0, 0);
        operands(s, 4, i);
    }
    PUT(s, STEP_RING, (uint8_t)engine, 1, COMMAND_MI, 0x31, 0x20, 1, WORD_PAGE,
        (uint8_t)(8 + 8 * engine), 0, WORD_ZERO);
    PUT(s, STEP_WORK, (uint8_t)engine, STEP_RESET, 7 | 1 << 3);
}

/* XY_SRC_COPY and the like with operands that fit: pitch, corners, base. */
static void blit(struct seed *s, unsigned op)
{
    PUT(s, STEP_RING, 1, 2);
    for (unsigned i = 0; i < 2; i++) {
        PUT(s, COMMAND_BLT, (uint8_t)op, (uint8_t)(0xc0 | i));
        PUT(s, WORD_RAW, 3, 0xcc, 2, 0, WORD_POINT, 1, 1, WORD_POINT, 9, 30);
        PUT(s, WORD_PAGE, 60, 0, WORD_ZERO, WORD_ZERO, WORD_SHORT, 2, 0, WORD_PAGE, 70, 0,
            WORD_ZERO);
        operands(s, 6, op);
    }
    PUT(s, STEP_WORK, 1);
}

static void two_contexts(struct seed *s, unsigned engine)
{
    for (unsigned ring = 0; ring < 2; ring++)
        PUT(s, STEP_RING, (uint8_t)(engine | ring << 2), 3, COMMAND_MI, 0x08, 0, 1, COMMAND_MI,
            0x1c, 0, 0x90, WORD_BYTE, 1, WORD_PAGE, 51, 0, WORD_ZERO, COMMAND_MI, 0x20, 0x40, 0,
            WORD_ZERO, WORD_PAGE, 52, 1, WORD_BYTE, 5);
    PUT(s, STEP_WORK, (uint8_t)engine, STEP_FILL, 51, 0, 0, 0, 1, STEP_WORK, (uint8_t)engine);
    PUT(s, STEP_IMAGE, (uint8_t)(engine | 8), 0, 4, WORD_RAW, 1, 2, 3, 4);
    PUT(s, STEP_ELSP, (uint8_t)engine, WORD_ZERO, WORD_ZERO, WORD_BYTE, 1, WORD_PAGE, 2, 0x23);
}

static void faults(struct seed *s, unsigned kind)
{
    PUT(s, STEP_FAULT, (uint8_t)kind, 4, 2);
    two_contexts(s, kind % ENGINES);
    PUT(s, STEP_RESET, (uint8_t)(7 | 8 << (kind % 5)), STEP_RESET, 3, STEP_REGISTER, 11, 0,
        WORD_RAW, 0, 1, 0, 1);
    PUT(s, STEP_CONTROL, 12, STEP_CONTROL, 13);
}

static void pipe(struct seed *s, unsigned pipe, unsigned format)
{
    PUT(s, STEP_PIPE, (uint8_t)pipe, 0xfe, 63, 31, 4, 0, 0, 0, 0, (uint8_t)format, 60, 0x27, 0, 5,
        0, 5, 80);
    for (unsigned i = 0; i < 6; i++)
        PUT(s, STEP_TICK, STEP_WORK, 0);
    PUT(s, STEP_CONTROL, 0, STEP_CONTROL, (uint8_t)(8 + pipe));
}

/* Regions, interrupts, memory that goes, owners. */
static void others(struct seed *s)
{
    PUT(s, STEP_APERTURE, 1, 0x20, 0, 0, 0x30, 0, STEP_APERTURE, 0, 0x20, 0, 0, 0x30, 0);
    PUT(s, STEP_CONFIG, 4, 6, 4, 0, 0, 3, STEP_CONFIG, 0x92, 1, 0, 0, 0, 1);
    PUT(s, STEP_IRQ, 1, STEP_IRQ, 7, STEP_IRQ, 12, STEP_IRQ, 6, STEP_IRQ, 2);
    PUT(s, STEP_ANY, 0x3d, 0, 0, 0, 0, 0, 0, 0x20, 0x30, STEP_ANY, 0x3e, 0, 0, 0, 4, 1, 2, 3, 4);
    PUT(s, STEP_GTT, 0, 9, 8, 60, 1, STEP_GTT, 0, 3, 12, 44, 0);
    for (uint8_t i = 2; i < 7; i++)
        PUT(s, STEP_CONTROL, i);
    two_contexts(s, 0);
    /* a file that is cut to one page, and the aperture over all four from page 128 on */
    PUT(s, STEP_DMA, 0x84, 0, 0, 0, 0, STEP_APERTURE, 1, 0x1f, 0xff, 0x08, 0, 0, STEP_APERTURE, 0,
        0x1f, 0xff, 0x08, 0x10, 0);
    PUT(s, STEP_DMA, 3, STEP_DMA, 1, 0, 0, 0x40, 0, STEP_DMA, 2, 0, 0, 0, 0, STEP_CONTROL, 1);
    PUT(s, STEP_TABLE, 3, 0, 60, WORD_ZERO, STEP_RESET, 1, STEP_RESET, 4, STEP_RESET, 10);
}

/* Fences: a register pair and an access through it. */
static void fence(struct seed *s, unsigned n)
{
    PUT(s, STEP_REGISTER, 26, (uint8_t)(2 * n), WORD_RAW, 0, 0, 0, (uint8_t)(1 | (n & 2)));
    PUT(s, STEP_REGISTER, 26, (uint8_t)(2 * n + 1), WORD_RAW, 0, 5, 0, 3);
    PUT(s, STEP_REGISTER, 27, 0, WORD_BYTE, 1, STEP_RESET, 13);
    PUT(s, STEP_APERTURE, 1, 0x20, 0, 0, 0, 9, STEP_APERTURE, 0, 0x20, 0, 0, 0, 9);
}

static void all_opcodes(struct seed *s, unsigned n)
{
    for (unsigned first = 0; first < SPREAD; first++)
        opcodes(s, n % ENGINES, n / ENGINES, first);
}

static void batches(struct seed *s, unsigned engine)
{
    for (unsigned first = 0; first < 3; first++)
        batch(s, engine, first);
}

/* 0x40 to 0x59 and 0x71 to 0x86: with those beside that do not exist. */
static void blits(struct seed *s, unsigned n)
{
    for (unsigned op = n * 8; op < n * 8 + 8; op++)
        blit(s, op < 0x1a ? 0x40 + op : 0x57 + op);
}

static void pipes(struct seed *s, unsigned which)
{
    for (unsigned format = 0; format < 16; format++)
        pipe(s, which, format * 4);
}

static void fences(struct seed *s, unsigned n)
{
    (void)n;
    for (unsigned i = 0; i < 4; i++)
        fence(s, i);
    others(s);
}

/* All registers of one place with all bits and with none, twice: the second time some wait for the
 * end of what the first began. */
static void registers(struct seed *s, unsigned place)
{
    for (unsigned i = 0; i < 128; i++)
        PUT(s, STEP_REGISTER, (uint8_t)place, (uint8_t)(i / 2), WORD_RAW, i & 1 ? 0xff : 0x80,
            i & 1 ? 0xff : 0, i & 1 ? 0xff : 0, i & 1 ? 0xff : (uint8_t)(i / 8));
}

/* An EDID over GMBUS as a driver reads it, with an index and in pieces; a mailbox of the PCU. */
static void edid(struct seed *s, unsigned n)
{
    (void)n;
    PUT(s, STEP_REGISTER, 24, 0, WORD_BYTE, 5);
    PUT(s, STEP_REGISTER, 24, 1, WORD_RAW, 0x46, 128, 0, 0xa1);
    for (unsigned i = 0; i < 40; i++)
        PUT(s, STEP_REGISTER, 24, (uint8_t)(i % 4 ? 3 : 2), WORD_ZERO);
    PUT(s, STEP_REGISTER, 24, 1, WORD_RAW, 0x48, 0, 0, 0);
    PUT(s, STEP_REGISTER, 24, 3, WORD_RAW, 1, 2, 3, 4);
    PUT(s, STEP_REGISTER, 24, 1, WORD_RAW, 0x4a, 4, 0, 0xa0);
    for (uint8_t i = 0; i < 32; i++)
        PUT(s, STEP_REGISTER, 29, 1, WORD_RAW, 0x80, 0, 0, i);
}

/* MI_MATH: two loads, an operation, two stores, for every operation; then every MI_ATOMIC, and
 * MI_PREDICATE in its combinations. */
static void alu(struct seed *s, unsigned engine)
{
    PUT(s, STEP_RING, (uint8_t)engine, 5);
    for (unsigned i = 0; i < 5; i++) {
        PUT(s, COMMAND_MI | 4 << 2, 0x1a, 0, 0, WORD_RAW, 0x08, 0, 0x80, (uint8_t)i);
        PUT(s, WORD_RAW, 0x08, 0, 0x84, 1, WORD_RAW, 0x10, (uint8_t)(i << 4), 0, 0);
        PUT(s, WORD_RAW, 0x18, 0, 8, 0x31, WORD_RAW, 0x18, 0, 12, 0x32, WORD_ZERO);
    }
    PUT(s, STEP_WORK, (uint8_t)engine, STEP_RESET, 7 | 1 << 3);
    for (unsigned op = 0; op < 64; op++) {
        if (op % 16 == 0)
            PUT(s, STEP_RING, (uint8_t)engine, 16);
        PUT(s, COMMAND_MI, 0x2f, (uint8_t)((op & 32) >> 2), (uint8_t)op, WORD_PAGE, 55, (uint8_t)op,
            WORD_ZERO);
        if (op % 16 == 15)
            PUT(s, STEP_WORK, (uint8_t)engine, STEP_RESET, 7 | 1 << 3);
    }
    PUT(s, STEP_RING, (uint8_t)engine, 16);
    for (unsigned i = 0; i < 16; i++)
        PUT(s, COMMAND_RAW | 0xc0, 0x06, 0, 0, (uint8_t)(0x80 | i << 3 | (i & 3)));
    PUT(s, STEP_WORK, (uint8_t)engine, STEP_RESET, 7 | 1 << 3);
}

static const struct {
    unsigned count;
    void (*make)(struct seed *s, unsigned n);
} groups[] = {
    {3 * ENGINES, all_opcodes},
    {ENGINES, batches},
    {BLITS / 8, blits},
    {ENGINES, two_contexts},
    {FAULTS, faults},
    {PIPES, pipes},
    {1, fences},
    {32, registers},
    {1, edid},
    {ENGINES, alu},
};

/* The n-th of one model; false behind the last. */
static bool build(struct seed *s, unsigned n)
{
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        if (n < groups[i].count) {
            groups[i].make(s, n);
            return true;
        }
        n -= groups[i].count;
    }
    return false;
}

size_t fuzz_seed(unsigned n, uint8_t *buf)
{
    struct seed s = {buf, 0};

    PUT(&s, n & 1);
    return build(&s, n / 2) ? s.len : 0;
}
