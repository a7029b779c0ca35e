/* SPDX-License-Identifier: MIT */
/*
 * picture.h: the picture a test guest shows: a pure function of the guest's name, the mode's size
 * and a frame number. kmspaint paints it inside the guest, png-compare computes it again outside,
 * so that every visible pixel can be decided by comparison. No state; any thread.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct picture {
    uint32_t seed; /* from the name */
    uint32_t width, height;
    uint32_t frame;
    char text[16]; /* the name's letters and digits, upper case, cut to fit */
};

/* name: any text; width and height in pixels, not 0. */
void picture_init(struct picture *p, const char *name, uint32_t width, uint32_t height,
                  uint32_t frame);
/* Colour at (x, y), inside the picture: 0x00RRGGBB. */
uint32_t picture_pixel(const struct picture *p, uint32_t x, uint32_t y);
/* Continue the CRC-32 (IEEE 802.3) of R, G, B byte triples; start with 0. pixels: 0x??RRGGBB. */
uint32_t picture_crc(uint32_t crc, const uint32_t *pixels, size_t count);
