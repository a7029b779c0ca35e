/* SPDX-License-Identifier: MIT */
/*
 * The store seam: path checks, watches by token, and the choice of a backend.
 */
#include "lib/store_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XEN_MS 1000u /* no call to xenstored is waited for longer */

struct store_watch {
    struct store *store;
    struct store_watch *next;
    store_fn *fn;
    void *data;
    char *path;
    char token[16];
};

/* xenstored may be anything from slow to dead. */
static int open_xen(struct loop *loop, struct store **store)
{
    struct store *xen;
    int err = store_xen_open(loop, &xen);

    if (err)
        return err;
    err = store_calm_open(xen, XEN_MS, store);
    if (err)
        xen->ops->close(xen);
    return err;
}

int store_open(struct loop *loop, const char *uri, struct store **store)
{
    if (!strcmp(uri, "xen:"))
        return open_xen(loop, store);
    if (!strncmp(uri, "file:/", 6))
        return store_file_open(loop, uri + 5, store);
    return -EINVAL;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    while (store->watches)
        store_unwatch(store->watches);
    store->ops->close(store);
}

/* Plain absolute paths only: no empty part, no "..", nothing a file system might interpret. */
static int check_path(const char *path)
{
    size_t length = strlen(path);

    if (length < 2 || length >= STORE_PATH || path[0] != '/' || path[length - 1] == '/')
        return -EINVAL;
    if (strstr(path, "//") || strstr(path, "/."))
        return -EINVAL;
    return 0;
}

int store_read(struct store *store, const char *path, char *value, size_t size)
{
    int err = check_path(path);

    return err ? err : store->ops->read(store, path, value, size);
}

int store_write(struct store *store, const char *path, const char *value)
{
    int err = check_path(path);

    return err ? err : store->ops->write(store, path, value);
}

int store_remove(struct store *store, const char *path)
{
    int err = check_path(path);

    if (!err)
        err = store->ops->remove(store, path);
    return err == -ENOENT ? 0 : err;
}

int store_list(struct store *store, const char *path, char ***names, unsigned *count)
{
    int err = check_path(path);

    return err ? err : store->ops->list(store, path, names, count);
}

int store_allow(struct store *store, const char *path, uint32_t domid, unsigned access)
{
    int err = check_path(path);

    return err ? err : store->ops->allow(store, path, domid, access);
}

int store_owner(struct store *store, const char *path, uint32_t *domid)
{
    int err = check_path(path);

    return err ? err : store->ops->owner(store, path, domid);
}

/* Besides nodes: domains coming and going, where the backend knows domains. */
static int check_watch(const char *path)
{
    if (!strcmp(path, "@releaseDomain") || !strcmp(path, "@introduceDomain"))
        return 0;
    return check_path(path);
}

int store_watch(struct store *store, const char *path, store_fn *fn, void *data,
                struct store_watch **watch)
{
    struct store_watch *w;
    int err = check_watch(path);

    if (err)
        return err;
    w = calloc(1, sizeof(*w));
    if (w)
        w->path = strdup(path);
    if (!w || !w->path) {
        free(w);
        return -ENOMEM;
    }
    w->store = store;
    w->fn = fn;
    w->data = data;
    snprintf(w->token, sizeof(w->token), "%x", store->next_token++);
    err = store->ops->watch(store, path, w->token);
    if (err) {
        free(w->path);
        free(w);
        return err;
    }
    w->next = store->watches;
    store->watches = w;
    *watch = w;
    return 0;
}

void store_unwatch(struct store_watch *watch)
{
    struct store_watch **link;

    if (!watch)
        return;
    for (link = &watch->store->watches; *link != watch; link = &(*link)->next)
        ;
    *link = watch->next;
    watch->store->ops->unwatch(watch->store, watch->path, watch->token);
    free(watch->path);
    free(watch);
}

void store_changed(struct store *store, const char *token, const char *path)
{
    if (store->front)
        store = store->front;
    for (struct store_watch *w = store->watches; w; w = w->next) {
        if (strcmp(w->token, token))
            continue;
        w->fn(w->data, path);
        return; /* the callback may have removed w */
    }
}

int store_call(struct store *store, int (*fn)(void *arg), void *arg, size_t size,
               void (*late)(void *arg))
{
    return store->ops->call ? store->ops->call(store, fn, arg, size, late) : fn(arg);
}

int store_post(struct store *store, int (*fn)(void *arg), void *arg, size_t size)
{
    return store->ops->post ? store->ops->post(store, fn, arg, size) : fn(arg);
}
