/* SPDX-License-Identifier: MIT */
/*
 * png-compare.c: decides whether a screenshot is exactly the picture a guest was told to paint
 * (tests/guest/picture.h). A host tool of the tests. One thread.
 *
 * usage: png-compare NAME FILE.png [WIDTHxHEIGHT [FRAME]]
 * Prints "pixels=N different=M crc=HEX"; status 0 when none differs, 1 when one does, 2 on errors.
 * "png-compare --write NAME FILE.png WIDTHxHEIGHT [FRAME]" makes the picture instead.
 */
#include "tests/guest/picture.h"
#include <errno.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct size {
    uint32_t w, h;
};

static int parse_size(const char *text, struct size *out)
{
    return sscanf(text, "%ux%u", &out->w, &out->h) == 2 && out->w && out->h && out->w <= 16384 &&
                   out->h <= 16384
               ? 0
               : -EINVAL;
}

/* Read a PNG as 8-bit RGB. The caller frees *pixels. 0 or -EIO with a message. */
static int load(const char *path, struct size *size, unsigned char **pixels)
{
    png_image img = {.version = PNG_IMAGE_VERSION};

    if (!png_image_begin_read_from_file(&img, path)) {
        fprintf(stderr, "png-compare: %s: %s\n", path, img.message);
        return -EIO;
    }
    img.format = PNG_FORMAT_RGB;
    *size = (struct size){img.width, img.height};
    *pixels = malloc(PNG_IMAGE_SIZE(img));
    if (!*pixels || !png_image_finish_read(&img, NULL, *pixels, 0, NULL)) {
        fprintf(stderr, "png-compare: %s: %s\n", path, img.message);
        free(*pixels);
        *pixels = NULL;
        return -EIO;
    }
    return 0;
}

static int write_picture(const char *name, const char *path, struct size size, uint32_t frame)
{
    png_image img = {
        .version = PNG_IMAGE_VERSION, .width = size.w, .height = size.h, .format = PNG_FORMAT_RGB};
    unsigned char *pixels = malloc((size_t)size.w * size.h * 3), *p = pixels;
    struct picture pic;

    if (!pixels)
        return 2;
    picture_init(&pic, name, size.w, size.h, frame);
    for (uint32_t y = 0; y < size.h; y++) {
        for (uint32_t x = 0; x < size.w; x++) {
            uint32_t c = picture_pixel(&pic, x, y);
            *p++ = (unsigned char)(c >> 16);
            *p++ = (unsigned char)(c >> 8);
            *p++ = (unsigned char)c;
        }
    }
    int ok = png_image_write_to_file(&img, path, 0, pixels, 0, NULL);
    free(pixels);
    return ok ? 0 : 2;
}

/* Count pixels that differ from the picture; the first is named on stderr. */
static uint64_t differences(const struct picture *pic, const unsigned char *rgb, uint32_t *crc)
{
    uint64_t wrong = 0;

    for (uint32_t y = 0; y < pic->height; y++) {
        for (uint32_t x = 0; x < pic->width; x++, rgb += 3) {
            uint32_t got = (uint32_t)rgb[0] << 16 | (uint32_t)rgb[1] << 8 | rgb[2];
            uint32_t want = picture_pixel(pic, x, y);
            *crc = picture_crc(*crc, &got, 1);
            if (got != want && !wrong++)
                fprintf(stderr, "png-compare: first difference at %u,%u: %06x, expected %06x\n", x,
                        y, got, want);
        }
    }
    return wrong;
}

static int compare(const char *name, const char *path, const struct size *want, uint32_t frame)
{
    unsigned char *pixels = NULL;
    struct size size;
    struct picture pic;
    uint32_t crc = 0;

    if (load(path, &size, &pixels))
        return 2;
    if (want && (want->w != size.w || want->h != size.h)) {
        fprintf(stderr, "png-compare: %s is %ux%u, expected %ux%u\n", path, size.w, size.h, want->w,
                want->h);
        free(pixels);
        return 1;
    }
    picture_init(&pic, name, size.w, size.h, frame);
    uint64_t wrong = differences(&pic, pixels, &crc);
    printf("pixels=%llu different=%llu crc=%08x\n", (unsigned long long)size.w * size.h,
           (unsigned long long)wrong, crc);
    free(pixels);
    return wrong ? 1 : 0;
}

int main(int argc, char **argv)
{
    int write = argc > 1 && !strcmp(argv[1], "--write");
    char **a = argv + write;
    int n = argc - write;
    struct size size;

    if (n < 3 + write || n > 5 || (n > 3 && parse_size(a[3], &size))) {
        fprintf(stderr, "usage: png-compare [--write] NAME FILE.png [WIDTHxHEIGHT [FRAME]]\n");
        return 2;
    }
    uint32_t frame = n > 4 ? (uint32_t)strtoul(a[4], NULL, 0) : 0;
    return write ? write_picture(a[1], a[2], size, frame)
                 : compare(a[1], a[2], n > 3 ? &size : NULL, frame);
}
