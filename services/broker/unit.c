/* SPDX-License-Identifier: MIT */
/*
 * unit.c: systemctl in a child process, awaited in the loop. It only queues the job at systemd
 * (--no-block), so it ends soon.
 */
#include "services/broker/priv.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

struct unit_job {
    struct guest *guest; /* NULL: cancelled, nobody waits for the end */
    struct loop_source *source;
    void (*done)(struct guest *g, int err);
    pid_t pid;
    int fd;
};

static void on_end(void *data, uint32_t events)
{
    struct unit_job *job = data;
    struct guest *g = job->guest;
    siginfo_t info = {0};
    int rc;

    (void)events;
    rc = waitid(P_PID, (id_t)job->pid, &info, WEXITED | WNOHANG);
    if (!rc && !info.si_pid)
        return;
    loop_remove(job->source);
    close(job->fd);
    if (g) {
        g->job = NULL;
        job->done(g, !rc && info.si_code == CLD_EXITED && !info.si_status ? 0 : -EIO);
    }
    free(job);
}

static int spawn(struct unit_job *job, uint32_t domid, const char *verb)
{
    char unit[48];
    char *argv[] = {"systemctl", (char *)verb, "--no-block", unit, NULL};
    int rc;

    snprintf(unit, sizeof(unit), "vgt-mmio@%u.service", domid);
    rc = posix_spawnp(&job->pid, argv[0], NULL, NULL, argv, environ);
    if (rc)
        return -rc;
    job->fd = (int)syscall(SYS_pidfd_open, job->pid, 0);
    return job->fd < 0 ? -errno : 0;
}

int unit_start(struct guest *g, const char *verb, void (*done)(struct guest *g, int err))
{
    struct unit_job *job = calloc(1, sizeof(*job));
    int rc;

    if (!job)
        return -ENOMEM;
    job->guest = g;
    job->done = done;
    rc = spawn(job, g->s->domid, verb);
    if (!rc)
        rc = loop_fd(g->broker->loop, job->fd, EPOLLIN, on_end, job, &job->source);
    if (rc) {
        free(job);
        return rc;
    }
    g->job = job;
    return 0;
}

void unit_cancel(struct unit_job *job)
{
    if (job)
        job->guest = NULL;
}
