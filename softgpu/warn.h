/* SPDX-License-Identifier: MIT */
/*
 * warn.h: things a driver did that the device let pass but real hardware would not thank it for:
 * a list of texts with how often each was earned. Any thread, with any lock held.
 */
#pragma once
#include <stdint.h>
#include <stdio.h>

#define WARN_TEXTS 64  /* different ones that are kept; more are counted together */
#define WARN_TEXT  128 /* bytes of one, with its end */

struct warn;

struct warn *warn_new(void); /* NULL when out of memory */
struct warn *warn_free(struct warn *w);
void warn_count(struct warn *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* JSON array of {"text","count"}, in the order of first occurrence. */
void warn_print(struct warn *w, FILE *out);
