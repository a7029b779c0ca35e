/* SPDX-License-Identifier: MIT */
/*
 * trace_read.h: reads a trace file from front to back. One thread.
 */
#pragma once
#include <stdint.h>
#include <stdio.h>

#include "softgpu/trace_format.h"

struct trace_problem {
    uint64_t offset; /* in the file */
    char what[128];
};

/* Called for every record in order. */
typedef void (*trace_visit)(void *opaque, const struct trace_record *r);

struct trace_reader {
    trace_visit visit;
    /* The header, before any record; may be NULL. */
    void (*begin)(void *opaque, const struct trace_header *h);
    void *opaque;
};

/* 0 when the file was whole. Otherwise everything that stands before the problem has been visited,
 * and -EINVAL (no trace file), -ENOTSUP (another version), -EBADMSG (damaged), -ENODATA
 * (cut off), -EIO (cannot be read) or -ENOMEM is returned with *problem filled. In a block whose
 * checksum is wrong the records are visited as far as they can be told apart, as the damage may be
 * behind them: *problem then has the block's offset. */
int trace_read(FILE *in, const struct trace_reader *reader, struct trace_problem *problem);
