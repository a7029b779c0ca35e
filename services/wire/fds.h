/* SPDX-License-Identifier: MIT */
/*
 * fds.h: descriptors that came with a Wire message, by name, and what was wrong with one of them,
 * as a sentence for whoever runs the host. Used by every service, and by client.c, which owns the
 * note. One thread.
 */
#pragma once
#include "lib/chan.h"

#define WIRE_WHY 320u

/* Why a region or lane could not be mapped: the first of an attempt. text is empty until then. */
struct wire_note {
    const char *who; /* the service */
    uint32_t domid;  /* whose descriptors; 0: the service's own */
    int error;       /* -errno */
    char text[WIRE_WHY];
};

/* Named descriptors, owned by whoever holds the struct. */
struct wire_fds {
    unsigned count;
    struct {
        char name[28];
        int fd;
    } item[CHAN_MAX_FDS];
    struct wire_note *note; /* borrowed; NULL: nobody wants to know */
};

/* Borrowed descriptor, or -ENOENT. */
int wire_fd(const struct wire_fds *fds, const char *name);
void wire_fds_close(struct wire_fds *fds);

struct region;
struct lane_tx;
struct lane_rx;

/*
 * region_map(), lane_*_attach() by name, of exactly this version or layout: -EPROTONOSUPPORT is
 * also an older one, -ENOENT no such descriptor; else as those. Every failure is noted.
 */
int wire_region(const struct wire_fds *fds, const char *name, uint32_t type, uint32_t version,
                uint64_t min_size, bool writable, struct region *region);
int wire_producer(const struct wire_fds *fds, const char *lane, uint32_t layout,
                  struct lane_tx *tx);
int wire_consumer(const struct wire_fds *fds, const char *lane, uint32_t layout,
                  struct lane_rx *rx);

/* Is it something that trying again does not change: another layout, damage, a missing one? */
bool wire_note_refusal(const struct wire_note *note);

/* What could not be mapped of these is not missed: nobody is to read of it. */
void wire_note_drop(const struct wire_fds *fds);

/* The sentence about two programs that speak different versions of the messages. */
void wire_versions(char text[WIRE_WHY], const char *one, uint32_t version, const char *other,
                   uint32_t others);
