/* SPDX-License-Identifier: MIT */
/*
 * Store on a directory: a node is a directory, its value the file "=" in it, replaced by rename so
 * that no reader sees half of it. Watches are inotify watches on the node and every directory
 * below. One process may write while others watch. There are no domains: everybody is domain 0.
 */
#include "lib/store_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_PATH (STORE_PATH + 128u)
#define MASK      (IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_ONLYDIR)

/* One watched directory; several store watches may share a wd, each has its own entry. */
struct watched {
    struct watched *next;
    int wd;
    char token[16];
    char node[STORE_PATH];
};

struct store_file {
    struct store store;
    char root[128];
    int inotify;
    struct loop_source *source, *first; /* first: the event each new watch is owed */
    struct watched *watched;
    struct watched *owed; /* wd unused */
};

static struct store_file *file_of(struct store *store)
{
    return (struct store_file *)store;
}

static void file_path(struct store_file *f, const char *path, const char *tail, char *out)
{
    snprintf(out, FILE_PATH, "%s%s%s", f->root, path, tail);
}

static int make_directories(char *path)
{
    for (char *p = path + 1; *p; p++) {
        if (*p != '/')
            continue;
        *p = 0;
        if (mkdir(path, 0755) && errno != EEXIST)
            return -errno;
        *p = '/';
    }
    return mkdir(path, 0755) && errno != EEXIST ? -errno : 0;
}

static int file_read(struct store *store, const char *path, char *value, size_t size)
{
    char name[FILE_PATH];
    ssize_t n;
    int fd;

    file_path(file_of(store), path, "/=", name);
    fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    n = read(fd, value, size);
    close(fd);
    if (n < 0)
        return -errno;
    if ((size_t)n >= size)
        return -EMSGSIZE;
    value[n] = 0;
    return (int)n;
}

static int file_write(struct store *store, const char *path, const char *value)
{
    char name[FILE_PATH], temporary[FILE_PATH];
    size_t length = strlen(value);
    ssize_t n;
    int fd, err;

    file_path(file_of(store), path, "", name);
    err = make_directories(name);
    if (err)
        return err;
    file_path(file_of(store), path, "/.new", temporary);
    file_path(file_of(store), path, "/=", name);
    fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return -errno;
    n = write(fd, value, length);
    close(fd);
    if (n != (ssize_t)length)
        return -EIO;
    return rename(temporary, name) ? -errno : 0;
}

static int remove_tree(const char *name)
{
    char child[PATH_MAX];
    struct dirent *entry;
    DIR *dir = opendir(name);

    if (!dir)
        return -errno;
    while ((entry = readdir(dir))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        snprintf(child, sizeof(child), "%s/%s", name, entry->d_name);
        if (unlink(child) && (errno == EISDIR || errno == EPERM))
            remove_tree(child);
    }
    closedir(dir);
    return rmdir(name) ? -errno : 0;
}

static int file_remove(struct store *store, const char *path)
{
    char name[FILE_PATH];

    file_path(file_of(store), path, "", name);
    return remove_tree(name);
}

/* Directory entries that are nodes: neither "=" nor anything with a dot in front. */
static bool is_node(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && strcmp(entry->d_name, "=");
}

static int only_nodes(const struct dirent *entry)
{
    return is_node(entry);
}

static int file_list(struct store *store, const char *path, char ***names, unsigned *count)
{
    char name[FILE_PATH], *text;
    struct dirent **entries;
    size_t bytes = 1;
    int n;

    file_path(file_of(store), path, "", name);
    n = scandir(name, &entries, only_nodes, alphasort);
    if (n < 0)
        return -errno;
    for (int i = 0; i < n; i++)
        bytes += sizeof(char *) + strlen(entries[i]->d_name) + 1;
    /* As libxenstore does: pointers first, then what they point to, in one piece. */
    *names = malloc(bytes);
    text = (char *)(*names + n);
    for (int i = 0; i < n; i++) {
        if (*names) {
            (*names)[i] = text;
            text = stpcpy(text, entries[i]->d_name) + 1;
        }
        free(entries[i]);
    }
    free(entries);
    *count = (unsigned)n;
    return *names ? 0 : -ENOMEM;
}

static int file_allow(struct store *store, const char *path, uint32_t domid, unsigned access)
{
    char name[FILE_PATH];

    (void)access;
    file_path(file_of(store), path, "", name);
    if (domid)
        return -EOPNOTSUPP;
    return faccessat(AT_FDCWD, name, F_OK, 0) ? -errno : 0;
}

static int file_owner(struct store *store, const char *path, uint32_t *domid)
{
    char name[FILE_PATH];

    file_path(file_of(store), path, "", name);
    if (access(name, F_OK))
        return -errno;
    *domid = 0;
    return 0;
}

static int remember(struct watched **list, int wd, const char *token, const char *node)
{
    struct watched *w = calloc(1, sizeof(*w));

    if (!w)
        return -ENOMEM;
    w->wd = wd;
    if ((size_t)snprintf(w->token, sizeof(w->token), "%s", token) >= sizeof(w->token) ||
        (size_t)snprintf(w->node, sizeof(w->node), "%s", node) >= sizeof(w->node)) {
        free(w);
        return -ENAMETOOLONG;
    }
    /* At the end: events are reported in order. */
    while (*list)
        list = &(*list)->next;
    *list = w;
    return 0;
}

