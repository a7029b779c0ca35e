/* SPDX-License-Identifier: MIT */
/* slow_store.c: see slow_store.h. */
#include "tests/unit/slow_store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static struct slow_store *server_of(struct store *store)
{
    return (struct slow_store *)store;
}

static void serve(struct store *store)
{
    struct slow_store *s = server_of(store);

    pthread_mutex_lock(&s->lock);
    s->calls++;
    s->inside++;
    pthread_cond_broadcast(&s->moved);
    while (s->hangs)
        pthread_cond_wait(&s->moved, &s->lock);
    s->inside--;
    pthread_cond_broadcast(&s->moved);
    pthread_mutex_unlock(&s->lock);
}

void slow_store_hang(struct slow_store *s, bool on)
{
    pthread_mutex_lock(&s->lock);
    s->hangs = on;
    pthread_cond_broadcast(&s->moved);
    while (!on && s->inside)
        pthread_cond_wait(&s->moved, &s->lock);
    pthread_mutex_unlock(&s->lock);
}

static unsigned look(struct slow_store *s, const unsigned *at)
{
    unsigned n;

    pthread_mutex_lock(&s->lock);
    n = *at;
    pthread_mutex_unlock(&s->lock);
    return n;
}

unsigned slow_store_calls(struct slow_store *s)
{
    return look(s, &s->calls);
}

unsigned slow_store_inside(struct slow_store *s)
{
    return look(s, &s->inside);
}

static int server_read(struct store *store, const char *path, char *value, size_t size)
{
    serve(store);
    return snprintf(value, size, "value of %s", path);
}

static int server_write(struct store *store, const char *path, const char *value)
{
    (void)path;
    (void)value;
    serve(store);
    return 0;
}

static int server_remove(struct store *store, const char *path)
{
    (void)path;
    serve(store);
    return -ENOENT;
}

static int server_list(struct store *store, const char *path, char ***names, unsigned *count)
{
    (void)path;
    serve(store);
    *names = calloc(1, sizeof(**names));
    *count = 1;
    return 0;
}

static int server_owner(struct store *store, const char *path, uint32_t *domid)
{
    (void)path;
    serve(store);
    *domid = 7;
    return 0;
}

static int server_watch(struct store *store, const char *path, const char *token)
{
    (void)path;
    (void)token;
    serve(store);
    server_of(store)->watches++;
    return 0;
}

static void server_unwatch(struct store *store, const char *path, const char *token)
{
    (void)path;
    (void)token;
    serve(store);
    server_of(store)->watches--;
}

static void server_close(struct store *store)
{
    struct slow_store *s = server_of(store);

    pthread_mutex_lock(&s->lock);
    s->closed = true;
    pthread_cond_broadcast(&s->moved);
    pthread_mutex_unlock(&s->lock);
}

static const struct store_ops server_ops = {.read = server_read,
                                            .write = server_write,
                                            .remove = server_remove,
                                            .list = server_list,
                                            .owner = server_owner,
                                            .watch = server_watch,
                                            .unwatch = server_unwatch,
                                            .close = server_close};

void slow_store_init(struct slow_store *s, struct loop *loop)
{
    *s = (struct slow_store){.store = {.ops = &server_ops, .loop = loop}};
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->moved, NULL);
}

void slow_store_wait_closed(struct slow_store *s)
{
    pthread_mutex_lock(&s->lock);
    while (!s->closed)
        pthread_cond_wait(&s->moved, &s->lock);
    pthread_mutex_unlock(&s->lock);
}
