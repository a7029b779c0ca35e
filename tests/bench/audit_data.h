/* SPDX-License-Identifier: MIT */
/*
 * audit_data.h: recordings of the commands that a stock driver submitted, for audit_bench.c. A text
 * file of tests/bench/record: lines "ring ENGINE" or "batch ENGINE" begin a piece, lines of
 * hexadecimal dwords, a command each, are in it; # begins a comment.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "gen/gen8_engine.h"

#define AUDIT_PIECE_MAX 65536u /* dwords */

struct audit_piece {
    enum gen8_engine engine;
    bool batch; /* else of a ring */
    uint32_t n;
    uint32_t *dw;
};

struct audit_recording {
    const char *path;
    unsigned gen;
    struct audit_piece *piece;
    uint32_t pieces;
};

/* Or the program ends with a message. */
void audit_data_load(struct audit_recording *r, const char *path, unsigned gen);
void audit_data_free(struct audit_recording *r);