/* Watch a node and all below it. report: tell of every node found (it is new). */
static int watch_tree(struct store_file *f, const char *node, const char *token, bool report)
{
    char name[FILE_PATH], child[FILE_PATH];
    struct dirent *entry;
    DIR *dir;
    int wd, err;

    file_path(f, node, "", name);
    wd = inotify_add_watch(f->inotify, name, MASK);
    if (wd < 0)
        return errno == ENOENT ? 0 : -errno; /* gone again */
    err = remember(&f->watched, wd, token, node);
    if (!err && report)
        err = remember(&f->owed, -1, token, node);
    dir = err ? NULL : opendir(name);
    while (dir && !err && (entry = readdir(dir))) {
        if (!is_node(entry))
            continue;
        if ((size_t)snprintf(child, sizeof(child), "%s/%s", node, entry->d_name) < STORE_PATH)
            err = watch_tree(f, child, token, report);
    }
    if (dir)
        closedir(dir);
    if (f->owed)
        loop_trigger(f->first);
    return err;
}

static int file_watch(struct store *store, const char *path, const char *token)
{
    struct store_file *f = file_of(store);
    char name[FILE_PATH];
    int err;

    if (path[0] == '@')
        return -EOPNOTSUPP;
    /* inotify cannot wait for a directory to appear. */
    file_path(f, path, "", name);
    err = make_directories(name);
    if (!err)
        err = watch_tree(f, path, token, false);
    if (!err)
        err = remember(&f->owed, -1, token, path);
    loop_trigger(f->first);
    return err;
}

static void forget(struct watched **list, const char *token)
{
    struct watched *w;

    while ((w = *list)) {
        if (strcmp(w->token, token)) {
            list = &w->next;
            continue;
        }
        *list = w->next;
        free(w);
    }
}

static bool wd_used(struct store_file *f, int wd)
{
    for (struct watched *w = f->watched; w; w = w->next)
        if (w->wd == wd)
            return true;
    return false;
}

static void forget_wd(struct store_file *f, int wd)
{
    struct watched **link = &f->watched, *w;

    while ((w = *link)) {
        if (w->wd != wd) {
            link = &w->next;
            continue;
        }
        *link = w->next;
        free(w);
    }
}

static void file_unwatch(struct store *store, const char *path, const char *token)
{
    struct store_file *f = file_of(store);
    struct watched *w, **link = &f->watched;

    (void)path;
    forget(&f->owed, token);
    while ((w = *link)) {
        if (strcmp(w->token, token)) {
            link = &w->next;
            continue;
        }
        *link = w->next;
        if (!wd_used(f, w->wd))
            inotify_rm_watch(f->inotify, w->wd);
        free(w);
    }
}

static void report_owed(void *data, uint32_t events)
{
    struct store_file *f = data;
    struct watched *w;

    (void)events;
    while ((w = f->owed)) {
        f->owed = w->next;
        store_changed(&f->store, w->token, w->node);
        free(w);
    }
}

/* Queue what one inotify event means for every watch on its directory. */
static void one_event(struct store_file *f, const struct inotify_event *event)
{
    char node[FILE_PATH];
    size_t length;

    if (event->mask & IN_IGNORED) {
        forget_wd(f, event->wd);
        return;
    }
    if (!event->len || event->name[0] == '.')
        return;
    for (struct watched *w = f->watched; w; w = w->next) {
        if (w->wd != event->wd)
            continue;
        if (!strcmp(event->name, "=")) {
            remember(&f->owed, -1, w->token, w->node);
            continue;
        }
        length = (size_t)snprintf(node, sizeof(node), "%s/%s", w->node, event->name);
        if (length >= STORE_PATH)
            continue;
        /* watch_tree() adds entries with other wds to the list's end: this walk skips them. */
        if (event->mask & IN_CREATE)
            watch_tree(f, node, w->token, true);
        else
            remember(&f->owed, -1, w->token, node);
    }
}

static void on_inotify(void *data, uint32_t events)
{
    _Alignas(struct inotify_event) char buffer[4096];
    struct store_file *f = data;
    const struct inotify_event *event;
    ssize_t n;

    (void)events;
    while ((n = read(f->inotify, buffer, sizeof(buffer))) > 0)
        for (ssize_t at = 0; at < n; at += (ssize_t)(sizeof(*event) + event->len)) {
            event = (const struct inotify_event *)(buffer + at);
            one_event(f, event);
        }
    report_owed(f, 0);
}

static void file_close(struct store *store)
{
    struct store_file *f = file_of(store);

    loop_remove(f->source);
    loop_remove(f->first);
    close(f->inotify);
    free(f);
}

static const struct store_ops file_ops = {
    .read = file_read,
    .write = file_write,
    .remove = file_remove,
    .list = file_list,
    .allow = file_allow,
    .owner = file_owner,
    .watch = file_watch,
    .unwatch = file_unwatch,
    .close = file_close,
};

int store_file_open(struct loop *loop, const char *directory, struct store **store)
{
    struct store_file *f = calloc(1, sizeof(*f));
    int err;

    if (!f)
        return -ENOMEM;
    f->store.ops = &file_ops;
    f->store.loop = loop;
    if ((size_t)snprintf(f->root, sizeof(f->root), "%s", directory) >= sizeof(f->root)) {
        free(f);
        return -ENAMETOOLONG;
    }
    err = make_directories(f->root);
    f->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (!err && f->inotify < 0)
        err = -errno;
    if (!err)
        err = loop_fd(loop, f->inotify, EPOLLIN, on_inotify, f, &f->source);
    if (!err)
        err = loop_defer(loop, report_owed, f, &f->first);
    if (err) {
        loop_remove(f->source);
        if (f->inotify >= 0)
            close(f->inotify);
        free(f);
        return err;
    }
    *store = &f->store;
    return 0;
}
