/* SPDX-License-Identifier: MIT */
/*
 * device.c: what people call a GPU of the two families, by its PCI device id: "Haswell GT2",
 * "Broadwell GT3 ULT". For vgtctl, through stats.c. Pure. Facts: device ids in the Haswell and
 * Broadwell PRM, vol. 4 "Configurations".
 */
#include "services/broker/priv.h"

#include <stdio.h>

/* An id's upper byte is the family and package, bits 5:4 the size of its render engine. */
static const struct {
    uint8_t package;
    const char *family;
    uint16_t ult; /* a bit per low digit whose chips are ULT */
} packages[] = {
    {0x04, "Haswell", 0},
    {0x0a, "Haswell", 0xffff},
    {0x0c, "Haswell", 0},
    {0x0d, "Haswell", 0},
    {0x16, "Broadwell", 1u << 0x6 | 1u << 0xb | 1u << 0xe},
};
#define PACKAGES (sizeof(packages) / sizeof(packages[0]))

const char *device_name(uint32_t id, char name[DEVICE_NAME_SIZE])
{
    unsigned size = id >> 4 & 3;

    *name = 0;
    for (unsigned i = 0; i < PACKAGES; i++) {
        bool ult = packages[i].ult >> (id & 0xf) & 1;

        if (packages[i].package == id >> 8)
            snprintf(name, DEVICE_NAME_SIZE, "%s GT%u%s", packages[i].family,
                     size < 3 ? size + 1 : 3, ult ? " ULT" : "");
    }
    return name;
}
