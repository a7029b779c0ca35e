/* SPDX-License-Identifier: MIT */
/*
 * model.h: which chip softgpu is: the facts that differ between Haswell (gen 7.5) and Broadwell
 * (gen 8), and between the devices of a family, and that more than one file must know. Constant; a
 * module keeps the pointer it was made with and asks it, nobody compares device ids. Any thread.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum model_family { MODEL_HASWELL, MODEL_BROADWELL };

struct model {
    enum model_family family;
    const char *name; /* what the command line calls it: "hsw", "bdw", or four hex digits */
    uint16_t device;  /* PCI device id; the vendor is 8086 */
    uint8_t revision;
    uint8_t gt;         /* slices and units: GT1, GT2, GT3 */
    bool ult;           /* U or Y series: the south display is an LPT-LP, and there is no CRT */
    bool ulx;           /* Y series */
    uint8_t engines;    /* how many of enum engine_id, from the first on */
    uint32_t bar0_size; /* bytes: registers, then the global table */
    uint32_t gtt_start; /* offset of the global table in BAR0 */
    uint32_t gtt_bytes; /* its size */
    uint32_t pte_bytes; /* of one entry: 4 or 8 */
};

/* "hsw" (8086:0412), "bdw" (8086:1616), or a device id of either family: four hex digits, with
 * "0x" or the vendor's "8086:" before them or not. Upper and lower case are the same. NULL: none
 * of them. */
const struct model *model_find(const char *name);
/* The i-th of the devices, hsw and bdw first; NULL behind the last. */
const struct model *model_at(unsigned i);
/* One line for each device: its id, its names, what it is. */
void model_list(FILE *out);
