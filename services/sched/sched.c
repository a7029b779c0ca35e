/* SPDX-License-Identifier: MIT */
/*
 * sched.c: see sched.h. Callbacks of the loop only note what came in; what follows from it
 * (submissions, invalidations, events to guests) is done once, when the turn ends.
 */
#include "services/sched/sched.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "lib/crash.h"
#include "services/sched/ring_context.h"
#include "services/sched/sched_priv.h"

uint64_t sched_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void sched_trigger(struct sched *s)
{
    loop_trigger(s->turn);
}

void sched_fail(struct sched *s, int err)
{
    if (err >= 0 || s->failed)
        return;
    s->failed = true;
    s->c.events.failed(s->c.events.ctx, err);
}

/* ---- TLB rule */

/* The clears of this guest that may be acknowledged after an invalidation; 0: none now. A context
 * on hardware whose root has left the map still walks the old tables. */
static bool wants_flush(const struct sched_guest *sg, uint64_t *clear)
{
    const struct gtt_map *map = sg->guest.c.map;

    *clear = __atomic_load_n(&map->clear_seq, __ATOMIC_ACQUIRE);
    return *clear != sg->guest.inval_done &&
           (sg->guest.c.rings || context_set_roots_mapped(sg->contexts));
}

static void acknowledge(struct sched *s, const bool *wants, const uint64_t *clear)
{
    for (unsigned i = 0; i < WIRE_MAX_GUESTS; i++) {
        struct sched_guest *sg = s->guest[i];

        if (!wants[i])
            continue;
        __atomic_store_n(&sg->guest.c.inval->done_seq, clear[i], __ATOMIC_RELEASE);
        sg->guest.inval_done = clear[i];
        crash_point("sched.tlb.told");
    }
    lane_kick(s->to_gtt.wake_fd);
}

/* Haswell's engines invalidate when they get to it. */
static void begin_flush(struct sched *s, struct sched_guest *sg)
{
    uint64_t clear;

    if (sg->flush.clear || !wants_flush(sg, &clear))
        return;
    sg->flush.clear = clear;
    for (unsigned e = 0; e < GEN8_ENGINES; e++)
        sg->flush.number[e] = engine_flush(&s->engine[e], &sg->guest);
    s->flushes++;
}

static bool flushed(const struct sched *s, const struct sched_guest *sg)
{
    for (unsigned e = 0; e < GEN8_ENGINES; e++)
        if (!engine_flushed(&s->engine[e], &sg->guest, sg->flush.number[e]))
            return false;
    return sg->flush.clear;
}

static void flush_rings(struct sched *s)
{
    uint64_t clear[WIRE_MAX_GUESTS];
    bool wants[WIRE_MAX_GUESTS] = {false}, any = false;

    for (unsigned i = 0; i < WIRE_MAX_GUESTS; i++) {
        struct sched_guest *sg = s->guest[i];

        if (!sg)
            continue;
        begin_flush(s, sg);
        any |= wants[i] = flushed(s, sg);
        clear[i] = sg->flush.clear;
        if (wants[i])
            sg->flush.clear = 0;
    }
    if (any)
        acknowledge(s, wants, clear);
}

/* While the engines are not up, and no former process left them running, nothing runs, and bring-up
 * ends with an invalidation. */
static void flush_tlbs(struct sched *s)
{
    uint64_t clear[WIRE_MAX_GUESTS];
    bool wants[WIRE_MAX_GUESTS] = {false}, any = false;
    int rc = 0;

    for (unsigned i = 0; i < WIRE_MAX_GUESTS; i++)
        if (s->guest[i])
            any |= wants[i] = wants_flush(s->guest[i], &clear[i]);
    if (!any || !s->gpu)
        return;
    if (s->up || s->adopt)
        rc = hw_invalidate(&s->hw);
    crash_point("sched.tlb.flushed");
    s->flushes++;
    if (rc) {
        if (!s->flush_errors++)
            log_write(s->c.log, LOG_ERR, "a TLB invalidation does not end", "error=%d", rc);
        return; /* tried again by the timer */
    }
    acknowledge(s, wants, clear);
}

