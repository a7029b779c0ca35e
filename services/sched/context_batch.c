/* SPDX-License-Identifier: MIT */
/*
 * context_batch.c: the audit of rings and privileged batches, and what its patches ask for: copies
 * of batches and small replacements, placed in the arena with the context. A batch is read until
 * its end is met, into our own memory, and audited there before it is put where the GPU finds it.
 */
#include "services/sched/context_audit.h"
#include "services/sched/context_priv.h"
#include "services/sched/ring_context.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH  8u  /* batches that start batches */
#define ALIGN      64u /* of a batch in the arena, bytes */
#define PDP_FIRST  0x270u
#define FIRST_READ 512u /* bytes of a batch */

/* --- placing --- */

static int too_much(struct context *c, const char *what)
{
    return context_refuse(c, ACCOUNT_NO_RESOURCE, "privileged_batches=\"too many %s\"", what);
}

static int begin_batches(struct context *c)
{
    struct arena_range page;
    int rc = context_pages_raw(c->set, 1, &page);

    if (rc)
        return rc;
    c->making = (struct context_batches *)page.cpu;
    memset(c->making, 0, offsetof(struct context_batches, range));
    c->making->self = page.gma;
    return 0;
}

static int more_pages(struct context *c, uint32_t bytes)
{
    struct context_batches *m = c->making;
    struct arena_range r;
    int rc;

    if (m->ranges == CONTEXT_RANGES)
        return too_much(c, "pieces");
    rc = context_pages_raw(c->set, (bytes + 4095) / 4096, &r);
    if (rc)
        return rc;
    m->range[m->ranges].gma = r.gma;
    m->range[m->ranges++].pages = r.pages;
    m->fill = 0;
    return 0;
}

/* Room for a batch: 0 with *cpu and *gma, an answer, or -ENOMEM. */
static int place(struct context *c, uint32_t bytes, uint8_t **cpu, uint32_t *gma)
{
    struct context_batches *m;
    int rc = c->making ? 0 : begin_batches(c);

    if (rc)
        return rc;
    m = c->making;
    bytes = (bytes + ALIGN - 1) & ~(ALIGN - 1);
    if (bytes > CONTEXT_BATCH_TOTAL - m->bytes)
        return too_much(c, "bytes");
    if (!m->ranges || bytes > m->range[m->ranges - 1].pages * 4096 - m->fill)
        rc = more_pages(c, bytes);
    if (rc)
        return rc;
    *gma = m->range[m->ranges - 1].gma + m->fill;
    *cpu = arena_cpu(c->set->c.arena, *gma);
    m->fill += bytes;
    m->bytes += bytes;
    return 0;
}

static void free_pages(struct context *c, uint32_t gma, uint32_t pages)
{
    struct arena_range r = arena_range_at(c->set->c.arena, gma, pages);

    context_pages_free(c->set, &r);
}

static void free_batches(struct context *c, struct context_batches *m)
{
    for (uint32_t i = 0; i < m->ranges; i++)
        free_pages(c, m->range[i].gma, m->range[i].pages);
    free_pages(c, m->self, 1);
}

void ring_batches_free(struct context_set *s, uint32_t batches)
{
    struct context c = {.set = s};

    if (batches)
        free_batches(&c, context_batches_at(&c, batches));
}

void context_batches_keep(struct context *c)
{
    struct context_batches *m = c->making;

    if (m) {
        m->next = c->r->placed;
        __atomic_store_n(&c->r->placed, m->self, __ATOMIC_RELEASE);
    }
    c->making = NULL;
}

void context_batches_drop(struct context *c)
{
    if (c->making)
        free_batches(c, c->making);
    c->making = NULL;
}

static bool holds(const struct context_batches *m, uint32_t gma)
{
    for (uint32_t i = 0; i < m->ranges; i++) {
        if (gma - m->range[i].gma < m->range[i].pages * 4096)
            return true;
    }
    return false;
}

