/* SPDX-License-Identifier: MIT */
/*
 * Store on xenstore. Owns one xs handle and its watch descriptor's place in the loop.
 */
#include "lib/store_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xenstore.h>

struct store_xen {
    struct store store;
    struct xs_handle *xs;
    struct loop_source *source;
};

static struct xs_handle *xs_of(struct store *store)
{
    return ((struct store_xen *)store)->xs;
}

static int xen_read(struct store *store, const char *path, char *value, size_t size)
{
    unsigned length = 0;
    char *text = xs_read(xs_of(store), XBT_NULL, path, &length);

    if (!text)
        return -errno;
    if (length >= size) {
        free(text);
        return -EMSGSIZE;
    }
    memcpy(value, text, length);
    value[length] = 0;
    free(text);
    return (int)length;
}

static int xen_write(struct store *store, const char *path, const char *value)
{
    return xs_write(xs_of(store), XBT_NULL, path, value, (unsigned)strlen(value)) ? 0 : -errno;
}

static int xen_remove(struct store *store, const char *path)
{
    return xs_rm(xs_of(store), XBT_NULL, path) ? 0 : -errno;
}

static int xen_list(struct store *store, const char *path, char ***names, unsigned *count)
{
    *names = xs_directory(xs_of(store), XBT_NULL, path, count);
    return *names ? 0 : -errno;
}

static int xen_owner(struct store *store, const char *path, uint32_t *domid)
{
    unsigned count = 0;
    struct xs_permissions *perms = xs_get_permissions(xs_of(store), XBT_NULL, path, &count);

    if (!perms)
        return -errno;
    /* The first entry is the owner, kept by xenstored: a guest cannot forge it. */
    *domid = count ? perms[0].id : 0;
    free(perms);
    return count ? 0 : -EIO;
}

static int xen_allow(struct store *store, const char *path, uint32_t domid, unsigned access)
{
    struct xs_permissions perms[2] = {{0}};
    uint32_t owner = 0;
    int err = xen_owner(store, path, &owner);

    if (err)
        return err;
    perms[0].id = owner;
    perms[0].perms = XS_PERM_NONE;
    perms[1].id = domid;
    perms[1].perms = XS_PERM_NONE;
    if (access & STORE_READ)
        perms[1].perms |= XS_PERM_READ;
    if (access & STORE_WRITE)
        perms[1].perms |= XS_PERM_WRITE;
    return xs_set_permissions(xs_of(store), XBT_NULL, path, perms, 2) ? 0 : -errno;
}

static int xen_watch(struct store *store, const char *path, const char *token)
{
    return xs_watch(xs_of(store), path, token) ? 0 : -errno;
}

static void xen_unwatch(struct store *store, const char *path, const char *token)
{
    xs_unwatch(xs_of(store), path, token);
}

static void on_event(void *data, uint32_t events)
{
    struct store_xen *x = data;
    char **event;

    (void)events;
    while ((event = xs_check_watch(x->xs))) {
        store_changed(&x->store, event[XS_WATCH_TOKEN], event[XS_WATCH_PATH]);
        free(event);
    }
}

static void xen_quiet(struct store *store)
{
    struct store_xen *x = (struct store_xen *)store;

    loop_remove(x->source);
    x->source = NULL;
}

/* Maybe in another thread, after xen_quiet(). */
static void xen_close(struct store *store)
{
    struct store_xen *x = (struct store_xen *)store;

    loop_remove(x->source);
    xs_close(x->xs);
    free(x);
}

static const struct store_ops xen_ops = {
    .read = xen_read,
    .write = xen_write,
    .remove = xen_remove,
    .list = xen_list,
    .allow = xen_allow,
    .owner = xen_owner,
    .watch = xen_watch,
    .unwatch = xen_unwatch,
    .close = xen_close,
    .quiet = xen_quiet,
};

int store_xen_open(struct loop *loop, struct store **store)
{
    struct store_xen *x = calloc(1, sizeof(*x));
    int err;

    if (!x)
        return -ENOMEM;
    x->store.ops = &xen_ops;
    x->store.loop = loop;
    x->xs = xs_open(XS_UNWATCH_FILTER);
    if (!x->xs) {
        err = errno ? -errno : -ENODEV;
        free(x);
        return err;
    }
    err = loop_fd(loop, xs_fileno(x->xs), EPOLLIN, on_event, x, &x->source);
    if (err) {
        xs_close(x->xs);
        free(x);
        return err;
    }
    *store = &x->store;
    return 0;
}
