/* SPDX-License-Identifier: MIT */
/*
 * screen.h: whose picture is on the screen, so that a new vgt-display goes on where the old one
 * stopped. One region of display's own; written and read by vgt-display alone. generation tells a
 * guest from a later one with the same domid. A record torn by a crash is at worst a black screen:
 * no sequence word.
 */
#pragma once
#include <assert.h>
#include <stdint.h>

#define SCREEN_LAYOUT 1u

struct screen_record {
    uint64_t generation; /* of the guest, as in GuestAdd */
    uint32_t domid;      /* 0: dom0's console */
    uint32_t chosen;     /* 1: somebody asked for a switch; nothing is shown by itself any more */
    uint64_t pad[14];
};
static_assert(sizeof(struct screen_record) == 128, "layout");
