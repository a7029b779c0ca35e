/* SPDX-License-Identifier: MIT */
/*
 * forcewake.h: FORCEWAKE_MT 0xa188 (masked request) and its acknowledgement 0x130044. State is
 * guarded by the register file's lock.
 */
#pragma once

struct faults;
struct forcewake;
struct regs;

/* Adds its registers. awake is called, with the register lock held, each time a request is
 * acknowledged; it and faults may be NULL. NULL when out of memory. */
struct forcewake *forcewake_new(struct regs *r, struct faults *faults, void (*awake)(void *opaque),
                                void *opaque);
struct forcewake *forcewake_free(struct forcewake *f);
