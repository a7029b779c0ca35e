/* SPDX-License-Identifier: MIT */
/*
 * fds.c: descriptors by the names they came with, and the regions and lanes behind them. Used by
 * every service while it attaches a guest; owns nothing itself, no threads.
 */
#include "services/wire/client.h"

#include "lib/lane.h"
#include "lib/region.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int wire_fd(const struct wire_fds *fds, const char *name)
{
    for (unsigned i = 0; i < fds->count; i++)
        if (!strcmp(fds->item[i].name, name))
            return fds->item[i].fd;
    return -ENOENT;
}

void wire_fds_close(struct wire_fds *fds)
{
    for (unsigned i = 0; i < fds->count; i++)
        close(fds->item[i].fd);
    fds->count = 0;
}

int wire_region(const struct wire_fds *fds, const char *name, uint32_t type, uint32_t version,
                uint64_t min_size, bool writable, struct region *region)
{
    int fd = wire_fd(fds, name);

    return fd < 0 ? fd : region_map(fd, type, version, min_size, writable, region);
}

/* The three descriptors of a lane. */
static int lane_fds(const struct wire_fds *fds, const char *lane, int out[3])
{
    static const char *const suffix[3] = {"", ".wake", ".room"};

    for (int i = 0; i < 3; i++) {
        char name[sizeof(fds->item[0].name)];

        snprintf(name, sizeof(name), "%s%s", lane, suffix[i]);
        out[i] = wire_fd(fds, name);
        if (out[i] < 0)
            return out[i];
    }
    return 0;
}

int wire_producer(const struct wire_fds *fds, const char *lane, uint32_t layout, struct lane_tx *tx)
{
    int fd[3], rc = lane_fds(fds, lane, fd);

    return rc ? rc : lane_producer_attach(tx, fd[0], layout, fd[1], fd[2]);
}

int wire_consumer(const struct wire_fds *fds, const char *lane, uint32_t layout, struct lane_rx *rx)
{
    int fd[3], rc = lane_fds(fds, lane, fd);

    return rc ? rc : lane_consumer_attach(rx, fd[0], layout, fd[1], fd[2]);
}
