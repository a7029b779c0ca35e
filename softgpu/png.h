/* SPDX-License-Identifier: MIT */
/* png.h: writes pictures. No state; any thread. */
#pragma once
#include <stdint.h>

/* Writes width * height RGB pixels (3 bytes each, rows from the top) as a PNG file; the file
 * appears whole or not at all. 0 or -errno: -EEXIST when what is there is no regular file. */
int png_save(const char *path, uint32_t width, uint32_t height, const uint8_t *rgb);
