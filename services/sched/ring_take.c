/* SPDX-License-Identifier: MIT */
/*
 * ring_take.c: Haswell: the next piece of a guest's ring: copied, cut where it must be, audited.
 * See ring_context.h; ring_audit.c carries the patches out.
 */
#include "services/sched/context_audit.h"
#include "services/sched/ring_context.h"

#include "gen/cmdregs_gen7.h"
#include "gen/cmds_gen7.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define MI_OPCODE     (0x1ffu << 23)
#define IMAGE_ADDRESS 0xfffff000u

/* ---- where it ends */

static bool loads_mailbox(const struct ring_want *w, const uint32_t *dw, uint32_t len)
{
    for (uint32_t i = 1; i + 1 < len; i += 2) {
        const struct cmdreg *r = cmdregs_gen7_find(w->engine, dw[i]);

        if (r && r->access & CMDREG_MAILBOX)
            return true;
    }
    return false;
}

/* Must the piece end behind this command? */
static bool cuts(const struct ring_want *w, const uint32_t *dw, uint32_t len)
{
    switch (dw[0] & MI_OPCODE) {
    case MI_SET_CONTEXT_GEN7 &MI_OPCODE:
        return len > 1 && (!w->image || (dw[1] & IMAGE_ADDRESS) != ring_image_gma(w->image));
    case MI_SEMAPHORE_MBOX &MI_OPCODE:
        return dw[0] & MI_MBOX_REGISTER;
    case MI_LRI:
        return loads_mailbox(w, dw, len);
    }
    return false;
}

/* Does it start a batch that will be copied? */
static bool starts_copy(const struct ring_want *w, const struct cmd *cmd, uint32_t header)
{
    uint32_t direct = w->engine == GEN8_RCS ? MI_BB_UNPRIVILEGED | MI_BB_PPGTT : MI_BB_PPGTT;

    return cmd->info->kind == CMD_BATCH_START && (header & direct) != direct;
}

/* Dwords of dw[0..n) that make the piece: whole commands, as many as there is room for, and one
 * batch that is copied, for a batch may be as large as what one piece may place. 0: the first one
 * has no room. A command that is none ends it, and is in it: the audit will say so. */
static uint32_t find_end(const struct ring_want *w, const uint32_t *dw, uint32_t n, bool *cut)
{
    uint32_t end = 0;
    bool copies = false;

    while (end < n && !*cut) {
        struct cmd cmd;
        int rc = cmds_decode(&cmds_gen7, w->engine, dw + end, n - end, &cmd);
        uint32_t len = rc ? n - end : cmd.len;

        if (end + len > w->room)
            return rc ? n : end;
        if (!rc && starts_copy(w, &cmd, dw[end])) {
            if (copies)
                return end;
            copies = true;
        }
        *cut = !rc && cuts(w, dw + end, len);
        end += len;
    }
    return end;
}

/* ---- taking */

static int copy(struct context_set *s, const struct ring_want *w, uint32_t len)
{
    uint32_t first = w->to < w->from ? w->size - w->from : len;

    if (len > sizeof(s->ring))
        return -E2BIG;
    if (gmem_read(s->mem, w->start + w->from, s->ring, first) ||
        gmem_read(s->mem, w->start, s->ring + first / 4, len - first))
        return -EFAULT;
    return 0;
}

static bool may_take(struct context_set *s, const struct ring_want *w)
{
    const uint64_t word[WIRE_IMAGE_WORDS] = {
        [WIRE_IMAGE_ENGINE] = w->engine | WIRE_IMAGE_APPEND,
        [WIRE_IMAGE_HEAD_TAIL] = (uint64_t)w->to << 32 | w->from,
        [WIRE_IMAGE_START_CTL] = (uint64_t)w->size << 32 | w->start,
        [WIRE_IMAGE_ROOT] = w->directory,
    };

    if (quarantine_begin(s->c.quarantine, QUARANTINE_OUTER, WIRE_INPUT_IMAGE, word,
                         WIRE_IMAGE_WORDS))
        return true;
    account_event(s->c.account, ACCOUNT_QUARANTINED, "ring engine=%u head=0x%x tail=0x%x",
                  (unsigned)w->engine, w->from, w->to);
    return false;
}

static int take(struct context_set *s, const struct ring_want *w, struct ring_piece *out)
{
    struct sched_journal_context record = {.engine = w->engine};
    struct context c = {.set = s, .engine = w->engine, .r = &record};
    struct context_job j = {
        .c = &c, .dw = s->ring, .where = AUDIT_RING, .piece = out, .image = w->image};
    uint32_t len = context_ring_len(w->from, w->to, w->size);
    int rc = gmem_inside(s->mem, w->start, w->size) ? copy(s, w, len) : -EFAULT;

    if (rc)
        return context_refuse(&c, ACCOUNT_BAD_GUEST_ADDR, "engine=%u ring=0x%x size=%u len=%u",
                              (unsigned)w->engine, w->start, w->size, len);
    *out = (struct ring_piece){.dw = s->ring, .directory = w->directory, .loaded = w->loaded};
    out->n = find_end(w, s->ring, len / 4, &out->cut);
    if (!out->n)
        return CONTEXT_LATER;
    j.n = out->n;
    rc = context_job_audit(&j);
    out->end = (w->from + out->n * 4) % w->size;
    out->batches = c.making ? c.making->self : 0;
    if (rc)
        ring_drop(s, out);
    return rc;
}

int ring_take(struct context_set *s, const struct ring_want *want, struct ring_piece *out)
{
    int rc = CONTEXT_REFUSED;

    assert(want->room && !s->released);
    if (may_take(s, want))
        rc = take(s, want, out);
    context_bad_end(s, QUARANTINE_OUTER);
    return rc;
}

void ring_drop(struct context_set *s, struct ring_piece *p)
{
    ring_batches_free(s, p->batches);
    if (p->image)
        context_set_busy(p->image, false);
    *p = (struct ring_piece){0};
}
