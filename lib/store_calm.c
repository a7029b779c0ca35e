/* SPDX-License-Identifier: MIT */
/*
 * store_calm.c: a store whose calls end within a second, whatever the one behind it does: they are
 * made in a thread (stall.h). While one hangs, all others fail at once with -ETIMEDOUT. For
 * xenstored, which may be slow or dead while a loop has guests to serve. Watch events come as they
 * did, in the loop.
 */
#include "lib/stall.h"
#include "lib/store_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUE 1024u

struct store_calm {
    struct store store;
    struct store *behind;
    struct stall *stall;
};

static struct store_calm *calm_of(struct store *store)
{
    return (struct store_calm *)store;
}

/* One call, in or out. It is copied: a call that is given up goes on with its own. */
struct call {
    struct store *behind;
    char path[STORE_PATH], value[VALUE], token[16];
    size_t size;
    char **names;
    unsigned count, access;
    uint32_t domid;
};

static int do_call(struct store *store, int (*fn)(void *arg), struct call *c,
                   void (*late)(void *arg))
{
    c->behind = calm_of(store)->behind;
    return stall_call(calm_of(store)->stall, fn, c, sizeof(*c), late);
}

static int prepare(struct call *c, const char *path)
{
    *c = (struct call){0};
    return (size_t)snprintf(c->path, sizeof(c->path), "%s", path) < sizeof(c->path) ? 0
                                                                                    : -ENAMETOOLONG;
}

static int run_read(void *arg)
{
    struct call *c = arg;

    return c->behind->ops->read(c->behind, c->path, c->value, c->size);
}

static int calm_read(struct store *store, const char *path, char *value, size_t size)
{
    struct call c;
    int rc = prepare(&c, path);

    c.size = size < VALUE ? size : VALUE;
    if (!rc)
        rc = do_call(store, run_read, &c, NULL);
    if (rc >= 0)
        memcpy(value, c.value, (size_t)rc + 1);
    return rc;
}

static int run_write(void *arg)
{
    struct call *c = arg;

    return c->behind->ops->write(c->behind, c->path, c->value);
}

static int calm_write(struct store *store, const char *path, const char *value)
{
    struct call c;
    int rc = prepare(&c, path);

    if ((size_t)snprintf(c.value, VALUE, "%s", value) >= VALUE)
        return -EMSGSIZE;
    return rc ? rc : do_call(store, run_write, &c, NULL);
}

static int run_remove(void *arg)
{
    struct call *c = arg;

    return c->behind->ops->remove(c->behind, c->path);
}

static int calm_remove(struct store *store, const char *path)
{
    struct call c;
    int rc = prepare(&c, path);

    return rc ? rc : do_call(store, run_remove, &c, NULL);
}

static int run_list(void *arg)
{
    struct call *c = arg;

    return c->behind->ops->list(c->behind, c->path, &c->names, &c->count);
}

static void free_list(void *arg)
{
    free(((struct call *)arg)->names);
}

static int calm_list(struct store *store, const char *path, char ***names, unsigned *count)
{
    struct call c;
    int rc = prepare(&c, path);

    rc = rc ? rc : do_call(store, run_list, &c, free_list);
    if (!rc) {
        *names = c.names;
        *count = c.count;
    }
    return rc;
}

static int run_allow(void *arg)
{
    struct call *c = arg;

    return c->behind->ops->allow(c->behind, c->path, c->domid, c->access);
}

static int calm_allow(struct store *store, const char *path, uint32_t domid, unsigned access)
{
    struct call c;
    int rc = prepare(&c, path);

    c.domid = domid;
    c.access = access;
    return rc ? rc : do_call(store, run_allow, &c, NULL);
}

static int run_owner(void *arg)
{
    struct call *c = arg;

    return c->behind->ops->owner(c->behind, c->path, &c->domid);
}

static int calm_owner(struct store *store, const char *path, uint32_t *domid)
{
    struct call c;
    int rc = prepare(&c, path);

    rc = rc ? rc : do_call(store, run_owner, &c, NULL);
    if (!rc)
        *domid = c.domid;
    return rc;
}

static int run_watch(void *arg)
{
    struct call *c = arg;

    return c->behind->ops->watch(c->behind, c->path, c->token);
}

static int run_unwatch(void *arg)
{
    struct call *c = arg;

    c->behind->ops->unwatch(c->behind, c->path, c->token);
    return 0;
}

/* Nobody knows the token of a watch that came too late. */
static void unwatch_late(void *arg)
{
    run_unwatch(arg);
}

static int calm_watch(struct store *store, const char *path, const char *token)
{
    struct call c;
    int rc = prepare(&c, path);

    snprintf(c.token, sizeof(c.token), "%s", token);
    return rc ? rc : do_call(store, run_watch, &c, unwatch_late);
}

static void calm_unwatch(struct store *store, const char *path, const char *token)
{
    struct call c;

    if (prepare(&c, path))
        return;
    snprintf(c.token, sizeof(c.token), "%s", token);
    c.behind = calm_of(store)->behind;
    stall_post(calm_of(store)->stall, run_unwatch, &c, sizeof(c));
}

static int run_close(void *arg)
{
    struct call *c = arg;

    c->behind->ops->close(c->behind);
    return 0;
}

/* After what was asked before; not waited for when that hangs. */
static void calm_close(struct store *store)
{
    struct store_calm *calm = calm_of(store);
    struct call c = {.behind = calm->behind};

    if (calm->behind->ops->quiet)
        calm->behind->ops->quiet(calm->behind);
    stall_post(calm->stall, run_close, &c, sizeof(c));
    stall_free(calm->stall);
    free(calm);
}

static int calm_call(struct store *store, int (*fn)(void *arg), void *arg, size_t size,
                     void (*late)(void *arg))
{
    return stall_call(calm_of(store)->stall, fn, arg, size, late);
}

static int calm_post(struct store *store, int (*fn)(void *arg), const void *arg, size_t size)
{
    return stall_post(calm_of(store)->stall, fn, arg, size);
}

static const struct store_ops calm_ops = {
    .read = calm_read,
    .write = calm_write,
    .remove = calm_remove,
    .list = calm_list,
    .allow = calm_allow,
    .owner = calm_owner,
    .watch = calm_watch,
    .unwatch = calm_unwatch,
    .close = calm_close,
    .call = calm_call,
    .post = calm_post,
};

int store_calm_open(struct store *behind, unsigned limit_ms, struct store **store)
{
    struct store_calm *calm = calloc(1, sizeof(*calm));
    int rc = calm ? stall_new(limit_ms, &calm->stall) : -ENOMEM;

    if (rc) {
        free(calm);
        return rc;
    }
    calm->store.ops = &calm_ops;
    calm->store.loop = behind->loop;
    calm->behind = behind;
    behind->front = &calm->store;
    *store = &calm->store;
    return 0;
}
