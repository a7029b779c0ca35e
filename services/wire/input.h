/* SPDX-License-Identifier: MIT */
/*
 * input.h: what kinds of guests' inputs services note in their quarantine tables
 * (lib/quarantine.h), and how one is shown to a person. The numbers are in shared memory: they are
 * never used for anything else.
 */
#pragma once
#include "lib/log.h"
#include "lib/quarantine.h"

enum wire_input {
    WIRE_INPUT_ACCESS = 1,  /* a trapped access: enum wire_input_access */
    WIRE_INPUT_MESSAGE,     /* an entry of the lane from vgt-mmio, whole */
    WIRE_INPUT_GGTT_ENTRY,  /* index, value */
    WIRE_INPUT_FENCE,       /* number, value */
    WIRE_INPUT_ROOT,        /* level, then one or four page-directory pointers */
    WIRE_INPUT_TABLE_ENTRY, /* frame of the table, level << 32 | index, value */
    WIRE_INPUT_TABLE_AHEAD, /* frame of a table whose frames are pinned ahead */
    WIRE_INPUTS,
};

/* Words of WIRE_INPUT_ACCESS. */
enum wire_input_access {
    WIRE_ACCESS_ADDR,
    WIRE_ACCESS_DATA, /* what is written; or where, for a string access into memory; else 0 */
    WIRE_ACCESS_HOW,  /* WIRE_ACCESS_PACK() */
    WIRE_ACCESS_BAR0, /* where registers were then */
    WIRE_ACCESS_WORDS,
};
#define WIRE_ACCESS_PACK(count, space, size, write, flags)                                         \
    ((uint64_t)(count) | (uint64_t)(space) << 32 | (uint64_t)(size) << 40 |                        \
     (uint64_t)(write) << 48 | (uint64_t)(flags) << 56)

#define WIRE_INPUT_TEXT 128u

/* "ggtt-entry" and so on; "unknown". */
const char *wire_input_name(uint32_t kind);
/* A few words that say which. */
void wire_input_text(const struct quarantine_input *input, char out[WIRE_INPUT_TEXT]);
/* What was quarantined since, into the log, with its bytes. */
void wire_input_tell(struct quarantine *q, const struct log *log, uint32_t domid);
