/* SPDX-License-Identifier: MIT */
/*
 * model.c: the chips softgpu can be (model.h). Any thread; everything here is constant.
 */
#include "softgpu/model.h"

#include <string.h>

/* BAR0 of Haswell: 2 MiB of registers, 2 MiB of 4-byte entries (2 GiB); of Broadwell: registers,
 * and at 8 MiB 8 MiB of 8-byte entries (4 GiB). PRM HSW vol. 5 "GTTMMADR", BDW vol. 5. */
#define HASWELL(id, name, gt)                                                                      \
    {                                                                                              \
        MODEL_HASWELL, name, id, 6, gt, 4u << 20, 2u << 20, 2u << 20, 4                            \
    }
#define BROADWELL(id, name, gt)                                                                    \
    {                                                                                              \
        MODEL_BROADWELL, name, id, 9, gt, 16u << 20, 8u << 20, 8u << 20, 8                         \
    }

static const struct model models[] = {
    HASWELL(0x0412, "hsw", 2),
    BROADWELL(0x1616, "bdw", 2),
};

const struct model *model_find(const char *name)
{
    for (unsigned i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
        if (!strcmp(models[i].name, name))
            return &models[i];
    }
    return NULL;
}

void model_list(FILE *out)
{
    for (unsigned i = 0; i < sizeof(models) / sizeof(models[0]); i++)
        fprintf(out, "%s (8086:%04x)\n", models[i].name, models[i].device);
}
