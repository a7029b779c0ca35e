/* SPDX-License-Identifier: MIT */
/*
 * context.h: shadow contexts. For each context a guest submits there is a copy of its image, its
 * ring and its privileged batches in sched's arena; the copies are audited, their addresses
 * replaced, and only they are ever given to an engine. After a context left an engine its state is
 * put back into the guest's image, as the hardware would have done.
 *
 * A shadow is a cache: unless it is on hardware (busy) it may be evicted, and is copied afresh from
 * the guest at every prepare, for the guest may have made another context of the same memory.
 * The life of a submission, as the caller sees it:
 *
 *   context_prepare(ELSP desc, once its epoch is published) -> context_set_busy(true) -> ELSP ...
 *   preempted by us, to be continued later: submit context_desc() again; no save, no prepare
 *   complete, or preempted by the guest's own ELSP: context_set_busy(false), context_save(),
 *   then post_csb() and the events to mmio
 *   the guest resubmits while it is busy: context_prepare() appends what is new (lite restore),
 * then submit the descriptor again; CONTEXT_LATER: let it finish, save, and prepare then
 *
 * The service's loop only; one thread. Facts: gen/ctx_gen8.h, gen/audit_gen8.h.
 */
#pragma once
#include "gen/gen8_engine.h"
#include "lib/account.h"
#include "lib/quarantine.h"
#include "services/sched/arena.h"
#include "services/wire/gtt_map.h"
#include "services/wire/sched_journal.h"
#include "services/wire/vggtt.h"
#include "vmm/vmm.h"

#include <stdbool.h>
#include <stdint.h>

#define CONTEXT_SETS        127u                   /* guests at once, as far as ids go */
#define CONTEXT_MAX         SCHED_JOURNAL_CONTEXTS /* shadows of one guest */
#define CONTEXT_RING_MAX    (512u << 10)           /* bytes of a ring */
#define CONTEXT_BATCH_MAX   (256u << 10)           /* bytes of one privileged batch */
#define CONTEXT_BATCH_TOTAL (512u << 10)           /* bytes of those of one prepare */
#define CONTEXT_BATCHES     64u                    /* batches of one prepare */
#define CONTEXT_ID_SHIFT    13u /* id: set number + 1, then the slot in the set */
#define CONTEXT_ID_SET(id)                                                                         \
    (((id) >> CONTEXT_ID_SHIFT) - 1u) /* set number of an id that is not 0                         \
                                       */

struct context_set;
struct context;

/* Positive answers of context_prepare(). */
enum {
    CONTEXT_WAIT = 1, /* its PPGTT root is not in gtt's map yet; asked for through need_root (once):
                         try again on gtt's bell */
    CONTEXT_REFUSED,  /* the guest's fault, or it is quarantined; counted; this submission never
                         runs */
    CONTEXT_NO_ROOM,  /* the arena, or the guest's share of it, is full of contexts that are on
                         hardware: try again when one has left */
    CONTEXT_LATER,    /* it is busy and more than its tail has changed, or its ring has no room for
                         what is new: try again when it has left the engine */
};

struct context_config {
    struct arena *arena;       /* shared by all sets */
    const struct vmm_ops *ops; /* open_memory() */
    struct vmm *vmm;
    const struct vggtt *vggtt;
    const struct gtt_map *map;
    uint64_t low_base, low_size; /* the guest's partition, bytes, as granted by gtt */
    uint64_t high_base, high_size;
    struct account *account;
    uint32_t number; /* 0..CONTEXT_SETS-1, of living sets unique: part of the context ids, so
                        the same after a restart */
    struct sched_journal_context *records; /* CONTEXT_MAX of them; all zero, or what a former
                                              process left, claimed (context_records_claim()) */
    uint32_t max_pages;                    /* of the arena; 0: no limit but the arena's */
    /* Post SCHED_GTT_ROOT for this guest. */
    void (*need_root)(void *ctx, uint32_t level, const uint64_t pdp[4]);
    /* What a context of the guest did on that engine is lost, because putting it away kills: the
     * virtual engine is to stand still until the guest resets it. May be NULL. */
    void (*lost)(void *ctx, enum gen8_engine engine);
    void *ctx;
    struct quarantine *quarantine; /* NULL: nothing is noted */
    bool rings;                    /* Haswell's: ring_context.h instead of context_prepare() */
    uint32_t empty_directory;      /* Haswell: GGTT entry of gtt's directory without any page */
};

