/* SPDX-License-Identifier: MIT */
/*
 * trace_print.h: records as lines of text, which of them, and their sums. One thread.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "softgpu/trace_format.h"
#include "softgpu/trace_names.h"

/* A record is shown when it passes everything that is set. */
struct trace_filter {
    uint32_t kinds;   /* bit per kind; 0: all */
    uint32_t sources; /* bit per source; 0: all */
    bool by_addr;     /* first to last, inclusive; records without an address do not pass */
    uint64_t first, last;
    bool by_ctx; /* context id or LRCA; records without a context do not pass */
    uint32_t ctx;
};

/* Each adds what a word of the command line says, e.g. "bcs,cpu" ("engine"), "reg-read,irq"
 * (kinds or classes), "0x2000-0x27ff" or "0x44200", "0x101". False when it is not understood. */
bool trace_filter_sources(struct trace_filter *f, const char *list);
bool trace_filter_kinds(struct trace_filter *f, const char *list);
bool trace_filter_range(struct trace_filter *f, const char *text);
bool trace_filter_context(struct trace_filter *f, const char *text);
bool trace_filter_passes(const struct trace_filter *f, const struct trace_record *r);

/* begin_ns: what times are printed relative to. */
void trace_print(FILE *out, const struct trace_names *names, const struct trace_record *r,
                 uint64_t begin_ns);

struct trace_summary;
struct trace_summary *trace_summary_new(void);
struct trace_summary *trace_summary_free(struct trace_summary *s);
/* False when out of memory: the record is not counted. */
bool trace_summary_add(struct trace_summary *s, const struct trace_record *r);
void trace_summary_print(const struct trace_summary *s, const struct trace_names *names, FILE *out);
