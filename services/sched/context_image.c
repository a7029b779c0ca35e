/* SPDX-License-Identifier: MIT */
/*
 * context_image.c: a guest's context image into its shadow. Not on hardware: everything is copied
 * and audited again. On hardware: only the tail may have moved, and only what it moved over is
 * taken.
 */
#include "services/sched/context_priv.h"

#include "lib/crash.h"

#include <assert.h>
#include <string.h>

#define ENGINE_PART 0x41u     /* dword of the state where the engine's part may begin */
#define TAIL_MASK   0x1ffff8u /* bits of RING_TAIL that count */
#define RING_GAP    64u       /* head and tail never share a cache line */

/* The dwords behind the ring's part, nothing but NOOPs. */
static void clean_engine_part(struct context *c, uint32_t *image)
{
    uint32_t from = CTX_GEN8_STATE + ENGINE_PART;

    if (image[from] != MI_NOOP)
        from = CTX_GEN8_STATE + CTX_RING_DWORDS;
    memset(image + from, 0, (ctx_gen8_dwords(c->engine) - from) * 4);
}

/*
 * An engine part that does not pass. What came from the hardware and was not changed since is sound
 * whatever our tables know of it; one that the engine would not read needs no audit; any other is
 * replaced by none, which the guest is told by a count only.
 */
static void judge_engine_part(struct context *c, uint32_t *image, const struct ctx_gen8_state *st,
                              const struct ctx_gen8_verdict *v)
{
    uint32_t from = CTX_GEN8_STATE + ENGINE_PART;
    uint32_t inhibit = CTX_CONTROL_RESTORE_INHIBIT;

    if (c->imaged && !memcmp(image + from, (uint32_t *)c->mem.cpu + from,
                             (ctx_gen8_dwords(c->engine) - from) * 4))
        return;
    clean_engine_part(c, image);
    if (st->control & CTX_CONTROL_RESTORE_INHIBIT)
        return;
    image[CTX_GEN8_STATE + CTX_CONTROL] |= inhibit << 16 | inhibit;
    account_event(c->set->c.account, ACCOUNT_BAD_CONTEXT, "engine=%u lrca=0x%x reason=%u at=%u",
                  (unsigned)c->engine, c->r->lrca, (unsigned)v->reason, v->at);
}

/* A copy of the guest's image that is safe in all but the scheduler's values. 0 or an answer. */
static int take_image(struct context *c, uint64_t desc, struct ctx_gen8_state *st)
{
    uint32_t *image = c->set->image;
    size_t n = ctx_gen8_dwords(c->engine);
    struct ctx_gen8_verdict v;

    if (gmem_read(c->set->mem, c->r->lrca, image, n * 4))
        return context_refuse(c, ACCOUNT_BAD_GUEST_ADDR, "lrca=0x%x", c->r->lrca);
    if (!context_may_take(c, desc, image + CTX_GEN8_STATE, false))
        return CONTEXT_REFUSED;
    if (ctx_gen8_audit(c->engine, image, n, st, &v)) {
        if (!v.engine_part)
            return context_refuse(c, ACCOUNT_BAD_CONTEXT, "engine=%u lrca=0x%x reason=%u at=%u",
                                  (unsigned)c->engine, c->r->lrca, (unsigned)v.reason, v.at);
        judge_engine_part(c, image, st, &v);
    }
    if (st->ring_size > CONTEXT_RING_MAX ||
        !gmem_inside(c->set->mem, st->ring_start, st->ring_size))
        return context_refuse(c, ACCOUNT_BAD_CONTEXT, "lrca=0x%x ring=0x%x size=%u", c->r->lrca,
                              st->ring_start, st->ring_size);
    return 0;
}

/* Arena pages for image and ring; what was there is reused if it fits. */
static int fit_pages(struct context *c, uint32_t ring_size)
{
    uint32_t pages = context_mem_pages(c->engine, ring_size);
    int rc;

    if (c->mem.pages == pages)
        return 0;
    c->r->mem_pages = 0;
    context_pages_free(c->set, &c->mem);
    c->imaged = false;
    rc = context_pages(c->set, pages, &c->mem);
    if (!rc) {
        c->r->mem = c->mem.gma;
        c->r->mem_pages = pages;
    }
    return rc;
}

/* Ring and batches, through the audit. */
static int take_commands(struct context *c, const struct ctx_gen8_state *st, uint32_t *image)
{
    int rc;

    c->r->ring_start = st->ring_start;
    c->r->ring_size = st->ring_size;
    c->r->head = st->head;
    c->r->tail = st->tail;
    rc = context_ring_take(c, st->head, st->tail);
    if (!rc)
        rc = context_wa_place(c, st, image);
    if (rc)
        context_batches_drop(c);
    return rc;
}

