/* SPDX-License-Identifier: MIT */
/* shadow_priv.h: what shadow.c (tables) and track.c (guest pages that hold them) share. */
#pragma once
#include "services/gtt/shadow.h"

/* What one shadow entry keeps alive: a pinned frame or, above level PTE, a lower shadow. */
struct child {
    uint32_t gfn1;        /* gfn + 1; 0: none. An entry's address has 39 bits */
    struct shadow *table; /* NULL: none */
};

struct shadow {
    struct page *page;
    struct track *track; /* NULL: dead, being taken apart */
    enum gtt_level level;
    bool queued;   /* in the list of work, at entry `next`, or not there because of a fetch */
    uint8_t slot;  /* of the quarantine, while it is fetched */
    bool fetched;  /* its frames were fetched for this filling, as far as they will be */
    unsigned next; /* refs > 0: next entry to fill; 0: next entry to let go */
    uint64_t refs;
    TAILQ_ENTRY(shadow) link;
    /* One for each entry, behind the record; of the kind the level says. */
    union {
        uint32_t *gfn1;
        struct shadow **table;
    } child;
};

/* One guest page used as a table, at one or more levels. */
struct track {
    struct hash_node node; /* first; key: gfn */
    struct shadow *at[SHADOW_LEVELS];
    unsigned users;  /* non-NULL members of at[] */
    const void *map; /* the guest's page, NULL when no longer used */
    bool told;       /* mmio was asked to protect it */
    bool asking;     /* in the list `ask` */
    bool confirmed;
    /* Writes since mmio last reported all of it; above SHADOW_LIFT_AFTER it was asked to let them
     * pass. Not what mmio made of that: it may have refused, or not have come to it yet. */
    unsigned writes;
    TAILQ_ENTRY(track) link;
};

/* Its users changed: ask mmio to protect it or no longer to. */
void track_ask(struct shadow_set *s, struct track *t);

/* Find or make; a new one has no users: give it one or call track_drop_unused(). */
int track_get(struct shadow_set *s, uint64_t gfn, struct track **out);
void track_drop_unused(struct shadow_set *s, struct track *t);

/* Shadow entry i again from the guest's. */
void shadow_entry(struct shadow_set *s, struct shadow *sh, unsigned i);

/* All entries again, by shadow_work(). */
void shadow_refill(struct shadow_set *s, struct shadow *sh);
