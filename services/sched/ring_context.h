/* SPDX-License-Identifier: MIT */
/*
 * ring_context.h: Haswell: a guest's ring, its page directories and its render images, from its
 * memory to what an engine may be given. The counterpart of context_prepare(); the set of contexts
 * (context.h) is the same and holds the shadows of render images.
 *
 * An engine gets pieces of the guest's ring, each audited and patched in a copy of the same length.
 * A piece ends where the guest's ring does, or behind a command after which something has to be
 * done before the guest's next one may run: a change of the render context, a mailbox (cut). The
 * service's loop only; one thread. Facts: gen/audit_gen7.h, gen/ctx_gen7.h.
 */
#pragma once
#include "services/sched/context.h"

/* What is wanted. Places are bytes into the guest's ring. */
struct ring_want {
    enum gen8_engine engine;
    uint32_t start, size; /* of the ring: GGTT address, bytes */
    uint32_t from, to;
    uint32_t room;         /* dwords that may be given, at least 1 */
    uint32_t directory;    /* the guest's, at `from`; 0: none */
    uint32_t loaded;       /* PP_DIR_BASE of it */
    struct context *image; /* render: the current one */
};

struct ring_piece {
    const uint32_t *dw; /* the set's; good until its next piece */
    uint32_t n;
    uint32_t end;               /* bytes into the guest's ring */
    uint32_t batches;           /* for ring_batches_free() when the piece is done; 0: none */
    uint32_t directory, loaded; /* the same two, behind it */
    struct context *image;      /* another one that it makes current, and busy; NULL: it does not */
    bool cut;                   /* nothing may be given before it is done */
    bool signals;               /* the mailbox of `engine` gets `value` when it is done */
    enum gen8_engine engine;
    uint32_t mailbox, value;
    uint32_t wait, wait_value; /* as in struct sched_vring */
};

/* 0, or an answer of context_prepare(), or -errno; then nothing is held. */
int ring_take(struct context_set *s, const struct ring_want *want, struct ring_piece *out);
void ring_batches_free(struct context_set *s, uint32_t batches);
/* What a former process's pieces placed: claimed before the arena is used; or not needed. -errno.
 */
int ring_batches_claim(struct arena *a, uint32_t batches);
void ring_batches_unclaim(struct arena *a, uint32_t batches);
/* Claimed ones are the guest's again, until ring_batches_free(). */
void ring_batches_hold(struct context_set *s, uint32_t batches);
/* A piece that was taken and not given to the engine. */
void ring_drop(struct context_set *s, struct ring_piece *p);

/* The PP_DIR_BASE of gtt's directory that stands for the guest's; 0: none, an empty one. 0 or
 * CONTEXT_WAIT. */
int ring_directory(struct context_set *s, uint32_t directory, uint32_t *pp_dir_base);

/* What gtt was asked for and has not shown may be asked for again: it may have come and gone. */
void ring_ask_again(struct context_set *s);
/* The directory is in use: gtt gives others away first. */
void ring_directory_used(struct context_set *s, uint32_t directory);

/* The guest's status page of an engine, if it is one that an engine may write to; else 0. */
uint32_t ring_status_page(const struct context_set *s, enum gen8_engine engine);

/* The shadow of the render image at a GGTT address, or, for 0, of a guest that has none: loaded
 * from the guest's memory if it is not busy. 0 or an answer; *out is busy once more. */
int ring_image(struct context_set *s, uint32_t gma, struct context **out);
/* The second dword of a MI_SET_CONTEXT to it. */
uint32_t ring_image_ref(const struct context *c);
/* Where the guest has it; 0: nowhere. */
uint32_t ring_image_gma(const struct context *c);
/* The engine has saved it: into the guest's memory, and it is busy once less. */
void ring_image_save(struct context *c);

/* Our address of a page of the arena that is kept for the guest; *gma 0: a new one. NULL: no room.
 */
uint32_t *ring_kept(struct context_set *s, uint32_t *gma);
void ring_kept_free(struct context_set *s, uint32_t *gma);
