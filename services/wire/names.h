/* SPDX-License-Identifier: MIT */
/*
 * names.h: what travels with a Wire message: the descriptors' names, the region types, and who gets
 * which. A stream lane NAME is three descriptors: NAME, NAME.wake, NAME.room (lib/lane.h).
 *
 *   of a service  vgt-gtt      dev, sched_gtt, gtt_sched
 *                 vgt-sched    dev, sched_gtt, gtt_sched, journal
 *                 vgt-display  dev, screen
 *   of a guest    vgt-mmio     vreg, vggtt, timing, bad_mmio, mmio_gtt, gtt_mmio, mmio_sched,
 *                              sched_mmio, bell
 *                 vgt-gtt      vggtt, gtt_map, inval_sched, inval_display, bad_gtt, mmio_gtt,
 *                              gtt_mmio
 *                 vgt-sched    vggtt, gtt_map, inval_sched, bad_sched, mmio_sched, sched_mmio
 *                 vgt-display  vreg, gtt_map, inval_display, timing, bell
 *
 * Regions a service only reads come as descriptors that cannot be mapped writable.
 */
#pragma once

/* Version of the messages (proto/vgt.proto), in every Hello. */
#define WIRE_PROTOCOL 1u

/* Descriptors. */
#define WIRE_DEV           "dev" /* the row's node, /dev/vgt/ROW */
#define WIRE_VREG          "vreg"
#define WIRE_VGGTT         "vggtt"
#define WIRE_GTT_MAP       "gtt_map"
#define WIRE_INVAL_SCHED   "inval_sched"
#define WIRE_INVAL_DISPLAY "inval_display"
#define WIRE_TIMING        "timing"
#define WIRE_JOURNAL       "journal"
#define WIRE_SCREEN        "screen"
#define WIRE_BAD_MMIO      "bad_mmio"  /* what killed vgt-mmio: lib/quarantine.h */
#define WIRE_BAD_GTT       "bad_gtt"   /* vgt-gtt */
#define WIRE_BAD_SCHED     "bad_sched" /* vgt-sched */
#define WIRE_BELL          "bell"      /* eventfd: mmio tells display that its registers changed */

/* Lanes. */
#define WIRE_MMIO_GTT   "mmio_gtt"
#define WIRE_GTT_MMIO   "gtt_mmio"
#define WIRE_MMIO_SCHED "mmio_sched"
#define WIRE_SCHED_MMIO "sched_mmio"
#define WIRE_SCHED_GTT  "sched_gtt"
#define WIRE_GTT_SCHED  "gtt_sched"

/* Region types (struct region_header.type); the version is the layout number of the header that
 * describes the contents. */
enum wire_region {
    WIRE_REGION_VREG = 1,
    WIRE_REGION_VGGTT,
    WIRE_REGION_GTT_MAP,
    WIRE_REGION_INVAL,
    WIRE_REGION_TIMING,
    WIRE_REGION_JOURNAL,
    WIRE_REGION_SCREEN,
    WIRE_REGION_QUARANTINE,
};

/* GuestRemove.unseen. */
#define WIRE_UNSEEN_SCHED   1u
#define WIRE_UNSEEN_DISPLAY 2u

/* The host's share of the graphics address space, which every guest's excludes: low memory below
 * WIRE_HOST_LOW (so no guest owns address 0), display's slice at the end of the aperture, and the
 * last WIRE_HOST_HIGH bytes of the whole space, where sched's rings and contexts live. */
#define WIRE_HOST_LOW  (1u << 20)
#define WIRE_HOST_HIGH (64u << 20)
/* Haswell: before that, the page directories of the guests' PPGTTs, which gtt keeps in GGTT entries
 * of its own: 2 MiB each (512 entries). The first one is empty for ever. */
#define WIRE_HOST_DIRECTORIES (128u << 20)
#define WIRE_DIRECTORY_SPAN   (2u << 20)
