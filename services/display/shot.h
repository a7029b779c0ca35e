/* SPDX-License-Identifier: MIT */
/*
 * shot.h: screenshots: a guest's primary surface, read through our slice of the aperture, which
 * gtt fills with the guest's GGTT entries on request, untiled, and sent in pieces. One at a time,
 * a few wait; reading takes turns with everything else the loop does. Part of struct display.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define SHOT_PIECE (128u * 1024)

struct shot_piece {
    uint32_t width, height, stride, format; /* of the whole picture; stride as sent */
    uint64_t offset;
    const uint8_t *pixels;
    uint32_t len;
    bool last;
};

struct display;
struct guest;
struct shot;

/* NULL: out of memory. */
struct shot *shot_new(struct display *d);
void shot_free(struct shot *s);

/* domid 0: what is on the screen. Answered through display_ops. */
void shot_request(struct shot *s, uint32_t domid, uint32_t id);
void shot_slice(struct shot *s, uint32_t id, int err);
void shot_guest_gone(struct shot *s, const struct guest *g);
uint64_t shot_count(const struct shot *s);
