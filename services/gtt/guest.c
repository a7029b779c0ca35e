/* SPDX-License-Identifier: MIT */
/* guest.c: see guest.h. */
#include "services/gtt/guest.h"

#include "lib/crash.h"
#include "services/wire/input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LANE_BATCH  64u
#define EXTRA_PAGES (2 * PAGES_BLOCK) /* scratch, and the last block not quite full */

static int init_parts(struct gtt_guest *g)
{
    const struct gtt_guest_config *c = &g->c;
    struct shadow_config sc = {.format = gtt_format_of(c->gpu->info.gen),
                               .ops = c->ops,
                               .vmm = c->vmm,
                               .pins = &g->pins,
                               .pages = &g->pages,
                               .account = c->account,
                               .workers = c->workers,
                               .protect = c->protect,
                               .ctx = c->ctx,
                               .quarantine = c->quarantine,
                               .max_tables = c->max_tables,
                               .confirmed = c->confirmed,
                               .out_of_sync = c->out_of_sync};
    int rc;

    if (!sc.format || !sc.format->directory != !c->directories)
        return -ENOTSUP;
    rc = shadow_init(&g->shadows, &sc);
    if (rc)
        return rc;
    rc = ggtt_init(&g->ggtt, c->gpu, &g->pins, c->account, &c->grant,
                   shadow_scratch_data(&g->shadows));
    if (rc)
        shadow_release(&g->shadows);
    g->ggtt.quarantine = c->quarantine;
    return rc;
}

static int init(struct gtt_guest *g)
{
    const struct gtt_guest_config *c = &g->c;
    int rc = pins_init(&g->pins, c->gpu, &g->tlb, c->domid, c->max_pins);

    if (rc)
        return rc;
    /* Twice the tables: as many again may wait for the TLB rule. */
    rc = pages_init(&g->pages, c->gpu, &g->tlb, c->domid, 2 * c->max_tables + EXTRA_PAGES);
    if (!rc)
        rc = pins_adopt(&g->pins);
    if (!rc)
        rc = init_parts(g);
    if (rc) {
        pages_discard(&g->pages);
        pins_forget(&g->pins);
    }
    return rc;
}

/* From what the guest says; or, when it is given up, without a look at it. */
static int take_up(struct gtt_guest *g)
{
    int rc = g->given_up ? ggtt_clear(&g->ggtt) : ggtt_rebuild(&g->ggtt, g->c.image);

    crash_point("gtt.rebuild.entries");
    if (!rc && g->given_up)
        ppgtt_retract(&g->ppgtt);
    else if (!rc)
        ppgtt_rebuild(&g->ppgtt);
    crash_point("gtt.rebuild.roots");
    return rc;
}

int gtt_guest_new(const struct gtt_guest_config *config, struct gtt_guest **out)
{
    struct gtt_guest *g = calloc(1, sizeof(*g));
    int rc;

    if (!g)
        return -ENOMEM;
    g->c = *config;
    g->tlb.map = config->map;
    memcpy(g->tlb.inval, config->inval, sizeof(g->tlb.inval));
    g->epoch = __atomic_load_n(&config->map->epoch, __ATOMIC_RELAXED);
    rc = init(g);
    if (rc) {
        free(g);
        return rc;
    }
    crash_point("gtt.rebuild.begun");
    ppgtt_init(&g->ppgtt, &g->shadows, &g->ggtt, config->account, config->map, config->directories);
    *out = g;
    if (config->gone) {
        ppgtt_retract(&g->ppgtt);
        return 0;
    }
    g->given_up = quarantine_full(config->quarantine);
    rc = take_up(g);
    if (rc) {
        ggtt_clear(&g->ggtt);
        gtt_guest_forget(g);
        *out = NULL;
        return rc;
    }
    g->applied = true;
    return 0;
}

static int apply_pte(struct gtt_guest *g, const struct mmio_gtt *m)
{
    return ggtt_apply(&g->ggtt, m->pte.index, m->pte.value);
}

static int apply_fence(struct gtt_guest *g, const struct mmio_gtt *m)
{
    return ggtt_fence(&g->ggtt, m->pte.index, m->pte.value);
}

static int apply_write(struct gtt_guest *g, const struct mmio_gtt *m)
{
    shadow_write(&g->shadows, m->write.gfn, m->write.offset, m->write.len);
    return 0;
}

