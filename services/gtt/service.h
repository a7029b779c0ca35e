/* SPDX-License-Identifier: MIT */
/*
 * service.h: vgt-gtt as a process: the guests it serves, their lanes, and the host's share of the
 * GGTT. main.c makes it; attach.c takes guests, service.c runs their turns and detaches them;
 * host.c serves sched's requests and display's slice. All in the loop's thread; workers.h has the
 * others.
 */
#pragma once
#include "lib/region.h"
#include "lib/sandbox.h"
#include "services/gtt/guest.h"
#include "services/gtt/slice.h"
#include "services/wire/client.h"
#include "services/wire/sched_gtt.h"

#define GTT_BUDGET 4096u /* table entries of one guest per turn */

struct gtt_service;

/* One guest. Without a gtt_guest it is one that could not be taken over: only its descriptors and
 * its grant are held. */
struct gtt_member {
    struct gtt_service *service;
    bool used, leaving, lane_broken, lane_full;
    bool unseen[TLB_READERS]; /* they never had the guest and will acknowledge nothing */
    uint32_t domid, remove_id;
    struct account account;
    struct partition_grant grant;
    struct wire_fds fds;
    struct region vggtt, map, inval[TLB_READERS], bad;
    struct quarantine quarantine;
    struct lane_rx from_mmio;
    struct lane_tx to_mmio;
    struct loop_source *wake, *room;
    struct vmm *vmm;
    struct gtt_guest *guest;
    uint64_t told_epoch, told_clear, told_shows; /* what sched was last woken for */
};

struct gtt_service {
    struct loop *loop;
    struct wire_client *client;
    const struct log *log;
    const struct vmm_ops *ops;
    struct gpu *gpu; /* NULL until the device came */
    struct partition partition;
    struct directories directories; /* of a GPU that has them */
    struct wire_fds fds;
    struct lane_rx from_sched;
    struct lane_tx to_sched;
    struct workers *workers; /* NULL: none */
    struct loop_source *sched_wake, *sched_room, *turn, *tick, *came_back;
    struct gtt_sched answer; /* the last one owed to sched */
    bool answer_owed;
    bool out_of_sync;   /* option: see shadow_config */
    bool no_quarantine; /* option: every input is applied, however often it killed */
    struct gtt_slice slice;
    struct gtt_member member[WIRE_MAX_GUESTS];
    uint64_t host_entries; /* written for sched */
};

/* Everything but the device, and threads to pin guests' frames (0: the loop does). The log, loop
 * and ops are borrowed; the calling thread, a reader of liburcu's (pins.h), is the loop's. 0 or
 * -errno. */
int gtt_service_init(struct gtt_service *s, struct loop *loop, const struct log *log,
                     const struct vmm_ops *ops, unsigned workers);
/* The device came: s->gpu is open, s->fds are the service's. 0 or -errno. */
int gtt_service_start(struct gtt_service *s);
/* Let go of everything; guests' pins and pages stay behind the device's descriptor. */
void gtt_service_stop(struct gtt_service *s);

extern const struct wire_ops gtt_wire_ops; /* ctx: struct gtt_service */
/* Types besides those of wire_client. */
extern const struct chan_type gtt_wire_types[1];

struct gtt_member *gtt_member_find(struct gtt_service *s, uint32_t domid);
bool gtt_member_serves(const struct gtt_member *m);
/* Lets go of all mappings; of the descriptors and the record, too. */
void gtt_member_unmap(struct gtt_member *m);
void gtt_member_release(struct gtt_member *m);
/* Its lanes wake the loop from here on. */
int gtt_member_watch(struct gtt_member *m);
/* No lane of this guest is trusted any more; the broker is told once. */
void gtt_member_lane_lost(struct gtt_member *m, const char *lane);
int gtt_member_protect(void *ctx, uint64_t gfn, enum shadow_trap how);
/* Turns of all guests before the loop sleeps. */
void gtt_service_turn(struct gtt_service *s);

/* attach.c; both are handlers of gtt_wire_ops. Gone: the guest was never attached by this process,
 * or could not be: what it has left is taken back as the TLB rule says, then the request answered.
 */
void gtt_attach(void *ctx, const Vgt__GuestAdd *add, struct wire_fds *fds, uint32_t id);
void gtt_attach_gone(void *ctx, uint32_t domid, bool final, uint32_t id);

/* bad.c */
/* Its table, as far as the broker has one. 0 or -errno. */
int gtt_bad_attach(struct gtt_member *m);
/* While anything is suspected to kill, of whichever guest, nobody works beside the loop: so it is
 * clear who died of what. */
void gtt_bad_careful(struct gtt_service *s);

/* host.c */
int gtt_host_claim(struct gtt_service *s);
/* NULL: this GPU's page directories are pages. */
struct directories *gtt_host_directories(struct gtt_service *s);
int gtt_host_attach(struct gtt_service *s);
/* One turn of sched's lane. */
void gtt_host_turn(struct gtt_service *s);
void gtt_host_slice(struct gtt_service *s, const struct chan_message *message);

/* stats.c */
void gtt_stats(void *ctx, uint32_t id);

extern const struct sandbox gtt_sandbox; /* sandbox.c */
