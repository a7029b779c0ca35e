/* SPDX-License-Identifier: MIT */
/* info.c: see info.h. The seam's rows and banks are the module's, number by number. */
#include "gpu/stub/info.h"

#include <errno.h>

_Static_assert((int)GPU_ROW_SCHED == (int)VGT_ROW_SCHED && (int)GPU_ROWS == (int)VGT_ROWS, "rows");
_Static_assert((int)GPU_IRQ_GT3 == (int)VGT_BANK_GT3 && (int)GPU_IRQ_PCU == (int)VGT_BANK_PCU &&
                   (int)GPU_IRQ_PIPE_C == (int)VGT_BANK_PIPE_C &&
                   (int)GPU_IRQ_MISC == (int)VGT_BANK_MISC && (int)GPU_IRQ_DE == (int)VGT_BANK_DE &&
                   (int)GPU_IRQ_PCH == (int)VGT_BANK_PCH && (int)GPU_IRQ_BANKS == (int)VGT_BANKS,
               "banks");

int gpu_info_take(struct gpu_info *to, const struct vgt_stub_info *info)
{
    if (info->version != VGT_STUB_VERSION || (info->gen != GPU_GEN7 && info->gen != GPU_GEN8))
        return -EINVAL;
    *to = (struct gpu_info){
        .device = info->device,
        .revision = info->revision,
        .gen = info->gen,
        .row = info->row,
        .pte_size = info->pte_size,
        .ggc = info->ggc,
        .ggtt_entries = info->ggtt_entries,
        .aperture_base = info->aperture_base,
        .aperture_size = info->aperture_size,
        .scratch_dma = info->scratch_dma,
        .generation = info->generation,
        .max_dma_pages = info->max_dma_pages,
        .max_pins = info->max_pins,
        .aperture_slice = info->aperture_slice,
        .aperture_slice_at = info->aperture_slice_at,
        .vcs2 = info->vcs2 != 0,
        .pv = info->pv != 0,
    };
    return 0;
}
