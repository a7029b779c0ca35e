/* SPDX-License-Identifier: MIT */
/*
 * png.c: writes pictures with libpng. Called by the control thread for a screenshot.
 */
#include "softgpu/png.h"

#include <errno.h>
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int encode(FILE *f, uint32_t width, uint32_t height, const uint8_t *rgb)
{
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png ? png_create_info_struct(png) : NULL;

    if (!info) {
        png_destroy_write_struct(&png, NULL);
        return -ENOMEM;
    }
    if (setjmp(png_jmpbuf(png))) {
        png_destroy_write_struct(&png, &info);
        return -EIO;
    }
    png_init_io(png, f);
    png_set_IHDR(png, info, width, height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_compression_level(png, 1);
    png_write_info(png, info);
    for (uint32_t y = 0; y < height; y++)
        png_write_row(png, rgb + (size_t)y * width * 3);
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    return 0;
}

int png_save(const char *path, uint32_t width, uint32_t height, const uint8_t *rgb)
{
    struct stat st;
    char *part = NULL;
    FILE *f;
    int ret;

    /* What is renamed over a device of /dev takes its place, for everybody. */
    if (!stat(path, &st) && !S_ISREG(st.st_mode))
        return -EEXIST;
    if (asprintf(&part, "%s.part", path) < 0)
        return -ENOMEM;
    f = fopen(part, "wbe");
    if (!f) {
        ret = -errno;
        free(part);
        return ret;
    }
    ret = encode(f, width, height, rgb);
    if (fclose(f) && !ret)
        ret = -errno;
    if (!ret && rename(part, path))
        ret = -errno;
    if (ret)
        unlink(part);
    free(part);
    return ret;
}
