/* SPDX-License-Identifier: MIT */
/*
 * release.c: see release.h. Lists are short (the tables of one address space), so they are searched
 * from end to end.
 */
#include "vmm/release.h"

#include <errno.h>
#include <stdlib.h>

#define FIRST_ROOM 64

static int add(struct release_list *l, uint64_t gfn)
{
    if (l->n == l->room) {
        size_t room = l->room ? 2 * l->room : FIRST_ROOM;
        uint64_t *more = realloc(l->gfn, room * sizeof *more);

        if (!more)
            return -ENOMEM;
        l->gfn = more;
        l->room = room;
    }
    l->gfn[l->n++] = gfn;
    return 0;
}

static bool drop(struct release_list *l, uint64_t gfn)
{
    for (size_t i = 0; i < l->n; i++) {
        if (l->gfn[i] == gfn) {
            l->gfn[i] = l->gfn[--l->n];
            return true;
        }
    }
    return false;
}

void release_free(struct release *r)
{
    free(r->wanted.gfn);
    free(r->done.gfn);
    *r = (struct release){0};
}

int release_want(struct release *r, uint64_t gfn)
{
    for (size_t i = 0; i < r->wanted.n; i++)
        if (r->wanted.gfn[i] == gfn)
            return 0;
    return add(&r->wanted, gfn);
}

void release_forget(struct release *r, uint64_t gfn)
{
    drop(&r->wanted, gfn);
    drop(&r->done, gfn);
}

int release_met(struct release *r, const struct release_ops *ops, void *ctx, uint64_t gfn)
{
    int rc;

    if (!drop(&r->done, gfn))
        return 0;
    rc = ops->trap(ctx, gfn, true);
    return rc ? rc : release_want(r, gfn);
}

/* What is still in a slot stays; for the rest the barrier has passed. */
static void forget_done(struct release *r, const struct release_ops *ops, void *ctx)
{
    size_t kept = 0;

    for (size_t i = 0; i < r->done.n; i++)
        if (ops->busy(ctx, r->done.gfn[i]))
            r->done.gfn[kept++] = r->done.gfn[i];
    r->done.n = kept;
}

/* Room first: a frame that does not trap any more must be on the list. */
static int let_go(struct release *r, const struct release_ops *ops, void *ctx, uint64_t gfn)
{
    int rc = add(&r->done, gfn);

    if (rc)
        return rc;
    if (ops->trap(ctx, gfn, false))
        r->done.n--; /* no such page any more */
    return 0;
}

int release_settle(struct release *r, const struct release_ops *ops, void *ctx)
{
    struct release_list *w = &r->wanted;
    size_t free_n = 0;
    int rc;

    /* The free ones to the front; only what was free before the barrier may go after it. */
    for (size_t i = 0; i < w->n; i++) {
        uint64_t gfn = w->gfn[i];

        if (ops->busy(ctx, gfn))
            continue;
        w->gfn[i] = w->gfn[free_n];
        w->gfn[free_n++] = gfn;
    }
    if (!free_n)
        return w->n ? 1 : 0;
    rc = ops->barrier(ctx);
    if (rc)
        return rc;
    forget_done(r, ops, ctx);
    while (free_n) {
        rc = let_go(r, ops, ctx, w->gfn[free_n - 1]);
        if (rc)
            return rc;
        w->gfn[--free_n] = w->gfn[--w->n];
    }
    return w->n ? 1 : 0;
}