/* The contexts of one guest. Everything in the config is borrowed. -ENOMEM, -EINVAL. */
int context_set_new(const struct context_config *config, struct context_set **out);
/* Nothing of it is on hardware, whatever the busy counts say. Records and pages are given up. NULL
 * is fine. */
void context_set_free(struct context_set *s);
/* The process ends and another will go on: records and pages stay. */
void context_set_leave(struct context_set *s);

/*
 * What a former process left: first, before the arena is used, the pages of all believed records
 * are claimed; those that make no sense are dropped (their number is returned). Then a set may be
 * made of them, or they are released.
 */
unsigned context_records_claim(struct arena *a, struct sched_journal_context *records);
void context_records_release(struct arena *a, struct sched_journal_context *records);
/* Contexts of a set just made on claimed records: those in a port or on a shelf are named by slot:
 * busy once more, or NULL if there is no such held context. */
struct context *context_hold(struct context_set *s, uint32_t slot);
/* Then: whatever else is held was released by a process that did not come to say so: saved. */
void context_set_restored(struct context_set *s);

/* The guest's status page of an engine, 0 for none. Kept unchecked; an address outside the
 * partition is a counted event where it is used. */
void context_set_hwsp(struct context_set *s, enum gen8_engine engine, uint32_t gma);

/* Drop the mappings of guest memory (they are remade on demand). */
void context_set_flush(struct context_set *s);

/* Bytes copied so far from the guest's memory, or to it. */
uint64_t context_set_copied(const struct context_set *s, bool written);

/*
 * Make the shadow of the guest's descriptor ready: 0 and *out, or one of the answers above (*out is
 * then NULL), or -errno of our own (-ENOMEM). Not busy: everything is copied, audited and patched.
 * Busy: only what stands in the ring between the shadow's tail and the image's new tail. *out is
 * good until the context is evicted: not later than the next prepare of any set, unless it is busy.
 */
int context_prepare(struct context_set *s, enum gen8_engine engine, uint64_t desc,
                    struct context **out);

/* What to submit: shadow LRCA, our id, legacy mode of its root, PPGTT on, valid. */
uint64_t context_desc(const struct context *c);
/* The id in it and in the status events: never 0, unique over guests and engines, 20 bits. */
uint32_t context_id(const struct context *c);
/* The guest's own, of the last prepare: for the status events it gets to see. */
uint64_t context_guest_desc(const struct context *c);
enum gen8_engine context_engine(const struct context *c);
/* By our id; NULL when there is none (any more). */
struct context *context_find(struct context_set *s, uint32_t id);

/* It is on hardware, or queued there, or preempted and to be continued as it is. Counted: as many
 * false as true. */
void context_set_busy(struct context *c, bool busy);
bool context_is_busy(const struct context *c);
/* Its place in the set, and back; NULL: none there. */
uint32_t context_slot(const struct context *c);
struct context *context_at(struct context_set *s, uint32_t slot);
/* The journal now says, all of it, which contexts are busy: records of others are held no more.
 * Before that, none of them is prepared again. */
void context_set_settle(struct context_set *s);

/* While it runs: the engine's RING_HEAD, if the caller happens to know it. Makes room for appends;
 * a value outside what was submitted is ignored. */
void context_note_head(struct context *c, uint32_t head);

/* It left the engine and the shadow image's saved head is its tail. */
bool context_finished(const struct context *c);

/*
 * After it left an engine: put what the hardware changed into the guest's image: control,
 * RING_HEAD, timestamp, batch state, the engine's part; never TAIL, START, CTL or PDPs, which the
 * guest may be changing. 0, also when the guest took the memory away meanwhile (counted).
 */
int context_save(struct context *c);

/* Its root still is in gtt's map, unchanged. False: it must not be submitted again without a
 * prepare, and while it is on hardware no clear of gtt's may be acknowledged (TLB rule). */
bool context_root_mapped(const struct context *c);
/* The same of every busy context of the set. */
bool context_set_roots_mapped(const struct context_set *s);

/*
 * A status event into the guest's status page: entry `slot` (0..5), then the pointer. 0; a guest
 * without a status page gets nothing, one in the wrong place is counted.
 */
int context_post_csb(struct context_set *s, enum gen8_engine engine, unsigned slot, uint64_t csb,
                     unsigned write_ptr);

/* The guest reset the engine: shadows that are not busy are forgotten, the busy ones when they are
 * no longer; a save of such a one leaves the guest's memory alone. */
void context_reset_engine(struct context_set *s, enum gen8_engine engine);

/* An engine reset took it off: skip to its tail, inside no batch, and save it so. */
void context_kill(struct context *c);
