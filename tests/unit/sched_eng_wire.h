/* SPDX-License-Identifier: MIT */
/*
 * sched_eng_wire.h: descriptors as the broker makes them, for tests of vgt-sched without one.
 */
#pragma once
#include "services/wire/client.h"

/* Into the set, which owns it. */
void give(struct wire_fds *fds, const char *name, int fd);
/* A stream lane and its two eventfds. */
void give_lane(struct wire_fds *fds, const char *name, uint32_t slots, uint32_t layout);
void give_region(struct wire_fds *fds, const char *name, uint32_t type, uint32_t version,
                 uint64_t size);
/* sched's own: journal and the lanes to gtt and back; one guest's. */
void give_own(struct wire_fds *fds, uint32_t slots);
void give_guest(struct wire_fds *fds, uint32_t slots);
/* What a process gets: descriptors of its own. */
struct wire_fds copies(const struct wire_fds *fds);
