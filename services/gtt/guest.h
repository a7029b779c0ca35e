/* SPDX-License-Identifier: MIT */
/*
 * guest.h: everything gtt holds for one guest, and the order of things: entries from vgt-mmio are
 * applied, outstanding table work is done in bounded steps, then the batch's clears are published,
 * the epoch is published and only then the lane advanced. So an epoch in the map means that the
 * shadows follow the guest up to there, and a crash replays what was not finished.
 * Called by the service's loop; workers pin frames for it (fetch.h). No descriptors, no processes
 * here.
 */
#pragma once
#include "lib/lane.h"
#include "lib/quarantine.h"
#include "services/gtt/directories.h"
#include "services/gtt/ggtt.h"
#include "services/gtt/ppgtt.h"
#include "services/wire/mmio_gtt.h"

struct gtt_guest_config {
    uint16_t domid;
    struct gpu *gpu;
    const struct vmm_ops *ops;
    struct vmm *vmm;
    struct account *account;
    struct gtt_map *map;
    const struct gtt_inval *inval[TLB_READERS]; /* NULL: no such reader */
    const struct vggtt *image;
    struct partition_grant grant;
    shadow_protect *protect; /* posts to mmio; nonzero: no room now */
    void *ctx;
    struct workers *workers;         /* NULL: everything in the loop */
    struct directories *directories; /* of all guests; NULL: the GPU has none */
    uint64_t max_pins, max_tables;
    bool confirmed, out_of_sync; /* see shadow_config */
    bool gone;                   /* only to be detached: neither image nor memory is looked at */
    /* Inputs that kill; NULL: nobody notes any. Full: this guest gets graphics memory that shows
     * scratch everywhere, and what it says is dropped. */
    struct quarantine *quarantine;
};

struct gtt_guest {
    struct gtt_guest_config c;
    struct tlb tlb;
    struct pins pins;
    struct pages pages;
    struct shadow_set shadows;
    struct ggtt ggtt;
    struct ppgtt ppgtt;
    uint64_t epoch; /* of the last entry applied */
    bool applied;   /* entries were applied and not yet settled */
    bool given_up;  /* its inputs killed too often */
    bool detaching; /* everything reachable was taken away; tables are being taken apart */
    bool cleared;   /* and all clears are published */
};

/* Positive answers of settle, consume and detach. WAITS: outstanding, but call again only when a
 * worker's job came back (workers_fd). */
enum { GTT_GUEST_MORE = 1, GTT_GUEST_WAITS = 5 };

/*
 * Attach, or take over after a restart: both rebuild from the image and the map, which are all zero
 * at the first attach. Call gtt_guest_consume() until it returns 0, as after new entries. inval
 * words and the map are mapped regions, borrowed like everything in the config. A guest that is
 * gone is only good for gtt_guest_detach(): its roots are off the map, its pins are found. -errno,
 * with nothing held, except entries of the GGTT that name the device's scratch page.
 */
int gtt_guest_new(const struct gtt_guest_config *config, struct gtt_guest **out);

/* One entry. Epochs only grow; a replayed one changes nothing. Negative: the device failed. */
int gtt_guest_apply(struct gtt_guest *g, const struct mmio_gtt *msg);

/*
 * Up to budget table entries of work, then, if none is left, publish clears and epoch. 0 settled,
 * GTT_GUEST_MORE, GTT_GUEST_WAITS, or -errno of the device. Frames and pages whose wait is over are
 * let go.
 */
int gtt_guest_settle(struct gtt_guest *g, uint64_t budget);

/*
 * One turn of the lane: entries while there is no work outstanding, settle, advance. 0: lane empty
 * and settled; GTT_GUEST_MORE: call again after other guests had their turn; GTT_GUEST_WAITS;
 * LANE_BROKEN; -errno.
 */
int gtt_guest_consume(struct gtt_guest *g, struct lane_rx *rx, uint64_t budget);

/*
 * Take everything away, in bounded steps: GTT_GUEST_MORE or GTT_GUEST_WAITS until every clear is
 * done and passed by the readers; then 0, all pins and pages given back and g freed. -errno: the
 * device failed, g lives.
 */
int gtt_guest_detach(struct gtt_guest *g, uint64_t budget);

/* Frees memory, touches neither device nor map: what a crash leaves (tests), or a handover. Waits
 * for workers' jobs. */
void gtt_guest_forget(struct gtt_guest *g);
