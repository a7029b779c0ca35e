/* SPDX-License-Identifier: MIT */
/* keeper_store.c: see keeper.h. The rules are those of sd_notify(3) and sd_listen_fds(3). */
#include "tests/rig/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FIRST 3

static bool same_file(int a, int b)
{
    return !syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, a, b);
}

static bool has(const struct kept *kept, int fd)
{
    for (unsigned i = 0; i < kept->count; i++)
        if (same_file(kept->item[i].fd, fd))
            return true;
    return false;
}

void kept_add(struct kept *kept, const char *name, int fd)
{
    struct kept_fd *item = NULL;

    if (kept->count < KEEPER_FDS && !has(kept, fd))
        item = realloc(kept->item, (kept->count + 1) * sizeof(*item));
    if (!item) {
        close(fd);
        return;
    }
    kept->item = item;
    item += kept->count++;
    item->fd = fd;
    snprintf(item->name, sizeof(item->name), "%s", name);
}

void kept_remove(struct kept *kept, const char *name)
{
    unsigned left = 0;

    for (unsigned i = 0; i < kept->count; i++) {
        if (strcmp(kept->item[i].name, name))
            kept->item[left++] = kept->item[i];
        else
            close(kept->item[i].fd);
    }
    kept->count = left;
}

void kept_free(struct kept *kept)
{
    for (unsigned i = 0; i < kept->count; i++)
        close(kept->item[i].fd);
    free(kept->item);
    *kept = (struct kept){0};
}

static int set_names(const struct kept *kept)
{
    char *names = NULL, number[16];
    size_t size = 0;
    FILE *f = open_memstream(&names, &size);

    if (!f)
        return -ENOMEM;
    for (unsigned i = 0; i < kept->count; i++)
        fprintf(f, "%s%s", i ? ":" : "", kept->item[i].name);
    fclose(f);
    snprintf(number, sizeof(number), "%d", (int)getpid());
    setenv("LISTEN_PID", number, 1);
    snprintf(number, sizeof(number), "%u", kept->count);
    setenv("LISTEN_FDS", number, 1);
    setenv("LISTEN_FDNAMES", names, 1);
    free(names);
    return 0;
}

/* Out of the way first: a copy may stand where another one belongs. */
int kept_hand_over(const struct kept *kept)
{
    int above = FIRST + (int)kept->count;

    unsetenv("LISTEN_FDS");
    if (!kept->count)
        return 0;
    for (unsigned i = 0; i < kept->count; i++) {
        kept->item[i].fd = fcntl(kept->item[i].fd, F_DUPFD_CLOEXEC, above);
        if (kept->item[i].fd < 0)
            return -errno;
    }
    for (unsigned i = 0; i < kept->count; i++)
        if (dup2(kept->item[i].fd, FIRST + (int)i) < 0)
            return -errno;
    return set_names(kept);
}
