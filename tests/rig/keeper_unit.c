/* SPDX-License-Identifier: MIT */
/*
 * keeper_unit.c: one supervised process: started with the descriptors it left here, listened to on
 * a notification socket of its own, awaited through a pidfd, started again. See keeper.h.
 */
#include "tests/rig/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RESTART_NS   100000000ull /* RestartSec=100ms, as in the units */
#define MAX_MESSAGE  4096
#define MAX_SENT_FDS 253

static int start(struct unit *u);

uint64_t keeper_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

struct unit *unit_find(struct keeper *k, const char *name)
{
    for (unsigned i = 0; i < KEEPER_UNITS; i++)
        if (k->unit[i] && !strcmp(k->unit[i]->name, name))
            return k->unit[i];
    return NULL;
}

/* ---- notifications */

static void feed(struct unit *u)
{
    if (u->watchdog_ms)
        loop_timer_arm(u->watchdog, u->watchdog_ms * 1000000ull, 0);
}

static void now_ready(struct unit *u)
{
    uint64_t ms = u->down_ns ? (keeper_now() - u->down_ns) / 1000000 : 0;

    if (!u->ready && u->down_ns && ms > u->worst_ms)
        u->worst_ms = ms;
    u->ready = true;
    u->down_ns = 0;
}

struct notice {
    const char *fdname;
    bool store, remove;
};

static void read_line(struct unit *u, const char *line, struct notice *n)
{
    if (!strcmp(line, "READY=1"))
        now_ready(u);
    else if (!strcmp(line, "WATCHDOG=1"))
        feed(u);
    else if (!strcmp(line, "FDSTORE=1"))
        n->store = true;
    else if (!strcmp(line, "FDSTOREREMOVE=1"))
        n->remove = true;
    else if (!strncmp(line, "FDNAME=", 7))
        n->fdname = line + 7;
    else if (!strncmp(line, "STATUS=", 7))
        snprintf(u->status, sizeof(u->status), "%s", line + 7);
}

static void apply(struct unit *u, char *text, const int *fds, unsigned count)
{
    struct notice n = {.fdname = "stored"};
    char *save = NULL;

    for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
        read_line(u, l, &n);
    for (unsigned i = 0; i < count; i++) {
        if (n.store)
            kept_add(&u->kept, n.fdname, fds[i]);
        else
            close(fds[i]);
    }
    if (n.remove)
        kept_remove(&u->kept, n.fdname);
}

static unsigned descriptors(struct msghdr *m, int *fds)
{
    unsigned count = 0;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        count = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(fds, CMSG_DATA(c), count * sizeof(int));
    }
    return count;
}

/* False: nothing (more) there. */
static bool one_notice(struct unit *u)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(MAX_SENT_FDS * sizeof(int))];
    } control;
    char text[MAX_MESSAGE];
    struct iovec iov = {text, sizeof(text) - 1};
    struct msghdr m = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = &control,
                       .msg_controllen = sizeof(control)};
    int fds[MAX_SENT_FDS];
    ssize_t n = recvmsg(u->notify_fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    if (n < 0)
        return errno == EINTR;
    text[n] = 0;
    apply(u, text, fds, descriptors(&m, fds));
    return true;
}

static void on_notify(void *data, uint32_t events)
{
    (void)events;
    while (one_notice(data))
        ;
}

static int listen_for(struct unit *u)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int rc;

    if ((size_t)snprintf(a.sun_path, sizeof(a.sun_path), "%s/%s.notify", u->k->dir, u->name) >=
        sizeof(a.sun_path))
        return -ENAMETOOLONG;
    unlink(a.sun_path);
    u->notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (u->notify_fd < 0)
        return -errno;
    rc = bind(u->notify_fd, (struct sockaddr *)&a, sizeof(a)) ? -errno : 0;
    return rc ? rc : loop_fd(u->k->loop, u->notify_fd, EPOLLIN, on_notify, u, &u->on_notify);
}

