/* SPDX-License-Identifier: MIT */
/*
 * attach.c: guests come and go, and their lanes are served. A guest that leaves is taken off the
 * engines first; its regions stay until the final removal, because gtt waits for the
 * acknowledgement of its last clears.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "services/sched/ring_context.h"
#include "services/sched/sched_priv.h"
#include "services/sched/vring.h"

#include "lib/crash.h"
#include "services/wire/input.h"

/* ---- hooks of the guest's lanes */

static void on_reset(void *ctx, struct guest *g, unsigned engine)
{
    struct sched *s = ((struct sched_guest *)ctx)->s;

    if ((s->up || s->adopt) && s->hw.engines & GEN8_M(engine))
        sched_fail(s, engine_evict(&s->engine[engine], g, sched_now()));
    else
        guest_reset_done(g, engine);
    sched_trigger(s);
}

static void on_work(void *ctx, struct guest *g, unsigned engine)
{
    struct sched *s = ((struct sched_guest *)ctx)->s;

    /* No such engine here: as on hardware, nothing answers. */
    if (!(s->hw.engines & GEN8_M(engine))) {
        vexec_reset(g->engine[engine].v);
        vring_reset(g->engine[engine].r);
    }
    sched_trigger(s);
}

static void on_commit(void *ctx)
{
    sched_commit(((struct sched_guest *)ctx)->s);
}

static void on_need_root(void *ctx, uint32_t level, const uint64_t pdp[4])
{
    struct sched_guest *sg = ctx;

    sched_gtt_root(sg->s, sg->guest.c.domid, level, pdp);
}

static void on_lost(void *ctx, enum gen8_engine engine)
{
    struct sched_guest *sg = ctx;

    sg->lost |= GEN8_M(engine);
    if (sg->guest.engine[engine].v)
        sg->guest.engine[engine].v->hung = 1;
}

/* ---- the lanes */

static void lane_lost(struct sched_guest *sg, const char *lane)
{
    struct sched *s = sg->s;

    sg->guest.broken = true;
    account_event(&sg->account, ACCOUNT_LANE_BROKEN, "lane=%s", lane);
    s->c.events.lane_broken(s->c.events.ctx, sg->guest.c.domid, lane);
}

static void broken(struct sched_guest *sg, const char *lane)
{
    if (!sg->wake)
        return;
    loop_remove(sg->wake);
    loop_remove(sg->room);
    sg->wake = sg->room = NULL;
    lane_lost(sg, lane);
}

static void take(struct sched_guest *sg)
{
    int rc = guest_take(&sg->guest);

    if (rc == LANE_BROKEN)
        broken(sg, WIRE_MMIO_SCHED);
    else if (rc == GUEST_MORE)
        lane_kick(sg->rx.wake_fd);
    sched_trigger(sg->s);
}

static void on_wake(void *data, uint32_t events)
{
    struct sched_guest *sg = data;

    (void)events;
    lane_drain(sg->rx.wake_fd);
    take(sg);
}

void sched_guests_take(struct sched *s)
{
    for (unsigned i = 0; i < WIRE_MAX_GUESTS; i++)
        if (s->guest[i] && s->guest[i]->wake)
            take(s->guest[i]);
}

static void on_room(void *data, uint32_t events)
{
    struct sched_guest *sg = data;

    (void)events;
    lane_drain(sg->tx.room_fd);
    sched_trigger(sg->s);
}

static bool on_engines(struct sched *s, const struct guest *g)
{
    for (unsigned e = 0; e < GEN8_ENGINES; e++)
        if (engine_uses(&s->engine[e], g))
            return true;
    return false;
}

static void finish(struct sched *s, struct sched_guest *sg)
{
    uint32_t domid = sg->guest.c.domid, id = sg->remove_id;
    struct sched_journal_state *state = &sg->record->state;

    sched_guest_free(s, sg, false);
    crash_point("sched.remove.freed");
    *state = (struct sched_journal_state){0};
    crash_point("sched.remove.forgotten");
    s->c.events.gone(s->c.events.ctx, domid, true, id);
}

/* Answers the removal once no engine holds the guest. */
static void try_gone(struct sched *s, struct sched_guest *sg)
{
    if (!sg->removing || on_engines(s, &sg->guest))
        return;
    sg->removing = false;
    if (sg->final)
        finish(s, sg);
    else
        s->c.events.gone(s->c.events.ctx, sg->guest.c.domid, false, sg->remove_id);
}