static bool flush_outstanding(const struct sched *s)
{
    for (unsigned i = 0; i < WIRE_MAX_GUESTS; i++) {
        const struct sched_guest *sg = s->guest[i];

        if (sg &&
            __atomic_load_n(&sg->guest.c.map->clear_seq, __ATOMIC_RELAXED) != sg->guest.inval_done)
            return true;
    }
    return false;
}

/* ---- the turn's end */

static bool somebody_waits(const struct sched *s)
{
    for (unsigned i = 0; i < s->ring.count && s->up; i++)
        if (guest_waits(s->ring.guest[i]))
            return true;
    return flush_outstanding(s);
}

/* The looks at what waits do not move away with each turn: a busy loop must not starve them. */
static void arm_timer(struct sched *s)
{
    uint64_t now = sched_now(), at = UINT64_MAX;

    for (unsigned e = 0; e < GEN8_ENGINES; e++) {
        uint64_t want = s->up ? engine_deadline(&s->engine[e], now) : UINT64_MAX;

        at = want < at ? want : at;
    }
    if (!somebody_waits(s))
        s->looked = now;
    else if (at > s->looked + ENGINE_POLL_NS)
        at = s->looked + ENGINE_POLL_NS;
    loop_timer_arm(s->timer, at == UINT64_MAX ? 0 : at > now ? at - now : 1, 0);
}

static void run_engines(struct sched *s)
{
    uint64_t now = sched_now();

    for (unsigned e = 0; e < GEN8_ENGINES && s->up; e++)
        if (s->hw.engines & GEN8_M(e))
            sched_fail(s, engine_kick(&s->engine[e], now));
}

static void on_turn(void *data, uint32_t events)
{
    struct sched *s = data;

    (void)events;
    if (s->up)
        sched_fail(s, sched_adopt_engines(s));
    run_engines(s);
    if (hw_has_rings(&s->hw) && (s->up || s->adopt))
        flush_rings(s);
    else
        flush_tlbs(s);
    if (s->arena)
        sched_commit(s);
    sched_guests_turn(s);
    if (s->arena)
        sched_commit(s); /* events that are in the lanes are no longer ours */
    arm_timer(s);
}

/* ---- what comes in */

static void unblock(struct sched *s)
{
    for (unsigned i = 0; i < s->ring.count; i++)
        for (unsigned e = 0; e < GEN8_ENGINES; e++)
            s->ring.guest[i]->engine[e].blocked = false;
}

static void on_timer(void *data, uint32_t events)
{
    struct sched *s = data;
    uint64_t now = sched_now();

    (void)events;
    s->looked = now;
    sched_guests_take(s);
    for (unsigned i = 0; i < s->ring.count && hw_has_rings(&s->hw); i++)
        ring_ask_again(s->ring.guest[i]->c.contexts);
    unblock(s);
    for (unsigned e = 0; e < GEN8_ENGINES && s->up; e++)
        if (s->hw.engines & GEN8_M(e))
            sched_fail(s, engine_tick(&s->engine[e], now));
    sched_trigger(s);
}

static void on_irq(void *data, uint32_t events)
{
    struct sched *s = data;
    uint32_t bits[GEN8_ENGINES];
    uint64_t now = sched_now();

    (void)events;
    lane_drain(s->irq_fd);
    sched_guests_take(s);
    sched_fail(s, hw_interrupts(&s->hw, bits));
    for (unsigned e = 0; e < GEN8_ENGINES && s->up && !s->failed; e++)
        if (bits[e])
            sched_fail(s, engine_interrupt(&s->engine[e], bits[e], now));
    sched_trigger(s);
}

