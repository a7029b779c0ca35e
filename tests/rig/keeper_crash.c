/* SPDX-License-Identifier: MIT */
/*
 * keeper_crash.c: the tables through which services built with crash points (lib/crash.h) are told
 * where to die, one file per unit, DIR/NAME.crash. See keeper.h.
 */
#include "tests/rig/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void path_of(const struct unit *u, char path[300])
{
    snprintf(path, 300, "%s/%s.crash", u->k->dir, u->name);
}

int crash_make(struct unit *u)
{
    char path[300];
    int fd, rc = 0;
    void *p;

    path_of(u, path);
    unlink(path);
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    if (ftruncate(fd, sizeof(*u->crash)))
        rc = -errno;
    p = rc ? MAP_FAILED : mmap(NULL, sizeof(*u->crash), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (!rc && p == MAP_FAILED)
        rc = -errno;
    close(fd);
    if (!rc)
        u->crash = p;
    return rc;
}

void crash_free(struct unit *u)
{
    char path[300];

    if (!u->crash)
        return;
    munmap(u->crash, sizeof(*u->crash));
    u->crash = NULL;
    path_of(u, path);
    unlink(path);
}

void crash_environment(const struct unit *u)
{
    char path[300];

    path_of(u, path);
    setenv(CRASH_ENV, path, 1);
}

static const struct crash_count *find(const struct unit *u, const char *point)
{
    for (unsigned i = 0; i < CRASH_POINTS && u->crash->point[i].name[0]; i++)
        if (!strncmp(u->crash->point[i].name, point, CRASH_NAME))
            return &u->crash->point[i];
    return NULL;
}

int crash_arm(struct unit *u, const char *point, unsigned long count)
{
    __atomic_store_n(&u->crash->left, 0, __ATOMIC_RELEASE);
    if (!count)
        return 0;
    if (count > UINT32_MAX || strlen(point) >= CRASH_NAME || !find(u, point))
        return -EINVAL;
    strcpy(u->crash->armed, point);
    __atomic_store_n(&u->crash->left, (uint32_t)count, __ATOMIC_RELEASE);
    return 0;
}

void crash_list(const struct unit *u, FILE *out)
{
    for (unsigned i = 0; i < CRASH_POINTS && u->crash->point[i].name[0]; i++) {
        const struct crash_count *c = &u->crash->point[i];

        fprintf(out, "%.*s passed=%" PRIu64 " fired=%u\n", (int)CRASH_NAME, c->name, c->passed,
                c->fired);
    }
}