void sched_guests_turn(struct sched *s)
{
    for (unsigned i = 0; i < WIRE_MAX_GUESTS; i++) {
        struct sched_guest *sg = s->guest[i];
        bool held;
        int rc;

        if (!sg)
            continue;
        held = guest_held(&sg->guest);
        rc = guest_flush(&sg->guest);
        if (rc == LANE_BROKEN)
            broken(sg, WIRE_SCHED_MMIO);
        if (held && !guest_held(&sg->guest))
            lane_kick(sg->rx.wake_fd); /* entries waited for this */
        sched_bad_settle(sg, on_engines(s, &sg->guest));
        try_gone(s, sg);
    }
}

/* ---- attaching */

static struct sched_journal_guest *record_of(struct sched *s, uint32_t domid)
{
    struct sched_journal_guest *free_one = NULL;

    for (unsigned i = 0; i < SCHED_JOURNAL_GUESTS; i++) {
        struct sched_journal_guest *j = &s->journal->guest[i];

        if (j->state.domid == domid)
            return j;
        if (!j->state.domid && !free_one)
            free_one = j;
    }
    return free_one;
}

static int map_regions(struct sched *s, struct sched_guest *sg, uint32_t domid)
{
    int rc = wire_region(&sg->fds, WIRE_VGGTT, WIRE_REGION_VGGTT, VGGTT_LAYOUT,
                         sizeof(struct vggtt), false, &sg->vggtt);

    rc = rc ? rc
            : wire_region(&sg->fds, WIRE_GTT_MAP, WIRE_REGION_GTT_MAP, GTT_MAP_LAYOUT,
                          sizeof(struct gtt_map), false, &sg->map);
    rc = rc ? rc
            : wire_region(&sg->fds, WIRE_INVAL_SCHED, WIRE_REGION_INVAL, GTT_INVAL_LAYOUT,
                          sizeof(struct gtt_inval), true, &sg->inval);
    return rc ? rc : sched_bad_attach(s, sg, domid);
}

static int attach_lanes(struct sched_guest *sg)
{
    int rc = wire_consumer(&sg->fds, WIRE_MMIO_SCHED, MMIO_SCHED_LAYOUT, &sg->rx);

    return rc ? rc : wire_producer(&sg->fds, WIRE_SCHED_MMIO, MMIO_SCHED_LAYOUT, &sg->tx);
}

/* The first of gtt's directories (services/wire/names.h). */
static uint32_t empty_directory(const struct sched *s)
{
    uint32_t host = (WIRE_HOST_HIGH + WIRE_HOST_DIRECTORIES) / GPU_PAGE_SIZE;

    return s->gpu->info.ggtt_entries - host;
}

/* Its number is that of its record, and so the same after a restart: the hardware knows its
 * contexts by it. */
static int make_contexts(struct sched *s, struct sched_guest *sg, const Vgt__GuestAdd *add)
{
    const Vgt__Resources *r = add->resources;
    const struct context_config config = {.arena = s->arena,
                                          .ops = s->c.vmm,
                                          .vmm = sg->vmm,
                                          .vggtt = sg->vggtt.data,
                                          .map = sg->map.data,
                                          .low_base = r->low_base,
                                          .low_size = r->low_size,
                                          .high_base = r->high_base,
                                          .high_size = r->high_size,
                                          .account = &sg->account,
                                          .number = (uint32_t)(sg->record - s->journal->guest),
                                          .records = sg->record->context,
                                          .need_root = on_need_root,
                                          .lost = on_lost,
                                          .ctx = sg,
                                          .quarantine = &sg->quarantine,
                                          .rings = hw_has_rings(&s->hw),
                                          .empty_directory = empty_directory(s)};

    return context_set_new(&config, &sg->contexts);
}

static void make_guest(struct sched_guest *sg, const Vgt__GuestAdd *add)
{
    const struct guest_config config = {
        .domid = add->domid,
        .weight = add->weight,
        .generation = add->generation,
        .restart = add->restart,
        .rings = hw_has_rings(&sg->s->hw),
        .account = &sg->account,
        .journal = sg->record,
        .contexts = sg->contexts,
        .map = sg->map.data,
        .inval = sg->inval.data,
        .rx = &sg->rx,
        .tx = &sg->tx,
        .quarantine = &sg->quarantine,
        .hooks = {.reset = on_reset, .work = on_work, .commit = on_commit, .ctx = sg},
    };

    guest_init(&sg->guest, &config);
    for (unsigned e = 0; e < GEN8_ENGINES; e++)
        if (sg->lost & GEN8_M(e))
            sg->guest.engine[e].v->hung = 1;
    sg->guest.inval_done = __atomic_load_n(&config.inval->done_seq, __ATOMIC_RELAXED);
}

