/* SPDX-License-Identifier: MIT */
/*
 * keeper_ask.c: the client of a keeper that runs: one command and its answer, or waiting until a
 * unit's line of status is as wanted. See keeper.h.
 */
#include "tests/rig/keeper.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINE    4096
#define ANSWER  65536
#define POLL_US 5000

int keeper_address(struct sockaddr_un *a, const char *path)
{
    *a = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(a->sun_path))
        return -ENAMETOOLONG;
    strcpy(a->sun_path, path);
    return 0;
}

static int connect_to(const char *path)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un a;

    if (fd < 0 || keeper_address(&a, path))
        return -1;
    if (!connect(fd, (struct sockaddr *)&a, sizeof(a)))
        return fd;
    close(fd);
    return -1;
}

/* The whole answer to a line; NULL: nobody answers. */
static char *exchange(const char *path, const char *line)
{
    static char text[ANSWER];
    int fd = connect_to(path);
    size_t used = 0;
    ssize_t n;

    if (fd < 0 || write(fd, line, strlen(line)) < 0)
        return NULL;
    while (used < sizeof(text) - 1 && (n = read(fd, text + used, sizeof(text) - 1 - used)) > 0)
        used += (size_t)n;
    close(fd);
    text[used] = 0;
    return text;
}

static int nobody(const char *path)
{
    fprintf(stderr, "vgt-rig-keeper: nobody answers at %s\n", path);
    return 2;
}

int keeper_ask(const char *path, char **words)
{
    char line[LINE] = "";
    const char *text;

    for (; *words; words++) {
        strncat(line, *words, sizeof(line) - strlen(line) - 2);
        strcat(line, " ");
    }
    text = exchange(path, line);
    if (!text)
        return nobody(path);
    fputs(text, stdout);
    return !strncmp(text, "error", 5);
}

/* ---- waiting */

/* Of a line of status, the value of KEY. */
static const char *value_of(const char *line, const char *key, size_t length)
{
    for (const char *w = strchr(line, ' '); w; w = strchr(w + 1, ' '))
        if (!strncmp(w + 1, key, length) && w[1 + length] == '=')
            return w + 2 + length;
    return "";
}

static bool holds(const char *line, const char *want)
{
    size_t key = strcspn(want, ">=");
    const char *value = value_of(line, want, key);
    const char *than = want + key;

    if (!strncmp(than, ">=", 2))
        return *value && strtoull(value, NULL, 10) >= strtoull(than + 2, NULL, 10);
    return *than && strcspn(value, " ") == strlen(than + 1) &&
           !strncmp(value, than + 1, strlen(than + 1));
}

static bool all_hold(char *status, const char *unit, char **wants)
{
    size_t length = strlen(unit);
    char *save = NULL;

    for (char *l = strtok_r(status, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
        bool all = !strncmp(l, unit, length) && l[length] == ' ';

        if (!all)
            continue;
        for (char **w = wants; all && *w; w++)
            all = holds(l, *w);
        return all;
    }
    return false;
}

int keeper_wait(const char *path, char **words)
{
    uint64_t end;

    if (!words[0] || !words[1])
        return 2;
    end = keeper_now() + (uint64_t)(strtod(words[0], NULL) * 1e9);
    for (;;) {
        char *status = exchange(path, "status");

        if (status && all_hold(status, words[1], words + 2))
            return 0;
        if (keeper_now() >= end)
            return 1;
        usleep(POLL_US);
    }
}
