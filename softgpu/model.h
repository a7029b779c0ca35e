/* SPDX-License-Identifier: MIT */
/*
 * model.h: which chip softgpu is: the facts that differ between Haswell (gen 7.5) and Broadwell
 * (gen 8) and that more than one file must know. Constant; a module keeps the pointer it was made
 * with and asks it, nobody compares device ids.
 */
#pragma once
#include <stdint.h>
#include <stdio.h>

enum model_family { MODEL_HASWELL, MODEL_BROADWELL };

struct model {
    enum model_family family;
    const char *name; /* what the command line calls it: "hsw", "bdw", or four hex digits */
    uint16_t device;  /* PCI device id; the vendor is 8086 */
    uint8_t revision;
    uint8_t gt;         /* slices and units: GT1, GT2, GT3 */
    uint32_t bar0_size; /* bytes: registers, then the global table */
    uint32_t gtt_start; /* offset of the global table in BAR0 */
    uint32_t gtt_bytes; /* its size */
    uint32_t pte_bytes; /* of one entry: 4 or 8 */
};

/* "hsw", "bdw", or a device id of either family with or without "8086:"; NULL: none of them. */
const struct model *model_find(const char *name);
/* The names that model_find() takes, for people. */
void model_list(FILE *out);
