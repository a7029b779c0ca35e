/* SPDX-License-Identifier: MIT */
/* format.c: see format.h. */
#include "services/gtt/format.h"

#include "gpu/gpu.h"

const struct gtt_format *gtt_format_of(unsigned gen)
{
    static const struct gtt_format *const known[] = {
        [GPU_GEN7] = &gtt_format_gen7,
        [GPU_GEN8] = &gtt_format_gen8,
    };

    return gen < sizeof(known) / sizeof(known[0]) ? known[gen] : NULL;
}
