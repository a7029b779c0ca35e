/* SPDX-License-Identifier: MIT */
/*
 * keeper.c: vgt-rig-keeper: runs the rig's services where there is no systemd: starts them again
 * when they die, keeps their descriptors (sd_notify FDSTORE), and kills or stops them on command or
 * by a schedule. Commands are lines, of a file at start and over a UNIX socket:
 *
 *   unit NAME never|failure|always COMMAND ARG...   start it; restart as systemd's Restart=
 *   watchdog NAME MS                                from its next start on
 *   kill NAME SIGNAL                                KILL SEGV TERM ABRT, or STOP:MS
 *   stop NAME                                       for good, what it kept included
 *   forget NAME                                     a unit that was stopped; its name is free again
 *   hold NAME                                       killed, and down for now
 *   start NAME                                      after hold
 *   program NAME PATH                               another one from its next start on
 *   arm NAME POINT COUNT                            die at this passing of a crash point
 *   disarm NAME                                     (lib/crash.h)
 *   points NAME                                     a line for each crash point of its program
 *   every MS SIGNAL NAME...                         one of these at random, each MS, for ever
 *   together MS SIGNAL NAME...                      all of these at once, each MS, for ever
 *   calm                                            no schedule any more
 *   status                                          a line for each unit
 *   quit
 *
 * The answer is "ok", "error TEXT" or what was asked for. The client is in keeper_ask.c.
 */
#include "tests/rig/keeper.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define WORDS    (KEEPER_ARGS + 4)
#define LINE     4096
#define SCHEDULE 16u

struct plan {
    struct main *m;
    struct loop_source *timer;
    char *words[WORDS]; /* SIGNAL NAME... */
    unsigned count;
    bool all;
};

struct main {
    struct keeper keeper;
    struct plan plan[SCHEDULE];
    unsigned plans;
    uint64_t kills;
    int listener;
};

static unsigned split(char *line, char **words)
{
    char *save = NULL, *hash = strchr(line, '#');
    unsigned n = 0;

    if (hash)
        *hash = 0;
    for (char *w = strtok_r(line, " \t\r\n", &save); w && n < WORDS;
         w = strtok_r(NULL, " \t\r\n", &save))
        words[n++] = w;
    return n;
}

/* ---- the schedule */

static uint32_t rnd(struct keeper *k, uint32_t below)
{
    k->rng ^= k->rng << 13;
    k->rng ^= k->rng >> 7;
    k->rng ^= k->rng << 17;
    return (uint32_t)((k->rng >> 16) % below);
}

static void strike(struct plan *p, unsigned at)
{
    struct unit *u = unit_find(&p->m->keeper, p->words[at]);

    if (u && u->ready && !unit_signal(u, p->words[0]))
        p->m->kills++;
}

/* One that is down just now is passed over: its turn comes again. */
static void on_plan(void *data, uint32_t events)
{
    struct plan *p = data;

    (void)events;
    if (!p->all)
        strike(p, 1 + rnd(&p->m->keeper, p->count - 1));
    for (unsigned i = 1; p->all && i < p->count; i++)
        strike(p, i);
}

static int plan_new(struct main *m, bool all, char **words, unsigned count)
{
    unsigned long ms = count ? strtoul(words[0], NULL, 10) : 0;
    struct plan *p = &m->plan[m->plans];
    int rc;

    if (count < 3 || !ms || ms > 3600000)
        return -EINVAL;
    if (m->plans == SCHEDULE)
        return -ENOSPC;
    p->m = m;
    p->all = all;
    p->count = 0;
    for (unsigned i = 1; i < count; i++)
        if (!(p->words[p->count++] = strdup(words[i])))
            return -ENOMEM;
    rc = loop_timer(m->keeper.loop, on_plan, p, &p->timer);
    if (!rc)
        rc = loop_timer_arm(p->timer, ms * 1000000, ms * 1000000);
    if (!rc)
        m->plans++;
    return rc;
}

static void calm(struct main *m)
{
    while (m->plans) {
        struct plan *p = &m->plan[--m->plans];

        loop_remove(p->timer);
        for (unsigned i = 0; i < p->count; i++)
            free(p->words[i]);
        *p = (struct plan){0};
    }
}

/* ---- commands: 0 or -errno, more text to out */

static const char *state_of(const struct unit *u)
{
    if (!u->pid)
        return u->waiting ? "again" : "down";
    return u->ready ? "ready" : "starting";
}