static int apply_new(struct gtt_guest *g, const struct mmio_gtt *m)
{
    ppgtt_create(&g->ppgtt, m->level, m->pdp);
    return 0;
}

static int apply_gone(struct gtt_guest *g, const struct mmio_gtt *m)
{
    ppgtt_destroy(&g->ppgtt, m->level, m->pdp);
    return 0;
}

static int apply_reset(struct gtt_guest *g, const struct mmio_gtt *m)
{
    (void)m;
    ppgtt_reset(&g->ppgtt);
    return 0;
}

/* Of a message with this very epoch: what it stands for is noted by itself where that matters. */
static bool allowed(struct gtt_guest *g, const struct mmio_gtt *msg)
{
    uint64_t word[QUARANTINE_WORDS];

    static_assert(sizeof(word) == sizeof(*msg), "whole");
    memcpy(word, msg, sizeof(word));
    if (quarantine_begin(g->c.quarantine, QUARANTINE_OUTER, WIRE_INPUT_MESSAGE, word,
                         QUARANTINE_WORDS))
        return true;
    account_event(g->c.account, ACCOUNT_QUARANTINED, "message=%u", msg->kind);
    return false;
}

static int apply(struct gtt_guest *g, const struct mmio_gtt *msg)
{
    static int (*const handler[])(struct gtt_guest * g, const struct mmio_gtt *m) = {
        [MMIO_GTT_PTE] = apply_pte,       [MMIO_GTT_TABLE_WRITE] = apply_write,
        [MMIO_GTT_PPGTT_NEW] = apply_new, [MMIO_GTT_PPGTT_GONE] = apply_gone,
        [MMIO_GTT_RESET] = apply_reset,   [MMIO_GTT_FENCE] = apply_fence,
    };

    if (msg->kind < sizeof(handler) / sizeof(handler[0]) && handler[msg->kind])
        return handler[msg->kind](g, msg);
    account_event(g->c.account, ACCOUNT_BAD_GTT, "kind=%u", msg->kind);
    return 0;
}

/* An entry of the GGTT is noted by ggtt_apply(), and there is nothing before it and, where no
 * directories stand in the GGTT, nothing after: once is enough for what is by far the most. */
static bool notes_itself(const struct gtt_guest *g, const struct mmio_gtt *msg)
{
    return msg->kind == MMIO_GTT_PTE && !g->ggtt.raw;
}

int gtt_guest_apply(struct gtt_guest *g, const struct mmio_gtt *msg)
{
    int rc = 0;

    if (!g->given_up && notes_itself(g, msg)) {
        rc = apply(g, msg);
    } else if (!g->given_up) {
        if (allowed(g, msg))
            rc = apply(g, msg);
        quarantine_end(g->c.quarantine, QUARANTINE_OUTER);
    }
    if (msg->epoch > g->epoch)
        g->epoch = msg->epoch;
    g->applied = true;
    return rc;
}

/* Directories first: a free one names no page of the guest's. Returns what still waits. */
static uint64_t reap(struct gtt_guest *g)
{
    uint64_t left = ppgtt_reap(&g->ppgtt);

    return left + pins_reap(&g->pins) + pages_reap(&g->pages);
}

/* There is something to do, here or in a worker. */
static bool busy(struct gtt_guest *g)
{
    uint64_t none = 0;

    return ppgtt_work(&g->ppgtt, &none) || shadow_busy(&g->shadows);
}

/* Up to budget entries. 0: all is done but for mmio's confirmation (*wait); else GTT_GUEST_MORE or
 * GTT_GUEST_WAITS. */
static int work(struct gtt_guest *g, uint64_t budget, bool *wait)
{
    uint64_t left = budget;
    bool more = ppgtt_work(&g->ppgtt, &left);

    *wait = shadow_work(&g->shadows, left);
    if (left != budget || more || shadow_busy(&g->shadows))
        g->applied = true;
    if (more || !shadow_busy(&g->shadows))
        return more ? GTT_GUEST_MORE : 0;
    return shadow_waits(&g->shadows) ? GTT_GUEST_WAITS : GTT_GUEST_MORE;
}

