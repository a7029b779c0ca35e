/* SPDX-License-Identifier: MIT */
/*
 * service.h: vgt-display's end of the wiring: broker messages to display_*() calls and back,
 * descriptors to mapped regions. Set up by main.c. One thread.
 */
#pragma once
#include "gen/edid.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/sandbox.h"

struct service_options {
    const char *wire; /* uri of the wiring socket */
    unsigned slow;
    bool no_auto, no_sandbox;
    uint32_t width, height, refresh; /* the virtual monitor's preferred mode */
};

struct service;

/* 0 or -errno. The loop, log and options are borrowed. */
int service_new(struct loop *loop, const struct log *log, const struct service_options *options,
                struct service **service);
void service_free(struct service *s);

extern const struct sandbox display_sandbox; /* sandbox.c */