/* ---- the process */

static bool again_after(const struct unit *u, bool failed)
{
    return !u->stopping && !u->held &&
           (u->restart == RESTART_ALWAYS || (u->restart == RESTART_FAILURE && failed));
}

/* What it said before it died counts. */
static void ended(struct unit *u, const siginfo_t *info)
{
    bool failed = info->si_code != CLD_EXITED || info->si_status;

    on_notify(u, 0);
    loop_remove(u->on_end);
    u->on_end = NULL;
    close(u->pidfd);
    log_write(u->k->log, LOG_INFO, "ended", "unit=%s pid=%d %s=%d", u->name, (int)u->pid,
              info->si_code == CLD_EXITED ? "status" : "signal", info->si_status);
    u->pid = 0;
    u->ready = false;
    u->down_ns = keeper_now();
    u->failures += failed;
    loop_timer_arm(u->watchdog, 0, 0);
    loop_timer_arm(u->cont, 0, 0);
    u->waiting = again_after(u, failed);
    if (u->waiting)
        loop_timer_arm(u->again, RESTART_NS, 0);
    else if (!u->held)
        kept_free(&u->kept);
}

static void on_end(void *data, uint32_t events)
{
    struct unit *u = data;
    siginfo_t info = {0};

    (void)events;
    if (!waitid(P_PID, (id_t)u->pid, &info, WEXITED | WNOHANG) && info.si_pid)
        ended(u, &info);
}

static void on_again(void *data, uint32_t events)
{
    struct unit *u = data;

    (void)events;
    if (u->stopping || !start(u))
        return;
    log_write(u->k->log, LOG_ERR, "cannot be started; trying again", "unit=%s", u->name);
    loop_timer_arm(u->again, RESTART_NS, 0);
}

static void on_silence(void *data, uint32_t events)
{
    struct unit *u = data;

    (void)events;
    log_write(u->k->log, LOG_WARNING, "the watchdog was not fed", "unit=%s", u->name);
    if (u->pid)
        kill(u->pid, SIGABRT);
    if (u->pid)
        kill(u->pid, SIGCONT);
}

static void on_cont(void *data, uint32_t events)
{
    struct unit *u = data;

    (void)events;
    if (u->pid)
        kill(u->pid, SIGCONT);
}

static void redirect(struct unit *u)
{
    char path[300];
    int fd;

    snprintf(path, sizeof(path), "%s/%s.log", u->k->dir, u->name);
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd >= 0) {
        dup2(fd, 1);
        dup2(fd, 2);
    }
}

__attribute__((noreturn)) static void become(struct unit *u)
{
    char text[300];
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    redirect(u);
    snprintf(text, sizeof(text), "%s/%s.notify", u->k->dir, u->name);
    setenv("NOTIFY_SOCKET", text, 1);
    crash_environment(u);
    unsetenv("WATCHDOG_PID");
    unsetenv("WATCHDOG_USEC");
    if (u->watchdog_ms) {
        snprintf(text, sizeof(text), "%u", u->watchdog_ms * 1000);
        setenv("WATCHDOG_USEC", text, 1);
    }
    if (!kept_hand_over(&u->kept))
        execvp(u->argv[0], u->argv);
    perror(u->argv[0]);
    _exit(127);
}

static int start(struct unit *u)
{
    pid_t pid = fork();
    int rc;

    if (pid < 0)
        return -errno;
    if (!pid)
        become(u);
    u->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    rc = u->pidfd < 0 ? -errno : loop_fd(u->k->loop, u->pidfd, EPOLLIN, on_end, u, &u->on_end);
    if (rc) {
        if (u->pidfd >= 0)
            close(u->pidfd);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        return rc;
    }
    u->pid = pid;
    u->status[0] = 0;
    u->waiting = false;
    u->starts++;
    feed(u);
    return 0;
}

/* ---- from outside */

