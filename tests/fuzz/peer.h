/* SPDX-License-Identifier: MIT */
/*
 * peer.h: for fuzz targets that play a hostile peer of a whole service: the fuzzer's bytes, the
 * descriptors that the broker would make, and what a peer can do to a lane it has mapped. One
 * thread.
 */
#pragma once
#include "lib/lane.h"
#include "lib/region.h"
#include "services/wire/fds.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PEER_SLOTS 16u /* of each lane */

struct peer_input {
    const uint8_t *data;
    size_t size;
};

extern const struct log peer_quiet;

/* False ends the process, also where assertions are compiled out. */
void peer_check(bool ok);

/* The next bytes (up to 8) of the input as a number; 0 when it has ended. */
uint64_t peer_take(struct peer_input *in, size_t bytes);
uint32_t peer_take32(struct peer_input *in, size_t bytes);

/* Of targets whose time is their own (peer_time.c): it passes, and timers that are due fire. */
uint64_t peer_now(void);
void peer_pass(uint64_t ns);

/* Into the set, which owns it: a stream lane with its eventfds; a region, also mapped writable. */
void peer_put_lane(struct wire_fds *fds, const char *name, uint32_t layout);
void peer_put_region(struct wire_fds *fds, const char *name, uint32_t type, uint32_t version,
                     size_t size, struct region *r);
void peer_put_event(struct wire_fds *fds, const char *name);
/* What a process gets: descriptors of its own. */
void peer_copy_fds(const struct wire_fds *from, struct wire_fds *to);

/* One of the two indices or two wake words of one of the lanes is what the input says; or eight
 * bytes of a slot are. */
void peer_spoil_index(struct lane_header *const *lanes, unsigned count, struct peer_input *in);
void peer_spoil_slot(const struct lane_mem *mem, struct peer_input *in);
