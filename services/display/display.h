/* SPDX-License-Identifier: MIT */
/*
 * display.h: vgt-display without its channel to the broker. service.c feeds it guests and requests
 * and sends what it answers; tests do the same with a fake GPU and memory of their own. One thread,
 * that of the loop.
 */
#pragma once
#include "lib/log.h"
#include "lib/loop.h"
#include "services/display/guest.h"
#include "services/display/shot.h"
#include "services/wire/screen.h"

/* Answers. Called from display_*() and from the loop. */
struct display_ops {
    void (*switched)(void *ctx, uint32_t id, uint32_t ms);
    void (*error)(void *ctx, uint32_t id, int err, const char *text);
    void (*removed)(void *ctx, uint32_t id, uint32_t domid);
    /* Ask for GGTT entries [first, first + pages) of domid in our slice of the aperture (pages 0:
     * let go of it). The answer comes to display_slice(). Returns the request's id, 0: cannot. */
    uint32_t (*slice)(void *ctx, uint32_t domid, uint32_t first, uint32_t pages);
    void (*piece)(void *ctx, uint32_t id, const struct shot_piece *piece);
};

struct display_config {
    struct loop *loop;
    struct gpu *gpu;
    const struct log *log;
    struct screen_record *screen; /* survives us; may be NULL */
    uint64_t (*now_ns)(void);     /* CLOCK_MONOTONIC */
    unsigned slow;                /* frame times are multiplied by it, 1..16 */
    bool no_auto;                 /* show nobody who was not asked for */
    const struct display_ops *ops;
    void *ctx;
};

struct display;

/* Brings the display engine up. 0, -ENOMEM, -ETIMEDOUT or what gpu_*() says. */
int display_new(const struct display_config *config, struct display **display);
/* Everything on the screen stays as it is: a successor takes it over. */
void display_free(struct display *d);

/* 0, -EEXIST, -ENOSPC, -ENOMEM or -errno of watching the bell. */
int display_guest_add(struct display *d, const struct guest_config *config);
/* Not final: off the screen, then removed(id). Final: forgotten on return, nothing is answered. */
void display_guest_remove(struct display *d, uint32_t domid, bool final, uint32_t id);

void display_switch(struct display *d, uint32_t domid, uint32_t id);
void display_screenshot(struct display *d, uint32_t domid, uint32_t id);
/* The answer to ops->slice(): err 0 or a positive errno. */
void display_slice(struct display *d, uint32_t id, int err);

/* Look at everything now; the loop does so at bells, vblanks and by a timer. */
void display_step(struct display *d);

/* Counters of one guest, or (domid 0) of the service. */
#define DISPLAY_COUNTERS (ACCOUNT_EVENTS + 8)
struct display_stats {
    uint32_t domid;
    bool foreground;
    unsigned count;
    struct {
        const char *name;
        uint64_t value;
    } counter[DISPLAY_COUNTERS];
};
/* The n-th: 0 is the service, then the guests. False: there are no more. */
bool display_stats(const struct display *d, unsigned n, struct display_stats *stats);
