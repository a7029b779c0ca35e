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
    WIRE_INPUT_ROOT,        /* level, then one or four pointers as in gtt_map.h */
    WIRE_INPUT_TABLE_ENTRY, /* frame of the table, level << 32 | index, value; of a Haswell
                             * directory the number of its first GGTT entry, and level 1 */
    WIRE_INPUT_TABLE_AHEAD, /* frame of a table whose frames are pinned ahead */
    WIRE_INPUT_REQUEST,     /* an entry of the lane from vgt-mmio to vgt-sched, whole */
    WIRE_INPUT_CONTEXT,     /* engine, descriptor: one whose image is being read */
    WIRE_INPUT_IMAGE,       /* a context's image, read: enum wire_input_image */
    WIRE_INPUT_COMMAND,     /* of a ring or privileged batch: enum wire_input_command */
    WIRE_INPUT_SAVE,        /* a context's state, on its way back: enum wire_input_save */
    WIRE_INPUT_STATUS,      /* engine, address and GGTT entry of the status page written to */
    WIRE_INPUT_RECORD,      /* a context of the process before, taken over: WIRE_RECORD_WORDS of
                             * struct sched_journal_context; see services/sched/context_bad.c */
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

/* Words of WIRE_INPUT_IMAGE: registers in pairs, the first in the lower half. */
enum wire_input_image {
    WIRE_IMAGE_ENGINE, /* | WIRE_IMAGE_APPEND */
    WIRE_IMAGE_DESC,
    WIRE_IMAGE_HEAD_TAIL,
    WIRE_IMAGE_START_CTL,
    WIRE_IMAGE_ROOT,
    WIRE_IMAGE_CONTROL_BB, /* context control, batch state */
    WIRE_IMAGE_BB,         /* where in a batch */
    WIRE_IMAGE_WA,         /* per-context and indirect-context batch; render engine only */
    WIRE_IMAGE_WORDS,
};
#define WIRE_IMAGE_APPEND (1u << 8) /* it is on hardware, only its tail has moved */

/* Words of WIRE_INPUT_COMMAND: engine, where it stands (enum audit_where) and length in dwords; a
 * hash of all of it if that is more than the rest of the words can hold, which are its bytes. */
enum wire_input_command {
    WIRE_COMMAND_HOW, /* WIRE_COMMAND_PACK() */
    WIRE_COMMAND_HASH,
    WIRE_COMMAND_BYTES,
};
#define WIRE_COMMAND_DWORDS (2u * (QUARANTINE_WORDS - WIRE_COMMAND_BYTES))
#define WIRE_COMMAND_PACK(engine, where, dwords)                                                   \
    ((uint64_t)(engine) | (uint64_t)(where) << 8 | (uint64_t)(dwords) << 32)

/* Words of WIRE_INPUT_SAVE; those of WIRE_INPUT_RECORD begin so. */
enum wire_input_save {
    WIRE_SAVE_ENGINE,
    WIRE_SAVE_DESC,
    WIRE_SAVE_RING, /* start, size */
    WIRE_SAVE_TAIL,
    WIRE_SAVE_WORDS,
    WIRE_RECORD_MEM = WIRE_SAVE_WORDS, /* address, pages of its shadow */
    WIRE_RECORD_SLOT,
    WIRE_RECORD_WORDS,
};

#define WIRE_INPUT_TEXT 128u

/* "ggtt-entry" and so on; "unknown". */
const char *wire_input_name(uint32_t kind);
/* A few words that say which. */
void wire_input_text(const struct quarantine_input *input, char out[WIRE_INPUT_TEXT]);
/* What was quarantined since, into the log, with its bytes. */
void wire_input_tell(struct quarantine *q, const struct log *log, uint32_t domid);

/* For a service that notes inputs itself: take the table up, announce that this process says so
 * when it ends by its own fault, if it does (lib/last_words.h), and tell the log. detach() comes
 * before the table is unmapped; fine for a handle that was never attached. */
void wire_input_attach(struct quarantine *q, struct quarantine_table *table, const struct log *log,
                       uint32_t domid);
void wire_input_detach(struct quarantine *q);