/* The copy gets the shadow's values and becomes the shadow. */
static void put_image(struct context *c, uint32_t *image, bool resume)
{
    uint32_t ring = c->mem.gma + context_image_pages(c->engine) * 4096;

    ctx_gen8_set_ring(image, ring, c->r->ring_size, c->r->head, c->r->tail);
    for (unsigned i = 0; i < 4; i++)
        ctx_gen8_set_pdp(image, i, c->r->shadow[i]);
    if (resume)
        context_resume_set(c, image);
    memcpy(c->mem.cpu, image, ctx_gen8_dwords(c->engine) * 4);
    memcpy(context_page0(c), image, 4096);
    context_ring_put(c, c->r->head, c->r->tail);
    c->r->resume = resume;
    c->ready = c->imaged = true;
    __atomic_store_n(&context_state(c)[CTX_RING_TAIL], c->r->tail, __ATOMIC_RELEASE);
}

int context_refresh(struct context *c, enum ctx_gen8_mode mode, uint64_t desc)
{
    uint32_t *image = c->set->image;
    struct ctx_gen8_state st;
    bool resume;
    int rc;

    assert(!c->r->held);
    if (c->r->stale)
        c->r->resume = c->r->stale = false;
    rc = take_image(c, desc, &st);
    if (rc)
        return rc;
    rc = context_root_find(c, mode, st.pdp);
    rc = rc ? rc : context_mark(c, image);
    if (rc)
        return rc;
    resume = context_resumes(c, image);
    c->r->resume = resume;
    c->ready = false;
    context_batches_free(c, resume);
    rc = fit_pages(c, st.ring_size);
    if (rc)
        return rc;
    c->r->guest_head = image[CTX_GEN8_STATE + CTX_RING_HEAD];
    ctx_gen8_sanitise(c->engine, image);
    rc = take_commands(c, &st, image);
    if (rc)
        return rc;
    context_batches_keep(c);
    crash_point("sched.context.audited");
    put_image(c, image, resume);
    crash_point("sched.context.ready");
    return 0;
}

/* Has the guest changed more than the tail since the prepare? */
static bool same_context(const struct context *c, const uint32_t *s, enum ctx_gen8_mode mode)
{
    unsigned roots = mode == CTX_LEGACY_64 ? 1 : 4;

    if (mode != c->r->mode || s[CTX_RING_HEAD] != c->r->guest_head ||
        s[CTX_RING_START] != c->r->ring_start || s[CTX_RING_CTL] != ((c->r->ring_size - 4096) | 1))
        return false;
    for (unsigned i = 0; i < roots; i++) {
        if (c->r->pdp[i] != ((uint64_t)s[CTX_PDP_UDW(i)] << 32 | s[CTX_PDP_LDW(i)]))
            return false;
    }
    return true;
}

int context_append(struct context *c, enum ctx_gen8_mode mode, uint64_t desc)
{
    uint32_t s[CTX_RING_DWORDS], tail, used;
    int rc;

    assert(c->ready);
    if (gmem_read(c->set->mem, c->r->lrca + CTX_GEN8_STATE * 4, s, sizeof(s)))
        return context_refuse(c, ACCOUNT_BAD_GUEST_ADDR, "lrca=0x%x", c->r->lrca);
    if (!context_may_take(c, desc, s, true))
        return CONTEXT_REFUSED;
    tail = s[CTX_RING_TAIL] & TAIL_MASK;
    if (c->r->stale || tail >= c->r->ring_size || !same_context(c, s, mode) ||
        !context_root_mapped(c) || !context_marked(c))
        return CONTEXT_LATER;
    used = context_ring_len(c->r->head, c->r->tail, c->r->ring_size);
    if (used + context_ring_len(c->r->tail, tail, c->r->ring_size) + RING_GAP > c->r->ring_size)
        return CONTEXT_LATER; /* a tail moved back looks like this, too */
    rc = context_ring_take(c, c->r->tail, tail);
    if (rc) {
        context_batches_drop(c);
        return rc;
    }
    context_batches_keep(c);
    context_ring_put(c, c->r->tail, tail);
    c->r->tail = tail;
    __atomic_store_n(&context_state(c)[CTX_RING_TAIL], tail, __ATOMIC_RELEASE);
    return 0;
}
