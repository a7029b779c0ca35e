/* SPDX-License-Identifier: MIT */
/* peer.c: see peer.h. */
#include "tests/fuzz/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

const struct log peer_quiet = {.fd = -1, .level = -1};

void peer_check(bool ok)
{
    if (!ok)
        abort();
}

uint64_t peer_take(struct peer_input *in, size_t bytes)
{
    uint64_t v = 0;

    if (bytes > in->size)
        bytes = in->size;
    if (bytes)
        memcpy(&v, in->data, bytes);
    if (bytes)
        in->data += bytes;
    in->size -= bytes;
    return v;
}

uint32_t peer_take32(struct peer_input *in, size_t bytes)
{
    return (uint32_t)peer_take(in, bytes);
}

static void put(struct wire_fds *fds, const char *name, const char *suffix, int fd)
{
    peer_check(fd >= 0 && fds->count < CHAN_MAX_FDS);
    snprintf(fds->item[fds->count].name, sizeof(fds->item[0].name), "%s%s", name, suffix);
    fds->item[fds->count++].fd = fd;
}

static int event(void)
{
    return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

void peer_put_lane(struct wire_fds *fds, const char *name, uint32_t layout)
{
    int fd;

    peer_check(!lane_create(name, LANE_STREAM, PEER_SLOTS, layout, &fd));
    put(fds, name, "", fd);
    put(fds, name, ".wake", event());
    put(fds, name, ".room", event());
}

void peer_put_region(struct wire_fds *fds, const char *name, uint32_t type, uint32_t version,
                     size_t size, struct region *r)
{
    int fd;

    peer_check(!region_create(name, type, version, size, &fd));
    put(fds, name, "", fd);
    peer_check(!region_map(fd, type, version, size, true, r));
}

void peer_put_event(struct wire_fds *fds, const char *name)
{
    put(fds, name, "", event());
}

void peer_copy_fds(const struct wire_fds *from, struct wire_fds *to)
{
    *to = *from;
    for (unsigned i = 0; i < to->count; i++)
        peer_check((to->item[i].fd = dup(from->item[i].fd)) >= 0);
}

void peer_spoil_index(struct lane_header *const *lanes, unsigned count, struct peer_input *in)
{
    uint32_t which = peer_take32(in, 1), value = peer_take32(in, 4);
    struct lane_header *l = lanes[which % 8 % count];
    _Atomic uint32_t *words[4] = {&l->producer.tail, &l->producer.room_at, &l->consumer.head,
                                  &l->consumer.wake_at};

    atomic_store(words[which >> 3 & 3], which & 32 ? value : value % (PEER_SLOTS + 4));
}

void peer_spoil_slot(const struct lane_mem *mem, struct peer_input *in)
{
    uint32_t at = peer_take32(in, 1) % PEER_SLOTS;
    uint64_t word = peer_take(in, 8);

    memcpy(mem->slots[at].bytes + peer_take(in, 1) % 57, &word, sizeof(word));
}
