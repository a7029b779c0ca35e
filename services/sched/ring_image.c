/* SPDX-License-Identifier: MIT */
/*
 * ring_image.c: Haswell: render images: shadows of what the guest's MI_SET_CONTEXT names. A shadow
 * is busy while it is the guest's current one, or the engine may still save it; then it is put into
 * the guest's memory and is a cache. See ring_context.h.
 */
#include "services/sched/context_priv.h"
#include "services/sched/ring_context.h"

#include "gen/ctx_gen7.h"
#include "lib/crash.h"

#include <assert.h>
#include <string.h>

#define NOBODYS 4u /* the name of a guest's image that stands nowhere in its memory */

uint32_t ring_image_gma(const struct context *c)
{
    return c->r->lrca == NOBODYS ? 0 : c->r->lrca;
}

uint32_t ring_image_ref(const struct context *c)
{
    const struct ctx_gen7_ref ref = {.gma = c->mem.gma, .force_restore = true};

    return ctx_gen7_ref_encode(&ref);
}

static int get_pages(struct context *c)
{
    int rc = c->mem.pages ? 0 : context_pages(c->set, CTX_GEN7_PAGES, &c->mem);

    c->r->image = 1;
    c->r->guest_desc = c->r->lrca; /* what a save of it is known by */
    c->r->mem = c->mem.gma;
    c->r->mem_pages = c->mem.pages;
    return rc;
}

static bool may_load(struct context *c)
{
    const uint64_t word[] = {c->engine, c->r->lrca};

    if (quarantine_begin(c->set->c.quarantine, QUARANTINE_INNER, WIRE_INPUT_CONTEXT, word, 2))
        return true;
    account_event(c->set->c.account, ACCOUNT_QUARANTINED, "image=0x%x", c->r->lrca);
    return false;
}

/* Into set->image, and from there, if it is another than the engine saved, through the audit. What
 * does not pass is replaced by an image that sets everything back. */
static int load(struct context *c)
{
    uint32_t *image = c->set->image;
    size_t bytes = CTX_GEN7_PAGES * 4096;
    struct ctx_gen7_verdict v;

    if (gmem_read(c->set->mem, c->r->lrca, image, bytes))
        return context_refuse(c, ACCOUNT_BAD_GUEST_ADDR, "image=0x%x", c->r->lrca);
    if (c->ready && !memcmp(image, c->mem.cpu, bytes))
        return 0;
    if (!may_load(c))
        return CONTEXT_REFUSED;
    if (ctx_gen7_audit(image, bytes / 4, &v)) {
        account_event(c->set->c.account, ACCOUNT_BAD_CONTEXT, "image=0x%x reason=\"%s\" at=%u",
                      c->r->lrca, ctx_gen7_reason_text(v.reason), v.at);
        ctx_gen7_init(image);
    }
    memcpy(c->mem.cpu, image, bytes);
    c->ready = true;
    return 0;
}

static int fill(struct context *c)
{
    int rc = get_pages(c);

    if (rc)
        return rc;
    if (c->r->lrca != NOBODYS) {
        rc = load(c);
        context_bad_end(c->set, QUARANTINE_INNER);
    } else if (!c->ready) {
        ctx_gen7_init((uint32_t *)c->mem.cpu);
        c->ready = true;
    }
    return rc;
}

int ring_image(struct context_set *s, uint32_t gma, struct context **out)
{
    struct context *c;
    int rc = 0;

    if (gma && !gmem_inside(s->mem, gma, CTX_GEN7_PAGES * 4096)) {
        account_event(s->c.account, ACCOUNT_BAD_CONTEXT, "image=0x%x", gma);
        return CONTEXT_REFUSED;
    }
    rc = context_obtain(s, GEN8_RCS, gma ? gma : NOBODYS, &c);
    if (rc)
        return rc;
    arena_busy(s->c.arena, &c->user); /* not evicted by its own wants */
    if (c->r->stale && !c->busy)
        c->r->stale = c->ready = false;
    if (!c->busy)
        rc = fill(c);
    if (rc) {
        if (!c->busy && c->mem.pages)
            arena_idle(s->c.arena, &c->user);
        return rc;
    }
    context_set_busy(c, true);
    crash_point("sched.image.held");
    *out = c;
    return 0;
}

void ring_image_save(struct context *c)
{
    struct context_set *s = c->set;

    if (c->r->lrca == NOBODYS || c->r->stale || !c->ready || s->given_up) {
        context_set_busy(c, false);
        return;
    }
    if (!context_may_save(c)) {
        if (s->c.lost)
            s->c.lost(s->c.ctx, c->engine);
    } else if (gmem_write(s->mem, c->r->lrca, c->mem.cpu, CTX_GEN7_PAGES * 4096)) {
        account_event(s->c.account, ACCOUNT_BAD_GUEST_ADDR, "image=0x%x", c->r->lrca);
    }
    context_bad_end(s, QUARANTINE_INNER);
    crash_point("sched.image.saved");
    context_set_busy(c, false);
}

uint32_t *ring_kept(struct context_set *s, uint32_t *gma)
{
    struct arena_range r;

    if (!*gma) {
        if (arena_alloc_evict(s->c.arena, 1, &r))
            return NULL;
        *gma = r.gma;
    }
    return arena_cpu(s->c.arena, *gma);
}

void ring_kept_free(struct context_set *s, uint32_t *gma)
{
    struct arena_range r = *gma ? arena_range_at(s->c.arena, *gma, 1) : (struct arena_range){0};

    *gma = 0;
    if (r.pages)
        arena_free(s->c.arena, &r);
}
