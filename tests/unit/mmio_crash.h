/* SPDX-License-Identifier: MIT */
/*
 * mmio_crash.h: the emulator is killed after every so many machine instructions of one trapped
 * access; a new one takes over and the outcome must be the same as without a death. A child process
 * serves the access under ptrace; what it shares with the parent is what memfds share in earnest.
 */
#pragma once
#include "tests/unit/mmio_fixture.h"

struct crash_scenario {
    uint32_t gen;
    void (*prepare)(struct fix *f, struct vmm_access *a); /* and the access that is died in */
    void (*judge)(struct fix *f);
    void (*between)(struct fix *f); /* the new one is there, and has not served it; NULL */
};

void crash_sweep(const struct crash_scenario *s);

/* BAR0 moves, and the emulator dies before the nth call of trap(), for each n; the calls before it
 * were done. What traps is never of both places, and in the end all of the new one. */
void crash_bar0_moves(uint32_t gen);

/* The pieces of it. A fixture with the access pending: */
struct fix *crash_ready(const struct crash_scenario *s);
/* What a child does to the guest is noted in f->s; again after each restart. */
void crash_note(struct fix *f);
/* Let a child serve what is pending and die after n steps. *steps: how many it took, or would have;
 * false: it got through before. The parent never sees the child's end of the fake guest. */
bool crash_killed_after(struct fix *f, unsigned long n, unsigned long *steps);
