/* SPDX-License-Identifier: MIT */
/*
 * context_save.c: what the hardware left in a shadow image, back into the guest's. Where inside a
 * batch the context was is also kept here: the guest may change its image, and a position in a
 * privileged batch is not for it to choose, so only a position it gives back unchanged is used.
 */
#include "services/sched/context_priv.h"

#include "lib/crash.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define ENGINE_PART 0x41u
#define HEAD_MASK   0x1ffffcu
#define BB_VALID    1u
#define BB_PPGTT    (1u << 5) /* of the batch-state registers */
#define CONTROL_BITS                                                                               \
    (CTX_CONTROL_RESTORE_INHIBIT | CTX_CONTROL_RS_ENABLE | CTX_CONTROL_INHIBIT_SYNC)

static const uint8_t resume_dw[CONTEXT_RESUME] = {CTX_BB_HEAD_UDW,  CTX_BB_HEAD_LDW,
                                                  CTX_BB_STATE,     CTX_BB2_HEAD_UDW,
                                                  CTX_BB2_HEAD_LDW, CTX_BB2_STATE};

bool context_resumes(const struct context *c, const uint32_t *image)
{
    const uint32_t *s = image + CTX_GEN8_STATE;

    if (!c->r->resume || s[CTX_RING_HEAD] != c->r->guest_head)
        return false;
    for (unsigned i = 0; i < CONTEXT_RESUME; i++) {
        if (s[resume_dw[i]] != c->r->told[i])
            return false;
    }
    return true;
}

void context_resume_set(const struct context *c, uint32_t *image)
{
    for (unsigned i = 0; i < CONTEXT_RESUME; i++)
        image[CTX_GEN8_STATE + resume_dw[i]] = c->r->at[i];
}

/* The guest's name for a place in a copied batch. */
static uint32_t guest_address(const struct context *c, uint32_t gma)
{
    const struct context_batches *m = context_batches_at(c, c->r->placed);

    for (; m; m = context_batches_at(c, m->next)) {
        for (uint32_t i = 0; i < m->copies; i++) {
            if ((gma & ~3u) - m->copy[i].gma <= m->copy[i].bytes)
                return (uint32_t)m->copy[i].addr + (gma - m->copy[i].gma);
        }
    }
    return gma;
}

/* Three dwords of one level: upper and lower head, state. */
static void tell_position(const struct context *c, const uint32_t *at, uint32_t *told)
{
    memcpy(told, at, 3 * sizeof(*told));
    if (!(at[2] & BB_PPGTT) && (at[1] & BB_VALID))
        told[1] = guest_address(c, at[1]);
}

static void keep_position(struct context *c)
{
    const uint32_t *s = context_state(c);

    for (unsigned i = 0; i < CONTEXT_RESUME; i++)
        c->r->at[i] = s[resume_dw[i]];
    c->r->resume = c->r->at[1] & BB_VALID;
    if (!c->r->resume)
        memset(c->r->at, 0, sizeof(c->r->at));
    tell_position(c, c->r->at, c->r->told);
    tell_position(c, c->r->at + 3, c->r->told + 3);
}

int context_mark(struct context *c, uint32_t *image)
{
    uint32_t mark = 0x76677431u ^ c->r->lrca;

    if (image[CONTEXT_MARK_DW] != mark &&
        gmem_store32(c->set->mem, c->r->lrca + CONTEXT_MARK_DW * 4, mark))
        return context_refuse(c, ACCOUNT_BAD_GUEST_ADDR, "lrca=0x%x", c->r->lrca);
    crash_point("sched.context.marked");
    image[CONTEXT_MARK_DW] = c->r->mark = mark;
    return 0;
}

bool context_marked(const struct context *c)
{
    uint32_t mark;

    return !c->r->mark ||
           (!gmem_read(c->set->mem, c->r->lrca + CONTEXT_MARK_DW * 4, &mark, sizeof(mark)) &&
            mark == c->r->mark);
}

/* Dwords of the context's own status page that changed: the guest may have written others. */
static int save_page0(struct context *c)
{
    const uint32_t *page = (const uint32_t *)c->mem.cpu;
    uint32_t *page0 = context_page0(c);
    int rc = 0;

    for (uint32_t i = 0; i < 1024 && !rc; i++) {
        if (page[i] == page0[i])
            continue;
        rc = gmem_store32(c->set->mem, c->r->lrca + i * 4, page[i]);
        page0[i] = page[i]; /* after it: who dies in between does it again */
    }
    return rc;
}

/* RING_HEAD last: who sees it finds the rest. */
static int save_state(struct context *c)
{
    const uint32_t *s = context_state(c);
    uint32_t state = c->r->lrca + CTX_GEN8_STATE * 4, bits = CONTROL_BITS;
    size_t rest = ctx_gen8_dwords(c->engine) - CTX_GEN8_STATE - ENGINE_PART;
    struct gmem *m = c->set->mem;
    int rc = gmem_write(m, state + ENGINE_PART * 4, s + ENGINE_PART, rest * 4);

    if (!rc)
        rc = gmem_store32(m, state + CTX_CONTROL * 4, bits << 16 | (s[CTX_CONTROL] & bits));
    if (!rc)
        rc = gmem_store32(m, state + CTX_TIMESTAMP * 4, s[CTX_TIMESTAMP]);
    for (unsigned i = 0; i < CONTEXT_RESUME && !rc; i++)
        rc = gmem_store32(m, state + resume_dw[i] * 4, c->r->told[i]);
    if (!rc)
        rc = gmem_store32(m, state + CTX_RING_HEAD * 4, c->r->guest_head);
    crash_point("sched.save.state");
    return rc;
}

static void save(struct context *c)
{
    uint32_t head;
    int rc;

    head = context_state(c)[CTX_RING_HEAD] & HEAD_MASK;
    c->r->guest_head = head;
    if (head < c->r->ring_size)
        c->r->head = head;
    keep_position(c);
    rc = save_page0(c);
    crash_point("sched.save.page");
    if (!rc)
        rc = save_state(c);
    if (rc)
        account_event(c->set->c.account, ACCOUNT_BAD_GUEST_ADDR, "lrca=0x%x", c->r->lrca);
}

/* Quarantined: the guest's image stays as it was before it ran, which nobody may run again. */
int context_save(struct context *c)
{
    const struct context_config *config = &c->set->c;

    if (c->r->stale || !c->ready || c->set->given_up)
        return 0;
    if (!context_marked(c)) {
        c->r->resume = false; /* a place in a batch of the old one */
        return 0;
    }
    if (context_may_save(c))
        save(c);
    else if (config->lost)
        config->lost(config->ctx, c->engine);
    context_bad_end(c->set, QUARANTINE_INNER);
    return 0;
}

bool context_finished(const struct context *c)
{
    return c->ready && (context_state(c)[CTX_RING_HEAD] & HEAD_MASK) == c->r->tail;
}

void context_kill(struct context *c)
{
    uint32_t *s;

    if (!c->ready)
        return;
    s = context_state(c);
    s[CTX_RING_HEAD] = c->r->tail;
    for (unsigned i = 0; i < CONTEXT_RESUME; i++)
        s[resume_dw[i]] = 0;
    context_save(c);
}
