/* SPDX-License-Identifier: MIT */
/*
 * context.h: loading a logical ring context from its image in memory and saving it back. The
 * register page is the second page of the image (LRCA + 1): a list of MI_LOAD_REGISTER_IMM, which
 * is executed as such. Engine's thread, lock not held.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct engine;
struct ppgtt;

/* Load the context of e->run[e->run_at]. False when a workaround batch hung or was interrupted. */
bool context_load(struct engine *e);
/* Save the loaded context into its image. */
void context_save(struct engine *e);
/* Take the image's RING_TAIL (lite restore). */
void context_reload_tail(struct engine *e);
/* Address space of the loaded context. */
void context_ppgtt(struct engine *e, struct ppgtt *p);
