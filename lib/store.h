/* SPDX-License-Identifier: MIT */
/*
 * Key/value store: xenstore under Xen, a directory of files elsewhere, chosen by the uri. Paths are
 * absolute, values text. One thread, that of the loop. Calls to xenstore wait for its reply, a
 * second at most (-ETIMEDOUT): for set-up and rendezvous, never on a guest's trap path.
 */
#pragma once
#include "lib/loop.h"

#include <stddef.h>
#include <stdint.h>

#define STORE_PATH 256u

enum store_access { STORE_READ = 1, STORE_WRITE = 2 };

struct store;
struct store_watch;

/* path: the node that changed, at or below the one watched. Called once soon after registration. */
typedef void store_fn(void *data, const char *path);

struct store_ops {
    int (*read)(struct store *store, const char *path, char *value, size_t size);
    int (*write)(struct store *store, const char *path, const char *value);
    int (*remove)(struct store *store, const char *path);
    int (*list)(struct store *store, const char *path, char ***names, unsigned *count);
    int (*allow)(struct store *store, const char *path, uint32_t domid, unsigned access);
    int (*owner)(struct store *store, const char *path, uint32_t *domid);
    int (*watch)(struct store *store, const char *path, const char *token);
    void (*unwatch)(struct store *store, const char *path, const char *token);
    void (*close)(struct store *store);
    /* May be NULL. quiet: no event comes any more. call, post: see store_call(). */
    void (*quiet)(struct store *store);
    int (*call)(struct store *store, int (*fn)(void *arg), void *arg, size_t size,
                void (*late)(void *arg));
    int (*post)(struct store *store, int (*fn)(void *arg), const void *arg, size_t size);
};

/* "xen:" or "file:/directory". 0 or -errno. */
int store_open(struct loop *loop, const char *uri, struct store **store);
/* All watches must be gone. NULL is fine. */
void store_close(struct store *store);

/* value gets a terminated string. Its length, -ENOENT, -EMSGSIZE, -errno. */
int store_read(struct store *store, const char *path, char *value, size_t size);
/* Creates parents. */
int store_write(struct store *store, const char *path, const char *value);
/* With everything below it; a node that is not there is no error. */
int store_remove(struct store *store, const char *path);
/* Children's names; free(names) frees all. -ENOENT if path is not there. */
int store_list(struct store *store, const char *path, char ***names, unsigned *count);
/* Let one domain besides the owner at a node (enum store_access bits). */
int store_allow(struct store *store, const char *path, uint32_t domid, unsigned access);
/* The domain that owns a node: who wrote it, and cannot be forged. */
int store_owner(struct store *store, const char *path, uint32_t *domid);

/* path may also be "@releaseDomain" or "@introduceDomain"; -EOPNOTSUPP without domains. */
int store_watch(struct store *store, const char *path, store_fn *fn, void *data,
                struct store_watch **watch);
/* NULL is fine. No callback runs after it. */
void store_unwatch(struct store_watch *watch);

/* A library's own way to the same server: fn(arg), bounded as the calls above (stall_call() in
 * lib/stall.h), or some time later, with nobody waiting. */
int store_call(struct store *store, int (*fn)(void *arg), void *arg, size_t size,
               void (*late)(void *arg));
int store_post(struct store *store, int (*fn)(void *arg), void *arg, size_t size);
