/* SPDX-License-Identifier: MIT */
/*
 * shot.h: puts a screenshot together from the pieces of ScreenshotReply. Pieces come in order and
 * without gaps, each with the geometry or (after the first) without; nothing else is believed. One
 * thread.
 */
#pragma once
#include "proto/vgt.pb-c.h"

#include <stdbool.h>
#include <stdint.h>

#define SHOT_MAX_SIDE  16384u
#define SHOT_MAX_BYTES (256u << 20)

struct shot {
    uint32_t width, height, stride, format; /* format: enum fb_format */
    uint64_t size;                          /* bytes the rows take: the last one may end early */
    uint64_t got;
    uint8_t *pixels; /* stride * height */
};

/*
 * Take a piece. 0: more to come; 1: complete; -errno with *why, a clause for "the broker sent a
 * screenshot ...": -EBADMSG contradictory, -ENOTSUP a format or size that is not known, -ENOMEM.
 */
int shot_piece(struct shot *shot, const Vgt__ScreenshotReply *piece, const char **why);
void shot_free(struct shot *shot);

/* Row y as width RGB triples of 8 bits. */
void shot_row(const struct shot *shot, uint32_t y, uint8_t *rgb);
