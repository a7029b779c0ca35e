/* SPDX-License-Identifier: MIT */
/*
 * sched.h: the service without its wiring: brings the engines up once gtt has entered the arena
 * into the GTT, runs the engines from interrupts and timers, keeps the TLB rule, holds the guests.
 * service.c connects it to the broker; tests drive it with fake seams. One thread, that of the
 * loop.
 * Start-up does not block: device facts -> arena -> engines halted -> MAP requests to gtt -> DONE
 * of the last -> engines up -> up(). Guests may come before that; they wait. After a former process
 * the engines are neither halted nor is gtt asked: they run on, and each is taken over once the
 * guests that stand in its port have come (adopt.c). A process that ends leaves them to the next.
 */
#pragma once
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/region.h"
#include "services/sched/arena.h"
#include "services/sched/engine.h"
#include "services/wire/client.h"

struct sched;

struct sched_events {
    void (*up)(void *ctx);
    void (*failed)(void *ctx, int err); /* the device does not answer: the service must end */
    /* A removal asked for was carried out. final: the guest is freed. */
    void (*gone)(void *ctx, uint32_t domid, bool final, uint32_t id);
    void (*lane_broken)(void *ctx, uint32_t domid, const char *lane);
    void *ctx;
};

struct sched_config {
    struct loop *loop;
    const struct log *log;
    const struct vmm_ops *vmm;
    uint64_t quantum_ns, watchdog_ns;
    uint32_t arena_pages;
    bool no_quarantine; /* every input of guests is applied, however often it killed */
    struct sched_events events;
};

/* One guest; the parts are sched.c's and service.c's (statistics). */
struct sched_guest {
    struct sched *s;
    struct sched_journal_guest *record;
    struct guest guest;
    struct account account;
    struct context_set *contexts;
    struct vmm *vmm;
    struct wire_fds fds;
    struct region vggtt, map, inval, bad;
    struct quarantine quarantine; /* in bad */
    struct lane_rx rx;
    struct lane_tx tx;
    struct loop_source *wake, *room;
    struct {
        uint64_t clear; /* gtt's sequence that is to be acknowledged; 0: none */
        uint32_t number[GEN8_ENGINES];
    } flush;       /* Haswell: an invalidation is under way */
    bool removing; /* a removal is to be answered */
    bool final;
    uint32_t remove_id;
    uint32_t lost; /* mask of engines on which work was lost before the guest was made */
};

struct sched {
    struct sched_config c;
    struct gpu *gpu;
    struct hw hw;
    struct arena *arena;
    struct arena_range hwsp[GEN8_ENGINES];
    struct arena_range ring_pages[GEN8_ENGINES]; /* Haswell */
    struct region region;                        /* of the journal */
    struct sched_journal *journal;
    struct engine engine[GEN8_ENGINES];
    struct engine_guests ring;
    struct sched_guest *guest[WIRE_MAX_GUESTS];

    struct wire_fds fds;
    struct lane_tx to_gtt;
    struct lane_rx from_gtt;
    uint64_t seq, map_seq;   /* of the last request; of the last MAP, 0 while some are unsent */
    uint32_t map_from;       /* entries of the arena before it are asked for */
    struct sched_gtt *roots; /* requests the lane had no room for */
    unsigned root_count, root_room;

    struct loop_source *irq, *bell, *to_gtt_room, *timer, *turn;
    int irq_fd;
    uint64_t looked; /* when the timer last looked at what waits */
    bool up, failed;
    bool adopt;      /* a former process left the engines to us, */
    uint32_t alive;  /* mask of those that nobody reset since */
    bool lost_guest; /* one of a former process could not be attached: nobody waits for it */
    uint64_t up_at;
    unsigned restored, dropped; /* shadow contexts of it; those that made no sense */
    uint64_t flushes, flush_errors;
};

/* Before anything is known of the device. 0, -ENOMEM, -errno. */
int sched_new(const struct sched_config *config, struct sched **out);
void sched_free(struct sched *s);

/*
 * The device: gpu is this row, opened, and fds hold journal, sched_gtt and gtt_sched; both are
 * taken, error or not. engines: mask. -errno; the service cannot go on then.
 */
int sched_device(struct sched *s, struct gpu *gpu, struct wire_fds *fds, uint32_t engines);

/* fds are taken, error or not. 0 or -errno. */
int sched_guest_add(struct sched *s, const Vgt__GuestAdd *add, struct wire_fds *fds);
struct sched_guest *sched_guest_find(struct sched *s, uint32_t domid);
/* Answered by events.gone(), perhaps before it returns. */
void sched_guest_remove(struct sched *s, struct sched_guest *sg, bool final, uint32_t id);

/* A guest of a former process is to be removed that could not be attached to this one: its work is
 * taken off the engines, its record and pages are given up. */
void sched_guest_stale(struct sched *s, uint32_t domid);

/* Something changed: engines, invalidations and lanes are looked at when the turn ends. */
void sched_trigger(struct sched *s);
uint64_t sched_now(void);