/* Haswell: what its chunks hold: their batches, and images that are to be saved when those that
 * left them are done. */
static void hold_chunks(struct sched_guest *sg, struct engine *e)
{
    if (e->left.now.domid != sg->guest.c.domid)
        return;
    for (uint32_t i = 0; i < e->ring.w.count; i++) {
        struct sched_chunk *c = &e->ring.w.chunk[i];

        ring_batches_hold(sg->contexts, c->batches);
        if (c->save && !context_hold(sg->contexts, c->save - 1))
            c->save = 0;
    }
}

/* Its contexts that stand in ports are held; what else a former process had not put away is. */
static void hold_contexts(struct sched *s, struct sched_guest *sg)
{
    for (unsigned e = 0; e < GEN8_ENGINES; e++) {
        const struct sched_journal_pair pair[2] = {s->engine[e].left.now, s->engine[e].left.next};

        for (unsigned i = 0; i < 4 && s->engine[e].adopting; i++)
            if (pair[i / 2].domid == sg->guest.c.domid && pair[i / 2].slot[i % 2])
                context_hold(sg->contexts, pair[i / 2].slot[i % 2] - 1);
        if (s->engine[e].adopting)
            hold_chunks(sg, &s->engine[e]);
    }
    context_set_restored(sg->contexts);
}

/* The former process's guest, or nothing of it. */
static void take_record(struct sched *s, struct sched_guest *sg, const Vgt__GuestAdd *add)
{
    const struct sched_journal_state *j = &sg->record->state;

    if (add->restart && j->domid == add->domid && j->generation == add->generation)
        return;
    if (j->domid && hw_has_rings(&s->hw))
        sched_guest_stale(s, j->domid); /* engines have more of it than its contexts */
    else if (j->domid)
        context_records_release(s->arena, sg->record->context);
}

static int watch_lanes(struct sched *s, struct sched_guest *sg)
{
    int rc = loop_fd(s->c.loop, sg->rx.wake_fd, EPOLLIN, on_wake, sg, &sg->wake);

    return rc ? rc : loop_fd(s->c.loop, sg->tx.room_fd, EPOLLIN, on_room, sg, &sg->room);
}

static int attach(struct sched *s, struct sched_guest *sg, const Vgt__GuestAdd *add)
{
    int rc, lanes;

    sg->record = record_of(s, add->domid);
    if (!sg->record)
        return -ENOSPC;
    account_init(&sg->account, add->domid, add->name, s->c.log);
    rc = map_regions(s, sg, add->domid);
    rc = rc ? rc : s->c.vmm->open_memory(add->domid, &sg->vmm);
    lanes = rc ? rc : attach_lanes(sg);
    /* A guest whose vgt-mmio has ruined a lane is taken up all the same: its work is on engines. */
    if (rc || (lanes && !(lanes == -EBADMSG && add->restart)))
        return rc ? rc : lanes;
    if (lanes)
        wire_note_drop(&sg->fds);
    take_record(s, sg, add);
    rc = make_contexts(s, sg, add);
    if (rc)
        return rc;
    crash_point("sched.attach.contexts");
    make_guest(sg, add);
    hold_contexts(s, sg);
    crash_point("sched.attach.held");
    sg->guest.broken = lanes;
    return lanes ? 0 : watch_lanes(s, sg);
}

/* Resets that a former process had not answered. */
static void go_on(struct sched *s, struct sched_guest *sg)
{
    sched_commit(s);
    for (unsigned e = 0; e < GEN8_ENGINES; e++)
        if (sg->guest.engine[e].v->resetting)
            on_reset(sg, &sg->guest, e);
    if (sg->guest.given_up)
        guest_give_up(&sg->guest);
}

static int free_place(const struct sched *s)
{
    for (unsigned i = 0; i < WIRE_MAX_GUESTS; i++)
        if (!s->guest[i])
            return (int)i;
    return -ENOSPC;
}

