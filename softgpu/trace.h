/* SPDX-License-Identifier: MIT */
/*
 * trace.h: the log of what the device does (softgpu --trace): written by any thread, in one order.
 *
 * One lock and two buffers. A record's place in the log is when its thread had the lock, so the
 * file is in order as it is written, whatever is cut off its end is the end, and nobody has to
 * merge. (Buffers per thread with a common number would save an uncontended lock, some 20 ns beside
 * the clock's 30, but an engine that sleeps holds its part back for ever and a killed program loses
 * a little of everywhere.) The file is written by a thread of the log's own; the others wait for it
 * only when both buffers are full, so that nothing is ever left out. The lock is the innermost one:
 * any other may be held.
 *
 * Order within one access: a write is noted before it has its effects, a read after.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "softgpu/trace_format.h"

struct trace;

struct trace_stats {
    uint64_t records, bytes; /* of the file, without what still waits */
    uint64_t lost;           /* records after the file could not be written any more */
};

/* Makes the file. classes: TRACE_REGS and the like. NULL with *err a negative errno. A write that
 * fails later ends the log with one message on stderr; the device goes on. */
struct trace *trace_open(const char *path, unsigned classes, int *err);
/* Everything is in the file when this returns, and nobody may use it any more. 0, or the -errno
 * that ended the log. */
int trace_close(struct trace *t);
void trace_get_stats(struct trace *t, struct trace_stats *out);

bool trace_wants(const struct trace *t, unsigned class);
/* Adds a record; seq and time_ns are filled in here. */
void trace_put(struct trace *t, const struct trace_record *r);
/* One access or event of that shape. */
void trace_access(struct trace *t, enum trace_kind kind, unsigned source, uint64_t addr,
                  uint32_t len, uint64_t value, uint32_t flags);

/* The one branch that a log costs where it is not written; t may be NULL. */
#define TRACE_ON(t, class) (__builtin_expect((t) != NULL, 0) && trace_wants((t), (class)))
