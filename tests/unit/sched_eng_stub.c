/* SPDX-License-Identifier: MIT */
/*
 * sched_eng_stub.c: see sched_eng_stub.h.
 */
#include "tests/unit/sched_eng_stub.h"

#include "services/sched/ring_context.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

/* What a process that ended left, by number. */
static struct context_set *left[SCHED_JOURNAL_GUESTS];

int stub_loses = -1;

int context_set_new(const struct context_config *config, struct context_set **out)
{
    struct context_set *s = left[config->number];

    left[config->number] = NULL;
    if (s)
        stub_crash(s);
    else
        s = calloc(1, sizeof *s);
    assert(s);
    s->number = config->number;
    s->need_root = config->need_root;
    s->lost = config->lost;
    s->ctx = config->ctx;
    if (stub_loses >= 0)
        s->lost(s->ctx, (enum gen8_engine)stub_loses);
    *out = s;
    return 0;
}

void context_set_free(struct context_set *s)
{
    free(s);
}

void context_set_leave(struct context_set *s)
{
    if (s)
        left[s->number] = s;
}

void stub_crash(struct context_set *s)
{
    for (unsigned i = 0; i < STUB_CONTEXTS; i++)
        s->context[i].busy = s->context[i].released = 0;
}

unsigned context_records_claim(struct arena *a, struct sched_journal_context *records)
{
    (void)a;
    (void)records;
    return 0;
}

void context_records_release(struct arena *a, struct sched_journal_context *records)
{
    (void)a;
    (void)records;
    for (unsigned i = 0; i < SCHED_JOURNAL_GUESTS; i++) {
        free(left[i]);
        left[i] = NULL;
    }
}

void stub_forget(void)
{
    context_records_release(NULL, NULL);
}

struct context *context_at(struct context_set *s, uint32_t slot)
{
    return slot < STUB_CONTEXTS && s->context[slot].used ? &s->context[slot] : NULL;
}

uint32_t context_slot(const struct context *c)
{
    return (uint32_t)(c - c->set->context);
}

struct context *context_hold(struct context_set *s, uint32_t slot)
{
    struct context *c = context_at(s, slot);

    if (!c || !c->held)
        return NULL;
    c->busy++;
    return c;
}

void context_set_restored(struct context_set *s)
{
    for (unsigned i = 0; i < STUB_CONTEXTS; i++) {
        struct context *c = &s->context[i];

        if (!c->held || c->busy)
            continue;
        context_save(c);
        c->held = false;
    }
}

void context_set_settle(struct context_set *s)
{
    for (unsigned i = 0; i < STUB_CONTEXTS; i++)
        if (s->context[i].released)
            s->context[i].released = s->context[i].held = false;
}

void context_set_hwsp(struct context_set *s, enum gen8_engine engine, uint32_t gma)
{
    s->hwsp[engine] = gma;
}

struct context *stub_context(struct context_set *s, unsigned engine, uint64_t desc)
{
    for (unsigned i = 0; i < STUB_CONTEXTS; i++) {
        struct context *c = &s->context[i];

        if (c->used && c->engine == engine && (uint32_t)c->desc == (uint32_t)desc)
            return c;
    }
    return NULL;
}

unsigned stub_busy(const struct context_set *s)
{
    unsigned n = 0;

    for (unsigned i = 0; i < STUB_CONTEXTS; i++)
        n += s->context[i].busy;
    return n;
}

static struct context *make(struct context_set *s, unsigned engine)
{
    for (unsigned i = 0; i < STUB_CONTEXTS; i++) {
        if (s->context[i].used)
            continue;
        s->context[i] = (struct context){.set = s, .used = true, .engine = engine};
        s->context[i].id = (s->number + 1) << CONTEXT_ID_SHIFT | i;
        return &s->context[i];
    }
    abort();
}

int context_prepare(struct context_set *s, enum gen8_engine engine, uint64_t desc,
                    struct context **out)
{
    static const uint64_t pdp[4] = {0x1000};

