/* SPDX-License-Identifier: MIT */
/*
 * ring_audit.c: Haswell: pieces of a guest's ring, and what the patches of their audit ask for. See
 * ring_context.h.
 */
#include "services/sched/context_audit.h"
#include "services/sched/ring_context.h"

#include "gen/audit_gen7.h"
#include "gen/ctx_gen7.h"

#include <assert.h>
#include <string.h>

#define MAILBOX_FIRST 0x40u /* RING_SYNC_0, in an engine's block */

/* ---- roots */

static bool is_root(const struct gtt_root *r, uint32_t directory, uint32_t *shadow)
{
    const uint64_t pdp[4] = {directory};
    uint64_t ours[4];
    uint32_t seq;

    if (!context_root_read(r, 2, pdp, ours, &seq))
        return false;
    *shadow = (uint32_t)ours[0];
    return true;
}

static bool find_root(struct context_set *s, uint32_t directory, uint32_t *shadow)
{
    const struct gtt_map *map = s->c.map;

    if (is_root(&map->root[s->root_slot], directory, shadow))
        return true;
    for (uint32_t i = 0; i < GTT_MAP_ROOTS; i++) {
        if (!is_root(&map->root[i], directory, shadow))
            continue;
        s->root_slot = i;
        return true;
    }
    return false;
}

int ring_directory(struct context_set *s, uint32_t directory, uint32_t *pp_dir_base)
{
    const uint64_t pdp[4] = {directory};
    uint32_t shadow = s->c.empty_directory;

    if (!directory || find_root(s, directory, &shadow)) {
        s->asked_directory = directory == s->asked_directory ? 0 : s->asked_directory;
        *pp_dir_base = shadow << 12;
        return 0;
    }
    if (s->asked_directory != directory)
        s->c.need_root(s->c.ctx, 2, pdp);
    s->asked_directory = directory;
    return CONTEXT_WAIT;
}

void ring_ask_again(struct context_set *s)
{
    s->asked_directory = 0;
}

void ring_directory_used(struct context_set *s, uint32_t directory)
{
    const uint64_t pdp[4] = {directory};

    if (directory)
        s->c.need_root(s->c.ctx, 2, pdp);
}

uint32_t ring_status_page(const struct context_set *s, enum gen8_engine engine)
{
    return gmem_inside(s->mem, s->hwsp[engine], 4096) ? s->hwsp[engine] : 0;
}

/* ---- patches */

static int on_directory(struct context_job *j, const struct audit_patch *p)
{
    uint32_t directory = p->words[0] >> 12;
    int rc = ring_directory(j->c->set, directory, &j->dw[p->at]);

    if (rc)
        return rc;
    j->piece->directory = directory;
    j->piece->loaded = j->dw[p->at];
    return 0;
}

/* From the GGTT only: what runs with privilege from a PPGTT the stock drivers never send. */
static int on_batch(struct context_job *j, const struct audit_patch *p)
{
    uint32_t gma;
    int rc;

    if (p->space != AUDIT_GGTT)
        return context_refuse(j->c, ACCOUNT_BAD_COMMAND, "privileged batch in a PPGTT at=%u",
                              p->at);
    rc = context_job_batch(j, p, &gma);
    if (rc)
        return rc;
    j->dw[p->at] = p->words[0];
    j->dw[p->at + 1] = gma;
    return 0;
}

/* Of those at hand: the one that the piece has made current, or the one it began with. */
static struct context *at_hand(const struct context_job *j, uint32_t gma)
{
    struct context *const image[] = {j->piece->image, j->image};

    for (unsigned i = 0; i < 2; i++)
        if (image[i] && ring_image_gma(image[i]) == gma)
            return image[i];
    return NULL;
}

/* To where it is already: the engine does nothing, unless it is to load the image again. */
static int on_context(struct context_job *j, const struct audit_patch *p)
{
    struct ring_piece *piece = j->piece;
    struct ctx_gen7_ref ref;
    struct context *c;
    int rc;

    if (!ctx_gen7_ref_decode(p->words[0], &ref) || !ref.gma)
        return context_refuse(j->c, ACCOUNT_BAD_CONTEXT, "image=0x%x", p->words[0]);
    c = at_hand(j, ref.gma);
    if (!c) {
        assert(!piece->image); /* the piece ends behind the first one */
        rc = ring_image(j->c->set, ref.gma, &piece->image);
        if (rc)
            return rc;
        c = piece->image;
    }
    ref.gma = c->mem.gma;
    j->dw[p->at] = ctx_gen7_ref_encode(&ref);
    return 0;
}

/* Which mailbox of the three a register is, of the engine whose block it is in. */
static bool mailbox_of(uint32_t reg, struct ring_piece *p)
{
    for (unsigned e = 0; e < GEN8_ENGINES; e++) {
        uint32_t at = reg - gen8_engine_base(e) - MAILBOX_FIRST;

        if (at / 4 >= SCHED_MAILBOXES || at % 4)
            continue;
        p->engine = e;
        p->mailbox = at / 4;
        return true;
    }
    return false;
}

static int on_signal(struct context_job *j, const struct audit_patch *p)
{
    struct ring_piece *piece = j->piece;

    if (piece->signals || !mailbox_of(p->words[2], piece))
        return context_refuse(j->c, ACCOUNT_BAD_COMMAND, "mailbox=0x%x at=%u", p->words[2], p->at);
    piece->signals = true;
    piece->value = p->words[1];
    return 0;
}

static int on_semaphore(struct context_job *j, const struct audit_patch *p)
{
    static const uint8_t chosen[4] = {0, 2, 1, SCHED_MAILBOXES};
    struct ring_piece *piece = j->piece;
    int rc = p->words[0] & MI_MBOX_UPDATE ? on_signal(j, p) : 0;

    if (!rc && p->words[0] & MI_MBOX_COMPARE) {
        piece->wait = chosen[MI_MBOX_SELECT(p->words[0])] + 1u;
        piece->wait_value = p->words[1];
        if (piece->wait > SCHED_MAILBOXES)
            rc = context_refuse(j->c, ACCOUNT_BAD_COMMAND, "semaphore=0x%x", p->words[0]);
    }
    return rc ? rc : context_job_plain(j, p);
}

static int audit(struct context_job *j, const struct audit_ops *ops, struct audit_verdict *v)
{
    return audit_gen7(j->c->engine, j->where, j->dw, j->n, ops, j, v);
}

const struct context_gen context_gen7 = {
    .cmds = &cmds_gen7,
    .audit = audit,
    .patch = {[AUDIT_PATCH_WORDS] = context_job_plain,
              [AUDIT_PATCH_BLANK] = context_job_plain,
              [AUDIT_PATCH_BATCH] = on_batch,
              [AUDIT_PATCH_PDP] = on_directory,
              [AUDIT_PATCH_CONTEXT] = on_context,
              [AUDIT_PATCH_SEMAPHORE] = on_semaphore},
};