/* Each engine's ring, kept over restarts like the status pages. */
static int make_rings(struct sched *s)
{
    int rc = 0;

    for (unsigned e = 0; e < GEN8_ENGINES && !rc && hw_has_rings(&s->hw); e++) {
        if (!(s->hw.engines & GEN8_M(e)) || s->ring_pages[e].pages)
            continue;
        rc = arena_alloc(s->arena, HW_RING_BYTES / GPU_PAGE_SIZE, &s->ring_pages[e]);
        s->hw.ring[e] = s->ring_pages[e].gma;
        engine_set_ring(&s->engine[e], &s->ring_pages[e], &s->hwsp[e],
                        &(struct sched_journal_ring){0});
    }
    return rc;
}

static int status_pages(struct sched *s, uint32_t gma[GEN8_ENGINES])
{
    int rc = 0;

    for (unsigned e = 0; e < GEN8_ENGINES && !rc; e++) {
        if (!s->hwsp[e].pages)
            rc = arena_alloc(s->arena, 1, &s->hwsp[e]);
        s->journal->hwsp[e] = gma[e] = s->hwsp[e].gma;
    }
    return rc;
}

static int bring_up(struct sched *s)
{
    uint32_t gma[GEN8_ENGINES] = {0};
    int rc = status_pages(s, gma);

    rc = rc ? rc : make_rings(s);
    if (!s->alive)
        rc = rc ? rc : hw_up(&s->hw, gma);
    for (unsigned e = 0; e < GEN8_ENGINES && !rc && !s->alive; e++)
        if (s->hw.engines & GEN8_M(e))
            rc = engine_started(&s->engine[e]);
    if (rc)
        return rc;
    crash_point("sched.start.ready");
    if (hw_has_rings(&s->hw))
        sched_commit(s); /* where the rings are */
    s->journal->started = 1;
    s->up = true;
    s->up_at = sched_now();
    log_write(s->c.log, LOG_NOTICE, s->alive ? "engines are taken over" : "engines are up",
              "mask=%#x contexts=%u", s->hw.engines, s->restored);
    s->c.events.up(s->c.events.ctx);
    sched_trigger(s);
    return 0;
}

/* The answer to seq; roots that gtt refuses show in the map, or rather do not. */
static void on_done(struct sched *s, const struct gtt_sched *m)
{
    if (s->up || !s->map_seq)
        return;
    if (m->error && m->seq <= s->map_seq) {
        log_write(s->c.log, LOG_ERR, "gtt cannot enter the arena", "error=%d", m->error);
        sched_fail(s, m->error < 0 ? m->error : -EIO);
    } else if (m->seq >= s->map_seq) {
        sched_fail(s, bring_up(s));
    }
}

static int take_from_gtt(struct sched *s)
{
    struct lane_slot slot;
    struct gtt_sched m;
    int rc;

    do {
        while (!(rc = lane_rx_next(&s->from_gtt, &slot, NULL))) {
            memcpy(&m, &slot, sizeof m);
            if (m.kind == GTT_SCHED_DONE)
                on_done(s, &m);
        }
        if (rc == LANE_EMPTY)
            rc = lane_rx_sleep(&s->from_gtt, 1);
    } while (rc == LANE_READY);
    return rc;
}

static void on_bell(void *data, uint32_t events)
{
    struct sched *s = data;

    (void)events;
    lane_drain(s->from_gtt.wake_fd);
    if (take_from_gtt(s) == LANE_BROKEN)
        sched_gtt_broken(s, WIRE_GTT_SCHED);
    unblock(s);
    sched_trigger(s);
}

static void on_room(void *data, uint32_t events)
{
    struct sched *s = data;

    (void)events;
    lane_drain(s->to_gtt.room_fd);
    sched_gtt_flush(s);
}

/* ---- life */