    *out = NULL;
    s->prepared++;
    for (unsigned i = 0; i < STUB_CONTEXTS; i++)
        assert(!s->context[i].released); /* the journal may still name it */
    if (s->answer == CONTEXT_WAIT && s->need_root)
        s->need_root(s->ctx, 4, pdp);
    if (s->answer)
        return s->answer;
    *out = stub_context(s, engine, desc);
    if (!*out)
        *out = make(s, engine);
    (*out)->desc = desc;
    (*out)->unmapped = (*out)->stale = false;
    return 0;
}

uint64_t context_desc(const struct context *c)
{
    return (uint64_t)c->id << 32 | 0xf0000000u | (c->id & 15) << 16 | 1;
}

uint32_t context_id(const struct context *c)
{
    return c->id;
}

uint64_t context_guest_desc(const struct context *c)
{
    return c->desc;
}

void context_set_busy(struct context *c, bool busy)
{
    assert(busy || c->busy);
    c->busy += busy ? 1 : -1;
    c->held |= busy;
    c->released = !c->busy;
}

bool context_is_busy(const struct context *c)
{
    return c->busy;
}

int context_save(struct context *c)
{
    assert(!c->busy);
    c->saved += !c->stale;
    return 0;
}

bool context_root_mapped(const struct context *c)
{
    return !c->unmapped;
}

bool context_set_roots_mapped(const struct context_set *s)
{
    for (unsigned i = 0; i < STUB_CONTEXTS; i++)
        if (s->context[i].busy && s->context[i].unmapped)
            return false;
    return true;
}

int context_post_csb(struct context_set *s, enum gen8_engine engine, unsigned slot, uint64_t csb,
                     unsigned write_ptr)
{
    assert(slot == write_ptr && s->csbs < 256);
    s->csb[s->csbs++] = (struct stub_csb){engine, slot, csb};
    return 0;
}

void context_reset_engine(struct context_set *s, enum gen8_engine engine)
{
    for (unsigned i = 0; i < STUB_CONTEXTS; i++)
        if (s->context[i].engine == engine)
            s->context[i].stale = true;
}

void context_kill(struct context *c)
{
    assert(!c->busy);
    c->killed++;
}

/* ---- Haswell's: nothing here has a ring */

int ring_take(struct context_set *s, const struct ring_want *want, struct ring_piece *out)
{
    (void)s;
    (void)want;
    (void)out;
    abort();
}

void ring_batches_free(struct context_set *s, uint32_t batches)
{
    (void)s;
    (void)batches;
}

int ring_batches_claim(struct arena *a, uint32_t batches)
{
    (void)a;
    (void)batches;
    return -EINVAL;
}

void ring_drop(struct context_set *s, struct ring_piece *p)
{
    (void)s;
    (void)p;
}

int ring_directory(struct context_set *s, uint32_t directory, uint32_t *pp_dir_base)
{
    (void)s;
    *pp_dir_base = directory;
    return CONTEXT_WAIT;
}

uint32_t ring_status_page(const struct context_set *s, enum gen8_engine engine)
{
    return s->hwsp[engine];
}

int ring_image(struct context_set *s, uint32_t gma, struct context **out)
{
    (void)s;
    (void)gma;
    *out = NULL;
    return CONTEXT_REFUSED;
}

uint32_t ring_image_ref(const struct context *c)
{
    (void)c;
    return 0;
}

uint32_t ring_image_gma(const struct context *c)
{
    (void)c;
    return 0;
}

void ring_image_save(struct context *c)
{
    context_set_busy(c, false);
}

uint32_t *ring_kept(struct context_set *s, uint32_t *gma)
{
    (void)s;
    (void)gma;
    return NULL;
}

void ring_kept_free(struct context_set *s, uint32_t *gma)
{
    (void)s;
    *gma = 0;
}

void ring_batches_unclaim(struct arena *a, uint32_t batches)
{
    (void)a;
    (void)batches;
}

void ring_batches_hold(struct context_set *s, uint32_t batches)
{
    (void)s;
    (void)batches;
}

void ring_ask_again(struct context_set *s)
{
    (void)s;
}

void ring_directory_used(struct context_set *s, uint32_t directory)
{
    (void)s;
    (void)directory;
}
