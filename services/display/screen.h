/* SPDX-License-Identifier: MIT */
/*
 * screen.h: whose picture is on the screen, and the change from one guest to another in two phases:
 * revoke (the old guest's planes are no longer forwarded; its last frame is scanned to the end),
 * then grant (modeset if need be, the new guest's planes, first vblank with them). Each phase has a
 * time-out: a hung guest or a dead pipe holds up nothing. Part of struct display; display.c calls
 * screen_step() whenever something may have happened. One thread.
 */
#pragma once
#include "services/display/guest.h"
#include "services/wire/screen.h"

enum screen_phase { SCREEN_STEADY, SCREEN_REVOKE, SCREEN_GRANT };

struct screen_request {
    bool used, reply;
    uint32_t domid, id;
};

struct display;

struct screen {
    struct display *d;
    struct guest *fg;    /* whose planes are forwarded; NULL: dom0's console */
    struct guest *owner; /* whose memory the planes fetch; NULL: nobody's */
    enum screen_phase phase;
    struct guest *target;
    struct screen_request current, next;
    uint64_t start_ns, deadline_ns, expect_ns; /* expect: a former foreground guest may come back */
    uint32_t frame, last_frame;
    uint64_t crc_of; /* of which picture a CRC is asked for, since crc_frame of crc_modeset */
    uint32_t crc_frame;
    uint64_t crc_modeset;
    struct screen_record *record; /* may be NULL */
    struct screen_record local;
    uint64_t switches, timeouts;
};

void screen_init(struct screen *s, struct display *d, struct screen_record *record);

/* A request to show domid (0: console); answered through display_ops. */
void screen_request(struct screen *s, uint32_t domid, uint32_t id);

/* A guest came (perhaps the one that was shown before a restart), or goes. */
void screen_guest_added(struct screen *s, struct guest *g);
void screen_guest_gone(struct screen *s, struct guest *g);

/* No pointer to it stays, whatever is under way. */
void screen_let_go(struct screen *s, struct guest *g);

/* Go on with what is under way; forward what the foreground guest changed. */
void screen_step(struct screen *s);

/* The monitor came or went. */
void screen_monitor(struct screen *s);

/* The planes may still fetch this guest's memory. */
bool screen_fetches(struct screen *s, const struct guest *g);

/* Everything off at once, for a guest that must not wait for a dead pipe. 0 or -ETIMEDOUT. */
int screen_blank(struct screen *s);

/* Something will need a look at the next vblank. */
bool screen_busy(const struct screen *s);
