/* SPDX-License-Identifier: MIT */
/*
 * server.h: the loop of the softgpu program: sockets, signals and the device's timed events. One
 * thread; the engines have their own.
 */
#pragma once
#include <stdbool.h>

struct server_options {
    const char *socket;        /* vfio-user, we listen */
    const char *ctl;           /* control, we listen; NULL: none */
    const char *judge_chan;    /* walker's channel, we listen; NULL: none */
    const char *judge_connect; /* walker's channel, the other end listens; NULL: none */
    const char *cost;          /* file of the cost model; NULL: none */
    const char *trace;         /* file of the log; NULL: none */
    unsigned trace_classes;    /* what it holds, TRACE_REGS and the like */
    unsigned slowdown;         /* of the display, 0 or 1: none */
    bool once;                 /* end when the first client goes */
    bool verbose;
};

/* Runs until SIGTERM, SIGINT, "quit", or the client's end with once. 0, or -errno after one
 * message on stderr. */
int server_run(const struct server_options *o);
