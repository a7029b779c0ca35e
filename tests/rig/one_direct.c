/* SPDX-License-Identifier: MIT */
/*
 * one_direct.c: in vgt-rig-one both sides of a lane are in the process. Who publishes kicks an
 * eventfd (lane_kick()); here, if somebody in the loop waits for that eventfd, the loop calls him
 * when the callback that runs is over, and the kernel hears nothing of it; nor is the eventfd
 * emptied (lane_drain()) by who was called. The linker puts these before write(), read(), close(),
 * loop_fd() and loop_remove() (--wrap). A descriptor has its own number at
 * each side: an eventfd is known by its id. One thread.
 */
#include "lib/loop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FDS 1024

struct target {
    struct target *next;
    long id; /* of the eventfd */
    loop_fn *fn;
    void *data;
    struct loop_source *source, *call;
};

static struct target *targets;
static bool called;     /* what runs was called: nothing was written for it to read */
static long id_of[FDS]; /* 0: not looked up; -1: no eventfd */

ssize_t __real_write(int fd, const void *buf, size_t size);
ssize_t __wrap_write(int fd, const void *buf, size_t size);
ssize_t __real_read(int fd, void *buf, size_t size);
ssize_t __wrap_read(int fd, void *buf, size_t size);
int __real_close(int fd);
int __wrap_close(int fd);
int __real_loop_fd(struct loop *loop, int fd, uint32_t events, loop_fn *fn, void *data,
                   struct loop_source **source);
int __wrap_loop_fd(struct loop *loop, int fd, uint32_t events, loop_fn *fn, void *data,
                   struct loop_source **source);
void __real_loop_remove(struct loop_source *source);
void __wrap_loop_remove(struct loop_source *source);

static long look_up(int fd)
{
    char path[40], line[80];
    long id = -1;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
    f = fopen(path, "re");
    while (f && fgets(line, sizeof(line), f))
        if (sscanf(line, "eventfd-id: %ld", &id) == 1)
            break;
    if (f)
        fclose(f);
    return id > 0 ? id : -1;
}

static long event_id(int fd)
{
    if (fd < 0 || fd >= FDS)
        return -1;
    if (!id_of[fd])
        id_of[fd] = look_up(fd);
    return id_of[fd];
}

static struct target *find(long id)
{
    struct target *t = targets;

    while (t && t->id != id)
        t = t->next;
    return t;
}

static void call(void *data, uint32_t events)
{
    struct target *t = data;

    (void)events;
    called = true;
    if (t->source)
        t->fn(t->data, EPOLLIN);
    called = false;
}

ssize_t __wrap_read(int fd, void *buf, size_t size)
{
    if (!called || size != 8 || event_id(fd) < 0)
        return __real_read(fd, buf, size);
    errno = EAGAIN;
    return -1;
}

ssize_t __wrap_write(int fd, const void *buf, size_t size)
{
    struct target *t = size == 8 && event_id(fd) > 0 ? find(id_of[fd]) : NULL;

    if (!t || !t->source)
        return __real_write(fd, buf, size);
    loop_trigger(t->call);
    return 8;
}

/* Its number will be somebody else's. */
int __wrap_close(int fd)
{
    if (fd >= 0 && fd < FDS)
        id_of[fd] = 0;
    return __real_close(fd);
}

int __wrap_loop_fd(struct loop *loop, int fd, uint32_t events, loop_fn *fn, void *data,
                   struct loop_source **source)
{
    int rc = __real_loop_fd(loop, fd, events, fn, data, source);
    struct target *t;

    if (rc || event_id(fd) < 0)
        return rc;
    t = calloc(1, sizeof(*t));
    if (!t)
        return -ENOMEM;
    *t = (struct target){
        .next = targets, .id = id_of[fd], .fn = fn, .data = data, .source = *source};
    targets = t;
    return loop_defer(loop, call, t, &t->call);
}

void __wrap_loop_remove(struct loop_source *source)
{
    for (struct target *t = targets; t; t = t->next)
        if (source && t->source == source)
            t->source = NULL;
    __real_loop_remove(source);
}