/* Each step leaves a chain that is whole. */
void context_batches_free(struct context *c, bool keep_resume)
{
    uint32_t *link = &c->r->placed;
    struct context_batches *m;

    while ((m = context_batches_at(c, *link))) {
        if (keep_resume && c->r->resume && (holds(m, c->r->at[1]) || holds(m, c->r->at[4]))) {
            link = &m->next;
            continue;
        }
        __atomic_store_n(link, m->next, __ATOMIC_RELEASE);
        free_batches(c, m);
    }
}

/* --- reading a batch --- */

/* A copy that grows until the batch's end is in it. */
struct reading {
    uint32_t *dw;
    uint32_t room; /* bytes */
    uint32_t n;    /* dwords read */
    uint32_t end;  /* dwords walked over */
};

/* True when no more needs to be read: the end, or something the audit will refuse. */
static bool walk(const struct cmd_set *set, enum gen8_engine engine, struct reading *r)
{
    while (r->end < r->n) {
        uint32_t header = r->dw[r->end];
        struct cmd cmd;
        int rc;

        if (header == MI_NOOP) {
            r->end++;
            continue;
        }
        rc = cmds_decode(set, engine, r->dw + r->end, r->n - r->end, &cmd);

        if (rc == CMDS_TRUNCATED)
            return false;
        if (rc == CMDS_UNKNOWN) {
            r->end++;
            return true;
        }
        r->end += cmd.len;
        if (cmds_ends_batch(&cmd, header))
            return true;
    }
    return false;
}

static bool make_room(struct reading *r, uint32_t bytes)
{
    uint32_t *dw;

    if (bytes <= r->room)
        return true;
    r->room = bytes <= 1024 ? 1024 : (bytes + 4095) & ~4095u; /* the former malloc() has at hand */
    dw = realloc(r->dw, r->room);
    if (dw)
        r->dw = dw;
    return dw;
}

/* Most are much shorter than a page: as much again as there is already, up to a page's end. */
static int read_batch(struct context *c, uint64_t addr, struct reading *r)
{
    do {
        uint64_t from = addr + r->n * 4u;
        uint32_t more = (uint32_t)(4096 - from % 4096), most = r->n ? r->n * 4u : FIRST_READ;

        if (more > most)
            more = most;
        if (r->n * 4u + more > CONTEXT_BATCH_MAX)
            return context_refuse(c, ACCOUNT_BAD_COMMAND, "batch=0x%x reason=\"too long\"",
                                  (uint32_t)addr);
        if (!make_room(r, r->n * 4u + more))
            return -ENOMEM;
        if (gmem_read(c->set->mem, from, r->dw + r->n, more))
            return context_refuse(c, ACCOUNT_BAD_GUEST_ADDR, "batch=0x%x", (uint32_t)addr);
        r->n += more / 4;
    } while (!walk(c->set->gen->cmds, c->engine, r));
    return 0;
}

/* --- patches --- */

static const struct context_copy *find_copy(const struct context *c, uint64_t addr,
                                            enum audit_where where)
{
    const struct context_batches *m = c->making;

    for (uint32_t i = 0; m && i < m->copies; i++) {
        if (m->copy[i].addr == addr && m->copy[i].where == where)
            return &m->copy[i];
    }
    return NULL;
}

/* The copy is known before it is audited, for a batch may go round. */
static int audit_copy(struct context_job *j, struct reading *r, uint64_t addr,
                      enum audit_where where, uint32_t *gma)
{
    struct context_job inner = {.c = j->c,
                                .dw = r->dw,
                                .n = r->end,
                                .where = where,
                                .alone = j->alone,
                                .piece = j->piece,
                                .image = j->image,
                                .depth = j->depth + 1};
    struct context_batches *m;
    uint8_t *cpu;
    int rc;

    rc = place(j->c, r->end * 4, &cpu, gma);
    if (rc)
        return rc;
    m = j->c->making;
    if (m->copies == CONTEXT_BATCHES)
        return too_much(j->c, "batches");
    m->copy[m->copies++] = (struct context_copy){addr, r->end * 4, *gma, where, 0};
    rc = context_job_audit(&inner);
    if (!rc)
        memcpy(cpu, r->dw, r->end * 4);
    return rc;
}

