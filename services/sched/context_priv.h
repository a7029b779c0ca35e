/* SPDX-License-Identifier: MIT */
/*
 * context_priv.h: what the files of shadow contexts share. context.c: the set, look-ups, eviction;
 * context_root.c: PPGTT roots; context_image.c: images in; context_ring.c: rings; context_batch.c:
 * privileged batches and patches; context_save.c: state back out; context_restore.c: what a former
 * process left; context_bad.c: what is noted before it is worked on. Haswell: ring_take.c,
 * ring_audit.c, ring_image.c (ring_context.h) in the place of context_image.c, context_ring.c,
 * context_root.c and context_save.c. One thread.
 */
#pragma once
#include "gen/audit_gen8.h"
#include "gen/ctx_gen8.h"
#include "services/sched/context.h"
#include "services/sched/gmem.h"
#include "services/wire/input.h"
#include "services/wire/sched_journal.h"

#include <assert.h>

#define CONTEXT_BUCKETS 256u
#define CONTEXT_RESUME  SCHED_JOURNAL_RESUME
#define CONTEXT_RANGES  64u
#define CONTEXT_WA      2u /* pages behind a render image: indirect-context and per-context batch */

/* One privileged batch: where the guest has it and where its copy is. */
struct context_copy {
    uint64_t addr;
    uint32_t bytes, gma;
    uint32_t where; /* enum audit_where */
    uint32_t pad;
};

/* Batches placed by one prepare: they come and go together. A page of the arena: who continues a
 * context after a crash must know what it may be inside of. */
struct context_batches {
    uint32_t next; /* GGTT address of the one before; 0: none */
    uint32_t self; /* of this page */
    uint32_t ranges, copies;
    uint32_t fill;  /* bytes used of the last range */
    uint32_t bytes; /* placed in all */
    struct {
        uint32_t gma, pages;
    } range[CONTEXT_RANGES];
    struct context_copy copy[CONTEXT_BATCHES];
};
static_assert(sizeof(struct context_batches) <= 4096, "one page");

struct context {
    struct arena_user user; /* first */
    struct context_set *set;
    struct sched_journal_context *r; /* what must outlive us */
    enum gen8_engine engine;
    uint32_t slot;
    unsigned busy;
    bool ready;    /* the shadow is whole */
    bool imaged;   /* the shadow image has an engine part that was audited, or the hardware's own */
    bool released; /* no longer busy, and the journal's states do not say so yet */

    struct arena_range mem; /* image, context batches (render), ring, page0 */
    uint32_t asked_level;   /* need_root was called for asked[]; 0: not */
    uint64_t asked[4];
    struct context_batches *making; /* of the prepare at hand; NULL until something is placed */

    LIST_ENTRY(context) same;
    TAILQ_ENTRY(context) age;
};
LIST_HEAD(context_bucket, context);
TAILQ_HEAD(context_ages, context);

struct context_gen;

struct context_set {
    struct context_config c;
    const struct context_gen *gen;
    struct gmem *mem;
    uint32_t hwsp[GEN8_ENGINES];
    uint32_t count, next_slot;
    uint32_t busy;  /* contexts that are */
    bool released;  /* some context is */
    bool given_up;  /* too much of it kills: nothing of its memory is touched any more */
    uint32_t pages; /* of the arena */
    uint32_t root_slot, asked_directory; /* Haswell: last found, last asked for; 0: none */
    struct context_bucket bucket[CONTEXT_BUCKETS];
    struct context_ages ages; /* least recently used first */
    struct context *slot[CONTEXT_MAX];
    uint32_t image[CTX_GEN8_RCS_PAGES * 1024]; /* the copy at hand */
    uint32_t ring[CONTEXT_RING_MAX / 4];       /* the copy at hand, linear */
};

/* A guest's fault: count it, and the answer that goes with it. */
#define context_refuse(who, event, ...)                                                            \
    (account_event((who)->set->c.account, event, __VA_ARGS__), CONTEXT_REFUSED)

/* context.c: arena pages for a set, evicting; 0, CONTEXT_NO_ROOM or CONTEXT_REFUSED. */
int context_pages(struct context_set *s, uint32_t pages, struct arena_range *out);
/* The same, not zeroed: nothing that runs is led to what is not written first. */
int context_pages_raw(struct context_set *s, uint32_t pages, struct arena_range *out);
void context_pages_free(struct context_set *s, struct arena_range *r);

/* context_root.c: true, with shadow[] and *seq, if the record of gtt's map stands for these roots.
 */
bool context_root_read(const struct gtt_root *r, uint32_t level, const uint64_t pdp[4],
                       uint64_t shadow[4], uint32_t *seq);

/* context_root.c: shadow roots for c->mode and pdp; fills the root's fields. 0, CONTEXT_WAIT. */
int context_root_find(struct context *c, enum ctx_gen8_mode mode, const uint64_t pdp[4]);

/* context_image.c: desc is the guest's, mode is of it. Answers as context_prepare(). */
int context_refresh(struct context *c, enum ctx_gen8_mode mode, uint64_t desc);
int context_append(struct context *c, enum ctx_gen8_mode mode, uint64_t desc);