int gtt_guest_settle(struct gtt_guest *g, uint64_t budget)
{
    bool wait;
    int rc;

    ppgtt_reap(&g->ppgtt);
    rc = work(g, budget, &wait);
    if (rc)
        return rc;
    if (g->applied || g->tlb.dirty) {
        rc = ppgtt_write(&g->ppgtt);
        rc = rc ? rc : ggtt_flush(&g->ggtt);
        if (rc)
            return rc;
        crash_point("gtt.settle.flushed");
        if (g->pins.adopted)
            pins_sweep(&g->pins);
        g->pins.adopted = false;
        crash_point("gtt.settle.swept");
        tlb_commit(&g->tlb);
        crash_point("gtt.clear.published");
        ppgtt_show(&g->ppgtt); /* filled; that all is trapped is the epoch's business */
        if (!wait)
            __atomic_store_n(&g->c.map->epoch, g->epoch, __ATOMIC_RELEASE);
        crash_point("gtt.epoch.published");
        g->applied = wait;
    }
    reap(g);
    crash_point("gtt.settle.reaped");
    return wait || g->tlb.dirty || busy(g) ? GTT_GUEST_MORE : 0;
}

int gtt_guest_consume(struct gtt_guest *g, struct lane_rx *rx, uint64_t budget)
{
    struct lane_slot slot;
    struct mmio_gtt msg;
    int rc = 0, got = 0;

    for (uint32_t n = 0; !got && n < LANE_BATCH && !busy(g); n++) {
        got = lane_rx_next(rx, &slot, NULL);
        if (got)
            break;
        memcpy(&msg, slot.bytes, sizeof(msg));
        crash_point("gtt.entry.taken");
        rc = gtt_guest_apply(g, &msg);
        if (rc < 0)
            return rc;
        crash_point("gtt.entry.applied");
    }
    if (got == LANE_BROKEN)
        return got;
    rc = gtt_guest_settle(g, budget);
    if (rc < 0 || busy(g))
        return rc;
    if (got == LANE_EMPTY && !rc)
        quarantine_settled(g->c.quarantine);
    /* Waiting for mmio's confirmation alone does not hold the lane, which has to carry it. */
    crash_point("gtt.lane.settled");
    rc = lane_rx_advance(rx);
    if (rc)
        return rc;
    crash_point("gtt.lane.advanced");
    return got == LANE_EMPTY ? 0 : GTT_GUEST_MORE;
}

/* Everything reachable leads to scratch; directories and tables are yet to be taken apart. */
static int begin_detach(struct gtt_guest *g)
{
    int rc;

    shadow_stop(&g->shadows);
    crash_point("gtt.detach.stopped");
    ppgtt_reset(&g->ppgtt);
    rc = ggtt_clear(&g->ggtt);
    if (rc)
        return rc;
    crash_point("gtt.detach.cleared");
    g->detaching = true;
    return 0;
}

static int publish_detach(struct gtt_guest *g)
{
    int rc = ppgtt_write(&g->ppgtt);

    rc = rc ? rc : ggtt_flush(&g->ggtt);
    if (rc)
        return rc;
    shadow_drop_tracks(&g->shadows);
    shadow_release(&g->shadows);
    pins_sweep(&g->pins);
    crash_point("gtt.detach.swept");
    tlb_commit(&g->tlb);
    crash_point("gtt.detach.published");
    g->cleared = true;
    return 0;
}

int gtt_guest_detach(struct gtt_guest *g, uint64_t budget)
{
    bool wait;
    int rc = g->detaching ? 0 : begin_detach(g);

    rc = rc ? rc : work(g, budget, &wait);
    if (rc)
        return rc;
    if (!g->cleared)
        rc = publish_detach(g);
    if (rc)
        return rc;
    if (reap(g))
        return GTT_GUEST_MORE;
    crash_point("gtt.detach.reaped");
    pages_release(&g->pages);
    pins_forget(&g->pins);
    ppgtt_forget(&g->ppgtt);
    ggtt_free(&g->ggtt);
    free(g);
    return 0;
}

void gtt_guest_forget(struct gtt_guest *g)
{
    fetch_finish(g->c.workers, &g->pins);
    ppgtt_forget(&g->ppgtt);
    shadow_forget(&g->shadows);
    pages_forget(&g->pages);
    pins_forget(&g->pins);
    ggtt_free(&g->ggtt);
    free(g);
}