static int make(struct keeper *k, char **words, unsigned count, struct unit *u)
{
    static const char *const modes[] = {"never", "failure", "always"};
    int rc;

    u->k = k;
    u->pidfd = u->notify_fd = -1;
    snprintf(u->name, sizeof(u->name), "%s", words[0]);
    while (u->restart < 3 && strcmp(words[1], modes[u->restart]))
        u->restart++;
    if (u->restart == 3)
        return -EINVAL;
    for (unsigned i = 2; i < count; i++)
        if (!(u->argv[i - 2] = strdup(words[i])))
            return -ENOMEM;
    rc = loop_timer(k->loop, on_again, u, &u->again);
    rc = rc ? rc : loop_timer(k->loop, on_silence, u, &u->watchdog);
    rc = rc ? rc : loop_timer(k->loop, on_cont, u, &u->cont);
    rc = rc ? rc : listen_for(u);
    rc = rc ? rc : crash_make(u);
    return rc ? rc : start(u);
}

int unit_new(struct keeper *k, char **words, unsigned count)
{
    struct unit *u;
    unsigned at = 0;
    int rc;

    if (count < 3 || count > KEEPER_ARGS || strlen(words[0]) >= KEEPER_NAME ||
        strchr(words[0], '/'))
        return -EINVAL;
    if (unit_find(k, words[0]))
        return -EEXIST;
    while (at < KEEPER_UNITS && k->unit[at])
        at++;
    if (at == KEEPER_UNITS)
        return -ENOSPC;
    u = calloc(1, sizeof(*u));
    if (!u)
        return -ENOMEM;
    rc = make(k, words, count, u);
    if (rc)
        unit_free(u);
    else
        k->unit[at] = u;
    return rc;
}

int unit_hold(struct unit *u)
{
    u->held = true;
    loop_timer_arm(u->again, 0, 0);
    return u->pid && kill(u->pid, SIGKILL) ? -errno : 0;
}

int unit_start(struct unit *u)
{
    if (u->pid || u->stopping)
        return -EALREADY;
    u->held = false;
    return start(u);
}

int unit_program(struct unit *u, const char *path)
{
    char *copy = strdup(path);

    if (!copy)
        return -ENOMEM;
    free(u->argv[0]);
    u->argv[0] = copy;
    return 0;
}

void unit_stop(struct unit *u)
{
    u->stopping = true;
    u->waiting = false;
    loop_timer_arm(u->again, 0, 0);
    if (u->pid)
        kill(u->pid, SIGTERM);
    else
        kept_free(&u->kept);
}

int unit_signal(struct unit *u, const char *signal)
{
    static const struct {
        const char *name;
        int number;
    } known[] = {{"KILL", SIGKILL}, {"SEGV", SIGSEGV}, {"TERM", SIGTERM}, {"ABRT", SIGABRT}};
    unsigned ms;

    if (!u->pid)
        return -ESRCH;
    if (sscanf(signal, "STOP:%u", &ms) == 1) {
        loop_timer_arm(u->cont, ms * 1000000ull + 1, 0);
        return kill(u->pid, SIGSTOP) ? -errno : 0;
    }
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (!strcmp(known[i].name, signal))
            return kill(u->pid, known[i].number) ? -errno : 0;
    return -EINVAL;
}

void unit_set_watchdog(struct unit *u, unsigned ms)
{
    u->watchdog_ms = ms;
}

void unit_free(struct unit *u)
{
    if (u->pid) {
        kill(u->pid, SIGKILL);
        waitpid(u->pid, NULL, 0);
        loop_remove(u->on_end);
        close(u->pidfd);
    }
    loop_remove(u->on_notify);
    loop_remove(u->again);
    loop_remove(u->watchdog);
    loop_remove(u->cont);
    if (u->notify_fd >= 0)
        close(u->notify_fd);
    crash_free(u);
    kept_free(&u->kept);
    for (unsigned i = 0; i < KEEPER_ARGS; i++)
        free(u->argv[i]);
    free(u);
}