int context_job_batch(struct context_job *j, const struct audit_patch *p, uint32_t *gma)
{
    enum audit_where where = AUDIT_BATCH;
    const struct context_copy *known;
    struct reading r = {0};
    int rc;

    if (j->where == AUDIT_BATCH_2ND || (j->where != AUDIT_RING && p->second_level))
        where = AUDIT_BATCH_2ND;
    known = find_copy(j->c, p->addr, where);
    if (known) {
        *gma = known->gma;
        return 0;
    }
    if (j->depth >= MAX_DEPTH)
        return too_much(j->c, "levels");
    rc = read_batch(j->c, p->addr, &r);
    if (!rc)
        rc = audit_copy(j, &r, p->addr, where, gma);
    free(r.dw);
    return rc;
}

static int on_batch(struct context_job *j, const struct audit_patch *p)
{
    uint32_t gma;
    int rc;

    if (j->alone)
        return context_refuse(j->c, ACCOUNT_BAD_COMMAND, "context_batch=jump at=%u", p->at);
    rc = context_job_batch(j, p, &gma);
    if (rc)
        return rc;
    j->dw[p->at + 1] = gma;
    j->dw[p->at + 2] = 0;
    return 0;
}

static int on_trampoline(struct context_job *j, const struct audit_patch *p)
{
    uint8_t *cpu;
    uint32_t gma;
    int rc;

    if (j->alone)
        return context_refuse(j->c, ACCOUNT_BAD_COMMAND, "context_batch=jump at=%u", p->at);
    rc = place(j->c, p->n_words * 4, &cpu, &gma);
    if (rc)
        return rc;
    memcpy(cpu, p->words, p->n_words * 4);
    assert(p->len >= 3);
    memset(j->dw + p->at, 0, p->len * 4);
    j->dw[p->at] = MI_BB_START | (p->second_level ? MI_BB_2ND_LEVEL : 0);
    j->dw[p->at + 1] = gma;
    return 0;
}

/* Whatever the guest would load: this context has the roots it was prepared with. */
static int on_pdp(struct context_job *j, const struct audit_patch *p)
{
    uint32_t at = p->reg - gen8_engine_base(j->c->engine) - PDP_FIRST;
    uint64_t root;

    assert(at < 32);
    root = j->c->r->shadow[at / 8];
    j->dw[p->at] = (uint32_t)(at % 8 ? root >> 32 : root);
    return 0;
}

int context_job_plain(struct context_job *j, const struct audit_patch *p)
{
    audit_apply(j->dw, j->n, p);
    return 0;
}

static int patch(void *ctx, const struct audit_patch *p)
{
    struct context_job *j = ctx;
    context_patch *carry_out = j->c->set->gen->patch[p->kind];
    int rc;

    assert(carry_out);
    rc = carry_out(j, p);
    j->answer = rc;
    return rc;
}

/* --- audit --- */

static bool is_guests(void *ctx, uint64_t addr, uint64_t len, bool write)
{
    struct context_job *j = ctx;

    (void)write;
    return gmem_inside(j->c->set->mem, addr, len);
}

static int on_begin(void *ctx, const uint32_t *dw, uint32_t len)
{
    struct context_job *j = ctx;

    context_command_input(j->c, j->where, dw, len, &j->command);
    j->allowed = context_may_run(j->c, &j->command);
    if (j->allowed)
        return 0;
    j->answer = CONTEXT_REFUSED;
    return 1;
}

static void on_end(void *ctx)
{
    struct context_job *j = ctx;

    context_command_end(j->c, &j->command, j->allowed);
}

/* Nothing is suspected, as nearly always. */
static int on_next(void *ctx, const uint32_t *dw, uint32_t len)
{
    struct context_job *j = ctx;

    context_command_note(j->c, j->where, dw, len);
    return 0;
}