static int status(struct main *m, FILE *out)
{
    for (unsigned i = 0; i < KEEPER_UNITS; i++) {
        const struct unit *u = m->keeper.unit[i];

        if (!u)
            continue;
        fprintf(out,
                "%s pid=%d state=%s starts=%u failures=%u kept=%u worst_ms=%llu fired=%u left=%u "
                "status=\"%s\"\n",
                u->name, (int)u->pid, state_of(u), u->starts, u->failures, u->kept.count,
                (unsigned long long)u->worst_ms, u->crash->fired, u->crash->left, u->status);
    }
    fprintf(out, "scheduled_signals=%llu\n", (unsigned long long)m->kills);
    return 0;
}

static int do_stop(struct unit *u, char **w, FILE *out)
{
    (void)w;
    (void)out;
    unit_stop(u);
    return 0;
}

static int do_forget(struct unit *u, char **w, FILE *out)
{
    struct keeper *k = u->k;

    (void)w;
    (void)out;
    if (u->pid || !u->stopping)
        return -EBUSY;
    for (unsigned i = 0; i < KEEPER_UNITS; i++)
        if (k->unit[i] == u)
            k->unit[i] = NULL;
    unit_free(u);
    return 0;
}

static int do_disarm(struct unit *u, char **w, FILE *out)
{
    (void)w;
    (void)out;
    return crash_arm(u, "", 0);
}

static int do_points(struct unit *u, char **w, FILE *out)
{
    (void)w;
    crash_list(u, out);
    return 0;
}

static int do_hold(struct unit *u, char **w, FILE *out)
{
    (void)w;
    (void)out;
    return unit_hold(u);
}

static int do_start(struct unit *u, char **w, FILE *out)
{
    (void)w;
    (void)out;
    return unit_start(u);
}

static int do_program(struct unit *u, char **w, FILE *out)
{
    (void)out;
    return unit_program(u, w[0]);
}

static int do_kill(struct unit *u, char **w, FILE *out)
{
    (void)out;
    return unit_signal(u, w[0]);
}

static int do_watchdog(struct unit *u, char **w, FILE *out)
{
    (void)out;
    unit_set_watchdog(u, (unsigned)strtoul(w[0], NULL, 10));
    return 0;
}

static int do_arm(struct unit *u, char **w, FILE *out)
{
    unsigned long count = strtoul(w[1], NULL, 10);

    (void)out;
    return count ? crash_arm(u, w[0], count) : -EINVAL;
}

static const struct of_unit {
    const char *name;
    unsigned words; /* after the unit's name */
    int (*run)(struct unit *u, char **w, FILE *out);
} of_units[] = {
    {"stop", 0, do_stop},       {"forget", 0, do_forget}, {"disarm", 0, do_disarm},
    {"points", 0, do_points},   {"kill", 1, do_kill},     {"watchdog", 1, do_watchdog},
    {"arm", 2, do_arm},         {"hold", 0, do_hold},     {"start", 0, do_start},
    {"program", 1, do_program},
};

static const struct of_unit *about_unit(const char *name)
{
    for (size_t i = 0; i < sizeof(of_units) / sizeof(of_units[0]); i++)
        if (!strcmp(of_units[i].name, name))
            return &of_units[i];
    return NULL;
}

static int of_unit(struct main *m, const struct of_unit *c, char **w, unsigned n, FILE *out)
{
    struct unit *u = n > 1 ? unit_find(&m->keeper, w[1]) : NULL;

    if (!u)
        return -ESRCH;
    return n == c->words + 2 ? c->run(u, w + 2, out) : -EINVAL;
}

static int command(struct main *m, char *line, FILE *out)
{
    char *w[WORDS];
    unsigned n = split(line, w);
    const struct of_unit *about = n ? about_unit(w[0]) : NULL;

    if (!n)
        return 0;
    if (about)
        return of_unit(m, about, w, n, out);
    if (!strcmp(w[0], "unit"))
        return unit_new(&m->keeper, w + 1, n - 1);
    if (!strcmp(w[0], "every") || !strcmp(w[0], "together"))
        return plan_new(m, !strcmp(w[0], "together"), w + 1, n - 1);
    if (!strcmp(w[0], "status"))
        return status(m, out);
    if (!strcmp(w[0], "calm")) {
        calm(m);
        return 0;
    }
    if (strcmp(w[0], "quit"))
        return -ENOSYS;
    loop_stop(m->keeper.loop, 0);
    return 0;
}

/* ---- the socket: a line, an answer, the end. Its clients are the rig's own: they do not dawdle.
 */

