/* SPDX-License-Identifier: MIT */
/*
 * ctl.h: the line protocol of the control socket and of the walker's channel. A command is one
 * line of words; the answer is one line of JSON, {"ok":true,...} or {"ok":false,"error":"..."}.
 * Loop's thread.
 */
#pragma once
#include <stdbool.h>
#include <stdio.h>

#define CTL_LINE_MAX 512 /* bytes of a command, without its newline */
#define CTL_QUIT     1

struct ctl;
struct device;

struct ctl *ctl_new(struct device *d);
struct ctl *ctl_free(struct ctl *c);
/* Shown in status. */
void ctl_set_client(struct ctl *c, bool connected);
/* Runs one line and writes the answer with its newline. walker: the line came over the walker's
 * channel, where only some commands are allowed. 0 or CTL_QUIT. */
int ctl_line(struct ctl *c, const char *line, bool walker, FILE *out);
