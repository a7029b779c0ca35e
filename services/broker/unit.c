/* SPDX-License-Identifier: MIT */
/*
 * unit.c: starts and stops vgt-mmio@N. The broker may not talk to systemd: it sends one line to
 * vgt-units.socket, whose service may do that and nothing else, and awaits one line in the loop.
 */
#include "services/broker/priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct unit_job {
    struct guest *guest;
    struct loop_source *source;
    void (*done)(struct guest *g, int err);
    int fd;
};

static void on_answer(void *data, uint32_t events)
{
    struct unit_job *job = data;
    struct guest *g = job->guest;
    void (*done)(struct guest * g, int err);
    char text[8] = "";
    ssize_t n = recv(job->fd, text, sizeof(text) - 1, MSG_DONTWAIT);

    (void)events;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    done = job->done;
    unit_cancel(job);
    g->job = NULL;
    done(g, n > 0 && !strcmp(text, "ok\n") ? 0 : -EIO);
}

/* A listening socket of systemd takes a connection at once, or not at all. */
static int ask(const char *path, const char *verb, uint32_t domid)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd, rc = 0;

    if (strlen(path) >= sizeof(address.sun_path))
        return -ENAMETOOLONG;
    strcpy(address.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)))
        rc = -errno;
    else {
        char line[32];
        int length = snprintf(line, sizeof(line), "%s %u\n", verb, domid);

        if (send(fd, line, (size_t)length, MSG_NOSIGNAL) != length)
            rc = errno ? -errno : -EIO;
    }
    if (!rc)
        return fd;
    close(fd);
    return rc;
}

int unit_start(struct guest *g, const char *verb, void (*done)(struct guest *g, int err))
{
    struct unit_job *job = calloc(1, sizeof(*job));
    int rc;

    if (!job)
        return -ENOMEM;
    *job = (struct unit_job){.guest = g, .done = done};
    job->fd = ask(g->broker->config.units, verb, g->s->domid);
    rc = job->fd < 0 ? job->fd
                     : loop_fd(g->broker->loop, job->fd, EPOLLIN, on_answer, job, &job->source);
    if (rc) {
        if (job->fd >= 0)
            close(job->fd);
        free(job);
        return rc;
    }
    g->job = job;
    return 0;
}

void unit_cancel(struct unit_job *job)
{
    if (!job)
        return;
    loop_remove(job->source);
    close(job->fd);
    free(job);
}
