/* SPDX-License-Identifier: MIT */
/*
 * screen.h: the display side of the device put together: pipes with their CRC engines, monitors
 * with their I2C and AUX channels, screenshots and continuous export. Called by the loop's thread.
 */
#pragma once
#include "softgpu/display.h"
#include "softgpu/export.h"
#include "softgpu/hotplug.h"

#include <stdint.h>
#include <stdio.h>

struct irq;
struct regs;
struct screen;

/* clock: CLOCK_MONOTONIC in ns, or a test's own; called with the register lock held. fetch reads
 * what the planes show; called without it, on the loop's thread and on those of exports. NULL when
 * out of memory. */
struct screen *screen_new(struct regs *r, struct irq *irq, uint64_t (*clock)(void *opaque),
                          display_fetch fetch, void *opaque);
struct screen *screen_free(struct screen *s);
/* Starts a continuous export. 0, -ENOMEM, -ENOSPC when there are EXPORT_MAX. */
int screen_export(struct screen *s, const struct export_options *o);
/* Ends the exports: fetch is not called on threads of theirs after that. */
void screen_end_exports(struct screen *s);
/* Around regs_reset(): pipes stop before it, monitors are there again after it. */
void screen_stop(struct screen *s);
void screen_reset(struct screen *s);

uint64_t screen_deadline(struct screen *s);
void screen_tick(struct screen *s);
void screen_set_slowdown(struct screen *s, unsigned n); /* display_set_slowdown() */
void screen_set_monitor(struct screen *s, enum hotplug_port port, const struct hotplug_monitor *m);

/* Draws a pipe into a PNG file. 0 or -errno of display_snapshot(), scanout_draw(), png_save(). */
int screen_shot(struct screen *s, unsigned pipe, const char *path, uint32_t *width,
                uint32_t *height);
/* Members of the status object, without a comma at either end. */
void screen_print(struct screen *s, FILE *out);
