/* SPDX-License-Identifier: MIT */
/*
 * export.h: writes what a pipe shows to numbered PNG files, one per vertical blank or at most so
 * many per second, in a thread of its own. A frame that comes while the one before is still being
 * written is dropped and counted: the display never waits for a file.
 */
#pragma once
#include "softgpu/display.h"

#include <stdint.h>
#include <stdio.h>

#define EXPORT_MAX     8
#define EXPORT_FPS_MAX 1000

struct exporter;

struct export_options {
    unsigned pipe;
    char pattern[1024]; /* of file names, with one %d or %0Nd; %% is a % */
    unsigned fps;       /* 0: every vertical blank */
};

/* PIPE:PATTERN[:FPS]. 0 or -EINVAL. */
int export_parse(const char *text, struct export_options *out);

/* fetch is called on the export's thread. NULL when there is no memory or no thread. */
struct exporter *export_new(const struct export_options *o, display_fetch fetch, void *opaque);
/* Waits for the file that is being written. */
struct exporter *export_free(struct exporter *e);

unsigned export_pipe(const struct exporter *e);
/* blanks vertical blanks have begun since the last call (at least one), the newest shows pic; now
 * is in ns. Does not wait. Loop's thread. */
void export_offer(struct exporter *e, const struct display_picture *pic, uint32_t blanks,
                  uint64_t now);
/* JSON object: pipe, and frames written, dropped, failed (no file could be written, or no picture
 * drawn). */
void export_print(struct exporter *e, FILE *out);
