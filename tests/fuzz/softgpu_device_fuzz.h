/* SPDX-License-Identifier: MIT */
/*
 * softgpu_device_fuzz.h: what softgpu_device_fuzz.c understands, for softgpu_device_seed.c, which
 * writes inputs in it. An input is a byte that chooses the model and then steps: a byte of these,
 * modulo their number, and its operands; what is missing at the end reads as zeros.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum fuzz_step {
    STEP_REGISTER, /* a known register: place, value */
    STEP_ANY,      /* any offset and width of any BAR, read or written */
    STEP_GTT,
    STEP_APERTURE,
    STEP_CONFIG,
    STEP_RING,  /* engine and ring, number of commands, commands; handed to the engine */
    STEP_BATCH, /* engine, number of commands, commands */
    STEP_TABLE, /* a word of a page table */
    STEP_IMAGE, /* a word of a context image */
    STEP_ELSP,  /* a raw list, or a raw write of the ring's registers */
    STEP_FAULT,
    STEP_RESET,
    STEP_PIPE, /* pipe, format and so on */
    STEP_TICK,
    STEP_CONTROL, /* a line for the control socket */
    STEP_DMA,
    STEP_IRQ,
    STEP_WORK, /* let the engine work: engine */
    STEP_FILL, /* a page: which, bytes */
    FUZZ_STEPS
};

/* Kinds of commands, and what their operands are made from (low three bits of a byte). */
enum { COMMAND_MI, COMMAND_BLT, COMMAND_3D, COMMAND_RAW };
enum {
    WORD_ZERO,
    WORD_BYTE,
    WORD_PAGE, /* page number, offset / 8 */
    WORD_REGISTER,
    WORD_SPACE, /* far in a per-process space */
    WORD_RAW,
    WORD_POINT, /* y, x */
    WORD_SHORT,
};

/* Writes input number n to buf, which has FUZZ_SEED_MAX bytes; its length, 0 behind the last. */
#define FUZZ_SEED_MAX 4096
size_t fuzz_seed(unsigned n, uint8_t *buf);
