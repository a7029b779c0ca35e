/* SPDX-License-Identifier: MIT */
/*
 * track.c: guest pages that hold page tables: mapped while some shadow follows them, their
 * protection asked of mmio, their writes turned into re-shadowed entries. Part of shadow.h; one
 * thread. A page is asked to be protected before its entries are first read.
 */
#include "services/gtt/shadow_priv.h"

#include "lib/crash.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define WRITE_NOW 64u /* bytes of a guest's write followed at once; more is work for later */

static bool differs(const struct track *t)
{
    return t->told != (t->users > 0);
}

static void remove_track(struct shadow_set *s, struct track *t)
{
    if (t->asking)
        TAILQ_REMOVE(&s->ask, t, link);
    hash_remove(&s->tracks, &t->node);
    free(t);
}

/* A driver fills a new last-level table entry by entry, and nothing of that matters before it
 * submits: such a page need not trap until then. */
static enum shadow_trap how_to_trap(const struct shadow_set *s, const struct track *t)
{
    return s->c.out_of_sync && t->at[GTT_LEVEL_PTE] && t->users == 1 ? SHADOW_TRAP_LATER
                                                                     : SHADOW_TRAP;
}

/* mmio will say by itself that all of it may have changed since it was asked: nothing to wait for.
 * One that had to wait in the list may have been read before that. */
static void let(struct shadow_set *s, struct track *t)
{
    if (t->asking)
        shadow_refill(s, t->at[GTT_LEVEL_PTE]);
    t->writes = SHADOW_LIFT_AFTER + 1;
    if (!t->confirmed)
        s->unconfirmed--;
    t->confirmed = true;
}

/* Tells mmio what it does not know yet. False: no room. */
static bool tell(struct shadow_set *s, struct track *t)
{
    enum shadow_trap how;

    if (!differs(t))
        return true;
    how = t->told ? SHADOW_UNTRAP : how_to_trap(s, t);
    if (s->c.protect(s->c.ctx, t->node.key, how))
        return false;
    crash_point("gtt.track.told");
    t->told = !t->told;
    if (how == SHADOW_TRAP_LATER)
        let(s, t);
    return true;
}

void track_ask(struct shadow_set *s, struct track *t)
{
    if (t->asking || !differs(t))
        return;
    if (TAILQ_EMPTY(&s->ask) && tell(s, t))
        return;
    t->asking = true;
    TAILQ_INSERT_TAIL(&s->ask, t, link);
}

void shadow_ask(struct shadow_set *s)
{
    struct track *t;

    while ((t = TAILQ_FIRST(&s->ask)) && tell(s, t)) {
        TAILQ_REMOVE(&s->ask, t, link);
        t->asking = false;
        if (!t->users)
            remove_track(s, t);
    }
}

static int map_page(struct shadow_set *s, struct track *t)
{
    uint64_t gfn = t->node.key;

    if (t->map)
        return 0;
    errno = 0;
    t->map = s->c.ops->map(s->c.vmm, &gfn, 1, false);
    if (!t->map)
        return errno == ENOMEM ? -ENOMEM : -ENXIO;
    crash_point("gtt.track.mapped");
    if (!t->told)
        t->confirmed = false;
    if (!t->confirmed)
        s->unconfirmed++;
    return 0;
}

int track_get(struct shadow_set *s, uint64_t gfn, struct track **out)
{
    struct track *t = (struct track *)hash_find(&s->tracks, gfn);
    int rc;

    if (!t) {
        t = calloc(1, sizeof(*t));
        if (!t)
            return -ENOMEM;
        t->node.key = gfn;
        hash_add(&s->tracks, &t->node);
    }
    rc = map_page(s, t);
    if (rc) {
        track_drop_unused(s, t);
        return rc;
    }
    *out = t;
    return 0;
}

void track_drop_unused(struct shadow_set *s, struct track *t)
{
    if (t->users)
        return;
    if (t->map) {
        s->c.ops->unmap(s->c.vmm, (void *)(uintptr_t)t->map, 1);
        t->map = NULL;
        if (!t->confirmed)
            s->unconfirmed--;
        crash_point("gtt.track.unmapped");
    }
    track_ask(s, t);
    if (!t->asking)
        remove_track(s, t);
}

void shadow_drop_tracks(struct shadow_set *s)
{
    struct track *t;

    while ((t = TAILQ_FIRST(&s->ask))) {
        assert(!t->users);
        remove_track(s, t);
    }
}

/* It traps for nothing: let go since mmio saw the write, or tracked by a process before us that
 * died. Where there is no room now, the next write asks again. */
static void unwanted(struct shadow_set *s, uint64_t gfn)
{
    if (!s->stopped)
        s->c.protect(s->c.ctx, gfn, SHADOW_UNTRAP);
}

/* The same of one that traps, and is being filled anew. */
static void lift(struct shadow_set *s, struct track *t)
{
    if (!s->c.out_of_sync || !t->at[GTT_LEVEL_PTE] || t->users > 1 || !t->told ||
        (s->c.confirmed && !t->confirmed))
        return;
    if (t->writes < SHADOW_LIFT_AFTER)
        t->writes++;
    if (t->writes == SHADOW_LIFT_AFTER && !s->stopped &&
        !s->c.protect(s->c.ctx, t->node.key, SHADOW_LIFT)) {
        t->writes++;
        crash_point("gtt.track.lifted");
    }
}

void shadow_write(struct shadow_set *s, uint64_t gfn, uint32_t offset, uint32_t len)
{
    struct track *t = (struct track *)hash_find(&s->tracks, gfn);
    unsigned bytes = s->c.format->bytes;

    if (offset >= GPU_PAGE_SIZE || !len || len > GPU_PAGE_SIZE - offset) {
        account_event(s->c.account, ACCOUNT_BAD_PPGTT, "offset=%u len=%u", offset, len);
        return;
    }
    if (!t)
        unwanted(s, gfn);
    if (!t || !t->users)
        return; /* let go since mmio saw the write */
    if (len == GPU_PAGE_SIZE && t->told && !t->confirmed) {
        t->confirmed = true;
        s->unconfirmed--;
        crash_point("gtt.track.confirmed");
    }
    if (len == GPU_PAGE_SIZE)
        t->writes = 0;
    else
        lift(s, t);
    /* Downwards: a table at a higher level may drop this page's use at a lower one, not vice
     * versa, so t lives as long as one level is still to come. */
    for (int level = SHADOW_LEVELS - 1; level >= 0; level--) {
        if (!t->at[level])
            continue;
        if (len > WRITE_NOW)
            shadow_refill(s, t->at[level]);
        for (unsigned i = offset / bytes; len <= WRITE_NOW && i <= (offset + len - 1) / bytes;
             i++) {
            if (t->at[level])
                shadow_entry(s, t->at[level], i);
        }
    }
}

void shadow_forget(struct shadow_set *s)
{
    struct shadow *sh;

    for (uint64_t b = 0; b < s->tracks.buckets; b++) {
        while (s->tracks.bucket[b]) {
            struct track *t = (struct track *)s->tracks.bucket[b];

            for (int level = 0; level < SHADOW_LEVELS; level++) {
                if (t->at[level] && t->at[level]->queued)
                    TAILQ_REMOVE(&s->work, t->at[level], link);
                free(t->at[level]);
            }
            if (t->map)
                s->c.ops->unmap(s->c.vmm, (void *)(uintptr_t)t->map, 1);
            remove_track(s, t);
        }
    }
    while ((sh = TAILQ_FIRST(&s->work))) {
        TAILQ_REMOVE(&s->work, sh, link);
        free(sh);
    }
    hash_free(&s->tracks);
}
