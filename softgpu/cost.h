/* SPDX-License-Identifier: MIT */
/*
 * cost.h: how much GPU time work takes (softgpu --cost): the model out of a text file, and the
 * meter that turns it into times to wait for. Without a model engines run as fast as they can.
 *
 * The file has one statement a line; # begins a comment:
 *   clock HZ               cycles per second, 1e9 when not given
 *   command NAME CYCLES    each execution of the command; or of a class: mi, blt, 3d (commands of
 *                          type 3 on the render engine), media (the same elsewhere), any. A name
 *                          goes before a class, a class before any, whatever their order.
 *   blit BYTES_PER_SECOND  the blitter's speed, by bytes of destination; comes on top of the
 *                          command's cycles
 *   busy-batch on|off      MI_NOOP with bit 22 (write identification number) is work for as many
 *                          microseconds as its number, bits 21:0, says
 * The last of two equal statements counts. Nothing costs anything that is not named.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "softgpu/engine.h"

/* Picoseconds in one command, at most (an hour): what a file asks for beyond is an error, what a
 * blit asks for beyond is cut. */
#define COST_MAX_PS 3600000000000000ull

struct cost;

/* Reads a model. NULL after one message on errors, "softgpu: FILE:LINE: expected ...". */
struct cost *cost_load(const char *path, FILE *errors);
/* The same from an open file that is called path in messages. */
struct cost *cost_read(FILE *in, const char *path, FILE *errors);
struct cost *cost_free(struct cost *c);

/* Picoseconds of one execution of a command, with its busy time; of so many bytes moved. */
uint64_t cost_command(const struct cost *c, enum engine_id id, uint32_t header);
uint64_t cost_blit(const struct cost *c, uint64_t bytes);

/* One engine's account: when the work so far should be done. Waits come late by nature, so the time
 * of later work begins when the earlier was due, not when its wait ended; but no more than
 * COST_LAG_NS are made up for. All times are CLOCK_MONOTONIC in ns and come from the caller. */
#define COST_LAG_NS   1000000u
#define COST_SLACK_NS 20000u /* an engine may be so much ahead before it waits */

struct cost_meter {
    uint64_t due_ns;
    uint32_t due_ps;  /* below 1000, on top of due_ns */
    uint64_t owed_ns; /* while stopped: what was not waited for yet */
};

/* The engine begins to work, or stops working (its wait may have been cut short). */
void cost_meter_start(struct cost_meter *m, uint64_t now);
void cost_meter_stop(struct cost_meter *m, uint64_t now);
void cost_meter_add(struct cost_meter *m, uint64_t ps);
/* It waited for something else: that time is not made up for. */
void cost_meter_idle(struct cost_meter *m, uint64_t now);
/* When to go on: 0, at once, when the work is done or ahead by no more than slack. */
uint64_t cost_meter_wait(struct cost_meter *m, uint64_t now, uint64_t slack);
