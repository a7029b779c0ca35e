/* SPDX-License-Identifier: MIT */
/*
 * device_shot.c: the picture of a pipe as a file (device.h). Loop's thread.
 */
#include "softgpu/device.h"

#include "softgpu/display.h"
#include "softgpu/engine.h"
#include "softgpu/png.h"

#include <errno.h>
#include <stdlib.h>

static int fetch(void *opaque, uint64_t addr, void *buf, uint32_t len)
{
    return engines_ggtt_read(device_engines(opaque), addr, buf, len);
}

int device_screenshot(struct device *d, unsigned pipe, const char *path, uint32_t *width,
                      uint32_t *height)
{
    struct display_picture pic;
    uint8_t *rgb;
    int ret = display_snapshot(device_display(d), pipe, &pic);

    if (ret)
        return ret;
    rgb = calloc((size_t)pic.width * pic.height, 3);
    if (!rgb)
        return -ENOMEM;
    ret = scanout_draw(&pic, fetch, d, rgb);
    if (!ret)
        ret = png_save(path, pic.width, pic.height, rgb);
    free(rgb);
    *width = pic.width;
    *height = pic.height;
    return ret;
}
