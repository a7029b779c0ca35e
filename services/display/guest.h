/* SPDX-License-Identifier: MIT */
/*
 * guest.h: one guest of vgt-display: its virtual pipes, whose timing is published for vgt-mmio,
 * the picture its registers describe, checked, and its side of the TLB rule. Created and driven by
 * display.c; screen.c puts the picture of the foreground guest on the screen. One thread.
 */
#pragma once
#include "lib/account.h"
#include "lib/loop.h"
#include "services/display/phys.h"
#include "services/display/view.h"
#include "services/wire/gtt_map.h"
#include "services/wire/timing.h"

/* All borrowed; they outlive the guest. */
struct guest_config {
    uint32_t domid;
    const char *name; /* copied */
    uint64_t generation;
    struct {
        uint64_t base, size;
    } part[2]; /* low and high graphics memory */
    const struct vreg_file *vreg;
    const struct gtt_map *map;
    struct gtt_inval *inval;
    struct timing *timing;
    int bell; /* eventfd, or -1 */
};

/* What would be on the screen. Everything in it was checked. */
struct picture {
    uint32_t has_mode; /* bool: a pipe runs, in a mode the physical port can do */
    struct phys_mode mode;
    struct phys_plane plane;
    struct phys_cursor cursor;
};

struct display;

struct guest {
    struct display *display;
    struct guest_config c;
    struct account account;
    struct loop_source *bell;
    struct view_pipe seen[VIEW_PIPES];
    bool looked;  /* seen is valid */
    int pipe;     /* the first one that runs, -1 */
    bool changed; /* picture is not what it was when screen.c took it last */
    struct picture picture;
    uint64_t crc_of; /* of its picture on the screen the CRC is known; 0: not */
    uint32_t crc;

    /* TLB rule: the screen may still fetch this guest's memory. */
    bool left; /* its planes were taken off the screen at left_frame */
    uint32_t left_frame;
    bool waiting; /* wait_seq is published when wait_frame is over */
    uint32_t wait_frame;
    uint64_t wait_seq, wait_deadline_ns;

    bool removing, must_reply; /* GuestRemove(final=false) came; id waits for its answer */
    uint32_t remove_id;
    uint64_t remove_deadline_ns;
    uint64_t flips, modesets, vblanks;
};

int guest_new(const struct guest_config *config, const struct log *log, struct guest **guest);
void guest_free(struct guest *g);

/* Read the registers, publish timing, make the picture anew if it changed. */
void guest_look(struct guest *g, unsigned slow, bool foreground, uint64_t now_ns);

/* What the screen's CRC engine found of the picture that crc_of names (timing_crc_of()), on to
 * vgt-mmio; 0: nothing any more. */
void guest_crc(struct guest *g, uint64_t crc_of, uint32_t crc);

/* The surface of the first running pipe: 0, 1: it shows nothing, -EINVAL: it is not the guest's or
 * makes no sense. */
int guest_surface(struct guest *g, struct fb *fb);

/* Whether [base, base + bytes) is the guest's own graphics memory. */
bool guest_owns(const struct guest *g, uint64_t base, uint64_t bytes);

/* picture.c: from the view of the first running pipe; what is wrong goes to the guest's account. */
void picture_make(struct guest *g, const struct view_pipe *view, struct picture *picture);