static void on_client(void *data, uint32_t events)
{
    struct main *m = data;
    int fd = accept4(m->listener, NULL, NULL, SOCK_CLOEXEC), rc;
    struct timeval limit = {.tv_sec = 1};
    char line[LINE];
    ssize_t n;
    FILE *out;

    (void)events;
    if (fd < 0)
        return;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    n = read(fd, line, sizeof(line) - 1);
    out = fdopen(fd, "w");
    if (n <= 0 || !out) {
        close(fd);
        return;
    }
    line[n] = 0;
    rc = command(m, line, out);
    if (rc)
        fprintf(out, "error %s\n", strerror(-rc));
    else
        fprintf(out, "ok\n");
    fclose(out);
}

static int listen_at(struct main *m, const char *path)
{
    struct loop_source *source;
    struct sockaddr_un a;
    int rc = keeper_address(&a, path);

    if (rc)
        return rc;
    unlink(path);
    m->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (m->listener < 0 || bind(m->listener, (struct sockaddr *)&a, sizeof(a)) ||
        listen(m->listener, 8))
        return -errno;
    return loop_fd(m->keeper.loop, m->listener, EPOLLIN, on_client, m, &source);
}

/* ---- */

static void on_signal(void *data, uint32_t events)
{
    (void)events;
    loop_stop(data, 0);
}

static int catch_signals(struct loop *loop)
{
    struct loop_source *source;
    sigset_t set;
    int fd;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? -errno : loop_fd(loop, fd, EPOLLIN, on_signal, loop, &source);
}

static int read_file(struct main *m, const char *path)
{
    FILE *f = fopen(path, "re");
    char line[LINE];
    int rc = f ? 0 : -errno;

    for (unsigned n = 1; !rc && fgets(line, sizeof(line), f); n++) {
        rc = command(m, line, stderr);
        if (rc)
            fprintf(stderr, "%s:%u: %s\n", path, n, strerror(-rc));
    }
    if (f)
        fclose(f);
    return rc;
}

static int serve(struct main *m, const char *ctl, const char *file)
{
    int rc = loop_new(&m->keeper.loop);

    if (rc)
        return rc;
    rc = catch_signals(m->keeper.loop);
    rc = rc ? rc : listen_at(m, ctl);
    if (!rc && file)
        rc = read_file(m, file);
    rc = rc ? rc : loop_run(m->keeper.loop);
    calm(m);
    for (unsigned i = 0; i < KEEPER_UNITS; i++)
        if (m->keeper.unit[i])
            unit_free(m->keeper.unit[i]);
    loop_free(m->keeper.loop);
    return rc;
}

static int usage(FILE *out, int status)
{
    fputs("usage: vgt-rig-keeper --dir DIR --ctl SOCKET [--seed N] [FILE]\n"
          "       vgt-rig-keeper --ask SOCKET COMMAND...\n"
          "       vgt-rig-keeper --wait SOCKET SECONDS UNIT KEY=VALUE|KEY>=N...\n",
          out);
    return status;
}

int main(int argc, char **argv)
{
    static const struct option longs[] = {{"dir", 1, NULL, 'd'},
                                          {"ctl", 1, NULL, 'c'},
                                          {"ask", 1, NULL, 'a'},
                                          {"wait", 1, NULL, 'w'},
                                          {"seed", 1, NULL, 's'},
                                          {"help", 0, NULL, 'h'},
                                          {0}};
    struct log log = {.fd = 2, .level = LOG_INFO, .name = "keeper"};
    struct main m = {.keeper = {.log = &log, .rng = 1}};
    const char *ctl = NULL;
    int opt, rc;

    while ((opt = getopt_long(argc, argv, "+", longs, NULL)) != -1) {
        if (opt == 'd')
            m.keeper.dir = optarg;
        else if (opt == 'c')
            ctl = optarg;
        else if (opt == 's')
            m.keeper.rng = strtoull(optarg, NULL, 0) * 0x9e3779b97f4a7c15ull | 1;
        else if (opt == 'a')
            return keeper_ask(optarg, argv + optind);
        else if (opt == 'w')
            return keeper_wait(optarg, argv + optind);
        else
            return usage(opt == 'h' ? stdout : stderr, opt == 'h' ? 0 : 2);
    }
    if (!m.keeper.dir || !ctl || argc - optind > 1)
        return usage(stderr, 2);
    rc = serve(&m, ctl, argv[optind]);
    if (rc)
        log_write(&log, LOG_ERR, "ends", "error=%d", rc);
    return rc ? 1 : 0;
}