int sched_new(const struct sched_config *config, struct sched **out)
{
    struct sched *s = calloc(1, sizeof *s);
    int rc;

    if (!s)
        return -ENOMEM;
    s->c = *config;
    s->irq_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    rc = s->irq_fd < 0 ? -errno : 0;
    rc = rc ? rc : loop_defer(config->loop, on_turn, s, &s->turn);
    rc = rc ? rc : loop_timer(config->loop, on_timer, s, &s->timer);
    if (rc) {
        sched_free(s);
        return rc;
    }
    *out = s;
    return 0;
}

static void init_engines(struct sched *s)
{
    for (unsigned e = 0; e < GEN8_ENGINES; e++) {
        const struct engine_config config = {.id = e,
                                             .hw = &s->hw,
                                             .guests = &s->ring,
                                             .log = s->c.log,
                                             .quantum_ns = s->c.quantum_ns,
                                             .watchdog_ns = s->c.watchdog_ns,
                                             .commit = sched_commit,
                                             .ctx = s};

        engine_init(&s->engine[e], &config);
    }
}

void sched_free(struct sched *s)
{
    if (!s)
        return;
    if (s->journal)
        init_engines(s); /* they run on; the journal tells the next process what */
    for (unsigned i = 0; i < WIRE_MAX_GUESTS; i++)
        if (s->guest[i])
            sched_guest_free(s, s->guest[i], true);
    loop_remove(s->irq);
    loop_remove(s->bell);
    loop_remove(s->to_gtt_room);
    loop_remove(s->timer);
    loop_remove(s->turn);
    if (s->to_gtt.mem.shared)
        lane_producer_detach(&s->to_gtt);
    if (s->from_gtt.mem.shared)
        lane_consumer_detach(&s->from_gtt);
    if (s->arena)
        arena_forget(s->arena);
    if (s->region.data)
        region_unmap(&s->region);
    if (s->gpu)
        gpu_close(s->gpu);
    if (s->irq_fd >= 0)
        close(s->irq_fd);
    wire_fds_close(&s->fds);
    free(s->roots);
    free(s);
}

/* ---- the device */

static int watch(struct sched *s)
{
    struct loop *loop = s->c.loop;
    int rc = gpu_irq_eventfd(s->gpu, s->irq_fd);

    rc = rc ? rc : loop_fd(loop, s->irq_fd, EPOLLIN, on_irq, s, &s->irq);
    rc = rc ? rc : loop_fd(loop, s->from_gtt.wake_fd, EPOLLIN, on_bell, s, &s->bell);
    return rc ? rc : loop_fd(loop, s->to_gtt.room_fd, EPOLLIN, on_room, s, &s->to_gtt_room);
}

int sched_device(struct sched *s, struct gpu *gpu, struct wire_fds *fds, uint32_t engines)
{
    int rc;

    s->gpu = gpu;
    s->fds = *fds;
    fds->count = 0;
    s->seq = sched_now(); /* grows over restarts, too */
    hw_init(&s->hw, gpu, engines);
    rc = wire_region(&s->fds, WIRE_JOURNAL, WIRE_REGION_JOURNAL, SCHED_JOURNAL_LAYOUT,
                     sizeof *s->journal, true, &s->region);
    if (rc)
        return rc;
    s->journal = s->region.data;
    init_engines(s);
    rc = wire_producer(&s->fds, WIRE_SCHED_GTT, SCHED_GTT_LAYOUT, &s->to_gtt);
    rc = rc ? rc : wire_consumer(&s->fds, WIRE_GTT_SCHED, SCHED_GTT_LAYOUT, &s->from_gtt);
    rc = rc ? rc : arena_new(gpu, s->c.arena_pages, &s->arena);
    rc = rc ? rc : sched_take_over(s);
    rc = rc ? rc : watch(s);
    if (rc)
        return rc;
    if (s->alive) { /* the GGTT has our pages already */
        s->map_seq = s->seq;
        return bring_up(s);
    }
    sched_gtt_flush(s);
    return 0;
}