int sched_guest_add(struct sched *s, const Vgt__GuestAdd *add, struct wire_fds *fds)
{
    struct sched_guest *sg = calloc(1, sizeof *sg);
    int place = free_place(s), rc = place < 0 ? place : 0;

    if (!sg || rc || !s->arena || !add->resources || !add->domid ||
        sched_guest_find(s, add->domid)) {
        wire_fds_close(fds);
        free(sg);
        return !sg ? -ENOMEM : rc ? rc : !s->arena ? -EAGAIN : -EINVAL;
    }
    sg->s = s;
    sg->fds = *fds;
    fds->count = 0;
    rc = attach(s, sg, add);
    if (rc) {
        sched_guest_free(s, sg, add->restart);
        s->lost_guest |= add->restart;
        return rc;
    }
    s->guest[place] = sg;
    s->ring.guest[s->ring.count++] = &sg->guest;
    go_on(s, sg);
    if (sg->guest.broken)
        lane_lost(sg, sg->rx.mem.shared ? WIRE_SCHED_MMIO : WIRE_MMIO_SCHED);
    crash_point("sched.attach.done");
    sched_trigger(s);
    return 0;
}

struct sched_guest *sched_guest_find(struct sched *s, uint32_t domid)
{
    for (unsigned i = 0; i < WIRE_MAX_GUESTS; i++)
        if (s->guest[i] && s->guest[i]->guest.c.domid == domid)
            return s->guest[i];
    return NULL;
}

/* ---- detaching */

static void leave_ring(struct sched *s, const struct guest *g)
{
    unsigned n = 0;

    for (unsigned i = 0; i < s->ring.count; i++)
        if (s->ring.guest[i] != g)
            s->ring.guest[n++] = s->ring.guest[i];
    s->ring.count = n;
    for (unsigned e = 0; e < GEN8_ENGINES; e++)
        engine_forget(&s->engine[e], g);
}

void sched_guest_free(struct sched *s, struct sched_guest *sg, bool leave)
{
    for (unsigned i = 0; i < WIRE_MAX_GUESTS; i++)
        if (s->guest[i] == sg)
            s->guest[i] = NULL;
    leave_ring(s, &sg->guest);
    loop_remove(sg->wake);
    loop_remove(sg->room);
    /* An engine that was not up when the guest left did not forget it. */
    for (unsigned e = 0; e < GEN8_ENGINES && !leave && sg->contexts; e++)
        if (sg->guest.engine[e].r)
            ring_kept_free(sg->contexts, &sg->guest.engine[e].r->kept);
    if (leave)
        context_set_leave(sg->contexts);
    else
        context_set_free(sg->contexts);
    if (sg->vmm)
        s->c.vmm->close(sg->vmm);
    if (sg->rx.mem.shared)
        lane_consumer_detach(&sg->rx);
    if (sg->tx.mem.shared)
        lane_producer_detach(&sg->tx);
    if (sg->vggtt.data)
        region_unmap(&sg->vggtt);
    if (sg->map.data)
        region_unmap(&sg->map);
    if (sg->inval.data)
        region_unmap(&sg->inval);
    wire_input_detach(&sg->quarantine);
    if (sg->bad.data)
        region_unmap(&sg->bad);
    wire_fds_close(&sg->fds);
    free(sg);
}

void sched_guest_remove(struct sched *s, struct sched_guest *sg, bool final, uint32_t id)
{
    sg->removing = true;
    sg->final |= final;
    sg->remove_id = id;
    if (!sg->guest.leaving)
        guest_leave(&sg->guest);
    crash_point("sched.remove.left");
    sched_trigger(s);
    try_gone(s, sg);
}

/* Haswell: its pages of registers. */
static void release_kept(struct sched *s, struct sched_journal_state *state)
{
    for (unsigned e = 0; e < GEN8_ENGINES && hw_has_rings(&s->hw); e++) {
        struct arena_range page;

        if (!state->ring[e].kept)
            continue;
        page = arena_range_at(s->arena, state->ring[e].kept, 1);
        state->ring[e].kept = 0;
        arena_free(s->arena, &page);
    }
}

void sched_guest_stale(struct sched *s, uint32_t domid)
{
    struct sched_journal_guest *record = s->arena ? record_of(s, domid) : NULL;

    if (!record || record->state.domid != domid)
        return;
    s->lost_guest = true;
    if (s->up)
        sched_fail(s, sched_adopt_engines(s));
    for (unsigned e = 0; e < GEN8_ENGINES; e++)
        sched_fail(s, engine_forget_stale(&s->engine[e], domid, sched_now()));
    context_records_release(s->arena, record->context);
    release_kept(s, &record->state);
    record->state = (struct sched_journal_state){0};
    sched_trigger(s);
}
