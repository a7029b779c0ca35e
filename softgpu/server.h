/* SPDX-License-Identifier: MIT */
/*
 * server.h: the loop of the softgpu program: sockets, signals and the device's timed events. One
 * thread; the engines have their own.
 */
#pragma once
#include "softgpu/export.h"
#include "softgpu/hotplug.h"

#include <stdbool.h>

#include "softgpu/fault.h"
#include "softgpu/tile.h"

struct model;

#define SERVER_MAX_FAULTS 16

struct server_options {
    const struct model *model; /* the chip; NULL: Broadwell, 8086:1616 */
    const char *socket;        /* vfio-user, we listen */
    const char *ctl;           /* control, we listen; NULL: none */
    const char *judge_chan;    /* walker's channel, we listen; NULL: none */
    const char *judge_connect; /* walker's channel, the other end listens; NULL: none */
    const char *cost;          /* file of the cost model; NULL: none */
    const char *trace;         /* file of the log; NULL: none */
    unsigned trace_classes;    /* what it holds, TRACE_REGS and the like */
    unsigned slowdown;         /* of the display, 0 or 1: none */
    struct fault_spec fault[SERVER_MAX_FAULTS]; /* armed from the start */
    unsigned faults;
    bool strict;               /* engines_set_strict() */
    enum tile_swizzle swizzle; /* device_set_swizzle() */
    /* Monitors to begin with; a name that is empty: as the device comes. */
    struct hotplug_monitor monitor[HOTPLUG_PORTS];
    struct export_options exports[EXPORT_MAX];
    unsigned export_count;
    bool once; /* end when the first client goes */
    bool verbose;
};

/* Runs until SIGTERM, SIGINT, "quit", or the client's end with once. 0, or -errno after one
 * message on stderr. */
int server_run(const struct server_options *o);
