/* SPDX-License-Identifier: MIT */
/*
 * release.h: when a guest page whose writes trap may become ordinary memory again. Owns the lists
 * of frames to be released and of frames just released, for one guest; used by the
 * back ends xen and shm from their one thread. Knows Xen through three functions, so that it is
 * tested without.
 *
 * Why it is not one hypercall: Xen emulates a trapped instruction again after its answer, and takes
 * the answer only if the page still traps then. If it does not, the answer stays behind and the
 * vCPU's next trapped access, whatever it is, crashes the domain. A page must therefore not change
 * between a request and the end of its second emulation:
 * - A slot that shows an access to the frame, answered or not, puts the release off.
 * - A slot Xen has just taken an answer from looks free while the emulation still runs. The
 * barrier, which pauses the domain for a moment, ends that: Xen does not preempt an emulation.
 * - An access that began before the page changed and shows up after it makes the page trap again
 *   before it is answered (release_met), and the release starts over. That can happen until the
 *   next barrier, so the frames of a batch are remembered that long.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct release_ops {
    bool (*busy)(void *ctx, uint64_t gfn); /* does a slot hold an access to this frame? */
    int (*barrier)(void *ctx);             /* every vCPU has been paused since; -errno */
    int (*trap)(void *ctx, uint64_t gfn, bool on);
};

struct release_list {
    uint64_t *gfn;
    size_t n, room;
};

/* All zero is an empty one. */
struct release {
    struct release_list wanted; /* trap still */
    struct release_list done;   /* do not trap any more; an earlier access may still show up */
};

void release_free(struct release *r);
/* Let the frame go as soon as it may: -ENOMEM. A frame already wanted is harmless. */
int release_want(struct release *r, uint64_t gfn);
/* The frame shall trap (again): whatever was asked before is void. The caller sets the trap. */
void release_forget(struct release *r, uint64_t gfn);
/* An access to a trapped frame has come, and is not answered yet. */
int release_met(struct release *r, const struct release_ops *ops, void *ctx, uint64_t gfn);
/* Release what may be: 0 nothing is left, 1 some had to wait, -errno of the barrier. A frame the
 * guest does not have any more is dropped. */
int release_settle(struct release *r, const struct release_ops *ops, void *ctx);