/*
 * A dword of the image's first page that neither hardware nor drivers use (a global status page has
 * the end of its event buffer there: 16 to 27, write pointer 31) holds a mark while the image is
 * the one that was prepared. The guest sees by what its commands wrote that a context is done with,
 * and may put another one in its place before we have heard of it from the engine; after our
 * restart that is seconds. What the hardware left of the old one is then not to be written into the
 * new one, whose head it would move: drivers clear this page of a new image.
 */
#define CONTEXT_MARK_DW 30u

/* context_save.c: into the guest's image and the copy of it at hand. 0 or an answer. */
int context_mark(struct context *c, uint32_t *image);
/* Is the guest's image still the one that was marked? */
bool context_marked(const struct context *c);

/* The register state of the shadow image. */
static inline uint32_t *context_state(const struct context *c)
{
    return (uint32_t *)c->mem.cpu + CTX_GEN8_STATE;
}

static inline uint32_t context_image_pages(enum gen8_engine engine)
{
    return (uint32_t)ctx_gen8_pages(engine) + (engine == GEN8_RCS ? CONTEXT_WA : 0);
}

/* Pages of c->mem for a ring of that size; the last is page0: the context's own status page as the
 * shadow began with it. */
static inline uint32_t context_mem_pages(enum gen8_engine engine, uint32_t ring_size)
{
    return context_image_pages(engine) + ring_size / 4096 + 1;
}

static inline uint32_t *context_page0(const struct context *c)
{
    return (uint32_t *)(c->mem.cpu + (c->mem.pages - 1) * 4096);
}

/* The pages that list its batches, newest first; NULL after the last. */
static inline struct context_batches *context_batches_at(const struct context *c, uint32_t gma)
{
    return gma ? (struct context_batches *)arena_cpu(c->set->c.arena, gma) : NULL;
}

/* context_ring.c: bytes from `from` to `to` in a ring of size. */
static inline uint32_t context_ring_len(uint32_t from, uint32_t to, uint32_t size)
{
    return from <= to ? to - from : size - from + to;
}
/* Copy [from, to) of the guest's ring, audit and patch the copy; it waits in set->ring for
 * context_ring_put(). 0 or an answer. */
int context_ring_take(struct context *c, uint32_t from, uint32_t to);
void context_ring_put(struct context *c, uint32_t from, uint32_t to);

/* context_batch.c: audit a buffer of n dwords, carrying the patches out. 0 or an answer. */
int context_audit(struct context *c, enum audit_where where, uint32_t *dw, size_t n);
/* The context batches of a render image, into the pages behind it. 0 or an answer. */
int context_wa_place(struct context *c, const struct ctx_gen8_state *st, uint32_t *image);
/* What the prepare at hand placed: keep it with the context, or let it go. */
void context_batches_keep(struct context *c);
void context_batches_drop(struct context *c);
/* Let go what earlier prepares placed; but what the context will resume in, if keep_resume. */
void context_batches_free(struct context *c, bool keep_resume);

/* context.c: the one with this name, moved to the end of those that may be evicted, or a new one:
 * 0, CONTEXT_NO_ROOM, -ENOMEM. */
int context_obtain(struct context_set *s, enum gen8_engine engine, uint32_t lrca,
                   struct context **out);

/* context.c: a context in a slot that is free; its record is not touched. -ENOMEM. */
int context_make(struct context_set *s, uint32_t slot, enum gen8_engine engine, uint32_t lrca,
                 struct context **out);

/* context_restore.c: contexts for the believed records of a new set. -ENOMEM. */
int context_set_restore(struct context_set *s);

/* context_save.c: is the guest's image the one that was saved, inside the same batch? */
bool context_resumes(const struct context *c, const uint32_t *image);
void context_resume_set(const struct context *c, uint32_t *image);

/*
 * context_bad.c: notes before work. True: do it; false: it is quarantined, and counted. In both
 * cases the end of its slot follows. In the outer slot what is prepared, whose name is replaced by
 * its registers once they are known; in the inner one all others.
 */
bool context_may_read(struct context_set *s, enum gen8_engine engine, uint64_t desc);
bool context_may_take(struct context *c, uint64_t desc, const uint32_t *state, bool append);
bool context_may_save(struct context *c);
bool context_may_restore(struct context_set *s, uint32_t slot);
bool context_may_show(struct context_set *s, enum gen8_engine engine, uint32_t hwsp);
void context_bad_end(struct context_set *s, unsigned slot);
/* A command, in words that outlive what the audit does to it; then the same with its own end. */
void context_command_input(struct context *c, enum audit_where where, const uint32_t *dw,
                           uint32_t len, struct quarantine_input *out);
bool context_may_run(struct context *c, const struct quarantine_input *command);
/* Both at once while nothing of the guest is suspected, and it may. The next command's note takes
 * its place; quarantine_end() follows the last. */
void context_command_note(struct context *c, enum audit_where where, const uint32_t *dw,
                          uint32_t len);
void context_command_end(struct context *c, const struct quarantine_input *command, bool allowed);