static const struct audit_ops *audit_ops(const struct quarantine *q)
{
    static const struct audit_ops plain = {.ggtt = is_guests, .patch = patch};
    static const struct audit_ops noted = {is_guests, patch, on_next, NULL};
    static const struct audit_ops suspected = {is_guests, patch, on_begin, on_end};

    if (!q || !q->table)
        return &plain;
    return q->known ? &suspected : &noted;
}

int context_job_audit(struct context_job *j)
{
    struct quarantine *q = j->c->set->c.quarantine;
    struct context *c = j->c;
    struct audit_verdict v;
    int bad = c->set->gen->audit(j, audit_ops(q), &v);

    quarantine_end(q, QUARANTINE_INNER);
    if (!bad)
        return 0;
    if (j->answer)
        return j->answer;
    return context_refuse(c, ACCOUNT_BAD_COMMAND,
                          "engine=%u reason=\"%s\" where=%u at=%u header=0x%x", (unsigned)c->engine,
                          audit_reason_text(v.reason), (unsigned)j->where, v.at, v.header);
}

int context_audit(struct context *c, enum audit_where where, uint32_t *dw, size_t n)
{
    struct context_job j = {.c = c, .dw = dw, .n = n, .where = where};

    return context_job_audit(&j);
}

/* --- context batches --- */

static int place_indirect(struct context *c, const struct ctx_gen8_state *st, uint8_t *cpu)
{
    uint32_t dw[1024];
    struct context_job j = {
        .c = c, .dw = dw, .n = st->indirect_len / 4, .where = AUDIT_INDIRECT_CTX, .alone = true};
    int rc;

    assert(st->indirect_len <= sizeof(dw));
    if (gmem_read(c->set->mem, st->indirect, dw, st->indirect_len))
        return context_refuse(c, ACCOUNT_BAD_GUEST_ADDR, "indirect_ctx=0x%x", st->indirect);
    rc = context_job_audit(&j);
    if (!rc)
        memcpy(cpu, dw, st->indirect_len);
    return rc;
}

static int place_per_ctx(struct context *c, uint32_t addr, uint8_t *cpu)
{
    struct reading r = {0};
    struct context_job j = {.c = c, .where = AUDIT_BATCH_2ND, .alone = true};
    int rc = read_batch(c, addr, &r);

    if (!rc && r.end > 1024)
        rc = context_refuse(c, ACCOUNT_BAD_CONTEXT, "per_ctx=0x%x dwords=%u", addr, r.end);
    j.dw = r.dw;
    j.n = r.end;
    if (!rc)
        rc = context_job_audit(&j);
    if (!rc)
        memcpy(cpu, r.dw, r.end * 4);
    free(r.dw);
    return rc;
}

int context_wa_place(struct context *c, const struct ctx_gen8_state *st, uint32_t *image)
{
    uint32_t at = CTX_GEN8_RCS_PAGES * 4096, gma = c->mem.gma + at;
    uint8_t *cpu = c->mem.cpu + at;
    int rc = 0;

    if (c->engine != GEN8_RCS)
        return 0;
    if (st->indirect)
        rc = place_indirect(c, st, cpu);
    if (!rc && st->per_ctx)
        rc = place_per_ctx(c, st->per_ctx, cpu + 4096);
    if (!rc)
        ctx_gen8_set_batches(image, st->per_ctx ? gma + 4096 : 0, st->indirect ? gma : 0,
                             st->indirect_len);
    return rc;
}

static int audit(struct context_job *j, const struct audit_ops *ops, struct audit_verdict *v)
{
    const struct context *c = j->c;

    return audit_gen8(c->engine, j->where, j->dw, j->n, c->set->hwsp[c->engine], ops, j, v);
}

const struct context_gen context_gen8 = {
    .cmds = &cmds_gen8,
    .audit = audit,
    .patch = {[AUDIT_PATCH_WORDS] = context_job_plain,
              [AUDIT_PATCH_BLANK] = context_job_plain,
              [AUDIT_PATCH_TRAMPOLINE] = on_trampoline,
              [AUDIT_PATCH_BATCH] = on_batch,
              [AUDIT_PATCH_PDP] = on_pdp},
};
